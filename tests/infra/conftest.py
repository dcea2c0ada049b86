"""What is deployed, and an AWS to deploy it on."""

import json

import pytest

from embedded import aws, processes, stack
from infra import package, stages


@pytest.fixture(scope="session")
def built():
    """The package, as `make deploy` makes it."""
    return package.build(stages.stage("dev"))


@pytest.fixture(scope="session")
def template(built):
    """The API stack's template."""
    return json.loads(built.template_for("a-bucket"))


@pytest.fixture(scope="session")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("infra")


@pytest.fixture(scope="session")
def embedded_aws(state):
    """An embedded AWS with the backend stack, as `make deploy STAGE=local` starts it."""
    with stack.aws_running(processes.free_port(), state, lambda _: None) as (running, _):
        yield running


@pytest.fixture
def said():
    return []


@pytest.fixture
def account(embedded_aws, said):
    """It as an account; what is told of the work lands in ``said``."""
    return aws.account(embedded_aws.aws_port, said.append)
