"""A CloudFormation of ours with one stack, which does what a test says it will do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

NAME = "tvasteg-dev-app"
STACK_ID = f"arn:aws:cloudformation:eu-north-1:000000000000:stack/{NAME}/1"

Json = dict[str, Any]


class ScriptedCloudFormation:
    """
    A stack in *status* with *parameters*, whose next operations end as *endings* say, in that order.

    An ending is a list of events, (logical id, status, reason); the last is the stack's own.
    """

    def __init__(
        self,
        *endings: list[tuple[str, str, str]],
        status: str | None = None,
        parameters: Json | None = None,
        change_set: tuple[str, str] = ("CREATE_COMPLETE", ""),
        changes: Sequence[Json] = (),
        template: str = "Resources: {}",
    ) -> None:
        self.status = status
        self.calls: list[str] = []
        self.change_sets: list[Json] = []
        self._endings = list(endings)
        self._parameters = parameters or {}
        self._change_set = change_set
        self._changes = changes
        self._template = template
        self._numbers = itertools.count()
        self._events: list[Json] = []
        if status is not None:
            self._tell(NAME, status, "")

    def describe_stacks(self, **_: str) -> Json:
        """Answer like the real one."""
        if self.status in {None, "DELETE_COMPLETE"}:
            raise _refusal("DescribeStacks", f"Stack with id {NAME} does not exist")
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in self._parameters.items()]
        stack = {"StackId": STACK_ID, "StackStatus": self.status, "Parameters": parameters}
        if str(self.status).endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS":
            self.status = str(self.status).replace("_IN_PROGRESS", "_COMPLETE")
        return {"Stacks": [stack]}

    def get_template_summary(self, **_: str) -> Json:
        """Answer like the real one, for a template that declares what the tests give."""
        return {"Parameters": [{"ParameterKey": "OriginSecret"}, {"ParameterKey": "AlarmMail"}]}

    def create_change_set(self, **arguments: Any) -> Json:
        """Answer like the real one."""
        self.calls.append("create_change_set")
        self.change_sets.append(arguments)
        if self.status in {None, "DELETE_COMPLETE"}:
            self.status = "REVIEW_IN_PROGRESS"
        return {"Id": "a change set"}

    def describe_change_set(self, **_: str) -> Json:
        """Answer like the real one."""
        status, reason = self._change_set
        changes = [{"ResourceChange": change} for change in self._changes]
        return {"Status": status, "StatusReason": reason, "Changes": changes}

    def get_template(self, **_: str) -> Json:
        """Answer like the real one."""
        return {"TemplateBody": self._template}

    def delete_change_set(self, **_: str) -> None:
        """Do nothing, like the real one."""

    def execute_change_set(self, **_: Any) -> None:
        """Let the next ending come."""
        self._next("execute_change_set")

    def delete_stack(self, **_: str) -> None:
        """Let the next ending come; a stack that is only reviewed is gone at once."""
        if self.status == "REVIEW_IN_PROGRESS":
            self.calls.append("delete_stack")
            self.status = None
        else:
            self._next("delete_stack")

    def continue_update_rollback(self, **_: str) -> None:
        """Let the next ending come."""
        self._next("continue_update_rollback")

    def describe_stack_events(self, **_: str) -> Json:
        """Answer like the real one: newest first."""
        return {"StackEvents": self._events[::-1]}

    def get_paginator(self, _operation: str) -> ScriptedCloudFormation:
        """Return something to page with."""
        return self

    def paginate(self, **_: str) -> list[Json]:
        """Return the only page."""
        return [self.describe_stack_events()]

    def _next(self, call: str) -> None:
        self.calls.append(call)
        for logical_id, status, reason in self._endings.pop(0):
            self._tell(logical_id, status, reason)
        self.status = self._events[-1]["ResourceStatus"]

    def _tell(self, logical_id: str, status: str, reason: str) -> None:
        self._events.append(
            {
                "EventId": str(next(self._numbers)),
                "StackId": STACK_ID,
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": STACK_ID if logical_id == NAME else logical_id,
                "ResourceType": "AWS::CloudFormation::Stack" if logical_id == NAME else "AWS::Some::Thing",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
        )


def _refusal(operation: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, operation)
