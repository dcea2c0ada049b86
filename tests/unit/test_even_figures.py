"""What `make even` concludes from its figures."""

import pytest

from bench import figures
from bench.figures import Even, TwoTimes


def times(p, later=(0, 0)):
    return TwoTimes(200, [255.25, 1255.5], 0.1, p, list(later))


def even(*, held=0.5, at_once=0.001, others=(0.5, 0.5)):
    """A run with two routes, of which the second one has these p."""
    states = ("disabled", "invited")
    return Even(
        "a machine",
        "2026-11-22",
        250,
        {"POST /a": times(0.3), "POST /b": times(held, (1, 2))},
        {"POST /a": times(0.3), "POST /b": times(at_once)},
        {f"POST /b, {state}": times(p) for state, p in zip(states, others, strict=True)},
    )


def test_a_run_without_differences_but_for_those_at_once_has_no_faults():
    assert even().faults() == []


@pytest.mark.parametrize(("p", "faults"), [(0.0099, ["POST /b: p = 0.0099 is less than 0.01."]), (0.01, [])])
def test_a_route_fails_below_one_in_a_hundred(p, faults):
    assert even(held=p).faults() == faults


@pytest.mark.parametrize(("p", "faults"), [(0.0049, ["POST /b, invited: p = 0.0049 is less than 0.005."]), (0.005, [])])
def test_another_state_fails_below_one_in_a_hundred_divided_by_their_number(p, faults):
    assert even(others=(0.5, p)).faults() == faults


def test_a_run_that_shows_no_difference_without_even_times_proves_nothing():
    (fault,) = even(at_once=0.01).faults()
    assert fault.startswith("No route's times differ without even times")


def test_the_tables_show_both_times_and_every_p():
    assert "| `POST /b` | 200 | 255.2 / 1,255.5 | 1 / 2 | 0.50 | 255.2 / 1,255.5 | 1e-03 |" in even().table()
    assert even(others=(0.25, 0.0004)).others_table().splitlines()[-3:] == [
        "|  | disabled | invited |",
        "| --- | --- | --- |",
        "| `POST /b` | 0.25 | 4e-04 |",
    ]


def test_a_run_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "RECORDED", tmp_path)
    figures.write(even(), tmp_path / "even.json")
    assert figures.read_even() == even()
