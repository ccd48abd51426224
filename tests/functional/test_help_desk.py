"""The help desk: its own entrance, whom it sees and finds, and what happened to them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.accounts.record import DISABLED, ENROLLED, NOT_ENROLLED, STATUSES, User
from chalicelib.audit.event import AUTHENTICATOR_IMPORTED, Event
from chalicelib.help_desk import overview
from chalicelib.standing import timestamp
from tests.support.clock import A_MONDAY_MORNING, ManualClock
from tests.support.help_desk import HelpDesk
from tests.support.portal import brought_back
from tests.support.seeding import Seeding
from tests.support.wizard import Wizard
from tests.support.world import ANNA, ANNAS_PASSWORD, STINA, STINAS_PASSWORD, World

DAY = 24 * 60 * 60


@pytest.fixture
def stina(world: World) -> User:
    """Somebody of the help desk."""
    return world.add_staff()


@pytest.fixture
def desk(world: World, stina: User) -> HelpDesk:
    """Stina's browser, in which she has given a code of her own just now."""
    assert stina.is_staff
    return world.help_desk().begins_work()


def add_users(world: World, *names: str, status: str = NOT_ENROLLED) -> list[str]:
    """Add users by the store, whom nobody signs in; return their ids."""
    seeding = Seeding(stores=world.stores, tenant=world.tenant)
    ids = []
    for name in names:
        user = seeding.user(now=int(world.clock()))
        world.stores.transactions.commit(world.stores.accounts.renamed(user, username=name, language="sv"))
        if status != NOT_ENROLLED:
            world.stores.transactions.commit(world.stores.accounts.status_noted(user, status))
        ids.append(user.user_id)
    return ids


# -- the entrance


@pytest.mark.doubles
def test_staff_sign_in_by_names_of_their_own(world: World) -> None:
    """A user may be called like one of the staff: neither's password opens the other's door."""
    world.add_staff(username=ANNA)
    user, staff = world.wizard(), world.help_desk(username=ANNA)
    assert user.sign_in().body["role"] == "user"
    told = staff.sign_in().body
    assert (told["role"], told["username"], told["policy"]["second_factor"]) == (
        "help_desk",
        ANNA,
        "required",
    )
    assert user.sign_in(password=STINAS_PASSWORD).problem == "password_mismatch"
    assert staff.sign_in(password=ANNAS_PASSWORD).problem == "password_mismatch"


@pytest.mark.doubles
def test_nobody_of_the_staff_is_a_user_nor_the_other_way_round(world: World) -> None:
    world.add_staff()
    assert world.wizard(username=STINA, password=STINAS_PASSWORD).sign_in().problem == "password_mismatch"
    answer = world.help_desk(username=ANNA, password=ANNAS_PASSWORD).sign_in()
    assert answer.problem == "password_mismatch"


@pytest.mark.doubles
def test_a_tenant_that_nobody_has_is_told_apart_from_no_other(world: World) -> None:
    for tenant in ("nobody", "No Tenant", "cozone#"):
        assert world.help_desk(tenant=tenant).sign_in().problem == "not_found"
    world.stores.tenants.suspend("cozone", at=0)
    assert world.help_desk().sign_in().problem == "tenant_suspended"


@pytest.mark.doubles
@pytest.mark.requirement("L11", "P5")
@pytest.mark.parametrize("passwords", ["directory", "portal"])
def test_unknown_staff_cost_and_hear_the_same_as_known_ones(world: World, passwords: str) -> None:
    if passwords == "portal":
        world.add_portal("cozone")
    world.add_staff(world.stores.tenants.get("cozone"))
    told = []
    for name in (STINA, "nobody@servicedesk.se"):
        desk = world.help_desk(username=name)
        answers = []
        for _ in range(7):
            answer = desk.sign_in(password="not-the-password")
            answers.append(
                (answer.status, answer.text, answer.headers.get("retry-after"), world.aws_calls())
            )
        told.append(answers)
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [422] * 5 + [429] * 2


@pytest.mark.doubles
def test_staff_prove_their_password_here_whoever_holds_the_users(world: World) -> None:
    world.add_portal("cozone")
    world.add_staff(world.stores.tenants.get("cozone"))
    desk = world.help_desk()
    assert desk.sign_in().body["password"] == "directory"
    assert desk.prove_again().status == 200
    assert world.wizard().sign_in().problem == "password_held_by_portal"
    desk.begin()
    assert desk.confirm(desk.scan().otp()).status == 200


@pytest.mark.doubles
def test_no_time_is_given_to_staff_without_a_second_factor(world: World) -> None:
    world.add_tenant(policy={"second_factor": "optional", "deadline": "2099-01-01", "grace_days": 365})
    world.add_staff()
    desk = world.help_desk()
    policy = desk.sign_in().body["policy"]
    assert policy == {"second_factor": "required", "due_at": None}
    assert desk.users().problem == "verification_required"
    desk.prove_again()
    desk.begin()
    desk.confirm(desk.scan().otp())
    assert desk.users().status == 200
    desk.prove_again()
    assert desk.remove(desk.authenticator_ids()[0]).problem == "last_authenticator"


@pytest.mark.doubles
def test_no_session_of_the_staff_goes_to_a_portal(world: World) -> None:
    portal = world.add_portal("cozone")
    staff = world.add_staff(world.stores.tenants.get("cozone"))
    desk = world.help_desk().begins_work()
    assert desk.return_to_portal().problem == "not_handed_off"
    for called in (staff.user_id, STINA):
        assert portal.status(called).body["second_factor"] == "none"
        assert portal.verify(called, desk.phone.otp(steps=1)).problem == "not_enrolled"


@pytest.mark.doubles
def test_no_portal_ever_calls_somebody_of_the_staff(world: World) -> None:
    with pytest.raises(ValueError, match="no portal"):
        world.services.directory.create_user(
            world.tenant,
            username=STINA,
            password=STINAS_PASSWORD,
            language="sv",
            role="help_desk",
            portal_user="u-1",
        )


@pytest.mark.doubles
def test_a_browser_is_not_remembered_for_staff(world: World) -> None:
    world.add_tenant(policy={"second_factor": "required", "deadline": None, "remember_days": 30})
    world.add_staff()
    desk = world.help_desk().begins_work()
    world.clock.advance_to_next_time_step()
    assert desk.verify(desk.phone.otp(), remember=True).browser_cookie is None
    desk.browser_id = secrets.token_hex(32)
    assert desk.sign_in().body["verified"] is False


# -- lists


@pytest.mark.doubles
def test_users_are_listed_by_name_in_pages_of_fifty(world: World, desk: HelpDesk) -> None:
    add_users(world, *[f"u{number:03}@firma.se" for number in range(70)])
    add_users(world, *[f"v{number:03}@firma.se" for number in range(40)], status=ENROLLED)
    names, answer = [], desk.users()
    while True:
        page = answer.body
        assert len(page["users"]) == 50 or page["next"] is None
        names += [user["username"] for user in page["users"]]
        if page["next"] is None:
            break
        answer = desk.users(after=page["next"])
    assert len(names) == 111
    assert names == sorted(names)
    assert STINA not in names
    assert [user["username"] for user in desk.users(search="V00").body["users"]] == [
        f"v{number:03}@firma.se" for number in range(10)
    ]
    assert len(desk.users(status=ENROLLED).body["users"]) == 40


@pytest.mark.doubles
def test_a_listed_user_is_told_by_few_words(world: World, desk: HelpDesk) -> None:
    assert desk.users().body == {
        "users": [
            {
                "id": world.user.user_id,
                "username": ANNA,
                "portal_user": None,
                "status": "not_enrolled",
                "created_at": timestamp(A_MONDAY_MORNING),
            }
        ],
        "next": None,
    }


@pytest.mark.doubles
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "help_desk"}, "status"),
        ({"status": "enrolled#"}, "status"),
        ({"search": "x" * 255}, "search"),
        ({"after": "nonsense"}, "after"),
        ({"after": "x" * 20_000}, "after"),
        ({"after": "åäö"}, "after"),
    ],
)
def test_a_query_that_is_none_is_refused_by_name(desk: HelpDesk, query: dict[str, str], field: str) -> None:
    answer = desk.users(**query)
    assert (answer.status, answer.problem, answer.body["field"]) == (400, "body_malformed", field)


@pytest.mark.doubles
@pytest.mark.requirement("M1", "B57")
def test_a_cursor_works_for_its_own_list_of_its_own_tenant_alone(world: World, desk: HelpDesk) -> None:
    add_users(world, *[f"u{number:03}@firma.se" for number in range(60)])
    cursor = desk.users().body["next"]
    assert desk.users(after=cursor).status == 200
    byra = world.add_tenant(id="byra", issuer="Byrå Nord")
    world.add_staff(byra)
    others = world.help_desk(tenant="byra").begins_work()
    altered = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))
    ]
    refused = [
        others.users(after=cursor),
        desk.users(after=cursor, search="u"),
        desk.users(after=cursor, status=NOT_ENROLLED),
        desk.users(after=cursor + "="),
        desk.users(after=f" {cursor}"),
        desk.users(after=cursor[:-1]),
        *[desk.users(after=other) for other in altered],
    ]
    assert {answer.problem for answer in refused} == {"body_malformed"}
    assert others.users().body == {"users": [], "next": None}


@pytest.mark.doubles
def test_users_are_counted_by_status(world: World, desk: HelpDesk) -> None:
    add_users(world, "a", "b", status=ENROLLED)
    add_users(world, "c", status=DISABLED)
    assert desk.counts().body == dict.fromkeys(STATUSES, 0) | {
        "not_enrolled": 1,
        "enrolled": 2,
        "disabled": 1,
        "total": 4,
        "more_than": [],
    }


@pytest.mark.doubles
@pytest.mark.requirement("V2")
def test_of_very_many_users_is_told_that_they_are_more(
    world: World, desk: HelpDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_COUNTED", 2)
    add_users(world, "a", "b", "c", status=ENROLLED)
    told = desk.counts().body
    assert (told["enrolled"], told["not_enrolled"], told["total"]) == (2, 1, 3)
    assert told["more_than"] == ["enrolled", "total"]


# -- one user


@pytest.mark.doubles
@pytest.mark.requirement("E9", "B46")
def test_a_user_is_shown_with_all_that_stands_for_the_second_factor(
    world: World, desk: HelpDesk, wizard: Wizard
) -> None:
    world.add_tenant(policy={"second_factor": "required", "deadline": None, "remember_days": 30})
    world.clock.advance(61)  # for which the old policy is remembered
    bound_at = int(world.clock())
    phone, codes = wizard.enrolled_with_codes()
    world.clock.advance_to_next_time_step()
    browser = world.wizard()
    browser.sign_in()
    browser.verify(phone.otp(), remember=True)
    told = desk.user(world.user.user_id).body
    assert told["user"] == {
        "id": world.user.user_id,
        "username": ANNA,
        "portal_user": None,
        "language": "sv",
        "status": "enrolled",
        "created_at": timestamp(A_MONDAY_MORNING),
        "addresses": ["a***@firma.se"],
    }
    assert told["second_factor"] == "active"
    assert told["authenticators"] == [
        {
            "name": "Google Authenticator",
            "bound_at": timestamp(bound_at),
            "last_used_at": timestamp(int(world.clock())),
        }
    ]
    assert (told["waiting_until"], told["month_cap_reached"], told["reset"]) == (None, False, None)
    assert (told["recovery_codes_left"], told["remembered_browsers"]) == (10, 1)
    assert told["events"][0]["kind"] == "browser.remembered"
    assert {event["kind"] for event in told["events"][1:]} == {  # both within one second
        "recovery_codes.made",
        "authenticator.bound",
    }
    assert {event["by"] for event in told["events"]} == {"user"}
    assert not any(form in json.dumps(told) for form in [*phone.forms_of_key(), *codes, "argon2", "hash"])


@pytest.mark.doubles
@pytest.mark.requirement("E9")
def test_a_replaced_phone_stays_on_record(world: World, desk: HelpDesk, wizard: Wizard) -> None:
    """Every factor ever bound: when, by whom and from where, though it works no more."""
    wizard.enrolled()
    first = wizard.authenticator_ids()[0]
    world.clock.advance(DAY)
    world.clock.advance_to_next_time_step()
    wizard.session_id = None
    desk.sign_in()
    desk.verify(desk.phone.otp())
    desk.reset(world.user.user_id)
    events = desk.user(world.user.user_id).body["events"]
    bound = [event for event in events if event["kind"] == "authenticator.bound"]
    assert [(event["subject"], event["by"], event["occurred_at"]) for event in bound] == [
        (first, "user", timestamp(A_MONDAY_MORNING))
    ]
    assert (events[0]["kind"], events[0]["by"], events[0]["by_name"]) == (
        "second_factor.reset",
        "help_desk",
        STINA,
    )


@pytest.mark.doubles
def test_whoever_did_something_is_told_by_kind_and_by_name_where_we_know_it(
    world: World, desk: HelpDesk
) -> None:
    portal = world.add_portal("cozone")
    wizard = world.arrived(portal, "u-1")
    user_id = next(iter(desk.users(search="u-1").body["users"]))["id"]
    wizard.begin()
    wizard.confirm(wizard.scan().otp())
    world.clock.advance_to_next_time_step()
    operator = Event(
        kind=AUTHENTICATOR_IMPORTED,
        tenant_id="cozone",
        user_id=user_id,
        occurred_at=int(world.clock()),
        actor="operator:arn:aws:iam::111122223333:user/olle.operator",
        request_id=None,
        reference=None,
    )
    world.stores.transactions.commit(world.stores.events.recorded(operator))
    world.arrived(portal, "u-1", addresses=["u-1@firma.se"])
    told = {event["kind"]: event for event in desk.user(user_id).body["events"]}
    imported = told["authenticator.imported"]
    assert (imported["by"], imported["by_name"]) == ("operator", None)
    assert "arn" not in json.dumps(told)
    assert (told["addresses.changed"]["by"], told["addresses.changed"]["by_name"]) == ("portal", "web")
    assert (told["authenticator.bound"]["by"], told["authenticator.bound"]["by_name"]) == ("user", None)


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_a_portal_that_is_called_almost_like_an_operator_is_told_as_a_portal(world: World) -> None:
    portal = world.add_portal("operatorn")
    wizard = world.arrived(portal, "u-1")
    wizard.begin()
    wizard.confirm(wizard.scan().otp())
    code = brought_back(wizard.return_to_portal())["code"]
    assert [portal.redeem(code).status for _ in range(2)] == [200, 409]
    world.add_staff(world.services.tenants.get("operatorn"))
    desk = world.help_desk(tenant="operatorn").begins_work()
    user_id = desk.users().body["users"][0]["id"]
    told = {event["kind"]: event["by"] for event in desk.user(user_id).body["events"]}
    assert told["assertion.flagged"] == "portal"


@pytest.mark.doubles
def test_only_the_last_twenty_events_are_shown(world: World, desk: HelpDesk) -> None:
    portal = world.add_portal("cozone")
    for number in range(22):
        world.arrived(portal, "u-1", addresses=[f"u-{number}@firma.se"])
    user_id = next(iter(desk.users(search="u-1").body["users"]))["id"]
    assert len(desk.user(user_id).body["events"]) == 20


@pytest.mark.doubles
@pytest.mark.requirement("E9", "B46")
def test_nobody_pushes_what_happened_out_of_sight_by_changing_names(
    world: World, desk: HelpDesk, wizard: Wizard
) -> None:
    wizard.enrolled()
    wizard.prove_again()
    (phone,) = wizard.authenticator_ids()
    for number in range(25):
        assert wizard.rename(phone, f"Name {number}").status == 200
    kinds = [event["kind"] for event in desk.user(world.user.user_id).body["events"]]
    assert kinds == ["authenticator.bound"]


@pytest.mark.parametrize("failed", [5, 12])
def test_a_wait_is_told_and_ends(world: World, desk: HelpDesk, wizard: Wizard, failed: int) -> None:
    phone = wizard.enrolled()
    wizard.sign_in()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"consecutive_failures": {"N": str(failed - 1)}})
    world.clock.advance_to_next_time_step()
    wizard.verify(phone.wrong_otp())
    refused = wizard.verify(phone.otp())
    due_at = int(world.clock()) + int(refused.headers["retry-after"])
    assert desk.user(world.user.user_id).body["waiting_until"] == timestamp(due_at)
    world.clock.advance(int(refused.headers["retry-after"]))
    desk.sign_in()
    desk.verify(desk.phone.otp())
    assert desk.user(world.user.user_id).body["waiting_until"] is None


@pytest.mark.requirement("L4")
def test_a_month_that_is_used_up_is_told(world: World, desk: HelpDesk, wizard: Wizard) -> None:
    wizard.enrolled()
    row = world.row("TOTP")
    assert row is not None
    world.aws.write(row | {"failures_2026_11": {"N": "30"}})
    told = desk.user(world.user.user_id).body
    assert (told["month_cap_reached"], told["waiting_until"]) == (True, "2026-12-01T00:00:00Z")


@pytest.mark.doubles
@pytest.mark.requirement("B57", "M1")
def test_a_user_is_found_by_the_reference_that_their_page_shows(world: World, desk: HelpDesk) -> None:
    world.add_byra_with_berit()
    wizard = world.wizard()
    reference = wizard.sign_in().body["reference"]
    assert desk.user_of_reference(reference).body["user"]["id"] == world.user.user_id
    assert desk.user_of_reference(f" {reference.upper()} ").body["user"]["id"] == world.user.user_id
    theirs = world.berits_wizard().sign_in().body["reference"]
    own = desk.session().body["reference"]
    for other in (theirs, own, "00000000", "", "7f3k", "x" * 9, "' OR 1=1"):
        assert desk.user_of_reference(other).problem == "not_found", other
    world.clock.advance(8 * DAY)
    desk.sign_in()
    desk.verify(desk.phone.otp())
    assert desk.user_of_reference(reference).problem == "not_found"


class BusyWeek:
    """A tenant whose events go on for ever: each part takes its time, and holds nobody's reference."""

    def __init__(self, clock: ManualClock, *, seconds_a_part: float) -> None:
        self._clock = clock
        self._seconds = seconds_a_part
        self.looked_at = 0

    def users_of_reference(self, *_: str, **__: int) -> Iterator[None]:
        while True:
            self._clock.advance(self._seconds)
            self.looked_at += 1
            yield None


@pytest.mark.doubles
@pytest.mark.requirement("V2")
@pytest.mark.parametrize(("seconds_a_part", "parts"), [(0.0, 120), (0.5, 12), (30.0, 1)])
def test_a_look_for_a_reference_ends_and_says_that_it_saw_the_latest_only(
    world: World, stina: User, seconds_a_part: float, parts: int
) -> None:
    assert stina.is_staff
    week = BusyWeek(world.clock, seconds_a_part=seconds_a_part)
    of_desk = world.services.help_desk
    busy = replace(of_desk, overview=replace(of_desk.overview, history=week))  # type: ignore[arg-type]  # all it needs
    world.use(replace(world.services, help_desk=busy))
    answer = world.help_desk().begins_work().user_of_reference("7f3c9abc")
    assert (answer.status, answer.problem) == (404, "search_unfinished")
    assert week.looked_at == parts


@pytest.mark.requirement("M1", "M2", "B57", "B62")
def test_nobody_is_helped_but_the_users_of_ones_own_tenant(
    world: World, stina: User, desk: HelpDesk
) -> None:
    """Another tenant's user, one of the staff, oneself and nobody: told alike, at the same calls."""
    berit = world.add_byra_with_berit()
    colleague = world.add_staff(username="sune@servicedesk.se")
    before = world.aws.state(), world.event_kinds()
    ids = [
        berit.user_id,
        colleague.user_id,
        stina.user_id,
        secrets.token_hex(16),
        "",
        "nobody",
        f"{world.user.user_id}#USER",
        "x" * 10_000,
    ]
    for act in (desk.user, desk.reset, desk.unlock):
        told = set()
        for user_id in ids:
            answer = act(user_id)
            told.add((answer.status, answer.text, str(world.aws_calls())))
            assert answer.problem == "not_found", (act, user_id)
        assert len(told) == 1, act
    assert (world.aws.state(), world.event_kinds()) == before


def _secrets_of(rows: list[dict[str, Any]]) -> list[str]:
    names = ("ciphertext", "password_hash", "code_hash", "lookup_key", "salt")
    return [name for name in names if any(name in row for row in rows)]


@pytest.mark.requirement("B46", "B35", "T12")
def test_no_answer_of_the_help_desk_holds_what_is_secret(
    world: World, desk: HelpDesk, wizard: Wizard
) -> None:
    phone = wizard.enrolled()
    assert _secrets_of(world.aws.state())
    code = desk.reset(world.user.user_id).body["reset_code"]
    answers = [
        desk.users(),
        desk.users(search="a"),
        desk.counts(),
        desk.user(world.user.user_id),
        desk.unlock(world.user.user_id),
        desk.reset(world.user.user_id, said={"reason": "short"}),
        desk.user("nobody"),
    ]
    told = "".join(answer.text for answer in answers) + "".join(world.log_lines)
    for secret in [*phone.forms_of_key(), code, code.replace("-", ""), "argon2", "ciphertext", "salt"]:
        assert secret not in told, secret
