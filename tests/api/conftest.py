"""Every test of the API runs against every target."""

from contextlib import ExitStack
from functools import cache

import pytest

from testbed import targets

TARGETS = {"inprocess": targets.in_moto, "local": targets.local, "deployed": targets.deployed}


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """The targets by name: each started when it is first asked for, and kept until all tests have run."""
    with ExitStack() as started:

        @cache
        def run(name):
            return started.enter_context(TARGETS[name](tmp_path_factory.mktemp(name)))

        yield run


@pytest.fixture(scope="session", params=TARGETS)
def api(request, running):
    """The API, running on one of the targets."""
    return running(request.param)


@pytest.fixture(scope="session")
def admin(api):
    """A member of the admin group."""
    return api.make_admin(api.sign_up(name="Ada Admin"))


@pytest.fixture
def person(api):
    """Somebody who has just signed up."""
    return api.sign_up()


@pytest.fixture(scope="session")
def stranger(api):
    """Somebody else."""
    return api.sign_up(name="John Stranger")
