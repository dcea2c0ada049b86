"""Whether what concurrent clients saw of one record can have happened: linearizability.

A history is linearizable if each operation can be given one moment between its request and its response, such that all
responses follow from carrying the operations out one after the other (Herlihy and Wing, 1990). The search is that of
Wing and Gong (1993), with Lowe's memory of what has been tried (2017). Histories of different records are independent,
so each is checked by itself.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from heapq import heappop, heappush
from typing import NamedTuple

State = Hashable
NEVER = math.inf
"""When an operation ended whose outcome is unknown: it may have taken effect at any time since, or never."""


class Operation(NamedTuple):
    """One request for a record: when it was sent, when its response arrived (or ``NEVER``), and what it means.

    ``effect`` takes the record's state, and returns the next one. It raises ``Impossible`` if the response can't be
    that of a request in this state.
    """

    sent: float
    received: float
    effect: Callable[[State], State]


class Impossible(Exception):
    """The response does not follow from the state."""


class Undecided(Exception):
    """The search has taken too long: too many operations overlap, or have an unknown outcome."""


_Way = tuple[int, int, int, int, int, State]
"""A way to begin: how many unknown operations it uses, minus how many answered ones it has done, a unique number, the
sets of both as bits (the answered ones first), and the state. What comes first is continued first."""

MOST = 500_000
"""How many ways to begin are tried."""


def is_linearizable(history: Iterable[Operation], state: State) -> bool:
    """Return whether the history of a record that began in this ``state`` is linearizable. May raise ``Undecided``.

    An operation with an unknown outcome is used only if nothing else explains the responses. Of two ways to come to the
    same state, the one that has used a part of the other's such operations is enough, because they need not happen.
    """
    operations = sorted(history, key=lambda operation: operation.sent)
    answered = [operation for operation in operations if operation.received < NEVER]
    unknown = [operation for operation in operations if operation.received == NEVER]
    pending: list[_Way] = [(0, 0, 0, 0, 0, state)]
    reached: dict[tuple[int, State], list[int]] = {}
    for number in range(1, MOST):
        if not pending:
            return False
        _, _, _, done, used, state = heappop(pending)
        if done == (1 << len(answered)) - 1:
            return True
        if any(before & used == before for before in reached.get((done, state), [])):
            continue
        reached.setdefault((done, state), []).append(used)
        steps = [(operation, done | bit, used) for operation, bit in _next(answered, done)]
        latest = min(operation.received for operation, _, _ in steps)
        for place, operation in enumerate(unknown):
            if operation.sent <= latest and not used >> place & 1:
                steps.append((operation, done, used | 1 << place))
        for step, (operation, did, uses) in enumerate(steps):
            with suppress(Impossible):
                after = operation.effect(state)
                way = (uses.bit_count(), -did.bit_count(), number * len(operations) + step, did, uses, after)
                heappush(pending, way)
    raise Undecided(f"More than {MOST:,} ways to begin were tried.")


def _next(operations: list[Operation], done: int) -> Iterator[tuple[Operation, int]]:
    """Yield the operations that can come next, with their bits: those sent before any other one was answered."""
    place = (~done & (done + 1)).bit_length() - 1  # the first that is not done
    earliest = NEVER
    while place < len(operations) and operations[place].sent <= earliest:
        if not done >> place & 1:
            earliest = min(earliest, operations[place].received)
            yield operations[place], 1 << place
        place += 1
