"""What ``GET /`` says to a signed-in user."""

from collections.abc import Mapping

from chalicelib.json.strict_json import JsonObject


def greeting(claims: Mapping[str, str]) -> JsonObject:
    """A greeting by the best name that the ID token's claims hold."""
    names = claims.get("given_name"), claims.get("family_name")
    name = " ".join(filter(None, names)) if all(names) else claims.get("name") or claims.get("email") or "stranger"
    return {
        "message": f"Hello, {name}! You are signed in to Roster.",
        "sub": claims["sub"],
        "email": claims.get("email"),
        "groups": [*_groups(claims.get("cognito:groups", ""))],
    }


def _groups(text: str) -> list[str]:
    """The groups as API Gateway writes them: ``a,b``, or ``[a b]``. A group's name has no space."""
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].split()
    return text.split(",") if text else []
