"""The schemas that routes name, one module for the core and one for each capability.

A module may define ``SCHEMAS``, ``EXAMPLES`` (by schema, then by status), ``TAGGED``, ``PARAMETERS``, ``QUERY`` and
``DETAILS``;
``openapi/schemas/core.py`` shows what they hold.
"""

import importlib.util
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]

SUB = "5f0c2b7e-3a1d-4b8e-9c55-1f2e3d4c5b6a"
TIMESTAMP = "2026-11-21T08:30:00.123Z"


def ref(name: str) -> Json:
    """Return a reference to the schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: list[str], properties: Json, **more: Any) -> Json:
    """Return the schema of an object."""
    return {"type": "object", "required": required, "properties": properties, **more}


def collected(kind: str, capabilities: Iterable[str]) -> Json:
    """Return all that the core and these capabilities define as ``kind``, such as ``SCHEMAS``."""
    found: Json = {}
    for name in ("core", *capabilities):
        if importlib.util.find_spec(f"{__name__}.{name}"):
            found |= getattr(importlib.import_module(f"{__name__}.{name}"), kind, {})
    return found
