"""What lasts as long as the process: modules, botocore's models of services, clients.

While these are created, Python's garbage collector would examine them again and again, which takes 4% of a cold start,
and all of them once more for 20 ms during one of the next requests. None of them is ever garbage.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_exempt: set[str] = set()


@contextmanager
def lasting(what: str) -> Iterator[None]:
    """Create something that lasts, without the garbage collector.

    After the first of its kind, ``what``, everything that exists is exempt from garbage collection, as ``gc.freeze`` in
    Python's library reference describes. That is so only once: a process which creates many, as tests do, would keep
    them all.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if what not in _exempt:
            _exempt.add(what)
            gc.freeze()
        if collects:
            gc.enable()
