"""CloudFormation stacks, deployed with change sets. Their events are reported as they happen."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from infra.client_errors import is_denied, unless_absent
from infra.failure import Failure

Outputs = Mapping[str, str]

UNCHANGED = ("didn't contain changes", "No updates are to be performed")
DONE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
"""The statuses of a stack that is deployed and can be updated."""


@dataclass(frozen=True)
class Template:
    """A template (``{"TemplateBody": …}`` or ``{"TemplateURL": …}``), its parameters and the required capabilities."""

    source: Mapping[str, str]
    parameters: Mapping[str, str]
    capabilities: Sequence[str]


class Resource(NamedTuple):
    """A resource of a stack. ``name`` is its physical id, and empty if it was never created."""

    logical_id: str
    type: str
    name: str


@dataclass(frozen=True)
class Account:
    """An account and region of AWS or of an emulator.

    ``client`` returns a boto3 client for the name of a service. ``say`` receives progress messages, one line each.
    ``pause`` is the number of seconds between two requests for the status of a stack.
    """

    client: Callable[[str], Any]
    say: Callable[[str], None]
    pause: float = 2.0

    def stack(self, name: str) -> "Stack":
        """Return the stack with this name, whether or not it exists."""
        return Stack(self, name)

    def owner(self, resource: str) -> str | None:
        """Return the id of the stack that has the resource with this name, or ``None`` if no existing stack has it."""
        stacks: set[str] = set()
        with unless_absent():
            answer = self.client("cloudformation").describe_stack_resources(PhysicalResourceId=resource)
            stacks = {str(found["StackId"]) for found in answer["StackResources"]}
        # The resources of a deleted stack can be described for 90 days.
        return next((stack for stack in stacks if self._may_exist(stack)), None)

    def _may_exist(self, stack: str) -> bool:
        """Return whether a stack exists, or may exist: the deploying role may not look at stacks of others."""
        try:
            return self.stack(stack).status not in (None, "DELETE_COMPLETE")
        except ClientError as error:
            if not is_denied(error):
                raise
            return True


class Stack:
    """A stack of an account, identified by its name or id."""

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._account = account
        self._client = account.client("cloudformation")

    @property
    def status(self) -> str | None:
        """The stack's CloudFormation status, or ``None`` if the stack does not exist."""
        stack = self._described()
        return None if stack is None else str(stack["StackStatus"])

    @property
    def is_deployed(self) -> bool:
        """Whether the stack is deployed and can be updated."""
        return self.status in DONE

    @property
    def is_protected(self) -> bool:
        """Whether the stack has termination protection: CloudFormation then rejects its deletion."""
        return bool((self._described() or {}).get("EnableTerminationProtection"))

    @property
    def parameters(self) -> Mapping[str, str]:
        """The values that the stack's parameters have. Empty if the stack does not exist."""
        stack = self._described() or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", [])}

    @property
    def outputs(self) -> Outputs:
        """The stack's outputs. Raises ``Failure`` if the stack is not deployed."""
        stack = self._described()
        if stack is None or stack["StackStatus"] not in DONE:
            raise Failure(f"No stack named {self.name} is deployed: deploy it first.")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def deploy(self, template: Template) -> Outputs:
        """Create or update the stack, report each event, and return the outputs.

        Raise ``Failure``, which names the resource that failed and the reason, after CloudFormation has rolled back.
        """
        kind = self._kind()
        name = f"deploy-{time.time_ns()}"
        change_set = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            **template.source,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in template.parameters.items()],
            Capabilities=list(template.capabilities),
        )
        try:
            has_changes = self._has_changes(name, str(change_set["Id"]))
        except Failure:
            if kind == "CREATE":  # the change set has created an empty stack, in REVIEW_IN_PROGRESS
                self._client.delete_stack(StackName=self.name)
            raise
        if not has_changes:
            self._client.delete_change_set(StackName=self.name, ChangeSetName=name)
            self._account.say("  Nothing to change.")
            return self.outputs
        seen = {event["EventId"] for event in self._events()}
        # If it fails, what it has created is deleted, even if the template retains it: it is empty, and a retained
        # resource would belong to no stack ("ExecuteChangeSet", CloudFormation API reference).
        self._client.execute_change_set(StackName=self.name, ChangeSetName=name, RetainExceptOnCreate=True)
        self._follow(seen)
        if self.status != f"{kind}_COMPLETE":
            raise Failure(f"{self.name} could not be deployed ({self.status}): {self._first_failure(seen)}")
        return self.outputs

    def protect(self, wanted: bool) -> None:  # noqa: FBT001
        """Turn termination protection on or off, unless it already is as wanted."""
        if self.is_protected != wanted:
            self._account.say(f"  Turning termination protection {'on' if wanted else 'off'} …")
            self._client.update_termination_protection(StackName=self.name, EnableTerminationProtection=wanted)

    def delete(self) -> None:
        """Delete the stack, except for the resources that its template retains."""
        described = self._described()
        if described is None:
            return
        # By id, because a deleted stack can't be described by its name.
        gone = self._account.stack(described["StackId"])
        seen = {event["EventId"] for event in self._events()}
        self._client.delete_stack(StackName=self.name)
        gone._follow(seen)
        if gone.status not in (None, "DELETE_COMPLETE"):
            raise Failure(f"{self.name} could not be deleted ({gone.status}): {gone._first_failure(seen)}")

    def resources(self) -> list[Resource]:
        """Return the stack's resources, in whatever status it is, or nothing if it does not exist."""
        found = []
        with unless_absent():
            for page in self._client.get_paginator("list_stack_resources").paginate(StackName=self.name):
                found += [_resource(summary) for summary in page["StackResourceSummaries"]]
        return found

    def left_behind(self) -> list[Resource]:
        """Return what CloudFormation has kept when it deleted stacks of this name or replaced their resources.

        It remembers deleted stacks and their events for 90 days.
        """
        described = self._described()
        stacks = [described["StackId"]] if described else []
        for page in self._client.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"]):
            stacks += [summary["StackId"] for summary in page["StackSummaries"] if summary["StackName"] == self.name]
        events = (event for stack in stacks for event in self._account.stack(stack)._events())
        skipped = (_resource(event) for event in events if event["ResourceStatus"] == "DELETE_SKIPPED")
        return list(dict.fromkeys(skipped))

    def _kind(self) -> str:
        """Return ``CREATE`` or ``UPDATE``. If an earlier create failed, delete what it left first."""
        status = self.status
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
            self._account.say(f"The creation of {self.name} failed earlier ({status}): deleting what is left of it …")
            self.delete()
            status = None
        if status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            return "CREATE"
        if status not in DONE:
            raise Failure(
                f"{self.name} is in status {status}: wait until it changes, or resolve it in the AWS console."
            )
        return "UPDATE"

    def _has_changes(self, change_set: str, change_set_id: str) -> bool:
        while True:
            answer = self._client.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            reason = answer.get("StatusReason", "")
            if answer["Status"] == "CREATE_COMPLETE":
                return True
            if answer["Status"] == "FAILED" and any(text in reason for text in UNCHANGED):
                return False
            if answer["Status"] == "FAILED":
                details = "".join(f"\n  {line}" for line in self._validation_errors(change_set_id))
                raise Failure(f"CloudFormation rejected the template of {self.name}: {reason}{details}")
            time.sleep(self._account.pause / 4)

    def _validation_errors(self, change_set_id: str) -> Iterator[str]:
        """Yield what CloudFormation found wrong before it created anything: the reason of the change set only refers to
        these events ("DescribeEvents", CloudFormation API reference)."""
        try:
            events = self._client.describe_events(ChangeSetName=change_set_id)["OperationEvents"]
        except ClientError:  # an emulator does not know the operation
            return
        for event in events:
            if event.get("ValidationStatus") == "FAILED":
                yield f"{event.get('LogicalResourceId', '')}: {event.get('ValidationStatusReason', '')}"

    def _follow(self, seen: set[str]) -> None:
        """Report the events that are not in ``seen`` until no operation on the stack is in progress."""
        reported = set(seen)
        while True:
            status = self.status or ""
            for event in reversed(list(self._events())):
                if event["EventId"] not in reported:
                    reported.add(event["EventId"])
                    self._account.say(_line(event))
            if not status.endswith("IN_PROGRESS"):
                return
            time.sleep(self._account.pause)

    def _described(self) -> dict[str, Any] | None:
        stacks: list[dict[str, Any]] = []
        with unless_absent():
            stacks = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return stacks[0] if stacks else None

    def _events(self) -> Iterator[dict[str, Any]]:
        """Yield the stack's events, the newest first."""
        with unless_absent():
            for page in self._client.get_paginator("describe_stack_events").paginate(StackName=self.name):
                yield from page["StackEvents"]

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


def _resource(entry: Mapping[str, Any]) -> Resource:
    return Resource(entry["LogicalResourceId"], entry["ResourceType"], entry.get("PhysicalResourceId", ""))


def _line(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    line = f"  {event['ResourceStatus']:<28} {event['LogicalResourceId']}"
    return f"{line}: {reason}" if reason and "FAILED" in event["ResourceStatus"] else line
