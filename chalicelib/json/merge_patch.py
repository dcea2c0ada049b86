"""JSON Merge Patch (RFC 7396)."""

from chalicelib.json.strict_json import Json, JsonObject


def merge(target: Json, patch: JsonObject) -> JsonObject:
    """Return a copy of ``target`` with ``patch`` merged into it, by the algorithm of section 2.

    ``null`` in the patch removes a member, an object is merged into it, and any other value replaces it.
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
