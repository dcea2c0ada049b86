"""The settings of a stage that are fine for trying Roster out, and risky where users rely on it."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from infra import parts
from infra.stages import Stage

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def of(stage: Stage) -> list[str]:
    """Return the risky settings of a stage that is protected against deletion, one sentence each."""
    return list(_found(stage)) if stage.is_protected else []


def _found(stage: Stage) -> Iterator[str]:
    backend, api = _values("backend", stage.backend), _values("api", stage.api)
    if not api["AlarmEmail"]:
        yield "AlarmEmail is not set, so nobody is told when the API fails."
    for parameter in ("CallbackURLs", "LogoutURLs"):
        local = [url for url in backend[parameter].split(",") if urlsplit(url.strip()).hostname in LOOPBACK]
        if local:
            yield f"{parameter} has {', '.join(local)}: any program on a user's machine can receive the sign-in there."
    if api["CorsOrigin"] == "*":
        yield "CorsOrigin is *, so the pages of any website may call the API."


def _values(template: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a template's parameters, those that are not ``given`` being their defaults."""
    declared = parts.template(template)["Parameters"]
    return {name: parameter.get("Default", "") for name, parameter in declared.items()} | dict(given)
