"""The backend stack: the resources that must outlive every deploy of the API."""

import json

from infra import parts
from infra.cloudformation import Account, Outputs, Stack, Template
from infra.stages import Stage


def stack(account: Account, stage: Stage) -> Stack:
    """Return the stage's backend stack, whether or not it is deployed."""
    return account.stack(f"roster-backend-{stage.name}")


def deploy(account: Account, stage: Stage) -> Outputs:
    """Create or update the stage's backend stack, and return its outputs."""
    source = {"TemplateBody": json.dumps(parts.template("backend"), indent=1)}
    parameters = {"Stage": stage.name, **stage.backend}
    return stack(account, stage).deploy(Template(source, parameters, ["CAPABILITY_IAM"]))
