"""JSON Merge Patch (RFC 7396)."""

from chalicelib.json.strict_json import Json, JsonObject


def merge(target: Json, patch: JsonObject) -> JsonObject:
    """``target`` with ``patch`` merged into it: section 2's algorithm, on copies.

    ``null`` in the patch removes a member, an object merges into a member, anything else replaces it.
    """
    result = dict(target) if isinstance(target, dict) else {}
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            result[name] = merge(result.get(name), change)
        else:
            result[name] = change
    return result
