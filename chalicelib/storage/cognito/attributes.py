"""What an account's attributes and factors are called in Cognito."""

from collections.abc import Mapping

from chalicelib.errors import Invalid, TooLarge
from chalicelib.json.strict_json import JsonObject, parse_object

APP_METADATA = "custom:app_metadata"
NAMES = ("name", "given_name", "family_name")
TOTP = "SOFTWARE_TOKEN_MFA"


def app_metadata(attributes: Mapping[str, str]) -> JsonObject:
    """Return what administrators have stored. Empty if something else than Roster has stored what is no JSON object."""
    try:
        return parse_object(attributes.get(APP_METADATA, "").encode())
    except (Invalid, TooLarge, UnicodeEncodeError):
        return {}
