"""What lasts as long as the process: modules, botocore's models of services, clients.

While these are created, Python's garbage collector would examine them again and again, which takes 4% of a cold start,
and all of them once more for 20 ms during one of the next requests. Hardly any of them is ever garbage.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
_creating = 0
_collects = True
_exempt: set[str] = set()


@contextmanager
def lasting(what: str) -> Iterator[None]:
    """Create something that lasts, without the garbage collector. Several threads may do so at once.

    After the first of its kind, ``what``, everything that exists is exempt from garbage collection, as ``gc.freeze`` in
    Python's library reference describes. That is so only once: a process which creates many, as tests do, would keep
    them all.
    """
    global _creating, _collects  # noqa: PLW0603  (the collector is the process's, too)
    with _lock:
        if not _creating:
            _collects = gc.isenabled()
            gc.disable()
        _creating += 1
    try:
        yield
        if what not in _exempt:
            _exempt.add(what)
            gc.freeze()
    finally:
        with _lock:
            _creating -= 1
            if _collects and not _creating:
                gc.enable()
