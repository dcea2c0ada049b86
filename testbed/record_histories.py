"""What clients did to one user's record, and what they were told, as a history for ``testbed.histories``.

The history of a record is a list of rows, which JSON can carry from the process that sends the requests.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from testbed.histories import NEVER, Impossible, Operation, State, is_linearizable

UNKNOWN = ""
"""The entity tag of a record after a write whose response never arrived."""
STATUSES = (200, 304, 404, 412)
"""Those of requests that were carried out."""
SET_BY_ROSTER = ("userid", "timestamp")


class Record(NamedTuple):
    """A record's state: its members as JSON text, and its entity tag. Both are ``None`` if there is none."""

    members: str | None
    tag: str | None


ABSENT = Record(None, None)


class Row(NamedTuple):
    """One request and its response. ``received`` and ``status`` are ``None`` if it may have taken effect or not.

    ``condition`` is ``If-Match``, or on a GET ``If-None-Match``. ``shown`` is the record in the response.
    """

    sent: float
    received: float | None
    method: str
    document: Mapping[str, Any] | None = None
    condition: str | None = None
    status: int | None = None
    shown: Mapping[str, Any] | None = None
    tag: str | None = None


def is_possible(rows: Iterable[Row]) -> bool:
    """Return whether the history of a record that did not exist before is linearizable.

    Each entity tag must also belong to one content, and each response to one user.
    """
    history = list(rows)
    contents = {(row.tag, text(row.shown)) for row in history if row.shown}
    users = {row.shown["userid"] for row in history if row.shown and "userid" in row.shown}
    if len({tag for tag, _ in contents}) < len(contents) or len(users) > 1:
        return False
    return is_linearizable([_operation(row) for row in history], ABSENT)


def seen(request: Row, received: float, status: int, tag: str | None, body: Any) -> Row | None:
    """Return the row of a request, which has no response yet, with its response.

    Return ``None`` if it says nothing: a failed read, or a request that was rejected before it could take effect.
    """
    if status >= 500:
        return None if request.method == "GET" else request
    if status in (401, 403, 429):
        return None
    is_shown = status == 200 and request.method != "DELETE"
    return request._replace(received=received, status=status, tag=tag, shown=body if is_shown else None)


def text(members: Mapping[str, Any]) -> str:
    """Return a record's members as text, in which their order does not matter."""
    own = {name: value for name, value in members.items() if name not in SET_BY_ROSTER}
    return json.dumps(own, sort_keys=True)


def _operation(row: Row) -> Operation:
    def effect(state: State) -> State:
        assert isinstance(state, Record)
        after = _after(row, state)
        if after is None:
            raise Impossible
        return after

    return Operation(row.sent, NEVER if row.received is None else row.received, effect)


def _after(row: Row, state: Record) -> Record | None:
    """Return the state after a request, or ``None`` if the response can't be that of a request in ``state``.

    A condition is compared with the known tag only: a client has got its tag from a response, which made it known.
    """
    if row.method == "GET":
        return _read(row, state)
    fits = row.condition is None or row.condition == state.tag
    if row.status == 412:
        return None if fits else state
    if row.status == 404:
        return state if row.method == "PATCH" and row.condition is None and state.members is None else None
    if row.status not in (200, None) or not fits:
        return None
    return ABSENT if row.method == "DELETE" else _written(row, state)


def _read(row: Row, state: Record) -> Record | None:
    if row.status == 304:
        return state if state.tag == row.condition else None
    if row.status != 200 or (row.condition is not None and row.condition == row.tag):
        return None
    if not row.shown:
        return state if state.members is None and row.tag is None else None
    as_shown = state.members == text(row.shown) and state.tag in (row.tag, UNKNOWN) and row.tag
    return Record(state.members, row.tag) if as_shown else None


def _written(row: Row, state: Record) -> Record | None:
    """Return the state after a PUT or a PATCH (RFC 7396, of members that are not objects)."""
    if row.method == "PATCH" and state.members is None:
        return None
    before = json.loads(state.members or "{}") if row.method == "PATCH" else {}
    merged = {name: value for name, value in {**before, **(row.document or {})}.items() if value is not None}
    after = Record(text(merged), UNKNOWN)
    if row.status is None:
        return after
    return Record(after.members, row.tag) if row.tag and row.shown and text(row.shown) == after.members else None
