"""Every test of the API runs against every target."""

import pytest

from tests.api import targets

TARGETS = {"inprocess": targets.in_process, "local": targets.local, "deployed": targets.deployed}


@pytest.fixture(scope="session", params=TARGETS)
def api(request, tmp_path_factory):
    """The API, running on one of the targets."""
    with TARGETS[request.param](tmp_path_factory.mktemp(request.param)) as target:
        yield target


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
