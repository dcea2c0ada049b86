"""Repositories in memory: what the domain's tests work on, held to the same behaviour as DynamoDB's by
``tests/unit/test_repository.py``."""

from chalicelib.errors import Conflict, NotFound
from chalicelib.repository import Page


class InMemoryRepository:
    """See ``chalicelib.records.Records``."""

    def __init__(self):
        self._records = {}

    def get(self, userid):
        return self._records.get(userid)

    def put(self, record, replacing=None):
        stored = self._records.get(record.userid)
        if replacing is not None and (stored is None or stored.revision != replacing.revision):
            raise Conflict("changed")
        self._records[record.userid] = record

    def delete(self, userid):
        self._records.pop(userid, None)

    def update(self, userid, change):
        while True:
            before = self.get(userid)
            if before is None:
                raise NotFound("nothing there")
            after = change(before)
            try:
                self.put(after, replacing=before)
            except Conflict:
                continue
            return after

    def page(self, limit, after=None):
        names = sorted(self._records)
        start = 0 if after is None else sum(name <= after for name in names)
        page = names[start : start + limit]
        more = start + limit < len(names)
        return Page([self._records[name] for name in page], page[-1] if more else None)
