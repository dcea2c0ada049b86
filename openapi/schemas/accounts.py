"""The schemas of accounts and sessions."""

from chalicelib.accounts import bodies, handlers, passwords, sign_in
from chalicelib.accounts.errors import InvalidCode, PasswordResetRequired, SignUpClosed
from chalicelib.accounts.passwords import PasswordPolicy
from openapi.schemas import Json, record, ref

EMAIL = {"type": "string", "format": "email", "maxLength": bodies.MAX_EMAIL}
NAME = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_NAME}
PASSWORD = {"type": "string", "minLength": 1, "maxLength": passwords.LIMIT, "format": "password"}
CODE = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_NAME}
TOKEN = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_TEXT}
COOKIE = {
    "type": "boolean",
    "default": False,
    "description": (
        "Put the refresh token into the cookie `__Secure-roster-refresh` instead of the response, for pages of the "
        "API's own origin"
    ),
}
NAMES = {"name": NAME, "given_name": NAME, "family_name": NAME}
TOKENS = {
    "access_token": TOKEN,
    "id_token": TOKEN,
    "refresh_token": {**TOKEN, "description": "Not in a response to a refresh, unless the pool rotates refresh tokens"},
    "token_type": {"const": "Bearer"},
    "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds for which the access token is valid"},
}


def body(required: list[str], properties: Json) -> Json:
    """Return the schema of a body, which has no other members."""
    return record(required, properties, additionalProperties=False)


SCHEMAS: Json = {
    "NewAccount": body(["email", "password", "name"], {"email": EMAIL, "password": PASSWORD, **NAMES}),
    "Confirmation": body(
        ["email", "code", "password"], {"email": EMAIL, "code": CODE, "password": PASSWORD, "cookie": COOKIE}
    ),
    "Address": body(["email"], {"email": EMAIL}),
    "PasswordReset": body(["email", "code", "password"], {"email": EMAIL, "code": CODE, "password": PASSWORD}),
    "Credentials": body(["email", "password"], {"email": EMAIL, "password": PASSWORD, "cookie": COOKIE}),
    "ChallengeAnswer": body(
        ["session", "challenge"],
        {
            "session": TOKEN,
            "challenge": {"enum": [*handlers.CHALLENGES]},
            "code": {**CODE, "description": "The answer to `TOTP` and `TOTP_SETUP`"},
            "password": {**PASSWORD, "description": "The answer to `NEW_PASSWORD`"},
            **NAMES,
            "cookie": COOKIE,
        },
    ),
    "RefreshToken": body([], {"refresh_token": {**TOKEN, "description": "By default, the one in the cookie"}}),
    "Mailed": record(["message"], {"message": {"type": "string"}}, additionalProperties=False),
    "Tokens": record(
        ["access_token", "id_token", "token_type", "expires_in"], TOKENS, description="RFC 6749, section 5.1"
    ),
    "Challenge": record(
        ["challenge", "session"],
        {
            "challenge": {
                "type": "string",
                "description": "`NEW_PASSWORD`, `TOTP`, `TOTP_SETUP`, or one that this document does not know yet",
            },
            "session": {**TOKEN, "description": "Opaque: send it with the answer"},
            "missing": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Attributes to send with the answer to `NEW_PASSWORD`",
            },
            "secret": {"type": "string", "description": "Of `TOTP_SETUP`: the authenticator's secret, in base32"},
            "uri": {"type": "string", "format": "uri", "description": "Of `TOTP_SETUP`: the secret for a QR code"},
        },
    ),
    "SignedIn": {"oneOf": [ref("Tokens"), ref("Challenge")]},
}

POLICY = "12,lowercase,uppercase,numbers"
GOOD = "Correct-horse-42"
TOKENS_EXAMPLE = {
    "access_token": "eyJraWQiOi…",
    "id_token": "eyJraWQiOi…",
    "refresh_token": "eyJjdHkiOi…",
    "token_type": "Bearer",
    "expires_in": 900,
}
CHALLENGE_EXAMPLE = {"challenge": "TOTP", "session": "WyJBWUFCZU…"}
CONFIRMATION = {"email": "jane@example.com", "code": "271828", "password": GOOD}

EXAMPLES: Json = {
    "NewAccount": {200: {"email": "jane@example.com", "password": GOOD, "name": "Jane Doe"}},
    "Confirmation": {200: CONFIRMATION},
    "Address": {200: {"email": "jane@example.com"}},
    "PasswordReset": {200: CONFIRMATION},
    "Credentials": {200: {"email": "jane@example.com", "password": GOOD}},
    "ChallengeAnswer": {200: {**CHALLENGE_EXAMPLE, "code": "271828"}},
    "RefreshToken": {200: {"refresh_token": "eyJjdHkiOi…"}},
    "Mailed": {200: handlers.MAILED},
    "Tokens": {200: {name: value for name, value in TOKENS_EXAMPLE.items() if name != "refresh_token"}},
    "SignedIn": {200: TOKENS_EXAMPLE, 202: CHALLENGE_EXAMPLE},
}

DETAILS = {
    "invalid-code": InvalidCode().detail,
    "invalid-credentials": sign_in.NOT_REFRESHED,
    "password-rejected": PasswordPolicy.parse(POLICY).rules,
    "password-reset-required": PasswordResetRequired().detail,
    "sign-up-closed": SignUpClosed().detail,
}
