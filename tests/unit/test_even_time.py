"""Even response times, on a clock that only the calls and the waiting move."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.accounts import even_time
from chalicelib.accounts.even_time import EvenTime

STEPS = st.integers(1, 3000)
"""Milliseconds, as in the setting."""
TOOK = st.floats(0, 60)
"""Seconds."""


class Clock:
    """Replaces the module ``time``. ``now`` is in seconds."""

    def __init__(self):
        self.now = 1_000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds >= 0
        self.now += seconds


class Failed(Exception):
    pass


def seconds_until_sent(milliseconds, way, took, *, fails=False):
    """How long a response is held back altogether, if the calls take ``took`` seconds."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(even_time, "time", clock)
        started = clock.now
        with suppress(Failed), getattr(EvenTime(milliseconds / 1000), way)():
            clock.now += took
            if fails:
                raise Failed
        return clock.now - started


def is_multiple(seconds, milliseconds):
    """Whether ``seconds`` is a positive multiple of the step, but for rounding."""
    steps = seconds * 1000 / milliseconds
    return round(steps) >= 1 and steps == pytest.approx(round(steps), abs=1e-5)


@given(STEPS, TOOK, st.booleans())
@example(1000, 0.0, False)
@example(1000, 1.0, False)
@example(1000, 1.0, True)
def test_every_outcome_is_sent_at_a_multiple_of_the_step_whatever_the_calls_took(step, took, fails):
    seconds = seconds_until_sent(step, "always", took, fails=fails)
    assert is_multiple(seconds, step)


@given(STEPS, TOOK)
def test_a_failure_is_sent_at_a_multiple_of_the_step_whatever_the_calls_took(step, took):
    assert is_multiple(seconds_until_sent(step, "failures", took, fails=True), step)


@given(STEPS, TOOK, st.sampled_from(["always", "failures"]))
def test_it_is_the_first_multiple_after_the_calls(step, took, way):
    seconds = seconds_until_sent(step, way, took, fails=True)
    assert -1e-6 <= seconds - took <= step / 1000 + 1e-6


@given(STEPS, st.floats(0, 0.999), st.floats(0, 0.999), st.booleans())
def test_calls_that_take_less_than_the_step_cannot_be_told_apart(step, some, more, fails):
    times = [seconds_until_sent(step, "always", share * step / 1000, fails=fails) for share in (some, more)]
    assert times == pytest.approx([step / 1000] * 2, abs=1e-6)


@given(STEPS, TOOK)
def test_a_success_is_sent_at_once_if_only_failures_are_held_back(step, took):
    assert seconds_until_sent(step, "failures", took) == pytest.approx(took, abs=1e-6)


@given(TOOK, st.sampled_from(["always", "failures"]), st.booleans())
def test_a_step_of_0_sends_everything_at_once(took, way, fails):
    assert seconds_until_sent(0, way, took, fails=fails) == pytest.approx(took, abs=1e-6)


@pytest.mark.parametrize("way", ["always", "failures"])
@pytest.mark.parametrize("step", [0, 0.001])
def test_a_failure_remains_a_failure(step, way):
    with pytest.raises(Failed), getattr(EvenTime(step), way)():
        raise Failed
