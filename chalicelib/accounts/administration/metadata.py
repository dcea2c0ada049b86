"""``app_metadata``: a JSON object that only administrators write. It is an attribute of the account, as text."""

from chalicelib.errors import Invalid
from chalicelib.json.merge_patch import merge
from chalicelib.json.strict_json import JsonObject, dumps

MEMBER = "app_metadata"
MAX_CHARACTERS = 2000
"""UTF-16 code units of the JSON text. An attribute has at most 2,048 ("Custom attributes", Cognito developer guide)."""


def changed(stored: JsonObject, change: JsonObject) -> str:
    """Return the attribute after a merge patch (RFC 7396), ``{"app_metadata": …}``. It is empty for an empty object.

    Raises ``Invalid`` if the text would be too long.
    """
    after = merge({MEMBER: stored}, change).get(MEMBER)
    if not after:
        return ""
    text = dumps(after)
    size = len(text.encode("utf-16-le")) // 2
    if size > MAX_CHARACTERS:
        raise Invalid.at(
            f"/{MEMBER}", f"It would have {size:,} characters as JSON; at most {MAX_CHARACTERS:,} are accepted."
        )
    return text
