"""At least one administrator remains: DynamoDB decides, because Cognito has no conditional writes.

One item holds a set of accounts that are enabled and confirmed administrators. An account leaves the set, by a
conditional write that keeps another one in it, *before* Cognito is told that it is no administrator any more. So while
a call to Cognito may still be under way, its account is no member, and two administrators who remove each other at the
same moment cannot both succeed: the second write finds an empty set.

The set may lack administrators, which makes Roster too careful, but must never contain an account that is not an
administrator. An account comes into it from what Cognito has said a moment ago: about the caller of a route (``note``),
or in a list of the group (``refresh``). A request lasts 30 s at most, and Cognito's lists lag behind. So whoever has
left comes back only after ``SECONDS_AWAY``. ``refresh`` replaces the set, so what was done outside Roster, such as in
the AWS console, counts too. An account may become an administrator while somebody disables it. So both look again
afterwards, and ``forget`` it.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from chalicelib.accounts.errors import LastAdmin
from chalicelib.errors import Throttled, Unavailable
from chalicelib.storage.connections import Backoff
from chalicelib.storage.dynamodb import ConditionFailed, DynamoDB, failures_named

KEY = {"id": {"S": "administrators"}}
MAX_MEMBERS = 50
"""Two would do. More make it likely that one of them remains."""
SECONDS_AWAY = 60
"""How long an account that has left does not come back."""
ATTEMPTS = 10
"""Of any number of writers at the same moment, one succeeds."""
SECONDS_NOTED = 600
"""How long ``note`` does not write the same account again."""

log = logging.getLogger("roster")

Times = Mapping[str, int]
"""Seconds since 1970 by userid."""


class Known(NamedTuple):
    """The set. ``members`` have the time when they came, ``removed`` the time when they left. Each write has another
    ``version``; ``None`` if nothing is stored."""

    members: Times
    removed: Times
    version: str | None = None

    def with_members(self, userids: Collection[str], now: int) -> "Known":
        """Return the set with these members, except those who have just left."""
        away = self._away(now)
        came = {userid: self.members.get(userid, now) for userid in userids if userid not in away}
        newest = sorted(came, key=lambda userid: came[userid], reverse=True)[:MAX_MEMBERS]
        return Known({userid: came[userid] for userid in newest}, away)

    def without(self, userid: str, now: int) -> "Known":
        """Return the set without a member, who has just left. Raises ``LastAdmin`` if nobody remains."""
        after = self.forgetting(userid, now)
        if not after.members:
            raise LastAdmin
        return after

    def forgetting(self, userid: str, now: int) -> "Known":
        """Return the set without ``userid``, even if nobody remains."""
        remaining = {member: came for member, came in self.members.items() if member != userid}
        return Known(remaining, {**self._away(now), userid: now})

    def _away(self, now: int) -> Times:
        return {userid: left for userid, left in self.removed.items() if left > now - SECONDS_AWAY}


class Administrators:
    """The known administrators, in the table ``table``."""

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table
        self._noted_at: dict[str, float] = {}

    def note(self, userid: str) -> None:
        """Record that Cognito has just confirmed that ``userid`` is an enabled and confirmed administrator.

        Asks DynamoDB once in ``SECONDS_NOTED``. If DynamoDB is unavailable, the next request tries it again.
        """
        asked = time.monotonic()
        if asked - self._noted_at.get(userid, -float(SECONDS_NOTED)) < SECONDS_NOTED:
            return

        def noted(known: Known, now: int) -> Known | None:
            after = known.with_members([*known.members, userid], now)
            return None if userid in known.members or userid not in after.members else after

        try:
            after = self._change(noted)
        except (Throttled, Unavailable) as error:
            log.warning("administrator_not_noted", extra={"userid": userid, "reason": type(error).__name__})
            return
        if userid in after.members:
            self._noted_at[userid] = asked

    def refresh(self, userids: Collection[str]) -> None:
        """Replace the set by ``userids``: the enabled and confirmed administrators, as Cognito has just listed them."""

        def refreshed(known: Known, now: int) -> Known | None:
            after = known.with_members(userids, now)
            return None if after.members.keys() == known.members.keys() else after

        self._change(refreshed)

    def forget(self, userid: str) -> None:
        """Record that ``userid`` is not an administrator, as Cognito has just said."""

        def forgotten(known: Known, now: int) -> Known | None:
            return known.forgetting(userid, now) if userid in known.members else None

        self._change(forgotten)
        self._noted_at.pop(userid, None)

    def require_another(self, userid: str) -> None:
        """Raise ``LastAdmin`` if no administrator but ``userid`` is known."""
        self._read().without(userid, int(time.time()))

    def leave(self, userid: str, *, is_admin: bool = False) -> None:
        """Record that ``userid`` is about to stop being an administrator. Raises ``LastAdmin`` if no other remains.

        Does nothing if the account is not known to be an administrator and ``is_admin`` is false.
        """

        def left(known: Known, now: int) -> Known | None:
            return known.without(userid, now) if is_admin or userid in known.members else None

        self._change(left)
        self._noted_at.pop(userid, None)

    # The item

    def _change(self, change: Callable[[Known, int], Known | None]) -> Known:
        """Store what ``change`` returns for the present set and time, unless it is ``None``. Return what is stored.

        If another writer gets in between, ``change`` is called again with the new set.
        """
        backoff = Backoff()
        for _ in range(ATTEMPTS):
            before = self._read()
            after = change(before, int(time.time()))
            if after is None:
                return before
            try:
                self._write(after._replace(version=uuid4().hex), before.version)
            except ConditionFailed:
                backoff.wait()
            else:
                return after
        raise Unavailable("Too many requests change who is an administrator: retry later.")

    def _read(self) -> Known:
        with failures_named("GetItem"):
            found = self._database.client.get_item(TableName=self._table, Key=KEY, ConsistentRead=True)
        item: Mapping[str, Any] = found.get("Item", {})
        if not item:
            return Known({}, {})
        return Known(_times(item["members"]), _times(item["removed"]), item["version"]["S"])

    def _write(self, known: Known, version: str | None) -> None:
        """Store the set if the stored one still has the version ``version``. Raises ``ConditionFailed``."""
        values: dict[str, Any] = {
            ":members": _attribute(known.members),
            ":removed": _attribute(known.removed),
            ":version": {"S": known.version},
        }
        condition = "attribute_not_exists(id)"
        if version is not None:
            condition, values[":was"] = "version = :was", {"S": version}
        try:
            with failures_named("UpdateItem"):
                self._database.client.update_item(
                    TableName=self._table,
                    Key=KEY,
                    UpdateExpression="SET members = :members, removed = :removed, version = :version",
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailed as failed:
            # Botocore retries when a response is lost. The conflicting item may then be the one that was just written.
            if not failed.item or failed.item["version"] != values[":version"]:
                raise


def _times(attribute: Mapping[str, Any]) -> Times:
    return {userid: int(value["N"]) for userid, value in attribute["M"].items()}


def _attribute(times: Times) -> dict[str, Any]:
    return {"M": {userid: {"N": str(at)} for userid, at in times.items()}}
