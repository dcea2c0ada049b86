"""The claims of a JSON Web Token (RFC 7519) that somebody else has verified."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any


def claims(token: str) -> Mapping[str, Any]:
    """Return the claims of ``token``. Nothing is verified. Raises ``ValueError`` if the token is malformed."""
    parts = token.split(".")
    payload = parts[1] if len(parts) > 1 else ""
    found = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if not isinstance(found, dict):
        raise ValueError("the claims of a token are a JSON object")  # noqa: TRY004  (as for any other malformed token)
    return found
