"""CloudFormation stacks, brought up to date by change sets: told as they go, failures with reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from chalice.package import YAMLTemplateSerializer

from chalicelib.deployment.account import AwsClient
from chalicelib.deployment.errors import DeploymentError

POLL_SECONDS = 3.0
# A certificate waits for its domain, a distribution for every place in the world.
PATIENCE_SECONDS = 90 * 60

_NEVER_WORKED = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
_SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
# What CloudFormation says of resources that fell with another one: no reason by itself.
_FELL_WITH_ANOTHER = ("cancelled", "Rollback requested by user")
_WORDS = {"CREATE": "made", "UPDATE": "updated", "DELETE": "removed"}

Stack = dict[str, Any]  # as CloudFormation describes it


@dataclass(frozen=True)
class Template:
    """A template by its text, or by the address where it lies in S3 (None: the one in use)."""

    body: str | None = None
    url: str | None = None

    def arguments(self) -> dict[str, str | bool]:
        """Return how CloudFormation's operations are given it."""
        if self.url:
            return {"TemplateURL": self.url}
        return {"TemplateBody": self.body} if self.body else {"UsePreviousTemplate": True}


IN_USE = Template()


class Stacks:
    """The stacks of one region."""

    def __init__(
        self,
        cloudformation: AwsClient,
        *,
        poll_seconds: float = POLL_SECONDS,
        say: Callable[[str], None] = print,
    ) -> None:
        self._cloudformation = cloudformation
        self._poll_seconds = poll_seconds
        self._say = say

    def outputs(self, name: str) -> dict[str, str]:
        """Return the outputs of a stack; empty if there is none of that name."""
        stack = self._describe(name) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def parameters(self, name: str) -> dict[str, str]:
        """Return the parameters a stack was last given, secret ones masked; empty if there is none."""
        stack = self._describe(name) or {}
        return {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", [])}

    def exists(self, name: str) -> bool:
        """Say whether there is a stack of that name which has ever worked."""
        stack = self._describe(name)
        return stack is not None and stack["StackStatus"] not in {*_NEVER_WORKED, "REVIEW_IN_PROGRESS"}

    def prepare(self, name: str) -> None:
        """
        Bring the stack into a state from which it can be deployed, whatever an earlier attempt left.

        Raises:
            DeploymentError: It cannot be, with what the operator can do.
        """
        stack = self._settled(name)
        if stack is None:
            return
        status = stack["StackStatus"]
        if status in _NEVER_WORKED:
            self._say(
                f"  {name} was left half-made by an earlier attempt ({status}): removing what is left."
            )
            self.delete(name)
        elif status in {"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"}:
            self._say(f"  {name} is stuck in an earlier update ({status}): taking it back first.")
            self._take_back(name, status)

    def deploy(
        self, name: str, template: Template, parameters: Mapping[str, str], *, loses_nothing: bool = False
    ) -> bool:
        """
        Make the stack what *template* says; return whether anything changed.

        Parameters not given keep their values, or have the template's own. A stack that *loses_nothing*
        stays as it is if *template*, given by its text, lacks some of what it has: so an earlier release
        runs over the data of a later one, which finds all of it again.

        Raises:
            DeploymentError: CloudFormation refused, or failed and went back; with its reasons. Or
                something that must not be lost would be replaced; nothing was changed then.
        """
        self.prepare(name)
        stack = self._describe(name)
        is_new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        lacking = self._lacking(name, template) if loses_nothing and not is_new else []
        if lacking:
            self._say(f"  {name} is a later release's, with {', '.join(lacking)}: it stays as it is.")
            return False
        change_set = self._create_change_set(name, template, parameters, stack=None if is_new else stack)
        if change_set is None:
            self._say(f"  {name} is up to date.")
            return False
        if loses_nothing:
            self._require_that_it_replaces_nothing(name, change_set)
        self._say(f"  {name} is being {'made' if is_new else 'updated'}.")
        before = self._newest_event(name)
        self._cloudformation.execute_change_set(
            StackName=name, ChangeSetName=change_set, RetainExceptOnCreate=True
        )
        status, failures = self._follow(name, before)
        if status not in _SUCCEEDED:
            raise DeploymentError(_told(name, status, failures, was_new=is_new))
        return True

    def delete(self, name: str) -> None:
        """
        Remove the stack; nothing to do if there is none.

        Raises:
            DeploymentError: Something in it could not be removed.
        """
        stack = self._settled(name)
        if stack is None:
            return
        stack_id = stack["StackId"]  # a stack that is gone is still found by its id
        before = self._newest_event(stack_id)
        self._cloudformation.delete_stack(StackName=stack_id)
        status, failures = self._follow(stack_id, before)
        if status != "DELETE_COMPLETE":
            raise DeploymentError(_told(name, status, failures, was_new=False))

    def _describe(self, name: str) -> Stack | None:
        try:
            stack: Stack = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def _settled(self, name: str) -> Stack | None:
        """Return the stack once nothing is under way in it."""
        stack = self._describe(name)
        if stack is not None and _is_under_way(stack["StackStatus"]):
            self._say(f"  {name} is still at work on an earlier command: waiting for it.")
        for _ in self._polls(name):
            if stack is None or not _is_under_way(stack["StackStatus"]):
                break
            stack = self._describe(name)
        return stack

    def _take_back(self, name: str, status: str) -> None:
        before = self._newest_event(name)
        if status == "UPDATE_FAILED":
            self._cloudformation.rollback_stack(StackName=name)
        else:
            self._cloudformation.continue_update_rollback(StackName=name)
        ended, failures = self._follow(name, before)
        if ended != "UPDATE_ROLLBACK_COMPLETE":
            stuck = " ".join(sorted({failure.logical_id for failure in failures})) or "RESOURCE"
            raise DeploymentError(
                f"{_told(name, ended, failures, was_new=False)}\n"
                "Mend what the reason names, then repeat the command. To go on without: "
                f"aws cloudformation continue-update-rollback --stack-name {name} "
                f"--resources-to-skip {stuck}"
            )

    def _create_change_set(
        self, name: str, template: Template, parameters: Mapping[str, str], *, stack: Stack | None
    ) -> str | None:
        """Return the change set's id, or None if there is nothing to change."""
        client = self._cloudformation
        try:
            change_set: str = client.create_change_set(
                StackName=name,
                ChangeSetName=f"tvasteg-{time.time_ns()}",
                ChangeSetType="CREATE" if stack is None else "UPDATE",
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                Parameters=self._parameters_for(template, parameters, stack),
                Tags=[{"Key": "application", "Value": "tvasteg"}],
                **template.arguments(),
            )["Id"]
        except ClientError as error:
            self._require_that_it_only_has_nothing_to_do(name, error.response["Error"].get("Message", ""))
            return None
        described = self._wait_for_change_set(name, change_set)
        if described["Status"] == "CREATE_COMPLETE":
            return change_set
        client.delete_change_set(StackName=name, ChangeSetName=change_set)
        self._require_that_it_only_has_nothing_to_do(name, described.get("StatusReason", ""))
        return None

    def _lacking(self, name: str, template: Template) -> list[str]:
        """Return which resources and outputs of the stack *template* does not know."""
        in_use = self._cloudformation.get_template(StackName=name)["TemplateBody"]
        before, after = (_parts_of(text) for text in (in_use, template.body))
        return sorted(before - after)

    def _require_that_it_replaces_nothing(self, name: str, change_set: str) -> None:
        described = self._cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
        changes = [change["ResourceChange"] for change in described.get("Changes", [])]
        replaced = [
            change["LogicalResourceId"] for change in changes if change.get("Replacement") == "True"
        ]
        if replaced:
            self._cloudformation.delete_change_set(StackName=name, ChangeSetName=change_set)
            raise DeploymentError(
                f"{name} was not changed: its template would put a new, empty one in the place of "
                f"{' and '.join(replaced)}."
            )

    def _require_that_it_only_has_nothing_to_do(self, name: str, reason: str) -> None:
        if not any(sentence in reason for sentence in _NOTHING_TO_DO):
            self._drop_placeholder(name)
            raise DeploymentError(f"CloudFormation refuses the template of {name}: {reason}")

    def _parameters_for(
        self, template: Template, given: Mapping[str, str], stack: Stack | None
    ) -> list[dict[str, Any]]:
        known = {entry["ParameterKey"] for entry in (stack or {}).get("Parameters", [])}
        if template == IN_USE:
            declared = known
        else:
            summary = self._cloudformation.get_template_summary(**template.arguments())
            declared = {entry["ParameterKey"] for entry in summary["Parameters"]}
        values = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        kept = [
            {"ParameterKey": key, "UsePreviousValue": True}
            for key in sorted(declared & known - given.keys())
        ]
        return values + kept

    def _wait_for_change_set(self, name: str, change_set: str) -> dict[str, Any]:
        described: dict[str, Any] = {}
        for _ in self._polls(name):
            described = self._cloudformation.describe_change_set(StackName=name, ChangeSetName=change_set)
            if described["Status"] in {"CREATE_COMPLETE", "FAILED"}:
                break
        return described

    def _drop_placeholder(self, name: str) -> None:
        """Remove the empty stack that a refused first change set leaves behind."""
        stack = self._describe(name)
        if stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            self._cloudformation.delete_stack(StackName=name)

    def _follow(self, name: str, before: str | None) -> tuple[str, list[Failure]]:
        """
        Tell what happens to the stack's resources until it rests; return its status and what failed.

        Only events count: right after a command a stack still describes itself as it was.
        """
        failures: list[Failure] = []
        for _ in self._polls(name):
            for event in self._events_since(name, before):
                before = event["EventId"]
                if event["PhysicalResourceId"] != event["StackId"]:
                    self._tell(event, failures)
                elif not _is_under_way(event["ResourceStatus"]):
                    return event["ResourceStatus"], failures
        raise AssertionError  # pragma: no cover - polling ends by an error

    def _polls(self, name: str) -> Iterator[None]:
        """Yield now and every few seconds, while patience lasts."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            yield
            time.sleep(self._poll_seconds)
        raise DeploymentError(
            f"{name} is still at work after {PATIENCE_SECONDS // 60} minutes. "
            "Repeat the command to go on waiting."
        )

    def _newest_event(self, name: str) -> str | None:
        events = self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return events[0]["EventId"] if events else None

    def _events_since(self, name: str, before: str | None) -> list[dict[str, Any]]:
        """Return what happened after the event *before*, oldest first."""
        newest_first: list[dict[str, Any]] = []
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                if event["EventId"] == before:
                    return newest_first[::-1]
                newest_first.append(event)
        return newest_first[::-1]

    def _tell(self, event: dict[str, Any], failures: list[Failure]) -> None:
        action, _, outcome = event["ResourceStatus"].partition("_")
        resource = f"{event['LogicalResourceId']} ({event['ResourceType'].removeprefix('AWS::')})"
        if outcome == "COMPLETE" and action in _WORDS:
            self._say(f"    {_WORDS[action]:<8} {resource}")
        elif outcome == "FAILED":
            reason = event.get("ResourceStatusReason", "no reason given")
            if not any(words in reason for words in _FELL_WITH_ANOTHER):
                failures.append(Failure(event["LogicalResourceId"], event["ResourceType"], reason))
            self._say(f"    failed   {resource}")


@dataclass(frozen=True)
class Failure:
    """A resource that failed, and why."""

    logical_id: str
    resource_type: str
    reason: str


def _parts_of(template: str | None) -> set[str]:
    parsed = YAMLTemplateSerializer().load_template(template or "{}")
    return {*parsed.get("Resources", {}), *parsed.get("Outputs", {})}


def _is_under_way(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _told(name: str, status: str, failures: list[Failure], *, was_new: bool) -> str:
    reasons = [f"  {f.logical_id} ({f.resource_type}): {f.reason}" for f in failures]
    if status == "UPDATE_ROLLBACK_COMPLETE":
        ending = "Everything runs as before."
    elif was_new:
        ending = "Nothing was running before; the next try removes what is left and starts anew."
    else:
        ending = "Mend that, then repeat the command."
    return "\n".join([f"{name} failed and is now {status}. The reasons:", *reasons, ending])
