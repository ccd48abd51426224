"""Stacks: what is done in each state they can be found in, and what the operator is told."""

from __future__ import annotations

import pytest

from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.stacks import IN_USE, Stacks, Template
from tests.deployment.scripted_stack import NAME, ScriptedCloudFormation

TEMPLATE = Template(body="Resources: {}")
MADE = [("Thing", "CREATE_COMPLETE", ""), (NAME, "CREATE_COMPLETE", "")]
UPDATED = [("Thing", "UPDATE_COMPLETE", ""), (NAME, "UPDATE_COMPLETE", "")]
REMOVED = [("Thing", "DELETE_COMPLETE", ""), (NAME, "DELETE_COMPLETE", "")]
WENT_BACK = [
    ("Thing", "UPDATE_FAILED", "the reason itself"),
    ("Other", "UPDATE_FAILED", "Resource update cancelled"),
    (NAME, "UPDATE_ROLLBACK_IN_PROGRESS", ""),
    (NAME, "UPDATE_ROLLBACK_COMPLETE", ""),
]


def stacks_over(cloudformation: ScriptedCloudFormation, said: list[str] | None = None) -> Stacks:
    """Return the stacks, told to *said* without waiting."""
    return Stacks(cloudformation, poll_seconds=0, say=(said if said is not None else []).append)


def test_a_new_stack_is_made_and_told_as_it_comes() -> None:
    cloudformation = ScriptedCloudFormation(MADE)
    said: list[str] = []
    assert stacks_over(cloudformation, said).deploy(NAME, TEMPLATE, {"OriginSecret": "x"}) is True
    assert cloudformation.change_sets[0]["ChangeSetType"] == "CREATE"
    assert cloudformation.change_sets[0]["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert said == [f"  {NAME} is being made.", "    made     Thing (Some::Thing)"]


def test_parameters_that_are_not_given_keep_their_values() -> None:
    """Also secret ones, which nobody can read back; what the template no longer knows is left out."""
    cloudformation = ScriptedCloudFormation(
        UPDATED, status="UPDATE_COMPLETE", parameters={"OriginSecret": "****", "Gone": "1"}
    )
    stacks_over(cloudformation).deploy(NAME, TEMPLATE, {"AlarmMail": "a@b.se"})
    assert cloudformation.change_sets[0]["Parameters"] == [
        {"ParameterKey": "AlarmMail", "ParameterValue": "a@b.se"},
        {"ParameterKey": "OriginSecret", "UsePreviousValue": True},
    ]


def test_the_template_in_use_keeps_every_parameter_that_is_not_given() -> None:
    cloudformation = ScriptedCloudFormation(
        UPDATED, status="CREATE_COMPLETE", parameters={"OriginSecret": "****", "Stage": "dev"}
    )
    stacks_over(cloudformation).deploy(NAME, IN_USE, {"OriginSecret": "new"})
    change_set = cloudformation.change_sets[0]
    assert change_set["UsePreviousTemplate"] is True
    assert {"ParameterKey": "Stage", "UsePreviousValue": True} in change_set["Parameters"]


def test_nothing_to_change_is_fine() -> None:
    cloudformation = ScriptedCloudFormation(
        status="UPDATE_COMPLETE",
        change_set=("FAILED", "The submitted information didn't contain changes. Submit different ..."),
    )
    said: list[str] = []
    assert stacks_over(cloudformation, said).deploy(NAME, TEMPLATE, {}) is False
    assert said == [f"  {NAME} is up to date."]


def test_a_failed_update_tells_its_reason_and_that_all_runs_as_before() -> None:
    """Resources that only fell with another one are no reason."""
    cloudformation = ScriptedCloudFormation(WENT_BACK, status="CREATE_COMPLETE")
    with pytest.raises(DeploymentError) as refused:
        stacks_over(cloudformation).deploy(NAME, TEMPLATE, {})
    assert str(refused.value).splitlines() == [
        f"{NAME} failed and is now UPDATE_ROLLBACK_COMPLETE. The reasons:",
        "  Thing (AWS::Some::Thing): the reason itself",
        "Everything runs as before.",
    ]


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"]
)
def test_a_stack_that_never_worked_is_removed_and_made_anew(status: str) -> None:
    cloudformation = ScriptedCloudFormation(REMOVED, MADE, status=status)
    stacks_over(cloudformation).deploy(NAME, TEMPLATE, {"OriginSecret": "x"})
    assert cloudformation.calls == ["delete_stack", "create_change_set", "execute_change_set"]
    assert cloudformation.change_sets[0]["ChangeSetType"] == "CREATE"


def test_a_first_attempt_that_broke_off_before_anything_was_made_goes_on() -> None:
    cloudformation = ScriptedCloudFormation(MADE, status="REVIEW_IN_PROGRESS")
    assert not stacks_over(cloudformation).exists(NAME)
    stacks_over(cloudformation).deploy(NAME, TEMPLATE, {"OriginSecret": "x"})
    assert cloudformation.change_sets[0]["ChangeSetType"] == "CREATE"


def test_a_stack_stuck_on_its_way_back_is_taken_back_first() -> None:
    back = [(NAME, "UPDATE_ROLLBACK_COMPLETE", "")]
    cloudformation = ScriptedCloudFormation(back, UPDATED, status="UPDATE_ROLLBACK_FAILED")
    stacks_over(cloudformation).deploy(NAME, TEMPLATE, {})
    assert cloudformation.calls == ["continue_update_rollback", "create_change_set", "execute_change_set"]


def test_a_stack_that_cannot_be_taken_back_says_what_can_be_done() -> None:
    stuck = [("Thing", "UPDATE_FAILED", "not allowed"), (NAME, "UPDATE_ROLLBACK_FAILED", "")]
    cloudformation = ScriptedCloudFormation(stuck, status="UPDATE_ROLLBACK_FAILED")
    with pytest.raises(DeploymentError, match=r"not allowed[\s\S]*--resources-to-skip Thing"):
        stacks_over(cloudformation).prepare(NAME)


def test_an_operation_under_way_is_waited_for() -> None:
    """Such as that of a deploy whose terminal was closed."""
    cloudformation = ScriptedCloudFormation(UPDATED, status="UPDATE_IN_PROGRESS")
    said: list[str] = []
    stacks_over(cloudformation, said).deploy(NAME, TEMPLATE, {})
    assert said[0] == f"  {NAME} is still at work on an earlier command: waiting for it."


def test_a_refused_template_leaves_no_empty_stack_behind() -> None:
    cloudformation = ScriptedCloudFormation(change_set=("FAILED", "Transform failed: no such type"))
    with pytest.raises(DeploymentError, match=r"refuses the template.*no such type"):
        stacks_over(cloudformation).deploy(NAME, TEMPLATE, {"OriginSecret": "x"})
    assert cloudformation.status is None


TABLE = "Resources: {Table: {Type: AWS::DynamoDB::Table}}\nOutputs: {Name: {Value: !Ref Table}}"


@pytest.mark.parametrize(
    ("earlier", "lacking"),
    [("Resources: {}", "Name, Table"), ("Resources: {Table: {Type: AWS::DynamoDB::Table}}", "Name")],
)
def test_an_earlier_release_takes_nothing_from_the_data_of_a_later_one(earlier: str, lacking: str) -> None:
    """Else the table would be left behind, and the later release would come back to an empty one."""
    cloudformation = ScriptedCloudFormation(UPDATED, status="CREATE_COMPLETE", template=TABLE)
    said: list[str] = []
    stacks = stacks_over(cloudformation, said)
    assert stacks.deploy(NAME, Template(body=earlier), {}, loses_nothing=True) is False
    assert said == [f"  {NAME} is a later release's, with {lacking}: it stays as it is."]
    assert cloudformation.calls == []


def test_no_table_is_put_in_the_place_of_another() -> None:
    replacing = {"LogicalResourceId": "Table", "Action": "Modify", "Replacement": "True"}
    cloudformation = ScriptedCloudFormation(
        UPDATED, status="CREATE_COMPLETE", template=TABLE, changes=[replacing]
    )
    with pytest.raises(DeploymentError, match="a new, empty one in the place of Table"):
        stacks_over(cloudformation).deploy(NAME, Template(body=TABLE), {}, loses_nothing=True)
    assert cloudformation.calls == ["create_change_set"]


def test_what_is_only_changed_may_be() -> None:
    changing = {"LogicalResourceId": "Table", "Action": "Modify", "Replacement": "False"}
    cloudformation = ScriptedCloudFormation(
        UPDATED, status="CREATE_COMPLETE", template="Resources: {}", changes=[changing]
    )
    assert stacks_over(cloudformation).deploy(NAME, Template(body=TABLE), {}, loses_nothing=True) is True


def test_removing_what_is_not_there_is_fine() -> None:
    cloudformation = ScriptedCloudFormation()
    stacks_over(cloudformation).delete(NAME)
    assert cloudformation.calls == []
