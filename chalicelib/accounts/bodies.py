"""The bodies of the accounts' routes: objects with exactly the members that a route names.

E-mail addresses are trimmed and lower-cased, names are trimmed, and passwords are used as they are.
"""

import re
from unicodedata import category

from chalicelib.accounts import passwords
from chalicelib.json.strict_json import Json, JsonObject
from chalicelib.web import bodies
from chalicelib.web.bodies import MAX_TEXT

EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
"""``dot-atom`` of RFC 5322, section 3.2.3, at a host name of RFC 1123: what Cognito can send mail to."""
NAMES = ("name", "given_name", "family_name")
MAX_EMAIL = 128
"""Characters of a username ("SignUp", Cognito API reference)."""
MAX_NAME = 256
MAX_GROUPS = 10
"""Groups of one invitation. Each takes a call to Cognito, or two."""
MAX_GROUP_NAME = 128
IN_GROUP_NAMES = frozenset("LMNPS")
"""Letters, marks, numbers, punctuation and symbols: the Unicode categories of ``GroupNameType`` (Cognito API
reference)."""


class Body(bodies.Body):
    """A body with the members that the accounts' routes have in common."""

    def email(self) -> str:
        """Return ``email``, trimmed and in lower case."""
        email = self.text("email", MAX_TEXT).strip().lower()
        if not self._has_fault("email") and (len(email) > MAX_EMAIL or not EMAIL.fullmatch(email)):
            self._fault("email", f"Send an e-mail address of at most {MAX_EMAIL} characters.")
        return email

    def password(self, member: str = "password") -> str:
        """Return a password, as it is."""
        return self.text(member, passwords.LIMIT)

    def code(self) -> str:
        """Return ``code``, trimmed."""
        return self.text("code", MAX_NAME).strip()

    def names(self, *required: str) -> dict[str, str]:
        """Return those of ``NAMES`` that the body has, trimmed."""
        return {member: self._name(member) for member in NAMES if member in required or member in self._members}

    def only_name(self) -> str:
        """Return ``name``, trimmed."""
        return self._name("name")

    def changed_names(self) -> dict[str, str | None]:
        """Return those of ``NAMES`` that a merge patch (RFC 7396) changes. ``None`` deletes one, but not ``name``."""
        return {member: self._changed_name(member) for member in NAMES if member in self._members}

    def _changed_name(self, member: str) -> str | None:
        if self._members[member] is None and member != "name":
            del self._members[member]
            return None
        return self._name(member)

    def _name(self, member: str) -> str:
        name = self.text(member, MAX_NAME).strip()
        if not self._has_fault(member) and not (name and name.isprintable()):
            self._fault(member, f"Send 1 to {MAX_NAME} printable characters.")
        return name

    def token(self, member: str) -> str:
        """Return text that Roster has issued."""
        return self.text(member, MAX_TEXT)

    def optional_token(self, member: str) -> str | None:
        """Return text that Roster has issued, or ``None`` if there is none."""
        return self.token(member) if member in self._members else None

    def optional_email(self) -> str | None:
        """Return ``email`` as ``email()`` does, or ``None`` if there is none."""
        return self.email() if "email" in self._members else None

    def object_change(self, member: str) -> JsonObject:
        """Return the part of a merge patch (RFC 7396) that changes an object: ``member``, or nothing."""
        if member not in self._members:
            return {}
        expected = "Send an object, or null to empty it."
        return {
            member: self._read(member, lambda value: value is None or isinstance(value, dict), expected, default=None)
        }

    def group_names(self) -> list[str]:
        """Return ``groups``, each once. There are none by default."""
        given: list[Json] = self._read(
            "groups", lambda value: isinstance(value, list), "Send an array of names.", default=[]
        )
        if len(given) > MAX_GROUPS:
            self._fault("groups", f"Send at most {MAX_GROUPS} groups.")
            return []
        names: dict[str, None] = {}
        for index, name in enumerate(given):
            if isinstance(name, str) and is_group_name(name):
                names[name] = None
            else:
                self._fault_at(f"/groups/{index}", "Send the name of a group: 1 to 128 characters without spaces.")
        return [*names]


def is_group_name(text: str) -> bool:
    """Return whether a group of the user pool can have this name."""
    return 0 < len(text) <= MAX_GROUP_NAME and all(category(character)[0] in IN_GROUP_NAMES for character in text)
