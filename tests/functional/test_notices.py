"""From what happens to a second factor to its owner's mails: the whole way, over the tables."""

from __future__ import annotations

import json
import re

import pytest

from chalicelib.audit.event import ATTEMPTS_WARNED, AUTHENTICATOR_BOUND, AUTHENTICATOR_REVOKED
from chalicelib.notices.dynamodb import DynamoRecipients, DynamoSentMails
from chalicelib.notices.texts import texts_in
from tests.functional.test_nothing_leaks import Leaks
from tests.support import aws as faults
from tests.support.memory.notices import Told, record_of_row
from tests.support.stream import deliver_all, recorded_stream
from tests.support.wizard import Phone, Wizard
from tests.support.world import ANNA, World


def told_by(world: World) -> Told:
    """Return a notifier over the tables of *world*."""
    database = world.stores.transactions
    return Told(
        world.stores,
        recipients=DynamoRecipients(database),  # type: ignore[arg-type]  # moto's world stands on it
        sent=DynamoSentMails(database),  # type: ignore[arg-type]
        clock=world.clock,
    )


def deliver_events(world: World, told: Told) -> list[str]:
    return told.of(*(record_of_row(row, number=at) for at, row in enumerate(world.aws.events())))


def subjects(told: Told) -> list[str]:
    return [mail.subject.removeprefix("Azets Cozone: ") for mail in told.mails]


@pytest.mark.requirement("E7")
def test_an_enrolment_is_one_mail_to_the_owner(world: World, wizard: Wizard) -> None:
    wizard.enrolled()
    told = told_by(world)
    assert deliver_events(world, told) == []
    assert [mail.to for mail in told.mails] == [ANNA]
    assert subjects(told) == ["en app för inloggning har kopplats till ditt konto"]


@pytest.mark.requirement("E7")
def test_the_event_is_written_with_the_change_or_neither_is(world: World, wizard: Wizard) -> None:
    """Whichever call fails, and fails again."""
    phone = wizard.begun()
    statuses = []
    for at_call in range(1, 9):
        world.aws.interfere(*[faults.broken] * 2, at_call=at_call)
        statuses.append(wizard.confirm(phone.otp()).status)
        bound = [row for row in world.aws.events() if row["kind"]["S"] == AUTHENTICATOR_BOUND]
        assert bool(bound) == (world.row("TOTP") is not None) == (statuses[-1] == 200)
        if bound:
            break
    assert statuses == [503] * (len(statuses) - 1) + [200]
    assert len(statuses) > 3


@pytest.mark.requirement("E7")
def test_a_replacement_is_one_mail(world: World, wizard: Wizard) -> None:
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    assert wizard.verify(phone.otp()).status == 200
    wizard.prove_again()
    assert wizard.begin_replacement().status == 200
    assert wizard.confirm(wizard.scan().otp()).status == 200
    kinds = world.event_kinds()
    assert (kinds.count(AUTHENTICATOR_BOUND), kinds.count(AUTHENTICATOR_REVOKED)) == (2, 1)
    told = told_by(world)
    deliver_events(world, told)
    assert subjects(told) == ["en app för inloggning har kopplats till ditt konto"] * 2


@pytest.mark.requirement("L9", "L4")
def test_five_wrong_codes_in_a_row_are_told_once_and_four_are_not(world: World, wizard: Wizard) -> None:
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    told = told_by(world)
    with recorded_stream(world.aws) as stream:
        for _ in range(4):
            assert wizard.verify(phone.wrong_otp()).status == 422
        assert wizard.verify(phone.otp()).status == 200
        deliver_all(world.stores, stream.records)
        assert ATTEMPTS_WARNED not in world.event_kinds()
        world.clock.advance_to_next_time_step()
        for _ in range(5):
            assert wizard.verify(phone.wrong_otp()).status == 422
        for _ in range(2):
            deliver_all(world.stores, stream.records)
    assert world.event_kinds().count(ATTEMPTS_WARNED) == 1
    for _ in range(2):
        assert deliver_events(world, told) == []
    assert subjects(told).count("fel verifieringskod flera gånger") == 1


@pytest.mark.requirement("L9")
def test_the_owner_is_told_before_the_authenticator_is_disabled(world: World, wizard: Wizard) -> None:
    phone = wizard.enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    with recorded_stream(world.aws) as stream:
        for failures in range(1, 21):
            world.clock.advance(3_600)
            wizard.sign_in()
            wizard.verify(phone.wrong_otp())
            deliver_all(world.stores, stream.records)
            if failures == 19:
                told = told_by(world)
                deliver_events(world, told)
                assert subjects(told)[-1] == "tvåstegsverifieringen för ditt konto är nära att spärras"
                assert "authenticator.disabled" not in world.event_kinds()
    told = told_by(world)
    deliver_events(world, told)
    assert "tvåstegsverifieringen för ditt konto är spärrad" in subjects(told)


@pytest.mark.requirement("E7", "E11")
def test_of_a_reset_that_waits_the_mail_says_when_its_code_works_whatever_came_after(
    world: World, wizard: Wizard
) -> None:
    wizard.enrolled()
    policy = dict(world.tenant.profile.source["policy"])
    world.add_tenant(policy=policy | {"reset_wait_hours": 4})
    world.clock.advance(61)  # for which the tenant was remembered without
    world.add_staff()
    assert world.help_desk().begins_work().reset(world.user.user_id).status == 201
    opens_at = world.row("RESET")["opens_at"]["N"]  # type: ignore[index]
    world.add_tenant(policy=policy)  # before the mail is written
    told = told_by(world)
    deliver_events(world, told)
    (mail,) = [mail for mail in told.mails if "nollställ" in mail.subject]
    assert texts_in("sv").moment(int(opens_at)) in mail.text


@pytest.mark.requirement("R6", "R7")
def test_recovery_codes_are_told_of_and_never_told(world: World, wizard: Wizard) -> None:
    phone, codes = wizard.enrolled_with_codes()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    assert wizard.recover(codes[0]).status == 200
    told = told_by(world)
    deliver_events(world, told)
    # The phone was bound and the codes were made within one second, so either may be told first.
    assert "nya återställningskoder har gjorts för ditt konto" in subjects(told)[:2]
    assert subjects(told)[2:] == ["en återställningskod har använts för ditt konto"]
    assert "Antal koder kvar: 9." in told.mails[-1].text
    assert_tells_no_secret(told, phone, codes)


def assert_tells_no_secret(told: Told, phone: Phone, codes: list[str]) -> None:
    leaks = Leaks()
    leaks.add_phone(phone)
    leaks.secrets |= {form for code in codes for form in (code, re.sub(r"[^A-Z0-9]", "", code))}
    mails = [f"{mail.sender_name} {mail.subject} {mail.text} {mail.reply_to}" for mail in told.mails]
    assert leaks.found_in([*mails, *told.lines, *map(repr, told.mails)]) == []


@pytest.mark.requirement("A2", "R7")
def test_neither_marks_nor_log_hold_an_address(world: World, wizard: Wizard) -> None:
    wizard.enrolled()
    told = told_by(world)
    deliver_events(world, told)
    marks = [row for row in world.aws.state() if row["pk"]["S"].startswith("SENT#")]
    assert len(marks) == 1
    assert ANNA not in json.dumps(marks) + "".join(told.lines)


@pytest.mark.requirement("E7")
class TestAddresses:
    """A portal says where its users' notices go."""

    def told_addresses(self, world: World, **said: object) -> list[str]:
        portal = world.add_portal()
        wizard = world.arrived(portal, "u-1", **said)
        wizard.begin()
        wizard.confirm(wizard.scan().otp())
        told = told_by(world)
        deliver_events(world, told)
        return [mail.to for mail in told.mails]

    def test_all_of_them_get_the_notice(self, world: World) -> None:
        addresses = ["anna@firma.se", "anna@hem.example"]
        assert self.told_addresses(world, addresses=addresses) == addresses

    def test_without_any_the_user_name_is_one_if_it_can_be(self, world: World) -> None:
        assert self.told_addresses(world, username="anna@kontor.se") == ["anna@kontor.se"]

    def test_they_are_kept_current_and_stay_if_the_portal_says_none(self, world: World) -> None:
        portal = world.add_portal()
        world.arrived(portal, "u-1", addresses=["one@firma.se", "two@firma.se"])
        world.arrived(portal, "u-1")
        world.arrived(portal, "u-1", username="anna.a")
        assert self.stored(world) == ("one@firma.se", "two@firma.se")
        world.arrived(portal, "u-1", addresses=["three@firma.se"])
        assert self.stored(world) == ("three@firma.se",)

    def test_whoever_says_others_first_is_still_told_of_at_the_former_ones(self, world: World) -> None:
        """For 30 days: time enough to see it, and no longer than that."""
        portal = world.add_portal()
        world.arrived(portal, "u-1", addresses=["owner@firma.se"])
        thief = world.arrived(portal, "u-1", addresses=["thief@evil.example"])
        assert world.event_kinds().count("addresses.changed") == 1
        told = told_by(world)
        deliver_events(world, told)
        both = ["thief@evil.example", "owner@firma.se"]
        assert [mail.to for mail in told.mails] == both
        assert subjects(told) == ["Exempelportalen: mail om ditt konto går till andra adresser"] * 2
        thief.begin()
        assert thief.confirm(thief.scan().otp()).status == 200
        deliver_events(world, told)
        assert [mail.to for mail in told.mails] == both * 2
        world.clock.advance(30 * 24 * 60 * 60)
        world.arrived(portal, "u-1", addresses=["thief@evil.example"])
        assert world.event_kinds().count("addresses.changed") == 1
        (row,) = [row for row in world.aws.state() if row.get("portal_user") == {"S": "u-1"}]
        assert "former_addresses" not in row

    def test_no_number_of_changes_makes_the_first_address_be_forgotten(self, world: World) -> None:
        portal = world.add_portal()
        world.arrived(portal, "u-1", addresses=["owner@firma.se"])
        for number in range(12):
            world.clock.advance(1)
            world.arrived(portal, "u-1", addresses=[f"thief{number}@evil.example"])
        told = told_by(world)
        last = [row for row in world.aws.events() if row["kind"]["S"] == "addresses.changed"][-1]
        told.of(record_of_row(last))
        assert "owner@firma.se" in [mail.to for mail in told.mails]
        assert len(told.mails) == 11

    def test_another_name_or_order_is_no_other_address(self, world: World) -> None:
        portal = world.add_portal()
        world.arrived(portal, "u-1", addresses=["one@firma.se", "two@firma.se"])
        world.arrived(portal, "u-1", username="anna.a", addresses=["two@firma.se", "one@firma.se"])
        assert "addresses.changed" not in world.event_kinds()
        world.arrived(portal, "u-2", username="anna@firma.se")
        world.arrived(portal, "u-2", username="eva@evil.example")
        assert world.event_kinds().count("addresses.changed") == 1, "the name is the address there"

    def stored(self, world: World) -> tuple[str, ...]:
        (row,) = [row for row in world.aws.state() if row.get("portal_user") == {"S": "u-1"}]
        user = world.stores.accounts.get("example", row["user_id"]["S"])
        assert user is not None
        return user.addresses

    @pytest.mark.doubles
    @pytest.mark.parametrize(
        "addresses",
        [
            [],
            ["a@b.se"] * 6,
            "anna@firma.se",
            ["anna"],
            ["anna@firma"],
            ["anna@firma.se\r\nBcc: spy@evil.example"],
            ["anna@firma.se, spy@evil.example"],
            ["Anna <anna@firma.se>"],
            ['"anna"@firma.se'],
            ["å@firma.se"],
            [None],
            [{"S": "anna@firma.se"}],
        ],
    )
    def test_what_is_no_list_of_addresses_is_refused(self, world: World, addresses: object) -> None:
        answer = world.add_portal().hand_off("u-1", addresses=addresses)
        assert (answer.status, answer.body["code"]) == (400, "body_malformed")
        assert "spy" not in answer.text

    def test_a_domain_in_other_letters_is_stored_as_mail_knows_it(self, world: World) -> None:
        world.arrived(world.add_portal(), "u-1", addresses=["Anna@Företag.SE", "Anna@företag.se"])
        assert self.stored(world) == ("Anna@xn--fretag-wxa.se",)
