"""What make load's users remember of their own writes: which states are possible, and which reads are wrong."""

import pytest

from bench.kept import LATE, Kept


def to(value):
    return lambda _: value


def setting(name, value):
    return lambda before: {**(before or {}), name: value}


@pytest.fixture
def kept():
    return Kept(None)


def test_what_was_written_last_is_the_only_state(kept):
    kept.written(to(1))
    kept.written(to(2))
    assert [kept.read(state) for state in (None, 1, 2)] == [False, False, True]


def test_a_failed_write_may_have_happened_or_not(kept):
    kept.failed(to(1))
    assert kept.states() == [None, 1]


def test_a_failed_write_may_happen_after_a_read_and_after_a_later_write(kept):
    kept.failed(to(1))
    assert kept.read(None)
    kept.written(to(2))
    assert kept.read(2)
    assert kept.read(1)


def test_after_its_time_a_failed_write_excuses_nothing_any_more(kept):
    kept.failed(to(1), now=0)
    assert kept.states(now=LATE + 1) == [None, 1]
    kept.written(to(2))
    assert not kept.read(1)


def test_several_failed_writes_may_all_have_happened(kept):
    kept.written(to({}))
    kept.failed(setting("a", 1))
    kept.failed(setting("b", 2))
    assert kept.states() == [{}, {"a": 1}, {"b": 2}, {"a": 1, "b": 2}]


def test_states_do_not_multiply(kept):
    for number in range(5):
        kept.failed(to(number % 2))
        kept.written(to("same"))
    assert len(kept.states()) == 3


def test_a_wrong_read_does_not_become_the_state(kept):
    kept.written(to(1))
    assert not kept.read(2)
    assert kept.read(1)
