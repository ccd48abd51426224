"""A reset by the help desk ends all that stood for the second factor; its code opens the next enrolment."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.accounts.record import User
from chalicelib.sessions.session import session_key_of
from chalicelib.storage.changes import Change
from tests.support.help_desk import HelpDesk
from tests.support.portal import brought_back
from tests.support.wizard import Phone, Wizard, wrong_recovery_code
from tests.support.world import World

HOUR = 60 * 60
REMEMBERING = {"second_factor": "required", "deadline": None, "remember_days": 30}
WAITING = {"second_factor": "required", "deadline": None, "reset_wait_hours": 4}


@pytest.fixture
def desk(world: World) -> HelpDesk:
    """Stina's browser, in which she has given a code of her own just now."""
    world.add_staff()
    return world.help_desk().begins_work()


@pytest.fixture
def anna(world: World) -> User:
    return world.user


def fresh(desk: HelpDesk) -> HelpDesk:
    """Let the staff sign in anew and give a code."""
    desk.sign_in()
    answer = desk.verify(desk.phone.otp(steps=1))
    assert answer.status == 200, answer.text
    return desk


def reset(desk: HelpDesk, user: User) -> str:
    answer = desk.reset(user.user_id)
    assert answer.status == 201, answer.text
    code: str = answer.body["reset_code"]
    return code


def other_than(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def signed_in(world: World) -> Wizard:
    wizard = world.wizard()
    wizard.sign_in()
    wizard.prove_again()
    return wizard


# -- what it ends


@pytest.mark.requirement("B39", "E11", "E8")
def test_all_that_was_there_ends_at_once(world: World, desk: HelpDesk, anna: User) -> None:
    world.add_tenant(policy=REMEMBERING)
    world.clock.advance(61)
    phone, codes = world.wizard().enrolled_with_codes()
    world.clock.advance_to_next_time_step()
    browser, other, adding = world.wizard(), world.wizard(), world.wizard()
    browser.sign_in()
    browser.verify(phone.otp(), remember=True)
    world.clock.advance_to_next_time_step()
    other.sign_in()
    for wizard in (adding,):
        wizard.sign_in()
        wizard.verify(phone.otp())
        wizard.prove_again()
        assert wizard.begin().status == 200
    pending = adding.scan()

    fresh(desk)
    reset(desk, anna)

    for wizard in (browser, other, adding):
        assert wizard.session().problem == "not_signed_in"
    assert adding.confirm(pending.otp()).problem == "not_signed_in"
    assert {row["sk"]["S"] for row in rows_of(world, anna)} == {"USER", "RESET"}
    world.clock.advance_to_next_time_step()
    again = browser.sign_in().body
    assert (again["verified"], again["second_factor"], again["recovery_codes"]["made"]) == (
        False,
        "none",
        False,
    )
    assert browser.verify(phone.otp()).problem == "not_enrolled"
    for code in (codes[0], wrong_recovery_code(codes[0])):
        assert browser.recover(code).problem == "recovery_code_mismatch"
    browser.prove_again()
    assert browser.confirm(pending.otp()).problem == "enrolment_not_begun"


def rows_of(world: World, user: User) -> list[dict[str, Any]]:
    partition = f"T#{user.tenant_id}#U#{user.user_id}"
    return [row for row in world.aws.state() if row["pk"]["S"] == partition]


@pytest.mark.doubles
@pytest.mark.requirement("B39", "E11")
def test_a_portal_takes_no_code_of_before_either(world: World, desk: HelpDesk) -> None:
    portal = world.add_portal("cozone")
    phone = world.enrolled_at(portal, "u-1")
    world.clock.advance_to_next_time_step()
    user_id = desk.users(search="u-1").body["users"][0]["id"]
    assert desk.reset(user_id).status == 201
    assert portal.verify("u-1", phone.otp()).problem == "not_enrolled"
    assert portal.status("u-1").body["second_factor"] == "none"
    back = world.arrived(portal, "u-1")
    assert back.begin().problem == "reset_code_required"


@pytest.mark.doubles
@pytest.mark.requirement("B58", "E11")
@pytest.mark.parametrize(
    "policy",
    [
        {"second_factor": "optional", "deadline": None},
        {"second_factor": "required", "deadline": "2099-01-01", "grace_days": 30},
    ],
    ids=["optional", "not yet"],
)
def test_no_policy_lets_whoever_was_reset_in_by_the_password_alone(
    world: World, desk: HelpDesk, policy: dict[str, Any]
) -> None:
    """Else a reset would be worth more than a stolen phone: they had a second factor before."""
    portal = world.add_portal("cozone", policy=policy)
    world.clock.advance(61)  # for that long a profile is remembered
    world.enrolled_at(portal, "u-1")
    assert portal.status("u-2").body["next"] == "offer"
    user = world.stores.accounts.get("cozone", desk.users(search="u-1").body["users"][0]["id"])
    assert user is not None
    code = reset(desk, user)
    told = portal.status("u-1").body
    assert (told["second_factor"], told["next"], told["due_at"]) == ("none", "enrol", None)
    back = world.arrived(portal, "u-1")
    asked = back.session().body["policy"]
    assert asked == {"second_factor": "required", "due_at": None}
    assert brought_back(back.return_to_portal()).keys() == {"error", "state"}
    back = world.arrived(portal, "u-1")
    back.give_reset_code(code)
    back.begin()
    assert back.confirm(back.scan().otp()).body["policy"]["second_factor"] == policy["second_factor"]
    assert portal.status("u-1").body["next"] == "verify"


# -- what comes after


@pytest.mark.doubles
@pytest.mark.requirement("E11", "E12")
def test_the_password_alone_binds_nothing_until_the_code_is_given(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    assert desk.counts().body["reset"] == 1
    wizard = signed_in(world)
    assert wizard.session().body["reset_code_required"] is True
    assert wizard.begin().problem == "reset_code_required"
    assert wizard.offer().problem == "enrolment_not_begun"
    before = wizard.session_id
    told = wizard.give_reset_code(code)
    assert (told.status, told.body["reset_code_required"]) == (200, False)
    assert wizard.session_id != before
    assert wizard.begin().status == 200
    assert wizard.confirm(wizard.scan().otp()).body["reset_code_required"] is False
    detail = desk.user(anna.user_id).body
    assert (detail["second_factor"], detail["reset"], detail["user"]["status"]) == (
        "active",
        None,
        "enrolled",
    )


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_the_code_does_not_stand_for_the_password(world: World, desk: HelpDesk, anna: User) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    wizard = world.wizard()
    wizard.sign_in()
    wizard.give_reset_code(code)
    assert wizard.begin().problem == "reauthentication_required"


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_the_code_works_until_an_authenticator_is_bound_and_never_again(
    world: World, desk: HelpDesk, anna: User
) -> None:
    """A lost answer or a closed browser must not strand the user."""
    world.wizard().enrolled()
    code = reset(desk, anna)
    lost = signed_in(world)
    key = "one-key-for-one-action"
    lost.give_reset_code(code, idempotency_key=key, keep_cookie=False)
    assert lost.give_reset_code(code, idempotency_key=key).status == 200
    assert lost.session().status == 200
    wizard = signed_in(world)
    assert wizard.begin().problem == "reset_code_required"
    assert wizard.give_reset_code(code).status == 200
    wizard.begin()
    phone = wizard.scan()
    wizard.confirm(phone.otp())
    assert lost.begin().problem == "not_signed_in"
    last = signed_in(world)
    assert last.give_reset_code(code).problem == "reset_code_expired"
    assert last.session().body["reset_code_required"] is False


@pytest.mark.doubles
@pytest.mark.requirement("E11")
@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(str.lower, id="small letters"),
        pytest.param(lambda code: code.replace("-", ""), id="in one"),
        pytest.param(lambda code: f" {' '.join(code)}\n", id="letter by letter"),
        pytest.param(lambda code: code.replace("0", "O").replace("1", "l"), id="O and l"),
    ],
)
def test_a_code_is_taken_however_it_is_heard(world: World, desk: HelpDesk, anna: User, typed: Any) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", code)
    assert signed_in(world).give_reset_code(typed(code)).status == 200


@pytest.mark.requirement("E11", "L6")
def test_ten_tries_are_counted_before_they_are_looked_at_and_no_more(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    wizard = signed_in(world)
    for malformed in (
        "",
        "1234-567",
        "1234-56789",
        "1234-567U",
        "\uff11234-5678",
        "\u017f234-5678",
        "x" * 5_000,
    ):
        assert wizard.give_reset_code(malformed).problem == "reset_code_malformed"
    for attempts in range(1, 11):
        assert wizard.give_reset_code(other_than(code)).problem == "reset_code_mismatch"
        row = next(row for row in rows_of(world, anna) if row["sk"]["S"] == "RESET")
        assert row["attempts"] == {"N": str(attempts)}
    told = wizard.give_reset_code(code)
    assert (told.status, told.problem) == (410, "reset_code_expired")
    assert world.event_kinds().count("attempt.counted") == 10
    second = reset(desk, anna)
    assert signed_in(world).give_reset_code(code).problem == "reset_code_mismatch"
    assert signed_in(world).give_reset_code(second).status == 200


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_a_second_reset_ends_the_first_ones_code_and_every_session_that_gave_it(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().enrolled()
    first = reset(desk, anna)
    wizard = signed_in(world)
    wizard.give_reset_code(first)
    assert wizard.begin().status == 200
    phone = wizard.scan()
    second = reset(desk, anna)
    assert wizard.confirm(phone.otp()).problem == "not_signed_in"
    again = signed_in(world)
    assert again.give_reset_code(first).problem == "reset_code_mismatch"
    assert again.give_reset_code(second).status == 200


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_a_code_lasts_a_day(world: World, desk: HelpDesk, anna: User) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    world.clock.advance(24 * HOUR)
    assert signed_in(world).give_reset_code(code).status == 200
    world.clock.advance(1)
    assert signed_in(world).give_reset_code(code).problem == "reset_code_expired"


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_a_tenant_may_let_the_code_wait_so_that_the_owner_can_protest(
    world: World, desk: HelpDesk, anna: User
) -> None:
    """What there was ends at once all the same: a lost phone works for nobody."""
    world.add_tenant(policy=WAITING)
    world.clock.advance(61)
    phone = world.wizard().enrolled()
    fresh(desk)
    answer = desk.reset(anna.user_id)
    code = answer.body["reset_code"]
    wizard = signed_in(world)
    assert wizard.verify(phone.otp(steps=1)).problem == "not_enrolled"
    told = wizard.give_reset_code(code)
    assert (told.status, told.problem, told.headers["retry-after"]) == (429, "reset_not_open", "14400")
    assert wizard.give_reset_code(other_than(code)).problem == "reset_not_open"
    world.clock.advance(4 * HOUR - 1)
    assert signed_in(world).give_reset_code(code).problem == "reset_not_open"
    world.clock.advance(24 * HOUR + 1)
    assert signed_in(world).give_reset_code(code).status == 200
    shown = fresh(desk).user(anna.user_id).body["reset"]
    assert shown == {"opens_at": answer.body["opens_at"], "expires_at": answer.body["expires_at"]}


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_nobody_without_a_reset_has_a_code_to_give(world: World, wizard: Wizard) -> None:
    assert wizard.give_reset_code("0000-0000").problem == "not_signed_in"
    wizard.sign_in()
    assert wizard.give_reset_code("0000-0000").problem == "reset_code_expired"
    assert not any(event.kind.startswith("attempt") for event in world.stores.events.events)  # type: ignore[attr-defined]


# -- what the staff must say


REFUSED = [
    ("reason", "Lost"),
    ("reason", "Lost      "),
    ("reason", "x" * 501),
    ("reason", None),
    ("ticket", ""),
    ("ticket", "   "),
    ("ticket", "x" * 61),
    ("reason", "x\n" * 4 + " \t\r\n" * 20),
    ("reason", "The phone fell into the \u202eekal\u202c"),
    ("reason", "The phone fell into the lake\x00"),
    ("ticket", "INC\x1b[2J4711"),
    ("ticket", "INC-4711\u2066"),
    ("identity_check", "none"),
    ("identity_check", ""),
]


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_a_reset_without_reason_ticket_or_check_is_refused_by_name(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().enrolled()
    for field, value in REFUSED:
        answer = desk.reset(anna.user_id, said={field: value})
        told = (answer.status, answer.problem, answer.body["field"])
        assert told == (400, "body_malformed", field), value
        if field != "identity_check":
            assert desk.unlock(anna.user_id, said={field: value}).body["field"] == field


@pytest.mark.doubles
@pytest.mark.requirement("E11", "T12")
def test_no_secret_and_no_list_of_users_can_be_given(desk: HelpDesk, anna: User) -> None:
    """Staff choose no code, and reset one user at a time."""
    for act in (desk.reset, desk.unlock):
        for field in ("secret", "code", "reset_code", "users", "otp", "key"):
            assert act(anna.user_id, said={field: "x"}).problem == "body_malformed"
        assert act(anna.user_id, said={"user": [anna.user_id]}).body["field"] == "user"


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_who_never_had_a_second_factor_has_nothing_to_reset(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().begun()
    answer = desk.reset(anna.user_id)
    assert (answer.status, answer.problem) == (409, "not_enrolled")
    assert desk.user(anna.user_id).body["reset"] is None


@pytest.mark.doubles
@pytest.mark.requirement("E11", "A1")
def test_a_reset_is_told_with_who_why_and_how_they_knew(world: World, desk: HelpDesk, anna: User) -> None:
    world.wizard().enrolled()
    code = reset(desk, anna)
    # Of one second with what was before it: the order there tells nothing.
    events = desk.user(anna.user_id).body["events"]
    (told,) = [event for event in events if event["kind"] == "second_factor.reset"]
    assert told == {
        "kind": "second_factor.reset",
        "occurred_at": told["occurred_at"],
        "by": "help_desk",
        "by_name": desk.username,
        "source": None,
        "subject": None,
        "details": {
            "identity_check": "call_back",
            "reason": "The phone fell into the lake",
            "ticket": "INC-4711",
            "opens_at": str(int(world.clock())),
        },
    }
    wizard = signed_in(world)
    wizard.give_reset_code(code)
    events = world.stores.events.events  # type: ignore[attr-defined]  # a double's
    assert [event.kind for event in events][-2:] == ["attempt.counted", "reset_code.accepted"]
    assert events[-2].details == {"proof": "reset_code"}


@pytest.mark.requirement("E11", "V3")
def test_a_lost_answer_is_given_again_and_the_code_is_nowhere_stored(
    world: World, desk: HelpDesk, anna: User
) -> None:
    world.wizard().enrolled()
    key = "one-key-for-one-action"
    first = desk.reset(anna.user_id, idempotency_key=key)
    world.clock.advance(60)
    again = desk.reset(anna.user_id, idempotency_key=key)
    assert (again.status, again.body) == (201, first.body)
    assert world.event_kinds().count("second_factor.reset") == 1
    code = first.body["reset_code"]
    stored = repr(world.aws.state()) + repr(world.aws.events())
    assert code not in stored
    assert code.replace("-", "") not in stored
    world.clock.advance(1)
    assert desk.reset(anna.user_id, idempotency_key=key).body["reset_code"] != code


# -- unlocking


def locked_out(world: World, phone: Phone) -> Wizard:
    """Let six codes be wrong; return the browser that has to wait."""
    wizard = world.wizard()
    wizard.sign_in()
    for _ in range(5):
        assert wizard.verify(phone.wrong_otp()).problem == "otp_mismatch"
    assert wizard.verify(phone.otp()).problem == "too_many_attempts"
    return wizard


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_unlocking_lets_the_next_code_be_looked_at_at_once(
    world: World, desk: HelpDesk, anna: User
) -> None:
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard = locked_out(world, phone)
    told = desk.unlock(anna.user_id)
    assert (told.status, told.body["waiting_until"], told.body["second_factor"]) == (200, None, "active")
    assert told.body["events"][0]["kind"] == "second_factor.unlocked"
    assert told.body["events"][0]["details"] == {
        "reason": "The phone fell into the lake",
        "ticket": "INC-4711",
    }
    assert wizard.verify(phone.otp()).status == 200


@pytest.mark.requirement("L4")
def test_unlocking_opens_the_month(world: World, desk: HelpDesk, anna: User) -> None:
    phone = world.wizard().enrolled()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"failures_2026_11": {"N": "30"}})
    world.clock.advance_to_next_time_step()
    wizard = world.wizard()
    wizard.sign_in()
    assert wizard.verify(phone.otp()).problem == "too_many_attempts"
    assert desk.unlock(anna.user_id).body["month_cap_reached"] is False
    assert wizard.verify(phone.otp()).status == 200


@pytest.mark.doubles
@pytest.mark.requirement("L4", "L7", "E11")
def test_no_help_desk_lifts_a_guessers_waits_more_than_three_times_a_month(
    world: World, desk: HelpDesk, anna: User
) -> None:
    """One of them who guesses together with a thief gets twenty tries, not as many as they like."""
    phone = world.wizard().enrolled()
    thief = world.wizard()
    thief.sign_in()
    for tries in (5, 5, 5):
        assert {thief.verify(phone.wrong_otp()).problem for _ in range(tries)} == {"otp_mismatch"}
        assert desk.unlock(anna.user_id).status == 200
    assert {thief.verify(phone.wrong_otp()).problem for _ in range(5)} == {"otp_mismatch"}
    refused = desk.unlock(anna.user_id)
    assert (refused.status, refused.problem) == (429, "too_many_attempts")
    assert refused.body["retry_at"] == "2026-12-01T00:00:00Z"
    assert thief.verify(phone.otp()).problem == "too_many_attempts"
    kinds = [event["kind"] for event in desk.user(anna.user_id).body["events"]]
    assert kinds.count("second_factor.unlocked") == 3
    assert desk.reset(anna.user_id).status == 201
    world.clock.advance(30 * 24 * 60 * 60)
    assert world.help_desk().sign_in().status == 200


@pytest.mark.doubles
@pytest.mark.requirement("E11")
def test_a_recovery_code_of_the_staffs_own_leads_to_a_new_phone_and_helps_nobody_before(
    world: World, anna: User
) -> None:
    """Whoever found the paper and guessed the password is no help desk yet: a new phone is told of."""
    world.wizard().enrolled()
    world.add_staff()
    _, codes = world.help_desk().enrolled_with_codes()
    desk = world.help_desk()
    desk.sign_in()
    assert desk.recover(codes[0]).body["verified_by"] == "recovery_code"
    assert desk.users().problem == desk.reset(anna.user_id).problem == "verification_required"
    desk.prove_again()
    assert desk.begin().status == 200
    assert desk.confirm(desk.scan().otp()).body["verified_by"] == "code"
    assert desk.users().status == 200
    assert desk.reset(anna.user_id).status == 201


@pytest.mark.doubles
def test_unlocking_forgives_passwords_and_recovery_codes_too(
    world: World, desk: HelpDesk, anna: User
) -> None:
    inside = world.wizard()
    _, codes = inside.enrolled_with_codes()
    outside = world.wizard()
    for _ in range(5):
        inside.prove_again(password="not-the-password")
        inside.recover(wrong_recovery_code(codes[0]))
        outside.sign_in(password="not-the-password")
    assert inside.prove_again().problem == "too_many_attempts"
    assert inside.recover(codes[0]).problem == "too_many_attempts"
    assert outside.sign_in().problem == "too_many_attempts"
    assert desk.unlock(anna.user_id).status == 200
    assert inside.prove_again().status == 200
    assert inside.recover(codes[0]).status == 200
    assert outside.sign_in().status == 200


@pytest.mark.doubles
@pytest.mark.requirement("L11")
def test_unlocking_a_portals_user_forgives_nobody_of_the_same_name(world: World, desk: HelpDesk) -> None:
    """The portal chooses that name; whoever signs in by it with us may be somebody else."""
    portal = world.add_portal("mixed", passwords="directory")
    tenant = world.services.tenants.get("mixed")
    world.add_user(tenant, username="anna")
    portal.hand_off("4711", username="anna")
    world.add_staff(tenant)
    desk = world.help_desk(tenant="mixed").begins_work()
    guesser = world.wizard(tenant="mixed", username="anna")
    for _ in range(5):
        guesser.sign_in(password="not-the-password")
    (of_portal,) = [user for user in desk.users().body["users"] if user["portal_user"] == "4711"]
    assert desk.unlock(of_portal["id"]).status == 200
    assert guesser.sign_in(password="not-the-password").problem == "too_many_attempts"


@pytest.mark.doubles
def test_unlocking_somebody_without_a_second_factor_forgives_their_password(
    world: World, desk: HelpDesk, anna: User
) -> None:
    wizard = world.wizard()
    for _ in range(5):
        wizard.sign_in(password="not-the-password")
    assert wizard.sign_in().problem == "too_many_attempts"
    assert desk.unlock(anna.user_id).body["second_factor"] == "none"
    assert wizard.sign_in().status == 200


@pytest.mark.requirement("L3", "E11")
@pytest.mark.parametrize(
    "differences",
    [{"status": {"S": "DISABLED"}}, {"consecutive_failures": {"N": "20"}}],
    ids=["marked", "by its count"],
)
def test_what_is_disabled_is_never_unlocked(
    world: World, desk: HelpDesk, anna: User, differences: dict[str, Any]
) -> None:
    phone = world.wizard().enrolled()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | differences)
    events = world.event_kinds()
    answer = desk.unlock(anna.user_id)
    assert (answer.status, answer.problem) == (423, "authenticator_disabled")
    assert world.row("TOTP") == row | differences
    assert world.event_kinds() == events
    code = reset(desk, anna)
    wizard = signed_in(world)
    wizard.give_reset_code(code)
    wizard.begin()
    assert wizard.confirm(wizard.scan().otp()).status == 200
    assert phone.otp()


@pytest.mark.doubles
@pytest.mark.requirement("E11", "A5")
def test_what_is_written_down_is_one_line(world: World, desk: HelpDesk, anna: User) -> None:
    world.wizard().enrolled()
    said = {"reason": " The phone\r\nfell\u2028into\tthe  lake ", "ticket": " INC \n4711"}
    assert desk.unlock(anna.user_id, said=said).status == 200
    assert desk.reset(anna.user_id, said=said).status == 201
    told = {event["kind"]: event["details"] for event in desk.user(anna.user_id).body["events"]}
    for kind in ("second_factor.unlocked", "second_factor.reset"):
        written = told[kind]["reason"], told[kind]["ticket"]
        assert written == ("The phone fell into the lake", "INC 4711")


@pytest.mark.doubles
@pytest.mark.requirement("E11", "V3")
@pytest.mark.parametrize("enrol", [Wizard.enrolled, Wizard.sign_in], ids=["a phone", "none"])
def test_an_unlock_whose_answer_was_lost_is_answered_again_and_counts_once(
    world: World, desk: HelpDesk, anna: User, enrol: Callable[[Wizard], object]
) -> None:
    enrol(world.wizard())
    key = "one-key-for-one-action"
    first = desk.unlock(anna.user_id, idempotency_key=key)
    world.clock.advance(60)
    for _ in range(4):
        again = desk.unlock(anna.user_id, idempotency_key=key)
        assert (again.status, again.body) == (200, first.body)
    assert unlocks_told(desk, anna) == 1
    world.clock.advance(1)
    assert desk.unlock(anna.user_id, idempotency_key=key).status == 200
    assert desk.unlock(anna.user_id).status == 200
    assert unlocks_told(desk, anna) == 3


@pytest.mark.doubles
@pytest.mark.requirement("E11", "V3")
@pytest.mark.parametrize("store", ["authenticators", "transactions"])
def test_an_unlock_that_runs_beside_itself_counts_once(
    world: World, desk: HelpDesk, anna: User, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    """It is the third and last one of the month: the other of the two is not told that it came too late."""
    world.wizard().enrolled()
    for _ in range(2):
        desk.unlock(anna.user_id)
    key = "one-key-for-one-action"
    asked = {"authenticators": world.stores.authenticators, "transactions": world.stores.transactions}[
        store
    ]
    name = {"authenticators": "bound", "transactions": "commit"}[store]
    go_on = getattr(asked, name)

    def after_the_other(*arguments: Any) -> Any:
        monkeypatch.undo()
        assert desk.unlock(anna.user_id, idempotency_key=key).status == 200
        return go_on(*arguments)

    monkeypatch.setattr(asked, name, after_the_other)
    assert desk.unlock(anna.user_id, idempotency_key=key).status == 200
    assert unlocks_told(desk, anna) == 3
    assert desk.unlock(anna.user_id).problem == "too_many_attempts"


def unlocks_told(desk: HelpDesk, user: User) -> int:
    kinds = [event["kind"] for event in desk.user(user.user_id).body["events"]]
    return kinds.count("second_factor.unlocked")


# -- whose sign-in it takes


def signed_out(world: World, desk: HelpDesk) -> None:
    other = world.help_desk()
    other.session_id = desk.session_id
    assert other.sign_out().status == 204


def given_another_phone(world: World, desk: HelpDesk) -> None:
    staff = staff_of(world, desk)
    world.stores.transactions.commit(world.stores.accounts.second_factor_changed(staff, epoch=staff.epoch))


@pytest.mark.doubles
@pytest.mark.requirement("E11", "B62")
@pytest.mark.parametrize("meanwhile", [signed_out, given_another_phone])
@pytest.mark.parametrize("act", ["reset", "unlock"])
@pytest.mark.parametrize("enrol", [Wizard.enrolled, lambda wizard: wizard.enrolled_with_codes()[0]])
def test_whose_sign_in_ends_meanwhile_does_nothing(
    world: World,
    desk: HelpDesk,
    anna: User,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[World, HelpDesk], None],
    act: str,
    enrol: Callable[[Wizard], Phone],
) -> None:
    """A colleague is removed, or signs out, between what was read of them and what they do."""
    phone = enrol(world.wizard())
    locked_out(world, phone)
    commit = world.stores.transactions.commit

    def at_the_last_moment(*changes: Change) -> None:
        monkeypatch.undo()
        meanwhile(world, desk)
        commit(*changes)

    monkeypatch.setattr(world.stores.transactions, "commit", at_the_last_moment)
    answer = getattr(desk, act)(anna.user_id)
    assert (answer.status, answer.problem) == (401, "not_signed_in")
    again = world.wizard()
    again.sign_in()
    assert again.verify(phone.otp()).problem == "too_many_attempts"


def staff_of(world: World, desk: HelpDesk) -> User:
    assert desk.session_id is not None
    session = world.stores.sessions.get(session_key_of(desk.session_id))
    assert session is not None
    staff = world.stores.accounts.get("cozone", session.user_id)
    assert staff is not None
    return staff
