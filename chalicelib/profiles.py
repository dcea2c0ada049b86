"""A profile: one JSON object, ``profile_data``, that belongs to a signed-in user."""

from chalicelib.json.strict_json import JsonObject
from chalicelib.records import Record


def to_json(profile: Record) -> JsonObject:
    """The profile as its owner sees it."""
    return {"userid": profile.userid, "profile_data": profile.document, "timestamp": profile.timestamp}
