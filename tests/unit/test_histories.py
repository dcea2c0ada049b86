"""The check of histories: it accepts whatever can have happened, and nothing else."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from testbed.histories import NEVER, Impossible, Operation, Undecided, is_linearizable
from testbed.record_histories import Row, is_possible


def put(sent, received, n, tag=None, *, condition=None, status=200):
    if received is None:
        return Row(sent, None, "PUT", {"n": n}, condition)
    return Row(sent, received, "PUT", {"n": n}, condition, status, {"n": n} if status == 200 else None, tag)


def get(sent, received, n=None, tag=None, status=200):
    return Row(
        sent, received, "GET", None, tag if status == 304 else None, status, None if n is None else {"n": n}, tag
    )


POSSIBLE = {
    "nothing happened": [],
    "a read of what was written": [put(0, 1, 1, "a"), get(2, 3, 1, "a")],
    "a read during a write sees the state before it": [put(0, 3, 1, "a"), get(1, 2)],
    "a read during a write sees the state after it": [put(0, 3, 1, "a"), get(1, 2, 1, "a")],
    "two writes at once, the first of which was overwritten": [put(0, 5, 1, "a"), put(1, 4, 2, "b"), get(6, 7, 1, "a")],
    "a write without a response has happened": [put(0, None, 1), get(2, 3, 1, "a")],
    "a write without a response has not happened": [put(0, None, 1), get(2, 3)],
    "a write without a response happens late": [put(0, None, 1), get(2, 3), get(4, 5, 1, "a")],
    "one of two racing writers wins": [
        put(0, 1, 1, "a"),
        put(2, 5, 2, "b", condition="a"),
        put(3, 4, 3, condition="a", status=412),
    ],
    "the record has not changed": [put(0, 1, 1, "a"), get(2, 3, tag="a", status=304)],
    "a deleted record can't be patched": [
        put(0, 1, 1, "a"),
        Row(2, 3, "DELETE", status=200),
        Row(4, 5, "PATCH", {"p": 1}, status=404),
    ],
    "a patch keeps what it does not name": [
        put(0, 1, 1, "a"),
        Row(2, 3, "PATCH", {"p": 1}, None, 200, {"n": 1, "p": 1}, "b"),
    ],
}
IMPOSSIBLE = {
    "a write is lost": [put(0, 1, 1, "a"), get(2, 3)],
    "a read is stale": [put(0, 1, 1, "a"), put(2, 3, 2, "b"), get(4, 5, 1, "a")],
    "time goes back between two reads": [
        put(0, 1, 1, "a"),
        put(2, 9, 2, "b"),
        get(3, 4, 2, "b"),
        get(5, 6, 1, "a"),
    ],
    "a value that nobody wrote": [put(0, 1, 1, "a"), get(2, 3, 7, "a")],
    "another entity tag than the write returned": [put(0, 1, 1, "a"), get(2, 3, 1, "b")],
    "both of two racing writers win": [
        put(0, 1, 1, "a"),
        put(2, 5, 2, "b", condition="a"),
        put(3, 4, 3, "c", condition="a"),
    ],
    "neither of two racing writers wins": [
        put(0, 1, 1, "a"),
        put(2, 5, 2, condition="a", status=412),
        put(3, 4, 3, condition="a", status=412),
    ],
    "a changed record has not changed": [put(0, 1, 1, "a"), put(2, 3, 2, "b"), get(4, 5, tag="a", status=304)],
    "a patch loses another writer's update": [
        put(0, 1, 1, "a"),
        Row(2, 4, "PATCH", {"p": 1}, None, 200, {"n": 1, "p": 1}, "b"),
        Row(3, 5, "PATCH", {"q": 1}, None, 200, {"n": 1, "q": 1}, "c"),
    ],
    "a deleted record is still there": [put(0, 1, 1, "a"), Row(2, 3, "DELETE", status=200), get(4, 5, 1, "a")],
    "a write without a response is undone": [put(0, None, 1), get(2, 3, 1, "a"), get(4, 5)],
    "an unconditional write fails its condition": [put(0, None, 1), put(2, 3, 2, status=412)],
    "both win, although a third write has no response": [
        *(put(0, None, 1), put(1, 2, 2, "a")),
        *(put(3, 6, 3, "b", condition="a"), put(4, 5, 4, "c", condition="a")),
    ],
    "nothing has changed, after a write that has": [
        *(put(0, 1, 1, "a"), put(2, 3, 2, "b"), put(4, None, 3)),
        get(5, 6, tag="a", status=304),
    ],
    "what has not changed is sent again": [put(0, 1, 1, "a"), Row(2, 3, "GET", None, "a", 200, {"n": 1}, "a")],
    "one entity tag for two contents": [put(0, 1, 1, "a"), put(2, 3, 2, "a")],
    "a write without an entity tag": [put(0, 1, 1)],
    "a missing record can't be replaced": [put(0, 1, 1, status=404)],
    "a missing record meets a condition": [Row(0, 1, "PATCH", {"p": 1}, "a", 404)],
    "the record of somebody else": [
        Row(0, 1, "PUT", {"n": 1}, None, 200, {"userid": "jane", "n": 1}, "a"),
        Row(2, 3, "GET", None, None, 200, {"userid": "joe", "n": 1}, "a"),
    ],
    "a response that is not about the request": [put(0, 1, 1, "a", status=304)],
}


@pytest.mark.parametrize("history", POSSIBLE.values(), ids=POSSIBLE)
def test_what_can_have_happened_is_accepted(history):
    assert is_possible(history)


@pytest.mark.parametrize("history", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_can_not_have_happened_is_found(history):
    assert not is_possible(history)


@given(st.lists(st.sampled_from(["PUT", "PATCH", "DELETE", "GET", "412"]), max_size=40), st.data())
def test_any_sequence_is_possible_however_long_its_requests_took(methods, data):
    """Each request takes effect at its place in the sequence. Its beginning and its end lie anywhere around that."""
    rows, state, tag = [], None, None
    for place, method in enumerate(methods):
        sent = place - data.draw(st.floats(0, 5))
        received = place + data.draw(st.floats(0, 5))
        if method == "GET":
            rows.append(Row(sent, received, "GET", None, None, 200, state, tag))
        elif method == "412":
            rows.append(Row(sent, received, "PUT", {"n": -1}, "another", 412))
        elif method == "DELETE":
            state = tag = None
            rows.append(Row(sent, received, "DELETE", status=200))
        elif method == "PATCH" and state is None:
            rows.append(Row(sent, received, "PATCH", {"p": place}, None, 404))
        else:
            document = {"n": place} if method == "PUT" else {"p": place}
            state = {**((state or {}) if method == "PATCH" else {}), **document}
            tag = str(place)
            rows.append(Row(sent, received, method, document, None, 200, state, tag))
    assert is_possible(rows)


def written(value):
    return lambda _: value


def read(value):
    def effect(state):
        if state != value:
            raise Impossible
        return state

    return effect


VALUES = st.integers(0, 2)
OPERATIONS = st.builds(
    lambda sent, took, effect: Operation(sent, sent + took, effect),
    st.integers(0, 8),
    st.sampled_from([1, 2, 3, 6, NEVER]),
    st.one_of(VALUES.map(written), VALUES.map(read)),
)


def can_follow(operations, state):
    """Whether the operations, in this order, give their responses, and none began after a later one had ended."""
    for place, operation in enumerate(operations):
        if any(later.received < operation.sent for later in operations[place:]):
            return False
        try:
            state = operation.effect(state)
        except Impossible:
            return False
    return True


@given(st.lists(OPERATIONS, max_size=6))
@example([Operation(0, NEVER, written(1)), Operation(1, 2, read(0)), Operation(3, 4, read(1))])
def test_the_search_finds_what_trying_every_order_finds(history):
    answered = [operation for operation in history if operation.received < NEVER]
    unknown = [operation for operation in history if operation.received == NEVER]
    some = itertools.chain(*(itertools.combinations(unknown, number) for number in range(len(unknown) + 1)))
    orders = (order for chosen in some for order in itertools.permutations([*answered, *chosen]))
    assert is_linearizable(history, 0) == any(can_follow(order, 0) for order in orders)


def one_after_another(number):
    return [Operation(10 * place, 10 * place + 5, written(place)) for place in range(number)]


def test_writes_without_a_response_do_not_make_the_search_endless():
    """Neither if all is well, nor if a read is wrong."""
    unknown = [Operation(place, NEVER, written(-place)) for place in range(12)]
    history = one_after_another(2000)
    assert is_linearizable([*unknown, *history, Operation(30_000, 30_001, read(1999))], 0)
    assert not is_linearizable([*unknown[:4], *history, Operation(30_000, 30_001, read(7))], 0)


def test_a_search_that_takes_too_long_says_so():
    racing = [Operation(0, 100, written(number)) for number in range(40)]
    with pytest.raises(Undecided):
        is_linearizable([*racing, Operation(200, 201, read(-1))], 0)
