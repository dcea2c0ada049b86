"""In-memory repositories for tests. ``tests/unit/test_repository.py`` verifies that they behave like DynamoDB's."""

from chalicelib.errors import Conflict, KeyReused, NotFound
from chalicelib.records import ABSENT, still
from chalicelib.repository import Page


class InMemoryRepository:
    """See ``chalicelib.records.Records``."""

    def __init__(self):
        self._records = {}
        self._origins = {}

    def get(self, userid):
        return self._records.get(userid)

    def put(self, record, only_if=None):
        self._require(record.userid, only_if)
        self._records[record.userid] = record

    def create(self, record, origin, only_if=None):
        try:
            self.put(record, only_if=ABSENT)
        except Conflict:
            if only_if is not None:
                raise
            if self._origins.get(record.userid) != origin:
                raise KeyReused from None
            return self._records[record.userid]
        self._origins[record.userid] = origin
        return record

    def delete(self, userid, only_if=None):
        self._require(userid, only_if)
        self._records.pop(userid, None)
        self._origins.pop(userid, None)

    def update(self, userid, change, only_if=None):
        while True:
            self._require(userid, only_if)
            before = self.get(userid)
            if before is None:
                raise NotFound("nothing there")
            after = change(before)
            try:
                self.put(after, only_if=still(before))
            except Conflict:
                continue
            return after

    def _require(self, userid, only_if):
        if only_if is not None and not only_if.holds(self._records.get(userid)):
            raise Conflict("changed")

    def page(self, limit, after=None):
        names = sorted(self._records)
        start = 0 if after is None else sum(name <= after for name in names)
        page = names[start : start + limit]
        more = start + limit < len(names)
        return Page([self._records[name] for name in page], page[-1] if more else None)
