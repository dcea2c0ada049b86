"""Settings and fixtures of all tests."""

import logging
import os

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("testbed")

from testbed import logged  # noqa: E402
from tests import distribution  # noqa: E402

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")

# A `make` that a test starts must not inherit the flags of `make test`.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)

# No test may reach AWS, even if credentials are configured.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """See ``tests.distribution``."""
    return distribution.Distribution(config, log) if config.option.dist == "loadfile" else None


def pytest_collection_modifyitems(config, items):
    """In the processes of ``make test``, the folders that take longest come first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: distribution.position(item.nodeid))


@pytest.fixture(scope="session", autouse=True)
def no_secret_is_logged():
    """Assert, after all tests have run, that none of them logged a secret."""
    handler = logged.Everything()
    logging.getLogger("roster").addHandler(handler)
    yield
    logging.getLogger("roster").removeHandler(handler)
    assert logged.secrets() == {}
