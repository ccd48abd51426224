"""Required, optional, or required after a while: what a portal does next; and the while is set once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.portal import Portal
from tests.support.wizard import Wizard
from tests.support.world import ANNA, ANNAS_PASSWORD, World

DAY = 24 * 60 * 60
USER = "u-1"
REQUIRED: dict[str, Any] = {"second_factor": "required", "deadline": None, "grace_days": None}
OPTIONAL = REQUIRED | {"second_factor": "optional"}
FORTNIGHT = REQUIRED | {"grace_days": 14}
TWO_WEEKS_ON = "2026-12-07T09:00:00Z"  # from the world's Monday morning

WITHOUT_ONE: list[tuple[dict[str, Any], tuple[str, str | None]]] = [
    (REQUIRED, ("enrol", None)),
    (REQUIRED | {"grace_days": 0}, ("enrol", None)),
    (OPTIONAL, ("offer", None)),
    (OPTIONAL | {"grace_days": 14, "deadline": "2026-12-24"}, ("offer", None)),
    (FORTNIGHT, ("offer", TWO_WEEKS_ON)),
    (REQUIRED | {"deadline": "2026-11-23"}, ("offer", "2026-11-24T00:00:00Z")),
    (REQUIRED | {"deadline": "2026-12-01"}, ("offer", "2026-12-02T00:00:00Z")),
    (REQUIRED | {"deadline": "2026-11-22"}, ("enrol", "2026-11-23T09:00:00Z")),
    (FORTNIGHT | {"deadline": "2026-12-01"}, ("offer", TWO_WEEKS_ON)),
    (FORTNIGHT | {"deadline": "2026-12-24"}, ("offer", "2026-12-25T00:00:00Z")),
]


def policy(world: World, tenant_id: str = "example", **differences: object) -> None:
    """Let the operator change the tenant's policy."""
    source = dict(world.services.tenants.get(tenant_id).profile.source)
    world.add_tenant(**source | {"policy": REQUIRED | differences})


def standing(portal: Portal, user: str = USER) -> tuple[str, str | None]:
    """Return what comes next for *user*, and until when they may wait."""
    answer = portal.status(user)
    assert answer.status == 200, answer.text
    return answer.body["next"], answer.body["due_at"]


def told_in(wizard: Wizard) -> str | None:
    """Return until when the user may wait, as their page is told."""
    due_at: str | None = wizard.session().body["policy"]["due_at"]
    return due_at


def take_the_second_factor_away(world: World) -> None:
    """Do to the tables what a reset by the help desk does."""
    world.aws.restore([row for row in world.aws.state() if row["sk"]["S"] != "TOTP"])


class TestWhatComesNext:
    """From the stored state and the profile, and from nothing that the portal says."""

    @pytest.mark.doubles
    @pytest.mark.requirement("B34")
    def test_without_a_second_factor(self, world: World) -> None:
        for number, (asked, expected) in enumerate(WITHOUT_ONE):
            portal = world.add_portal(f"portal-{number}", policy=asked)
            assert standing(portal) == expected, asked
            assert portal.status(USER).body["policy"] == asked["second_factor"]
            wizard = world.arrived(portal, USER)
            told = {"second_factor": asked["second_factor"], "due_at": expected[1]}
            assert wizard.session().body["policy"] == told, asked
            assert standing(portal) == expected, "neither the question nor the hand-off changed it"

    @pytest.mark.doubles
    @pytest.mark.requirement("B34", "B58")
    def test_the_last_second_of_the_time_is_the_one_before(self, world: World) -> None:
        portal = world.add_portal(policy=FORTNIGHT)
        portal.status(USER)
        world.clock.advance(14 * DAY - 1)
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        world.clock.advance(1)
        assert standing(portal) == ("enrol", TWO_WEEKS_ON)
        world.clock.advance(900 * DAY)
        assert standing(portal) == ("enrol", TWO_WEEKS_ON)

    @pytest.mark.requirement("B34")
    def test_with_one_it_is_asked_for_whatever_the_policy(self, world: World) -> None:
        portal = world.add_portal()
        world.enrolled_at(portal, USER)
        changes: list[dict[str, Any]] = [{}, {"second_factor": "optional"}, {"grace_days": 14}]
        for asked in changes:
            policy(world, **asked)
            assert standing(portal) == ("verify", None), asked
        (row,) = [row for row in world.aws.state() if row["sk"]["S"] == "TOTP"]
        world.aws.write(row | {"status": {"S": "DISABLED"}})
        assert standing(portal) == ("support", None)

    def test_asking_where_no_time_is_given_writes_nothing(self, world: World) -> None:
        for policy in (REQUIRED, OPTIONAL):
            portal = world.add_portal(policy=policy)
            before = world.aws.state()
            standing(portal)
            assert world.aws_calls() == {"DynamoDB.GetItem": 3}
            assert world.aws.state() == before


class TestSetOnce:
    """The time begins when the user is first met, and nothing begins it anew."""

    @pytest.fixture
    def portal(self, world: World) -> Portal:
        """Return a portal whose users have two weeks, one of whom has just been met."""
        portal = world.add_portal(policy=FORTNIGHT)
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        world.clock.advance(3 * DAY)
        return portal

    @pytest.mark.doubles
    @pytest.mark.requirement("B34", "B58")
    def test_no_question_sign_in_or_name_moves_it(self, world: World, portal: Portal) -> None:
        for number in range(4):
            assert standing(portal) == ("offer", TWO_WEEKS_ON)
            wizard = world.arrived(portal, USER, username=f"name-{number}")
            assert told_in(wizard) == TWO_WEEKS_ON
            wizard.return_to_portal()
            world.clock.advance(DAY)
        assert standing(portal, "u-2")[1] == "2026-12-14T09:00:00Z", "who is met later has their own"

    @pytest.mark.requirement("B34", "B58")
    def test_no_abandoned_set_up_moves_it(self, world: World, portal: Portal) -> None:
        wizard = world.arrived(portal, USER)
        wizard.begin()
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        wizard.cancel()
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        wizard.begin()
        world.aws.restore([row for row in world.aws.state() if row["sk"]["S"] != "PENDING"])
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        assert told_in(world.arrived(portal, USER)) == TWO_WEEKS_ON

    @pytest.mark.doubles
    @pytest.mark.requirement("B34", "B58")
    def test_no_other_profile_lengthens_it(self, world: World, portal: Portal) -> None:
        for differences in ({"grace_days": 30}, {"grace_days": 1}, {"deadline": "2027-12-24"}):
            policy(world, **differences)
            assert standing(portal) == ("offer", TWO_WEEKS_ON)
        policy(world)
        assert standing(portal) == ("enrol", None), "an operator who gives no time gives none"
        policy(world, second_factor="optional")
        assert standing(portal) == ("offer", None)
        policy(world, grace_days=365)
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        world.clock.advance(20 * DAY)
        assert standing(portal) == ("enrol", TWO_WEEKS_ON)

    @pytest.mark.requirement("B34", "B58")
    def test_whoever_had_a_second_factor_waits_for_none(self, world: World, portal: Portal) -> None:
        """A reset takes it away; the time that was left is not given back."""
        world.enrolled_at(portal, USER)
        take_the_second_factor_away(world)
        assert standing(portal) == ("enrol", None)
        assert told_in(world.arrived(portal, USER)) is None
        policy(world, grace_days=365)
        assert standing(portal) == ("enrol", None)

    @pytest.mark.requirement("B34", "B58")
    def test_a_reset_of_somebody_never_met_in_grace_opens_none(self, world: World) -> None:
        """The policy that gives time came after the user had enrolled."""
        portal = world.add_portal("late", policy=REQUIRED)
        world.enrolled_at(portal, USER)
        policy(world, "late", grace_days=14)
        take_the_second_factor_away(world)
        assert standing(portal) == ("enrol", None)
        assert not [
            row
            for row in world.aws.state()
            if row["pk"]["S"].startswith("T#late") and row["sk"]["S"] == "GRACE"
        ]


class TestDirectory:
    """Whoever signs in with us has the same policy."""

    @pytest.mark.requirement("B34", "B58")
    def test_each_sign_in_tells_the_time_that_the_first_one_set(self, world: World) -> None:
        policy(world, "cozone", grace_days=14)
        wizard = world.wizard()
        body = wizard.sign_in().body
        assert body["policy"] == {"second_factor": "required", "due_at": TWO_WEEKS_ON}
        assert wizard.session().body["policy"] == body["policy"]
        assert wizard.prove_again().body["policy"] == body["policy"]
        world.clock.advance(5 * DAY)
        assert world.wizard().sign_in().body["policy"]["due_at"] == TWO_WEEKS_ON
        wizard.enrolled()
        take_the_second_factor_away(world)
        assert world.wizard().sign_in().body["policy"]["due_at"] is None

    @pytest.mark.doubles
    @pytest.mark.requirement("B34")
    def test_where_no_time_is_given_none_is_told(self, world: World) -> None:
        body = world.wizard().sign_in().body
        assert body["policy"] == {"second_factor": "required", "due_at": None}
        policy(world, "cozone", second_factor="optional")
        world.clock.advance(61)  # for which profiles may be remembered
        body = world.wizard().sign_in().body
        assert body["policy"] == {"second_factor": "optional", "due_at": None}

    @pytest.mark.requirement("L11", "B57")
    def test_a_wrong_password_meets_nobody(self, world: World) -> None:
        policy(world, "cozone", grace_days=14)
        world.wizard(password="not-the-password-at-all").sign_in()
        assert not [row for row in world.aws.state() if row["sk"]["S"] == "GRACE"]

    @pytest.mark.doubles
    @pytest.mark.requirement("B34", "B58")
    def test_a_user_whom_portal_and_directory_know_has_one_time(self, world: World) -> None:
        portal = world.add_portal(passwords="directory", sign_in_url=None, policy=FORTNIGHT)
        tenant = world.services.tenants.get("example")
        world.services.directory.create_user(
            tenant, username=ANNA, password=ANNAS_PASSWORD, language="sv", portal_user=USER
        )
        signed_in = world.wizard(tenant="example").sign_in()
        assert signed_in.body["policy"]["due_at"] == TWO_WEEKS_ON
        world.clock.advance(DAY)
        assert standing(portal) == ("offer", TWO_WEEKS_ON)
        assert told_in(world.arrived(portal, USER)) == TWO_WEEKS_ON
