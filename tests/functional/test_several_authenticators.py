"""Several authenticators: one more, in place of which, under which name, and away with one."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.authenticators.record import Owner
from tests.support.wizard import Phone, Wizard
from tests.support.world import COZONE, World

pytestmark = pytest.mark.doubles
MINUTES = 60
OPTIONAL = COZONE["policy"] | {"second_factor": "optional"}


def may_change(world: World, wizard: Wizard) -> Phone:
    """Let Anna have one phone, and have proven all that it takes to change something."""
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    wizard.prove_again()
    return phone


def add(world: World, wizard: Wizard, *, replaces: str | None = None) -> Phone:
    """Let Anna bind one more, or one in place of another; she may change more after that."""
    phone = Phone(wizard.begin(replaces=replaces).body["key"], world.clock)
    answer = wizard.confirm(phone.otp())
    assert answer.status == 200, answer.text
    world.clock.advance_to_next_time_step()
    wizard.prove_again()
    return phone


def entries(wizard: Wizard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wizard.second_factor().body["authenticators"]
    return found


def names(wizard: Wizard) -> list[str]:
    return [entry["name"] for entry in entries(wizard)]


def is_accepted(world: World, phone: Phone) -> bool:
    """Say whether a new sign-in takes the phone's code, which no other phone shows by chance."""
    world.clock.advance_to_next_time_step()
    wizard = world.wizard()
    wizard.sign_in()
    answer = wizard.verify(phone.otp())
    assert answer.problem in {None, "otp_mismatch"}, answer.text
    return answer.problem is None


class TestAdding:
    """Up to five, each with a name, beside each other."""

    @pytest.mark.requirement("E10")
    def test_each_of_several_opens_and_each_is_told_by_name(self, world: World, wizard: Wizard) -> None:
        phones = [may_change(world, wizard)]
        phones += [add(world, wizard) for _ in range(2)]
        assert names(wizard) == [
            "Google Authenticator",
            "Google Authenticator 2",
            "Google Authenticator 3",
        ]
        assert all(is_accepted(world, phone) for phone in phones)

    @pytest.mark.requirement("E10")
    def test_there_is_room_for_five(self, world: World, wizard: Wizard) -> None:
        may_change(world, wizard)
        for _ in range(4):
            add(world, wizard)
        assert wizard.second_factor().body["most_authenticators"] == len(entries(wizard)) == 5
        assert wizard.begin().problem == "too_many_authenticators"
        assert wizard.session().body["enrolment"] is None
        add(world, wizard, replaces=entries(wizard)[2]["id"])
        assert len(entries(wizard)) == 5

    @pytest.mark.requirement("E10", "B29")
    def test_one_takes_the_place_and_the_name_of_another_and_the_rest_stay(
        self, world: World, wizard: Wizard
    ) -> None:
        first = may_change(world, wizard)
        second = add(world, wizard)
        old, other = (entry["id"] for entry in entries(wizard))
        wizard.rename(old, "Arbetsmobil")
        new = Phone(wizard.begin(replaces=old).body["key"], world.clock)
        assert is_accepted(world, first), "until the new one is confirmed"
        assert wizard.confirm(new.otp()).status == 200
        assert sorted(names(wizard)) == ["Arbetsmobil", "Google Authenticator 2"]
        assert other in wizard.authenticator_ids()
        assert [is_accepted(world, phone) for phone in (first, second, new)] == [False, True, True]
        (revoked,) = [e for e in world_events(world) if e.kind == "authenticator.revoked"]
        assert revoked.subject == old

    def test_a_name_that_is_free_again_is_given_again(self, world: World, wizard: Wizard) -> None:
        may_change(world, wizard)
        add(world, wizard)
        wizard.rename(entries(wizard)[0]["id"], "Arbetsmobil")
        add(world, wizard)
        assert names(wizard) == ["Arbetsmobil", "Google Authenticator 2", "Google Authenticator"]

    def test_what_is_not_ones_own_is_not_replaced(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        wizard.prove_again()
        assert wizard.begin(replaces="0" * 32).problem == "not_found", "with nothing bound"
        may_change(world, wizard)
        for nobodys in ("0" * 32, "*"):
            assert wizard.begin(replaces=nobodys).problem == "not_found"

    @pytest.mark.requirement("E1", "B36")
    def test_the_same_key_may_be_meant_for_another_place_with_a_fresh_password_only(
        self, world: World, wizard: Wizard
    ) -> None:
        may_change(world, wizard)
        (old,) = wizard.authenticator_ids()
        key = wizard.begin().body["key"]
        assert wizard.begin(replaces=old).body["key"] == key
        world.clock.advance(5 * MINUTES + 1)
        assert wizard.begin(replaces=old).body["key"] == key, "as it was begun"
        assert wizard.begin().problem == "reauthentication_required"
        wizard.confirm(Phone(key, world.clock).otp())
        assert len(entries(wizard)) == 1
        assert wizard.authenticator_ids() != [old]


class TestProofs:
    """Each change takes a code and the password; a look takes a code."""

    @pytest.mark.requirement("E1")
    @pytest.mark.parametrize("change", ["begin", "rename", "remove"])
    def test_a_change_takes_the_present_factor_and_a_fresh_password_in_this_order(
        self, world: World, wizard: Wizard, change: str
    ) -> None:
        phone = may_change(world, wizard)
        (mine,) = wizard.authenticator_ids()

        def try_it(wizard: Wizard) -> str | None:
            if change == "begin":
                return wizard.begin().problem
            return (wizard.rename(mine, "x") if change == "rename" else wizard.remove(mine)).problem

        thief = world.wizard()
        thief.sign_in()
        assert thief.second_factor().problem == "verification_required"
        assert try_it(thief) == "verification_required"
        thief.prove_again()
        assert try_it(thief) == "verification_required"
        world.clock.advance(5 * MINUTES + 1)
        assert thief.verify(phone.otp()).status == 200
        assert try_it(thief) == "reauthentication_required"
        assert len(entries(thief)) == 1

    @pytest.mark.requirement("E9")
    def test_all_that_there_is_is_told_and_no_secret(self, world: World, wizard: Wizard) -> None:
        phone = may_change(world, wizard)
        answer = wizard.second_factor()
        assert answer.headers["cache-control"] == "no-store"
        (entry,) = answer.body["authenticators"]
        assert set(entry) == {"id", "name", "bound_at", "last_used_at"}
        assert entry["bound_at"] == entry["last_used_at"] == "2026-11-23T09:00:00Z"
        assert answer.body | {"authenticators": []} == {
            "authenticators": [],
            "most_authenticators": 5,
            "last_removable": False,
            "recovery_codes": None,
            "remembered_browsers": [],
        }
        assert not [form for form in phone.forms_of_key() if form in answer.text]
        made = wizard.make_recovery_codes().body
        told = wizard.second_factor().body["recovery_codes"]
        assert told == {"made_at": made["made_at"], "left": 10, "acknowledged": False, "disabled": False}
        wizard.acknowledge_recovery_codes(made["set"])
        assert wizard.second_factor().body["recovery_codes"]["acknowledged"] is True


class TestNaming:
    """A name is up to forty characters that can be shown."""

    @pytest.mark.requirement("E10")
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("Arbetsmobil", "Arbetsmobil"),
            ("  Min\N{NO-BREAK SPACE}telefon ", "Min telefon"),
            ("\N{FULLWIDTH LATIN CAPITAL LETTER A}nnas", "Annas"),
            ("\N{MOBILE PHONE} " + "x" * 38, "\N{MOBILE PHONE} " + "x" * 38),
            ("<b>&amp;", "<b>&amp;"),
        ],
    )
    def test_a_name_is_kept_as_it_is_compared(
        self, world: World, wizard: Wizard, typed: str, kept: str
    ) -> None:
        may_change(world, wizard)
        (mine,) = wizard.authenticator_ids()
        answer = wizard.rename(mine, typed)
        assert answer.body == wizard.second_factor().body
        assert names(wizard) == [kept]
        (event,) = [e for e in world_events(world) if e.kind == "authenticator.renamed"]
        assert event.subject == mine
        assert kept not in repr(event)

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            " ",
            "\N{NO-BREAK SPACE}",
            "x" * 41,
            "a\nb",
            "a\tb",
            "\N{RIGHT-TO-LEFT OVERRIDE}a",
            "a\x00b",
            "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 3,
        ],
    )
    def test_what_cannot_be_shown_is_refused_by_the_fields_name(
        self, world: World, wizard: Wizard, typed: str
    ) -> None:
        may_change(world, wizard)
        (mine,) = wizard.authenticator_ids()
        answer = wizard.rename(mine, typed)
        assert (answer.problem, answer.body["field"]) == ("body_malformed", "name")
        assert names(wizard) == ["Google Authenticator"]

    def test_a_name_that_it_bears_already_is_no_change(self, world: World, wizard: Wizard) -> None:
        may_change(world, wizard)
        (mine,) = wizard.authenticator_ids()
        for _ in range(2):
            assert wizard.rename(mine, "Arbetsmobil").status == 200
        assert [event.kind for event in world_events(world)].count("authenticator.renamed") == 1
        assert wizard.rename("0" * 32, "Arbetsmobil").problem == "not_found"


class TestRemoving:
    """What is removed stops at once; the rule for the last one is the tenant's policy."""

    @pytest.mark.requirement("E10", "E8", "E2")
    def test_what_is_removed_stops_at_once_and_ends_every_other_session(
        self, world: World, wizard: Wizard
    ) -> None:
        lost = may_change(world, wizard)
        kept = add(world, wizard)
        elsewhere = world.wizard()
        elsewhere.sign_in()
        elsewhere.verify(kept.otp())
        old_id = wizard.session_id
        answer = wizard.remove(wizard.authenticator_ids()[0])
        assert answer.body["second_factor"] == "active"
        assert (answer.body["verified"], answer.body["password_fresh_until"]) == (True, None)
        assert answer.body["authenticator"]["name"] == "Google Authenticator 2"
        assert wizard.session_id != old_id
        assert wizard.session().body == answer.body
        assert elsewhere.session().problem == "not_signed_in"
        assert names(wizard) == ["Google Authenticator 2"]
        assert [is_accepted(world, phone) for phone in (lost, kept)] == [False, True]
        (event,) = [e for e in world_events(world) if e.kind == "authenticator.removed"]
        assert event.actor == world.user.user_id

    @pytest.mark.requirement("B40")
    @pytest.mark.parametrize("deadline", [None, "2027-06-30"])
    def test_where_a_second_factor_is_asked_for_the_last_one_stays(
        self, world: World, wizard: Wizard, deadline: str | None
    ) -> None:
        """Even while the day from which it is asked for is to come."""
        world.add_tenant(policy=COZONE["policy"] | {"deadline": deadline})
        phone = may_change(world, wizard)
        assert wizard.second_factor().body["last_removable"] is False
        assert wizard.remove(wizard.authenticator_ids()[0]).problem == "last_authenticator"
        assert is_accepted(world, phone)

    @pytest.mark.requirement("B40")
    def test_where_it_is_not_the_last_one_goes_and_with_it_what_hung_on_it(
        self, world: World, wizard: Wizard
    ) -> None:
        """No recovery code and no browser stands for a factor that is not there."""
        world.add_tenant(policy=OPTIONAL | {"remember_days": 30})
        phone, codes = wizard.enrolled_with_codes()
        world.clock.advance_to_next_time_step()
        wizard.verify(phone.otp(), remember=True)
        wizard.prove_again()
        assert wizard.second_factor().body["last_removable"] is True
        answer = wizard.remove(wizard.authenticator_ids()[0])
        assert (answer.body["second_factor"], answer.body["verified"]) == ("none", False)
        assert answer.body["recovery_codes"] == {"offered": True, "made": False, "due": False}
        assert wizard.session().body == answer.body
        next_time = world.wizard()
        next_time.browser_id = wizard.browser_id
        assert next_time.sign_in().body["verified"] is False
        assert next_time.recover(codes[0]).problem is not None
        assert next_time.verify(phone.otp()).problem == "not_enrolled"
        assert next_time.begun().key != phone.key
        world.clock.advance_to_next_time_step()
        assert next_time.confirm(next_time.scan().otp()).status == 200
        assert next_time.second_factor().body["recovery_codes"] is None

    @pytest.mark.requirement("B40")
    def test_the_policy_of_now_decides_and_not_a_remembered_one(self, world: World, wizard: Wizard) -> None:
        world.add_tenant(policy=OPTIONAL)
        may_change(world, wizard)
        assert wizard.second_factor().body["last_removable"] is True
        world.add_tenant(policy=COZONE["policy"])
        assert wizard.remove(wizard.authenticator_ids()[0]).problem == "last_authenticator"

    @pytest.mark.requirement("E4", "E5")
    def test_what_waits_is_dropped_with_it(self, world: World, wizard: Wizard) -> None:
        """It could not be confirmed any more, and must not stand in the way of the next."""
        world.add_tenant(policy=OPTIONAL)
        may_change(world, wizard)
        waiting = Phone(wizard.begin().body["key"], world.clock)
        assert wizard.remove(wizard.authenticator_ids()[0]).body["enrolment"] is None
        assert wizard.confirm(waiting.otp()).problem == "enrolment_not_begun"
        wizard.prove_again()
        assert wizard.begin().body["key"] != waiting.key

    @pytest.mark.requirement("E10", "M1")
    def test_what_is_not_ones_own_is_not_removed(self, world: World, wizard: Wizard) -> None:
        may_change(world, wizard)
        for nobodys in ("0" * 32, "*"):
            assert wizard.remove(nobodys).problem == "not_found"
        assert len(entries(wizard)) == 1

    @pytest.mark.requirement("L3")
    def test_what_is_disabled_is_not_removed_and_not_added_to(self, world: World, wizard: Wizard) -> None:
        phone = may_change(world, wizard)
        add(world, wizard)
        mine = wizard.authenticator_ids()[0]
        disable(world, phone)
        wizard.prove_again()
        assert wizard.remove(mine).problem == "authenticator_disabled"
        assert wizard.begin().problem == "authenticator_disabled"
        assert len(entries(wizard)) == 2


class TestAfterARecoveryCode:
    """A recovery code counts as the present factor, and is the one way on for what is disabled."""

    @pytest.mark.requirement("E1", "B24", "L3")
    def test_all_that_is_disabled_gives_way_to_the_new_one(self, world: World, wizard: Wizard) -> None:
        phone, codes = wizard.enrolled_with_codes()
        world.clock.advance_to_next_time_step()
        wizard.prove_again()
        other = add(world, wizard)
        old = set(wizard.authenticator_ids())
        disable(world, phone)
        assert listed_status(world) == "disabled"
        again = world.wizard()
        again.sign_in()
        again.prove_again()
        assert again.begin().problem == "authenticator_disabled"
        assert again.recover(codes[0]).body["verified_by"] == "recovery_code"
        new = Phone(again.begin().body["key"], world.clock)
        answer = again.confirm(new.otp())
        assert (answer.body["second_factor"], answer.body["verified_by"]) == ("active", "code")
        assert names(again) == ["Google Authenticator"]
        told = [event.subject for event in world_events(world) if event.kind == "authenticator.revoked"]
        assert set(told) == old
        assert [is_accepted(world, p) for p in (phone, other, new)] == [False, False, True]
        assert listed_status(world) == "enrolled"

    @pytest.mark.requirement("E10", "B24")
    def test_a_lost_phone_is_replaced_or_removed(self, world: World, wizard: Wizard) -> None:
        lost, codes = wizard.enrolled_with_codes()
        again = world.wizard()
        again.sign_in()
        again.recover(codes[0])
        again.prove_again()
        new = Phone(again.begin_replacement().body["key"], world.clock)
        assert again.confirm(new.otp()).status == 200
        assert [is_accepted(world, phone) for phone in (lost, new)] == [False, True]


class TestHowOften:
    """Whoever has proven everything once cannot go on without end: each step is kept, most are mailed."""

    @pytest.mark.requirement("E7")
    def test_forty_steps_are_taken_on_a_day_and_the_next_one_tomorrow(
        self, world: World, wizard: Wizard
    ) -> None:
        phone = full_day(world, wizard)
        waiting, (mine,) = Phone(wizard.offer().body["key"], world.clock), wizard.authenticator_ids()
        told, attempts = len(world_events(world)), attempts_at_what_waits(world)
        wizard.cancel()
        wizard.prove_again()
        refused = [
            wizard.begin(),
            wizard.rename(mine, "one more"),
            wizard.remove(mine),
            wizard.confirm(waiting.otp()),
        ]
        for answer in refused:
            assert (answer.status, answer.problem) == (429, "too_many_attempts")
            assert answer.body["retry_at"] == "2026-11-24T00:00:00Z"
        kinds = [event.kind for event in world_events(world)[told:]]
        assert kinds == ["enrolment.cancelled", "session.reauthenticated"]
        assert attempts == 0
        assert is_accepted(world, phone), "signing in is no step"

        world.clock.now = 1_795_478_400
        wizard.sign_in()
        wizard.verify(phone.otp())
        wizard.prove_again()
        assert (
            wizard.confirm(Phone(wizard.begin_replacement().body["key"], world.clock).otp()).status == 200
        )

    @pytest.mark.requirement("E7")
    def test_what_waits_is_not_tried_at_once_the_day_is_full(self, world: World, wizard: Wizard) -> None:
        full_day(world, wizard)
        waiting = wizard.scan()
        for _ in range(11):
            assert wizard.confirm(waiting.otp()).problem == "too_many_attempts"
        assert attempts_at_what_waits(world) == 0

    @pytest.mark.requirement("E7", "E11")
    def test_whom_the_help_desk_resets_sets_up_the_next_phone_on_the_same_day(
        self, world: World, wizard: Wizard
    ) -> None:
        full_day(world, wizard)
        world.add_staff()
        reset = world.help_desk().begins_work().reset(world.user.user_id)
        assert reset.status == 201
        wizard.sign_in()
        wizard.prove_again()
        wizard.give_reset_code(reset.body["reset_code"])
        assert wizard.confirm(Phone(wizard.begin().body["key"], world.clock).otp()).status == 200

    @pytest.mark.requirement("E7")
    def test_keys_begun_and_cancelled_are_as_few(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        wizard.prove_again()
        outcomes = []
        for _ in range(42):
            outcomes.append(wizard.begin().problem)
            wizard.cancel()
        assert outcomes == [None] * 40 + ["too_many_attempts"] * 2
        kinds = [event.kind for event in world_events(world)]
        assert kinds.count("enrolment.begun") == kinds.count("enrolment.cancelled") == 40

    @pytest.mark.requirement("E7")
    def test_what_changes_nothing_is_no_step(self, world: World, wizard: Wizard) -> None:
        may_change(world, wizard)
        (mine,) = wizard.authenticator_ids()
        for _ in range(50):
            assert wizard.rename(mine, "Google Authenticator").status == 200
            assert wizard.rename("0" * 32, "x").problem == "not_found"
        wizard.begin()
        for _ in range(50):
            assert wizard.begin().status == 200
        assert wizard.confirm(wizard.scan().otp()).status == 200


def full_day(world: World, wizard: Wizard) -> Phone:
    """Let Anna have taken all of a day's steps, with a key that waits; return her phone."""
    phone = may_change(world, wizard)
    wizard.begin_replacement()
    (mine,) = wizard.authenticator_ids()
    for number in range(37):
        assert wizard.rename(mine, f"name {number}").status == 200
    return phone


def attempts_at_what_waits(world: World) -> int:
    """Return how often Anna's pending authenticator was tried to be confirmed."""
    owner = Owner(tenant_id="cozone", user_id=world.user.user_id)
    pending = world.stores.authenticators.pending(owner)
    return 0 if pending is None else pending.attempts


@pytest.mark.requirement("B28")
def test_lists_tell_who_has_only_begun(world: World, wizard: Wizard) -> None:
    wizard.sign_in()
    wizard.prove_again()
    assert listed_status(world) == "not_enrolled"
    wizard.begin()
    wizard.begin()
    assert listed_status(world) == "begun"
    wizard.confirm(wizard.scan().otp())
    assert listed_status(world) == "enrolled"
    world.add_tenant(policy=OPTIONAL)
    wizard.prove_again()
    wizard.begin()
    assert listed_status(world) == "enrolled"
    wizard.remove(wizard.authenticator_ids()[0])
    assert listed_status(world) == "not_enrolled"


def listed_status(world: World) -> str:
    """Return what lists show of Anna."""
    user = world.stores.accounts.get("cozone", world.user.user_id)
    assert user is not None
    return user.status


def world_events(world: World) -> list[Any]:
    """Return all events so far, oldest first."""
    events: list[Any] = world.stores.events.events  # type: ignore[attr-defined]  # doubles here
    return events


def disable(world: World, phone: Phone) -> None:
    """Let somebody guess until nothing is taken any more; Anna's session outlives it."""
    now, wrong = world.clock.now, phone.wrong_otp()
    for _ in range(20):
        guesser = world.wizard()
        guesser.sign_in()
        guesser.verify(wrong)
        world.clock.advance(3_600)
    world.clock.now = now


def test_no_authenticator_has_an_empty_id(world: World, wizard: Wizard) -> None:
    may_change(world, wizard)
    for answer, field in (
        (wizard.rename("", "Arbetsmobil"), "authenticator"),
        (wizard.remove(""), "authenticator"),
        (wizard.begin(replaces=""), "replaces"),
    ):
        assert (answer.status, answer.problem, answer.body["field"]) == (400, "body_malformed", field)
    assert len(entries(wizard)) == 1
