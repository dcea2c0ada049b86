"""The greeting that ``GET /`` returns to a signed-in user."""

from collections.abc import Mapping

from chalicelib.json.strict_json import JsonObject


def greeting(claims: Mapping[str, str]) -> JsonObject:
    """Return a greeting with the best name in the ID token's claims: the full name, ``name`` or the e-mail address."""
    names = claims.get("given_name"), claims.get("family_name")
    name = " ".join(filter(None, names)) if all(names) else claims.get("name") or claims.get("email") or "stranger"
    return {
        "message": f"Hello, {name}! You are signed in to Roster.",
        "sub": claims["sub"],
        "email": claims.get("email"),
        "groups": [*_groups(claims.get("cognito:groups", ""))],
    }


def _groups(text: str) -> list[str]:
    """Parse the groups as API Gateway formats them: ``a,b`` or ``[a b]``. Group names contain no spaces."""
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].split()
    return text.split(",") if text else []
