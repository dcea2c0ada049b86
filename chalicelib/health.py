"""Health checks: whether Roster is alive, and whether it can reach its dependencies."""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib import __version__
from chalicelib.json.strict_json import JsonObject

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

log = logging.getLogger("roster.health")

CHECK_SECONDS = 1.0
"""Time limit for all checks together."""


class Health:
    """The health of Roster. ``checks`` are the dependencies' probes by name; a probe raises if its dependency fails."""

    def __init__(self, region: str, checks: Mapping[str, Callable[[], object]]) -> None:
        self._region = region
        self._checks = checks

    @cached_property
    def _threads(self) -> "Mapping[str, ThreadPoolExecutor]":
        from concurrent.futures import ThreadPoolExecutor

        # One thread per check: a dependency that hangs is called only once, however many requests arrive meanwhile,
        # and does not delay the other checks.
        return {name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) for name in self._checks}

    def alive(self) -> JsonObject:
        """Return the status, without calling any dependency."""
        return {"status": "ok", "region": self._region, "version": __version__}

    def ready(self) -> tuple[bool, JsonObject]:
        """Run all checks. Return whether all pass within ``CHECK_SECONDS``, and a report of each, without causes."""
        from concurrent.futures import wait

        probes = {name: self._threads[name].submit(check) for name, check in self._checks.items()}
        wait(probes.values(), timeout=CHECK_SECONDS)
        results = {name: self._passed(name, probe) for name, probe in probes.items()}
        ready = all(results.values())
        checks: JsonObject = {name: "ok" if passed else "fail" for name, passed in results.items()}
        return ready, {**self.alive(), "status": "ok" if ready else "fail", "checks": checks}

    def _passed(self, name: str, probe: "Future[object]") -> bool:
        if not probe.done():
            probe.cancel()
            log.error("not_ready", extra={"check": name, "reason": "timeout"})
            return False
        error = probe.exception()
        if error is not None:
            log.error("not_ready", extra={"check": name, "reason": type(error).__name__})
        return error is None
