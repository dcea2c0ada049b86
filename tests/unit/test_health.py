"""Health checks."""

import threading
import time

from chalicelib import __version__
from chalicelib.health import Health


def test_the_alive_check_calls_no_dependency():
    def explode():
        raise AssertionError

    assert Health("eu-west-1", {"x": explode}).alive() == {
        "status": "ok",
        "region": "eu-west-1",
        "version": __version__,
    }


def test_roster_is_ready_when_all_checks_pass():
    ready, report = Health("eu-west-1", {"a": lambda: None, "b": lambda: 1}).ready()
    assert ready
    assert (report["status"], report["checks"]) == ("ok", {"a": "ok", "b": "ok"})


def test_a_failed_check_is_reported_without_its_cause():
    def fail():
        raise RuntimeError("secret")

    ready, report = Health("eu-west-1", {"a": lambda: None, "b": fail}).ready()
    assert not ready
    assert (report["status"], report["checks"]) == ("fail", {"a": "ok", "b": "fail"})
    assert "secret" not in str(report)


def test_a_hanging_check_fails_after_one_second_and_is_not_started_again():
    release, started = threading.Event(), []

    def hang():
        started.append(1)
        release.wait(30)

    health = Health("eu-west-1", {"a": lambda: None, "b": hang})
    before = time.monotonic()
    for _ in range(2):
        ready, report = health.ready()
        assert not ready
        assert report["checks"] == {"a": "ok", "b": "fail"}
    assert time.monotonic() - before < 4
    assert len(started) == 1
    release.set()
    assert health.ready()[0]
