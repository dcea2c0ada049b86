"""The user pool's password rules, which Roster checks itself.

Cognito does not document whether it reports a weak password or a known address first, so its answer could reveal who
has an account. Rules: "Adding user pool password requirements", Cognito developer guide.
"""

from typing import NamedTuple

from chalicelib.errors import RosterError

LIMIT = 256
SYMBOLS = frozenset("^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ")
KINDS = {
    "lowercase": "a lowercase letter",
    "uppercase": "an uppercase letter",
    "numbers": "a number",
    "symbols": "a symbol",
}


class PasswordRejected(RosterError):
    """The password does not meet the pool's rules, which ``detail`` states."""


class PasswordPolicy(NamedTuple):
    """A minimum length, and the ``kinds`` of characters of which a password needs at least one each."""

    minimum: int
    kinds: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "PasswordPolicy":
        """Return the policy that ``text`` states, such as ``12,lowercase,numbers``. Raises ``ValueError``."""
        minimum, *kinds = text.split(",")
        if not set(kinds) <= KINDS.keys():
            raise ValueError(text)
        return cls(int(minimum), tuple(kinds))

    @classmethod
    def is_valid(cls, text: str) -> bool:
        """Return whether ``text`` states a policy."""
        try:
            cls.parse(text)
        except ValueError:
            return False
        return True

    def require(self, password: str) -> None:
        """Raise ``PasswordRejected`` if ``password`` does not meet the rules."""
        units = len(password.encode("utf-16-le", "surrogatepass")) // 2  # as Java, and so Cognito, counts characters
        fits = self.minimum <= len(password) and units <= LIMIT and password == password.strip()
        if not (fits and len(password.splitlines()) == 1 and self._has_all_kinds(password)):
            raise PasswordRejected(self.rules)

    @property
    def rules(self) -> str:
        """The rules as a sentence."""
        kinds = [KINDS[kind] for kind in self.kinds]
        listed = " and ".join(filter(None, [", ".join(kinds[:-1]), *kinds[-1:]]))
        needs = f", with at least {listed}" if kinds else ""
        return (
            f"A password has {self.minimum} to {LIMIT} characters on one line{needs}, and no space at its start or end."
        )

    def _has_all_kinds(self, password: str) -> bool:
        found = {
            "lowercase": any("a" <= character <= "z" for character in password),
            "uppercase": any("A" <= character <= "Z" for character in password),
            "numbers": any("0" <= character <= "9" for character in password),
            "symbols": not SYMBOLS.isdisjoint(password),
        }
        return all(found[kind] for kind in self.kinds)
