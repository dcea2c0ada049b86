"""Which accounts a list has: all, or those that match one search; and the cursors of its pages."""

import re
from typing import NamedTuple

from chalicelib.accounts.bodies import MAX_GROUP_NAME, is_group_name
from chalicelib.errors import Invalid
from chalicelib.storage.cognito.directory import STATUSES, Directory, Page, matching
from chalicelib.storage.cognito.service import Declined
from chalicelib.web import cursors
from chalicelib.web.request import Request

PARAMETERS = ("email", "name", "status", "group")
TOKEN = re.compile(r"\S+")
"""``SearchPaginationTokenType`` and ``PaginationKey`` (Cognito API reference)."""


class Search(NamedTuple):
    """A search: one of ``PARAMETERS`` and its value. Both are empty if there is none."""

    parameter: str = ""
    value: str = ""

    @classmethod
    def of(cls, request: Request) -> "Search":
        """Return the search that a request asks for. Raises ``Invalid``."""
        sent = {name: value for name in PARAMETERS if (value := request.query(name)) is not None}
        if not sent:
            return cls()
        if len(sent) > 1:
            raise Invalid.at(f"/{[*sent][1]}", f"Send at most one of {', '.join(PARAMETERS)}.")
        ((parameter, value),) = sent.items()
        search = cls(parameter, value.strip().lower() if parameter == "email" else value)
        search.require_valid()
        return search

    def require_valid(self) -> None:
        """Raise ``Invalid`` if no account can match."""
        if self.parameter == "status" and self.value not in STATUSES.values():
            raise self.invalid(f"Send one of {', '.join(STATUSES.values())}.")
        if self.parameter == "group" and not is_group_name(self.value):
            raise self.invalid(f"Send the name of a group: 1 to {MAX_GROUP_NAME} characters without spaces.")
        if not (self.value and self.value.isprintable()):
            raise self.invalid("Send at least one character, and only printable ones.")

    @property
    def query(self) -> dict[str, str]:
        """The search as a query."""
        return {self.parameter: self.value} if self.parameter else {}

    @property
    def scope(self) -> str:
        """What tells cursors of this search from those of others."""
        return f"accounts:{self.parameter}:{self.value}"

    @property
    def expression(self) -> str | None:
        """The filter for Cognito, or ``None`` for all accounts. Raises ``Invalid`` if it would be too long."""
        if not self.parameter:
            return None
        if self.parameter == "status":
            cognitos = next(status for status, name in STATUSES.items() if name == self.value)
            return matching("cognito:user_status", "=", cognitos)
        expression = matching(self.parameter, "^=", self.value)
        if expression is None:
            raise self.invalid("This text is too long to search for: shorten it.")
        return expression

    def invalid(self, detail: str) -> Invalid:
        """Return the error for this search."""
        return Invalid.at(f"/{self.parameter}", detail)


def page(directory: Directory, search: Search, limit: int, cursor: str | None) -> Page:
    """Return the page of a search that starts at a cursor. Its ``token`` is the cursor of the next page.

    Raises ``Invalid``, also for cursors of another search and for those that Cognito does not know any more.
    """
    token = None if cursor is None else cursors.decode(cursor, search.scope, TOKEN)
    try:
        if search.parameter == "group":
            found = directory.members(search.value, limit, token)
        else:
            found = directory.page(limit, search.expression, token)
    except Declined as declined:
        if declined.reason == "ResourceNotFound":
            raise search.invalid("The user pool has no such group. GET /groups lists them.") from None
        if token is not None:
            raise Invalid.at("/cursor", "The cursor has expired: start with the first page again.") from None
        raise search.invalid("The user pool does not accept this search.") from None
    return found if found.token is None else found._replace(token=cursors.encode(found.token, search.scope))
