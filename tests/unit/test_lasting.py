"""What lasts as long as the process is not examined by Python's garbage collector."""

import gc
import sys
from threading import Thread

import pytest

from chalicelib import lasting as module
from chalicelib.lasting import lasting


@pytest.fixture(autouse=True)
def of_this_test(monkeypatch):
    """Nothing is exempt before a test, nor because of it."""
    monkeypatch.setattr(module, "_exempt", set())
    yield
    gc.unfreeze()
    gc.enable()


def is_exempt(thing):
    return not any(found is thing for found in gc.get_objects())


def test_nothing_is_collected_meanwhile():
    with lasting("clients"):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_after_a_failure_garbage_is_collected_again():
    with pytest.raises(KeyError), lasting("clients"):
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    with lasting("clients"):
        pass
    assert not gc.isenabled()


def test_garbage_is_collected_again_after_the_last_of_several_at_once():
    first, second = lasting("clients"), lasting("keys")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()


def test_threads_never_leave_the_collector_off():
    def create(number):
        for _ in range(200):
            with lasting(f"{number}"):
                pass

    threads = [Thread(target=create, args=[number]) for number in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert gc.isenabled()


def test_a_failed_creation_is_not_the_first_of_its_kind():
    with pytest.raises(KeyError), lasting("clients"):
        raise KeyError
    with lasting("clients"):
        thing = [object()]
    assert is_exempt(thing)


def test_the_first_of_a_kind_is_exempt_afterwards():
    for what in ("clients", "keys"):
        with lasting(what):
            thing = [object()]
        assert is_exempt(thing)


def test_later_ones_are_not_so_that_a_process_which_creates_many_does_not_keep_them():
    with lasting("clients"):
        pass
    with lasting("clients"):
        thing = [object()]
    assert not is_exempt(thing)


def test_what_is_created_later_is_collected():
    with lasting("clients"):
        pass
    assert not is_exempt([object()])
