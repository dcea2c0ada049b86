"""Stacks: deployed by change set, their events told as they come; AWS's or, by ``AWS_ENDPOINT_URL``, an emulator's."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.failure import Failure

Outputs = Mapping[str, str]

UNCHANGED = ("didn't contain changes", "No updates are to be performed")
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
"""What a stack is in that stands and can be updated."""


@dataclass(frozen=True)
class Template:
    """Where a template is (``{"TemplateBody": …}``, ``{"TemplateURL": …}``) and the values of its parameters."""

    source: Mapping[str, str]
    parameters: Mapping[str, str]
    capabilities: Sequence[str]


@dataclass(frozen=True)
class Account:
    """An AWS account and region, an emulator's perhaps, to be worked in.

    ``client`` makes boto3's clients by their services' names; ``say`` is told how the work goes, a line at a time;
    ``pause`` is for how many seconds to wait between two looks.
    """

    client: Callable[[str], Any]
    say: Callable[[str], None]
    pause: float = 2.0

    def stack(self, name: str) -> "Stack":
        """The stack of this name, there or not."""
        return Stack(self, name)


class Stack:
    """A stack of an account, by its name or id."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._account = account
        self._client = account.client("cloudformation")

    @property
    def status(self) -> str | None:
        """CloudFormation's word for how the stack is; ``None`` if there is none."""
        stack = self._described()
        return None if stack is None else str(stack["StackStatus"])

    @property
    def outputs(self) -> Outputs:
        """The outputs; ``Failure`` if the stack does not stand."""
        stack = self._described()
        if stack is None or stack["StackStatus"] not in DONE:
            raise Failure(f"No stack named {self.name} is deployed: deploy it first.")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def deploy(self, template: Template) -> Outputs:
        """Create the stack, or bring it up to date, telling each event; its outputs.

        ``Failure`` names the resource that failed, and why; CloudFormation has rolled back by then.
        """
        kind = self._kind()
        name = f"deploy-{time.time_ns()}"
        self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            **template.source,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in template.parameters.items()],
            Capabilities=list(template.capabilities),
        )
        if not self._has_changes(name):
            self._client.delete_change_set(StackName=self.name, ChangeSetName=name)
            self._account.say("  Nothing to change.")
            return self.outputs
        seen = {event["EventId"] for event in self._events()}
        self._client.execute_change_set(StackName=self.name, ChangeSetName=name)
        self._follow(seen)
        if self.status != f"{kind}_COMPLETE":
            raise Failure(f"{self.name} could not be deployed ({self.status}): {self._first_failure(seen)}")
        return self.outputs

    def delete(self) -> None:
        """Delete the stack; what its template retains stays."""
        described = self._described()
        if described is None:
            return
        # By id: a deleted stack can't be asked about by its name.
        gone = self._account.stack(described["StackId"])
        seen = {event["EventId"] for event in self._events()}
        self._client.delete_stack(StackName=self.name)
        gone._follow(seen)
        if gone.status not in (None, "DELETE_COMPLETE"):
            raise Failure(f"{self.name} could not be deleted ({gone.status}): {gone._first_failure(seen)}")

    def _kind(self) -> str:
        """``CREATE`` or ``UPDATE``; what is left of a creation that failed is removed first."""
        status = self.status
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
            self._account.say(f"{self.name} was never created whole ({status}): removing what is left of it …")
            self.delete()
            status = None
        if status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            return "CREATE"
        if status not in DONE:
            raise Failure(f"{self.name} is {status}: wait until it has ended, or see to it in the AWS console.")
        return "UPDATE"

    def _has_changes(self, change_set: str) -> bool:
        while True:
            answer = self._client.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            reason = answer.get("StatusReason", "")
            if answer["Status"] == "CREATE_COMPLETE":
                return True
            if answer["Status"] == "FAILED" and any(text in reason for text in UNCHANGED):
                return False
            if answer["Status"] == "FAILED":
                raise Failure(f"CloudFormation does not take the template of {self.name}: {reason}")
            time.sleep(self._account.pause / 4)

    def _follow(self, seen: set[str]) -> None:
        """Tell the events that are not among ``seen`` until the stack has come to rest."""
        told = set(seen)
        while True:
            status = self.status or ""
            for event in reversed(list(self._events())):
                if event["EventId"] not in told:
                    told.add(event["EventId"])
                    self._account.say(_line(event))
            if not status.endswith("IN_PROGRESS"):
                return
            time.sleep(self._account.pause)

    def _described(self) -> dict[str, Any] | None:
        try:
            stacks: list[dict[str, Any]] = self._client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        return stacks[0] if stacks else None

    def _events(self) -> Iterator[dict[str, Any]]:
        """The newest first."""
        try:
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=self.name):
                yield from page["StackEvents"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise

    def _first_failure(self, seen: set[str]) -> str:
        failures = [
            event
            for event in self._events()
            if event["EventId"] not in seen
            and event["ResourceStatus"].endswith("FAILED")
            and "cancelled" not in event.get("ResourceStatusReason", "")
        ]
        if not failures:
            return "see its events in the AWS console."
        first = failures[-1]
        return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given')}"


def _line(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    line = f"  {event['ResourceStatus']:<28} {event['LogicalResourceId']}"
    return f"{line}: {reason}" if reason and "FAILED" in event["ResourceStatus"] else line
