"""Is Roster alive, and can it reach what it needs?"""

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


class Health:
    """``checks`` are named probes of the dependencies: each raises if its dependency can't be had."""

    def __init__(self, region: str, checks: Mapping[str, Callable[[], object]]) -> None:
        self._region = region
        self._checks = checks

    @cached_property
    def _threads(self) -> "Mapping[str, ThreadPoolExecutor]":
        from concurrent.futures import ThreadPoolExecutor

        # One thread a check: however often somebody asks about a dependency that hangs, it is asked once, and in
        # nobody else's way.
        return {name: ThreadPoolExecutor(max_workers=1, thread_name_prefix=name) for name in self._checks}

    def alive(self) -> JsonObject:
        """What can be said without touching anything else."""
        return {"status": "ok", "region": self._region, "version": __version__}

    def ready(self) -> tuple[bool, JsonObject]:
        """Whether every check passes, all within ``CHECK_SECONDS``; and which do, but never why one doesn't."""
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
