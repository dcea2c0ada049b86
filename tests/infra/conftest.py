"""The deployment package, and an embedded AWS to deploy it to."""

import json

import pytest

from embedded import aws, processes, stack
from infra import package, stages


@pytest.fixture(scope="session")
def built():
    """The package that `make deploy` builds."""
    return package.build(stages.stage("dev"))


@pytest.fixture(scope="session")
def template(built):
    """The template of the API stack."""
    return json.loads(built.template_for("a-bucket"))


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("infra")


@pytest.fixture(scope="session")
def embedded_aws(state):
    """An embedded AWS with the backend stack, as for `make deploy STAGE=local`."""
    with stack.aws_running(processes.free_port(), state, lambda _: None) as (running, _):
        yield running


@pytest.fixture
def messages():
    return []


@pytest.fixture
def account(embedded_aws, messages):
    """The embedded AWS's account. Its progress messages are appended to ``messages``."""
    return aws.account(embedded_aws.aws_port, messages.append)
