"""The bodies of capabilities' routes: objects with exactly the members that a route names."""

import re
from collections.abc import Callable
from typing import Self, TypeVar

from chalicelib.errors import Invalid, Violation
from chalicelib.json.strict_json import MAX_POINTER, MAX_VIOLATIONS, Json, JsonObject, escape
from chalicelib.web.request import Request

MAX_TEXT = 8192
MAX_BYTES = 32 * 1024
"""Enough for the largest valid body. Anybody may send one, and reading 350 KB of JSON can take a second."""
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters (Unicode category Cc), and those that reorder the text around them (UAX #9, section 2)."""

Value = TypeVar("Value")


class Body:
    """The members of a body, each of which is read once. ``require_no_faults`` reports all that is wrong with them."""

    def __init__(self, document: JsonObject) -> None:
        self._members = dict(document)
        self._faults: list[Violation] = []

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read the body of a request. Raises what ``Request.document`` raises."""
        return cls(request.document(limit=MAX_BYTES))

    def __contains__(self, member: str) -> bool:
        """Return whether the body has a member that has not been read yet."""
        return member in self._members

    def choice(self, member: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """Return one of ``choices``. The member is required unless there is a ``default``."""
        if default is not None and member not in self._members:
            return default
        value = self.text(member, MAX_TEXT)
        if not self._has_fault(member) and value not in choices:
            self._fault(member, f"Send one of {', '.join(choices)}.")
        return value

    def flag(self, member: str) -> bool:
        """Return a boolean, which is false by default."""
        return self._read(member, lambda value: isinstance(value, bool), "Send true or false.", default=False)

    def optional_flag(self, member: str) -> bool | None:
        """Return a boolean, or ``None`` if there is none."""
        return self.flag(member) if member in self._members else None

    def whole_number(self, member: str, largest: int) -> int:
        """Return a whole number from 1 to ``largest``."""

        def is_number(value: Json) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= largest

        return self._read(member, is_number, f"Send a whole number from 1 to {largest:,}.", default=0, is_required=True)

    def text(self, member: str, limit: int) -> str:
        """Return text of 1 to ``limit`` characters."""

        def is_text(value: Json) -> bool:
            return isinstance(value, str) and 0 < len(value) <= limit

        return self._read(member, is_text, f"Send text of 1 to {limit:,} characters.", default="", is_required=True)

    def text_or_null(self, member: str, limit: int, *, has_lines: bool = False) -> str | None:
        """Return text for people, or ``None`` if the member is null or missing.

        It has none of the ``UNSEEN`` characters, except line feeds and tabs if it ``has_lines``.
        """

        def is_text(value: Json) -> bool:
            if not isinstance(value, str):
                return value is None
            seen = value.replace("\n", "").replace("\t", "") if has_lines else value
            return 0 < len(value) <= limit and not UNSEEN.search(seen)

        expected = f"Send text of 1 to {limit:,} characters without control characters, or null."
        return self._read(member, is_text, expected, default=None)

    def require_no_faults(self) -> None:
        """Raise ``Invalid`` if a member was missing or ill-typed, or if there are members that nobody has read."""
        for member in self._members:
            self._fault(member, "This route does not know this member.")
        if self._faults:
            detail = self._faults[0].detail if len(self._faults) == 1 else "Several members of the body are invalid."
            raise Invalid(detail, *self._faults)

    def _read(
        self,
        member: str,
        is_valid: Callable[[Json], bool],
        expected: str,
        *,
        default: Value,
        is_required: bool = False,
    ) -> Value:
        if member not in self._members:
            if is_required:
                self._fault(member, f"This member is missing. {expected}")
            return default
        value: Json = self._members.pop(member)
        if not is_valid(value):
            self._fault(member, expected)
            return default
        return value  # type: ignore[return-value]  # is_valid has checked it

    def _fault(self, member: str, detail: str) -> None:
        self._fault_at(_pointer(member), detail)

    def _fault_at(self, pointer: str, detail: str) -> None:
        if len(self._faults) < MAX_VIOLATIONS:
            self._faults.append(Violation(pointer, detail))

    def _has_fault(self, member: str) -> bool:
        return any(fault.pointer == _pointer(member) for fault in self._faults)


def _pointer(member: str) -> str:
    pointer = f"/{escape(member)}"
    return pointer if len(pointer) <= MAX_POINTER else ""
