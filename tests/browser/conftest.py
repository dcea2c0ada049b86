"""A browser, and Roster as `make run` serves it."""

import pytest

from embedded import accounts, aws, page, processes, stack
from tests.browser import chromium


@pytest.fixture(scope="session")
def api_log(tmp_path_factory):
    """The API's log file."""
    return tmp_path_factory.mktemp("browser") / "api.log"


@pytest.fixture(scope="session")
def roster(api_log):
    ports = processes.free_port(), processes.free_port()
    with stack.running(*ports, api_log.parent, lambda _: None, log=api_log) as (running, *_):
        yield running


@pytest.fixture(scope="session")
def documentation(roster):
    """The address of the documentation page."""
    with page.served(processes.free_port(), roster.api, roster.aws_port) as address:
        yield address


@pytest.fixture(scope="session")
def admin_token(roster):
    cognito = aws.client("cognito-idp", roster.aws_port)
    return accounts.id_token(cognito, roster.outputs["UserPoolClient"], accounts.ADMIN.email, accounts.PASSWORD)


@pytest.fixture(scope="session")
def browser():
    with chromium.launched() as launched:
        yield launched
