"""`make run` runs the housekeeping when it starts and every hour."""

import pytest

from embedded.housekeeping import Hourly


class Clock:
    """A clock that tests set."""

    now = 1000.0

    def __call__(self):
        return self.now


class FakeProcess:
    """A run of the housekeeping, which exits when a test says so."""

    is_running = True

    def stop(self):
        self.is_running = False


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def started():
    """The runs that have been started."""
    return []


@pytest.fixture
def hourly(clock, started):
    def start():
        started.append(FakeProcess())
        return started[-1]

    with Hourly(start, clock) as hourly:
        yield hourly


def test_it_runs_at_the_start_and_then_every_hour(hourly, clock, started):
    hourly.tick()
    hourly.tick()
    assert len(started) == 1
    started[0].is_running = False
    clock.now += 3599
    hourly.tick()
    assert len(started) == 1
    clock.now += 1
    hourly.tick()
    assert len(started) == 2


def test_no_two_runs_overlap(hourly, clock, started):
    hourly.tick()
    clock.now += 7200
    hourly.tick()
    assert len(started) == 1
    started[0].is_running = False
    hourly.tick()
    assert len(started) == 2


def test_a_run_ends_with_make_run(clock, started):
    def start():
        started.append(FakeProcess())
        return started[-1]

    with Hourly(start, clock) as hourly:
        hourly.tick()
        assert started[0].is_running
    assert not started[0].is_running


def test_ending_before_the_first_run_is_no_error(hourly):
    pass
