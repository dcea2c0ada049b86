"""The schemas of accounts and sessions."""

from chalicelib.accounts import bodies, passwords
from chalicelib.accounts.erasure import CONTINUED
from chalicelib.accounts.errors import (
    EmailTaken,
    InvalidCode,
    PasswordResetRequired,
    SignUpClosed,
    TotpOff,
    TotpOn,
    TotpRequired,
    WrongPassword,
)
from chalicelib.accounts.passwords import PasswordPolicy
from chalicelib.accounts.public import handlers, sign_in
from chalicelib.storage.cognito.user_pool import CHALLENGES
from chalicelib.web.bodies import MAX_TEXT
from openapi.schemas import SUB, TIMESTAMP, Json, record, ref

EMAIL = {"type": "string", "format": "email", "maxLength": bodies.MAX_EMAIL}
NAME = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_NAME}
PASSWORD = {"type": "string", "minLength": 1, "maxLength": passwords.LIMIT, "format": "password"}
CODE = {"type": "string", "minLength": 1, "maxLength": bodies.MAX_NAME}
TOKEN = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
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


def or_null(schema: Json) -> Json:
    """Return the schema of a member of a merge patch, which ``null`` deletes."""
    return {**schema, "type": [schema["type"], "null"]}


GROUP = {"type": "string", "minLength": 1, "maxLength": 128}
GROUP_NAMES = {"type": "array", "items": GROUP}
APP_METADATA = {
    "type": "object",
    "description": "What only administrators write, such as a plan or a role: at most 2,000 characters of JSON",
}
_NAME_OR_NULL = {"type": ["string", "null"]}
_OWN_ACCOUNT: Json = {
    "userid": {"type": "string"},
    "email": {"type": ["string", "null"]},
    "email_verified": {"type": "boolean"},
    "name": _NAME_OR_NULL,
    "given_name": _NAME_OR_NULL,
    "family_name": _NAME_OR_NULL,
    "groups": GROUP_NAMES,
    "totp": {"type": "boolean", "description": "Whether a sign-in asks for a code of an authenticator app"},
    "app_metadata": APP_METADATA,
}
_SUMMARY: Json = {
    "userid": {"type": "string"},
    "email": {"type": ["string", "null"]},
    "name": _NAME_OR_NULL,
    "status": {
        "type": "string",
        "description": "`confirmed`, `unconfirmed`, `invited`, `reset-required`, or one of other sources",
    },
    "enabled": {"type": "boolean"},
    "created": {"type": "string", "format": "date-time"},
    "modified": {"type": "string", "format": "date-time"},
}
_ACCOUNT: Json = {**_SUMMARY, **_OWN_ACCOUNT}

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
            "challenge": {"enum": [*CHALLENGES.values()]},
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
    # One's own account
    "OwnAccount": record([*_OWN_ACCOUNT], _OWN_ACCOUNT, additionalProperties=False),
    "OwnAccountPatch": body([], {"name": NAME, "given_name": or_null(NAME), "family_name": or_null(NAME)}),
    "PasswordChange": body(["password", "new_password"], {"password": PASSWORD, "new_password": PASSWORD}),
    "EmailChange": body(["email", "password"], {"email": EMAIL, "password": PASSWORD}),
    "Code": body(["code"], {"code": CODE}),
    "Password": body(["password"], {"password": PASSWORD}),
    "Authenticator": record(
        ["secret", "uri", "qr"],
        {
            "secret": {"type": "string", "description": "The authenticator's secret, in base32"},
            "uri": {"type": "string", "format": "uri", "description": "The secret as authenticator apps read it"},
            "qr": {"type": "string", "description": "The uri as a QR code: SVG text"},
        },
        additionalProperties=False,
    ),
    "Export": record(
        ["account", "groups"],
        {"account": ref("OwnAccount"), "groups": GROUP_NAMES},
        description="Everything that is stored about a person; each part of Roster adds a member",
    ),
    "Erasing": record(["message"], {"message": {"type": "string"}}, additionalProperties=False),
    # Administration
    "Accounts": {"type": "array", "items": record([*_SUMMARY], _SUMMARY, additionalProperties=False)},
    "Account": record([*_ACCOUNT], _ACCOUNT, additionalProperties=False),
    "InvitedAccount": ref("Account"),
    "AccountPatch": body(
        [],
        {
            "enabled": {"type": "boolean"},
            "email": EMAIL,
            "name": NAME,
            "given_name": or_null(NAME),
            "family_name": or_null(NAME),
            "app_metadata": {**APP_METADATA, "type": ["object", "null"]},
        },
    ),
    "Invitation": body(["email", "name"], {"email": EMAIL, "name": NAME, "groups": GROUP_NAMES}),
    "GroupList": record(
        ["groups"],
        {
            "groups": {
                "type": "array",
                "items": record(
                    ["group", "description"],
                    {"group": GROUP, "description": {"type": ["string", "null"]}},
                    additionalProperties=False,
                ),
            }
        },
        additionalProperties=False,
    ),
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

OWN_ACCOUNT = {
    "userid": SUB,
    "email": "jane@example.com",
    "email_verified": True,
    "name": "Jane Doe",
    "given_name": "Jane",
    "family_name": "Doe",
    "groups": [],
    "totp": False,
    "app_metadata": {"plan": "free"},
}
SUMMARY = {
    "userid": SUB,
    "email": "jane@example.com",
    "name": "Jane Doe",
    "status": "confirmed",
    "enabled": True,
    "created": TIMESTAMP,
    "modified": TIMESTAMP,
}

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
    "OwnAccount": {200: OWN_ACCOUNT},
    "OwnAccountPatch": {200: {"given_name": "Janet", "family_name": None}},
    "PasswordChange": {200: {"password": GOOD, "new_password": "Better-horse-43"}},
    "EmailChange": {200: {"email": "janet@example.com", "password": GOOD}},
    "Code": {200: {"code": "271828"}},
    "Password": {200: {"password": GOOD}},
    "Authenticator": {200: {"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/…", "qr": "<svg …></svg>"}},
    "Export": {
        200: {
            "account": OWN_ACCOUNT,
            "groups": [],
            "record": {"userid": SUB, "timestamp": TIMESTAMP, "name": "Jane Doe"},
            "profile": None,
            "media": {"href": "https://api.example.com/api/media"},
        }
    },
    "Erasing": {200: None, 202: CONTINUED},
    "Accounts": {200: [SUMMARY]},
    "Account": {200: {**SUMMARY, **OWN_ACCOUNT}},
    "InvitedAccount": {status: {**SUMMARY, **OWN_ACCOUNT, "status": "invited"} for status in (200, 201)},
    "AccountPatch": {200: {"enabled": False, "app_metadata": {"plan": "pro"}}},
    "Invitation": {200: {"email": "jane@example.com", "name": "Jane Doe", "groups": ["apiAdmins"]}},
    "GroupList": {
        200: {"groups": [{"group": "apiAdmins", "description": "Its members may read and write all users."}]}
    },
}

DETAILS = {
    "email-taken": EmailTaken().detail,
    "invalid-code": InvalidCode().detail,
    "invalid-credentials": sign_in.NOT_REFRESHED,
    "password-rejected": PasswordPolicy.parse(POLICY).rules,
    "password-reset-required": PasswordResetRequired().detail,
    "sign-up-closed": SignUpClosed().detail,
    "totp-off": TotpOff().detail,
    "totp-on": TotpOn().detail,
    "totp-required": TotpRequired().detail,
    "wrong-password": WrongPassword().detail,
}

QUERY = {
    "email": {"description": "Only accounts whose address starts with this text", "schema": {"type": "string"}},
    "name": {"description": "Only accounts whose name starts with this text", "schema": {"type": "string"}},
    "status": {
        "description": "Only accounts with this status",
        "schema": {"enum": ["confirmed", "unconfirmed", "invited", "reset-required"]},
    },
    "group": {"description": "Only members of this group", "schema": GROUP},
}
