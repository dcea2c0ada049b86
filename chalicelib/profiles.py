"""Profiles: one JSON object, ``profile_data``, per signed-in user."""

from chalicelib.json.strict_json import JsonObject
from chalicelib.records import Record


def to_json(profile: Record) -> JsonObject:
    """Return the profile as its owner sees it."""
    return {"userid": profile.userid, "profile_data": profile.document, "timestamp": profile.timestamp}
