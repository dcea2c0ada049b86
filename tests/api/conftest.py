"""Fixtures that run every API test against every target."""

from contextlib import ExitStack
from functools import cache

import pytest

from testbed import targets

TARGETS = {"inprocess": targets.in_process_target, "local": targets.local, "deployed": targets.deployed}


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """A function that returns a target by name. A target starts on first use and runs until the session ends."""
    with ExitStack() as started:

        @cache
        def run(name):
            return started.enter_context(TARGETS[name](targets.rarely_saved(tmp_path_factory.mktemp(name))))

        yield run


@pytest.fixture(scope="session", params=TARGETS)
def api(request, running):
    """The API on one of the targets."""
    return running(request.param)


@pytest.fixture(scope="session")
def admin(api):
    """A member of the admin group."""
    return api.make_admin(api.sign_up(name="Ada Admin"))


@pytest.fixture
def person(api):
    """A user who has just signed up."""
    return api.sign_up()


@pytest.fixture(scope="session")
def stranger(api):
    """Another user."""
    return api.sign_up(name="John Stranger")
