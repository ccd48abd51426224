"""A browser that is remembered stands for the code, for some days, and for nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.accounts.passwords import hash_password
from chalicelib.accounts.record import lookup_hash
from tests.support.portal import Portal, brought_back
from tests.support.wizard import Phone, Wizard, new_idempotency_key
from tests.support.world import COZONE, World

DAY = 86_400
DAYS = 30
REMEMBERING = COZONE["policy"] | {"remember_days": DAYS}


@pytest.fixture
def world(world: World) -> World:
    """Return a world whose tenant lets browsers be remembered."""
    world.add_tenant(policy=REMEMBERING)
    return world


@pytest.fixture
def phone(world: World) -> Phone:
    """Return Anna's phone, bound some time ago."""
    phone = world.wizard().enrolled()
    world.clock.advance_to_next_time_step()
    return phone


def remembered(wizard: Wizard, world: World, phone: Phone) -> Wizard:
    """Let *wizard*'s browser be remembered."""
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    answer = wizard.verify(phone.otp(), remember=True)
    assert answer.body["remembered"] is True, answer.text
    return wizard


def stands_for_the_code(wizard: Wizard) -> bool:
    """Sign in with the password alone, and say whether that was enough."""
    body = wizard.sign_in().body
    assert body["verified_by"] == ("remembered_browser" if body["verified"] else None)
    return bool(body["verified"])


def browsers(wizard: Wizard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wizard.second_factor().body["remembered_browsers"]
    return found


@pytest.mark.doubles
class TestRemembering:
    """Only when asked, only where the tenant allows it, and by a cookie of its own."""

    def test_it_stands_for_the_code_at_later_sign_ins_and_nowhere_else(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        wizard.sign_out()
        assert stands_for_the_code(wizard), "signing out forgets nothing"
        assert wizard.session().body["verified"] is True
        assert not stands_for_the_code(world.wizard())

    @pytest.mark.requirement("S2", "S1")
    def test_its_cookie_is_as_close_as_the_sessions(self, wizard: Wizard, phone: Phone) -> None:
        wizard.sign_in()
        answer = wizard.verify(phone.otp(), remember=True)
        assert (
            f"__Host-b={wizard.browser_id}; Max-Age=7776000; Secure; HttpOnly; SameSite=Strict; Path=/"
            in (answer.headers["set-cookie"])
        )
        assert wizard.browser_id is not None
        assert len(bytes.fromhex(wizard.browser_id)) == 32
        assert wizard.browser_id not in answer.text
        assert answer.cookie == wizard.session_id != wizard.browser_id

    @pytest.mark.parametrize("remember", [None, False])
    def test_nothing_is_remembered_unasked(
        self, wizard: Wizard, phone: Phone, *, remember: bool | None
    ) -> None:
        wizard.sign_in()
        answer = wizard.verify(phone.otp(), remember=remember)
        assert "remembered" not in answer.body
        assert answer.browser_cookie is None
        assert browsers(wizard) == []

    @pytest.mark.parametrize("remember_days", [None, 0])
    def test_nothing_is_remembered_where_the_tenant_does_not_allow_it(
        self, world: World, wizard: Wizard, phone: Phone, remember_days: int | None
    ) -> None:
        """And what was remembered while it did stops counting."""
        before = remembered(world.wizard(), world, phone)
        world.add_tenant(policy=REMEMBERING | {"remember_days": remember_days})
        world.clock.advance(61)  # for which open pages may go by the old one
        wizard.sign_in()
        answer = wizard.verify(phone.otp(), remember=True)
        assert "remembered" not in answer.body
        assert answer.browser_cookie is None
        assert not stands_for_the_code(before)
        assert browsers(wizard) == []
        told = wizard.call("GET", "/api/tenant").body["policy"]["remember_days"]
        assert told is None

    def test_a_wrong_code_remembers_nothing(self, wizard: Wizard, phone: Phone) -> None:
        wizard.sign_in()
        answer = wizard.verify(phone.wrong_otp(), remember=True)
        assert answer.problem == "otp_mismatch"
        assert answer.browser_cookie is None

    @pytest.mark.requirement("E6")
    def test_a_lost_answer_is_given_again_with_the_same_cookie(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        key, otp = new_idempotency_key(), phone.otp()
        lost = wizard.verify(otp, remember=True, idempotency_key=key, keep_cookie=False)
        world.clock.advance(60)
        again = wizard.verify(otp, remember=True, idempotency_key=key)
        assert (again.body, again.cookie, again.browser_cookie) == (
            lost.body,
            lost.cookie,
            lost.browser_cookie,
        )
        assert len(browsers(wizard)) == 1
        assert stands_for_the_code(wizard)

    def test_a_browser_remembered_anew_is_listed_once(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        old = replace_browser(world, wizard)
        remembered(wizard, world, phone)
        assert len(browsers(wizard)) == 1
        assert stands_for_the_code(wizard)
        assert not stands_for_the_code(old)

    def test_the_one_not_used_for_longest_gives_way_to_the_eleventh(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        many = [remembered(world.wizard(), world, phone) for _ in range(10)]
        world.clock.advance(1)
        assert stands_for_the_code(many[0])
        remembered(wizard, world, phone)
        assert len(browsers(wizard)) == 10
        assert [stands_for_the_code(one) for one in (*many[:3], many[9], wizard)] == [
            True,
            False,
            True,
            True,
            True,
        ]


def replace_browser(world: World, wizard: Wizard) -> Wizard:
    """Return a browser that has what *wizard* has: a copy of its cookies."""
    copy = world.wizard()
    copy.session_id, copy.browser_id = wizard.session_id, wizard.browser_id
    return copy


@pytest.mark.doubles
class TestItsEnd:
    """It ends by days, by any change of authenticators or password, and when its owner says so."""

    @pytest.mark.requirement("V5")
    def test_it_ends_to_the_second_whatever_ttl_has_swept(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        world.clock.advance(DAYS * DAY)
        assert stands_for_the_code(wizard)
        world.clock.advance(1)
        assert not stands_for_the_code(wizard)

    def test_it_ends_earlier_if_the_tenant_allows_less(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        world.clock.advance(7 * DAY)
        world.add_tenant(policy=REMEMBERING | {"remember_days": 7})
        assert stands_for_the_code(wizard)
        world.clock.advance(1)
        assert not stands_for_the_code(wizard)

    @pytest.mark.requirement("E8", "B29", "B39")
    @pytest.mark.parametrize("change", ["one more", "replacement", "removal"])
    def test_any_change_of_authenticators_ends_it(
        self, world: World, wizard: Wizard, phone: Phone, change: str
    ) -> None:
        remembered(wizard, world, phone)
        owner = world.wizard()
        for step in ("one more",) if change == "removal" else ():
            _change(world, owner, phone, step)
            remembered(wizard, world, phone)
        assert stands_for_the_code(wizard)
        _change(world, owner, phone, change)
        assert not stands_for_the_code(wizard)

    @pytest.mark.requirement("B39")
    def test_a_change_of_password_ends_it(self, world: World, wizard: Wizard, phone: Phone) -> None:
        remembered(wizard, world, phone)
        user = world.stores.accounts.get("cozone", world.user.user_id)
        assert user is not None
        world.stores.transactions.commit(
            world.stores.accounts.rehashed(user, hash_password(wizard.password))
        )
        assert not stands_for_the_code(wizard)

    def test_a_disabled_authenticator_leaves_nothing_to_stand_for(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        now, wrong = world.clock.now, phone.wrong_otp()
        for _ in range(20):
            guesser = world.wizard()
            guesser.sign_in()
            guesser.verify(wrong)
            world.clock.advance(3_600)
        world.clock.now = now
        answer = wizard.sign_in()
        assert (answer.body["second_factor"], answer.body["verified"]) == ("disabled", False)

    def test_one_is_listed_and_forgotten_by_itself(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        other = remembered(world.wizard(), world, phone)
        world.clock.advance_to_next_time_step()
        remembered(wizard, world, phone)
        stands_for_the_code(other)
        first, second = browsers(wizard)
        assert (first["current"], second["current"]) == (False, True)
        assert first["last_used_at"] is not None
        assert second["last_used_at"] is None
        assert second["remembered_at"] < second["expires_at"]
        assert str(wizard.browser_id) not in repr((first, second))
        answer = wizard.forget(first["id"])
        assert (answer.status, answer.browser_cookie) == (204, None)
        assert not stands_for_the_code(other)
        assert stands_for_the_code(wizard)
        answer = wizard.forget(second["id"])
        assert (answer.status, answer.browser_cookie) == (204, "")
        assert wizard.browser_id is None
        assert browsers(wizard) == []
        assert wizard.forget(second["id"]).status == 204, "asked again, nothing is wrong"
        assert kinds(world).count("browser.forgotten") == 2

    def test_all_are_forgotten_at_once(self, world: World, wizard: Wizard, phone: Phone) -> None:
        others = [remembered(world.wizard(), world, phone) for _ in range(3)]
        remembered(wizard, world, phone)
        for _ in range(2):
            answer = wizard.forget("all")
            assert (answer.status, answer.browser_cookie) == (204, "")
        assert not any(stands_for_the_code(one) for one in (*others, wizard))
        (event,) = [e for e in world.stores.events.events if e.kind == "browser.forgotten"]  # type: ignore[attr-defined]
        assert event.details == {"count": "4"}

    @pytest.mark.requirement("S4")
    def test_a_password_alone_sees_and_forgets_none(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        (browser,) = browsers(wizard)
        thief = world.wizard()
        thief.sign_in()
        for named in (browser["id"], "all"):
            assert thief.forget(named).problem == "verification_required"
        assert stands_for_the_code(wizard)


def _change(world: World, owner: Wizard, phone: Phone, change: str) -> None:
    world.clock.advance_to_next_time_step()
    owner.sign_in()
    owner.verify(phone.otp())
    owner.prove_again()
    if change == "removal":
        assert owner.remove(owner.authenticator_ids()[-1]).status == 200
        return
    begun = owner.begin() if change == "one more" else owner.begin_replacement()
    assert owner.confirm(Phone(begun.body["key"], world.clock).otp()).status == 200


def kinds(world: World) -> list[str]:
    return [event.kind for event in world.stores.events.events]  # type: ignore[attr-defined]


@pytest.mark.doubles
class TestWhatItDoesNotOpen:
    """It is no factor: it changes nothing, proves no password, and is worth nothing to anybody else."""

    @pytest.mark.requirement("E1", "B29")
    def test_it_opens_no_change(self, world: World, wizard: Wizard, phone: Phone) -> None:
        remembered(wizard, world, phone)
        assert stands_for_the_code(wizard)
        wizard.prove_again()
        (mine,) = wizard.authenticator_ids()
        refused = [
            wizard.begin(),
            wizard.begin(replaces=mine),
            wizard.rename(mine, "x"),
            wizard.remove(mine),
            wizard.make_recovery_codes(),
        ]
        assert {answer.problem for answer in refused} == {"verification_required"}
        world.clock.advance_to_next_time_step()
        assert wizard.verify(phone.otp()).body["verified_by"] == "code"
        assert wizard.begin().status == 200

    @pytest.mark.requirement("P5", "L11")
    def test_it_never_stands_for_the_password(self, world: World, wizard: Wizard, phone: Phone) -> None:
        remembered(wizard, world, phone)
        for _ in range(5):
            assert wizard.sign_in(password="a wrong one").problem == "password_mismatch"
        assert wizard.sign_in().problem == "too_many_attempts"

    @pytest.mark.requirement("M1", "S1")
    def test_it_is_worth_nothing_for_anybody_else_and_its_id_in_lists_for_nobody(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        bertil = world.wizard(username="bertil@firma.se")
        world.add_user(username="bertil@firma.se")
        bertils_phone = bertil.enrolled()
        bertil.browser_id = wizard.browser_id
        assert not stands_for_the_code(bertil)
        world.clock.advance_to_next_time_step()
        bertil.verify(bertils_phone.otp())
        assert bertil.forget(browsers(wizard)[0]["id"]).status == 204
        assert stands_for_the_code(wizard)
        for told in (browsers(wizard)[0]["id"], "x" * 64, "0" * 64):
            thief = world.wizard()
            thief.browser_id = told
            assert not stands_for_the_code(thief)

    @pytest.mark.requirement("S5")
    def test_two_cookies_of_its_name_are_none(self, world: World, wizard: Wizard, phone: Phone) -> None:
        remembered(wizard, world, phone)
        both = f"__Host-b={wizard.browser_id}; __Host-b={wizard.browser_id}"
        assert wizard.sign_in(headers={"cookie": both}).body["verified"] is False


@pytest.mark.doubles
@pytest.mark.requirement("A1")
def test_it_is_told_when_it_is_remembered_and_when_it_stood_for_a_code(
    world: World, wizard: Wizard, phone: Phone
) -> None:
    remembered(wizard, world, phone)
    stands_for_the_code(wizard)
    (browser,) = browsers(wizard)
    told = [
        (event.kind, event.subject)
        for event in world.stores.events.events  # type: ignore[attr-defined]
        if event.subject == browser["id"]
    ]
    assert told == [("browser.remembered", browser["id"]), ("session.started", browser["id"])]


@pytest.mark.doubles
def test_the_help_desks_staff_give_a_code_every_time(world: World, wizard: Wizard) -> None:
    """Their entrance asks no browser, and theirs is never remembered."""
    stores, anna = world.stores, world.stores.accounts.get("cozone", world.user.user_id)
    assert anna is not None
    staff = replace(anna, role="help_desk", user_id="f" * 32, username="stina@firma.se", epoch=0)
    stores.accounts.add(staff, lookup_hash(world.tenant.lookup_key, staff.username, role="help_desk"))
    body = {"tenant": "cozone", "username": staff.username, "password": wizard.password}
    wizard.call("POST", "/api/help-desk/session", body)
    wizard.prove_again()
    hers = Phone(wizard.begin().body["key"], world.clock)
    wizard.confirm(hers.otp())
    world.clock.advance_to_next_time_step()
    answer = wizard.verify(hers.otp(), remember=True)
    assert (answer.status, answer.browser_cookie) == (200, None)
    assert "remembered" not in answer.body
    wizard.prove_again()
    assert wizard.remove(wizard.authenticator_ids()[0]).problem == "last_authenticator"


def asserted(portal: Portal, wizard: Wizard) -> tuple[list[str], str, int]:
    """Let the browser go back, and return what the portal is told about the second factor."""
    code = brought_back(wizard.return_to_portal())["code"]
    claims = portal.checked(portal.redeem(code).body["assertion"])
    assert claims["acr"] == "urn:tvasteg:acr:two-step"
    return claims["amr"], claims["verified_by"], claims["auth_time"]


@pytest.mark.doubles
class TestFromAPortal:
    """A portal proves the password; the browser may stand for the code there too."""

    def test_it_stands_for_the_code_after_a_hand_off(self, world: World, wizard: Wizard) -> None:
        portal = world.add_portal(policy=REMEMBERING)
        phone = world.enrolled_at(portal, "u-1")
        world.clock.advance_to_next_time_step()
        wizard.arrive(portal.token_for("u-1"))
        assert wizard.verify(phone.otp(), remember=True).body["remembered"] is True
        key, link = new_idempotency_key(), portal.token_for("u-1")
        for _ in range(2):
            answer = wizard.arrive(link, idempotency_key=key)
            assert answer.body["verified_by"] == "remembered_browser"
        assert world.wizard().arrive(portal.token_for("u-1")).body["verified"] is False
        world.add_portal("other", policy=REMEMBERING)

    def test_a_change_of_authenticators_ends_it_there_too(self, world: World, wizard: Wizard) -> None:
        portal = world.add_portal(policy=REMEMBERING)
        phone = world.enrolled_at(portal, "u-1")
        world.clock.advance_to_next_time_step()
        wizard.arrive(portal.token_for("u-1"))
        wizard.verify(phone.otp(), remember=True)
        wizard.confirm(Phone(wizard.begin().body["key"], world.clock).otp())
        assert wizard.arrive(portal.token_for("u-1")).body["verified"] is False

    @pytest.mark.requirement("M4", "B60")
    def test_its_assertion_says_that_no_code_was_given_and_when_the_last_one_was(
        self, world: World, wizard: Wizard
    ) -> None:
        portal = world.add_portal(policy=REMEMBERING)
        phone = world.enrolled_at(portal, "u-1")
        world.clock.advance_to_next_time_step()
        wizard.arrive(portal.token_for("u-1"))
        wizard.verify(phone.otp(), remember=True)
        given_at = int(world.clock())
        assert asserted(portal, wizard) == (["otp"], "code", given_at)
        for days in (9, 19):
            world.clock.advance(days * DAY)
            wizard.arrive(portal.token_for("u-1"))
            assert asserted(portal, wizard) == ([], "remembered_browser", given_at)
        wizard.arrive(portal.token_for("u-1"))
        assert wizard.verify(phone.otp()).status == 200
        assert asserted(portal, wizard) == (["otp"], "code", int(world.clock()))

    @pytest.mark.requirement("M4")
    def test_a_recovery_code_is_told_as_the_one_time_password_that_it_is(self, world: World) -> None:
        portal = world.add_portal(policy=REMEMBERING)
        wizard = world.arrived(portal, "u-1")
        wizard.begin()
        wizard.confirm(wizard.scan().otp())
        codes = wizard.make_recovery_codes().body["codes"]
        wizard.arrive(portal.token_for("u-1"))
        assert wizard.recover(codes[0]).status == 200
        assert asserted(portal, wizard) == (["otp"], "recovery_code", int(world.clock()))

    @pytest.mark.requirement("M4")
    @pytest.mark.parametrize("remember_days", [None, 1])
    def test_it_is_worth_no_assertion_once_the_tenant_allows_it_no_more(
        self, world: World, wizard: Wizard, remember_days: int | None
    ) -> None:
        portal = world.add_portal(policy=REMEMBERING)
        phone = world.enrolled_at(portal, "u-1")
        world.clock.advance_to_next_time_step()
        wizard.arrive(portal.token_for("u-1"))
        wizard.verify(phone.otp(), remember=True)
        world.clock.advance(2 * DAY)
        wizard.arrive(portal.token_for("u-1"))
        source = dict(world.services.tenants.get("example").profile.source)
        world.add_tenant(**source | {"policy": REMEMBERING | {"remember_days": remember_days}})
        assert brought_back(wizard.return_to_portal())["error"] == "access_denied"


class TestRow:
    """Over the tables: what is stored, and how many calls it takes."""

    @pytest.mark.requirement("S1", "R7")
    def test_the_row_holds_no_id_that_a_browser_could_present(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        remembered(wizard, world, phone)
        row = world.row("BROWSERS")
        assert row is not None
        assert wizard.browser_id is not None
        assert wizard.browser_id not in repr(row)
        (entry,) = row["browsers"]["M"].values()
        assert int(row["expires_at"]["N"]) == int(entry["M"]["expires_at"]["N"])
        assert wizard.browser_id not in "".join(world.log_lines)

    def test_a_sign_in_reads_once_more_only_if_a_browser_presents_itself(
        self, world: World, wizard: Wizard, phone: Phone
    ) -> None:
        wizard.sign_in()
        plain = world.aws_calls()
        assert wizard.verify(phone.otp()).status == 200
        unasked = world.aws_calls()
        wizard.sign_in()
        world.clock.advance_to_next_time_step()
        wizard.call("GET", "/api/tenant")  # from here on the profile is remembered for a minute again
        assert wizard.verify(phone.otp(), remember=True).status == 200
        assert world.aws_calls() == unasked | {"DynamoDB.GetItem": unasked["DynamoDB.GetItem"] + 1}
        wizard.sign_in()
        assert world.aws_calls() == plain | {"DynamoDB.GetItem": plain["DynamoDB.GetItem"] + 1}
        world.add_tenant(policy=COZONE["policy"])
        wizard.sign_in()
        assert world.aws_calls() == plain


@pytest.mark.doubles
def test_no_browser_has_an_empty_id(wizard: Wizard, phone: Phone) -> None:
    wizard.sign_in()
    assert wizard.verify(phone.otp(), remember=True).status == 200
    answer = wizard.forget("")
    assert (answer.status, answer.problem, answer.body["field"]) == (400, "body_malformed", "browser")
    assert len(browsers(wizard)) == 1
