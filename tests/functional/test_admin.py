"""Operators' commands about people: what they change, what users meet afterwards, what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.accounts.record import lookup_hash, user_id_of
from chalicelib.audit.dynamodb import event_partition
from chalicelib.audit.event import ATTEMPTS_WARNED, Event
from chalicelib.authenticators.record import Owner
from chalicelib.notices.dynamodb import DynamoRecipients
from chalicelib.storage.rows import key_of
from tests.support.admin import ARN, HASH, PASSWORD, Desk, key_of_length, member, user_row
from tests.support.aws import answer_lost, broken
from tests.support.wizard import Phone
from tests.support.world import ANNA, ANNAS_PASSWORD, World

IMPORTED = ("imported", None)
UNCHANGED = ("unchanged", None)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world=world)


def signs_in(world: World, username: str, key: str, password: str = PASSWORD) -> None:
    """Sign in over HTTP with the password and a code that an independent implementation makes."""
    wizard = world.wizard(username=username, password=password)
    assert wizard.sign_in().body["second_factor"] == "active"
    answer = wizard.verify(Phone(key, world.clock).otp())
    assert (answer.status, answer.body["verified"]) == (200, True), answer.text


class TestSecrets:
    """An imported secret signs in: each one, of every length and in every form."""

    @pytest.mark.requirement("B41", "T2")
    def test_every_imported_row_is_proven_by_a_real_sign_in(self, world: World, desk: Desk) -> None:
        lengths = (16, 17, 20, 25, 32, 33, 64)
        keys = {f"user{length}": key_of_length(length) for length in lengths}
        assert desk.adds(*(user_row(name) for name in keys)) == [("added", None)] * len(keys)
        rows = [
            {
                "username": name,
                "secret": key if n % 2 else f"otpauth://totp/Gamla:{name}?secret={key}&issuer=Gamla",
            }
            for n, (name, key) in enumerate(keys.items())
        ]

        assert desk.imports(*rows) == [IMPORTED] * len(rows)

        world.clock.advance(30)  # the code of the import's own half minute is spent
        for name, key in keys.items():
            signs_in(world, name, key)

    @pytest.mark.requirement("B41")
    def test_a_portals_user_is_found_by_its_id_and_verified_by_it(self, world: World, desk: Desk) -> None:
        portal = world.add_portal()
        assert desk.adds({"username": "Anna L", "portal_user": "4711"}, tenant="example") == [
            ("added", None)
        ]
        key = key_of_length(20)
        row = {"portal_user": "4711", "secret": key}
        assert desk.imports(row, tenant="example") == [IMPORTED]
        assert portal.status("4711").body["next"] == "verify"
        world.clock.advance(30)
        assert portal.verify("4711", Phone(key, world.clock).otp()).status == 200

    @pytest.mark.requirement("T7")
    def test_no_code_up_to_the_import_opens_anything(self, world: World, desk: Desk) -> None:
        key = key_of_length(20)
        desk.imports({"username": ANNA, "secret": key})
        wizard = world.wizard()
        wizard.sign_in()
        assert wizard.verify(Phone(key, world.clock).otp()).problem == "otp_already_used"
        assert wizard.verify(Phone(key, world.clock).otp(steps=-1)).problem == "otp_already_used"

    @pytest.mark.requirement("E9")
    def test_it_is_bound_told_of_and_sealed(self, world: World, desk: Desk) -> None:
        key = key_of_length(20)
        session = world.wizard()
        session.sign_in()

        desk.imports({"secret": f"otpauth://totp/Gamla:{ANNA}?secret={key}&issuer=Gamla%20systemet"})

        (event,) = [e for e in world.aws.events() if e["kind"]["S"] == "authenticator.imported"]
        row = world.row("TOTP")
        assert row is not None
        ((authenticator_id, entry),) = row["entries"]["M"].items()
        assert event["subject"]["S"] == authenticator_id
        assert event["actor"]["S"] == f"operator:{ARN}"
        assert event["user"]["S"] == world.user.user_id
        assert entry["M"]["name"]["S"] == "Gamla systemet"
        assert int(entry["M"]["bound_at"]["N"]) == int(world.clock())
        user = world.row("USER")
        assert user is not None
        assert (user["epoch"]["N"], user["status"]["S"]) == ("1", "enrolled")
        assert session.session().problem == "not_signed_in"
        everything = json.dumps([world.aws.state(), world.aws.events(), desk.lines], default=repr)
        assert not any(form in everything for form in Phone(key, world.clock).forms_of_key()[:-2])

    def test_the_same_again_changes_nothing_and_another_is_refused(self, world: World, desk: Desk) -> None:
        row = {"username": ANNA, "secret": key_of_length(20)}
        assert desk.imports(row) == [IMPORTED]
        before = world.aws.state(), world.aws.events()
        assert desk.imports(row, row) == [UNCHANGED, UNCHANGED]
        assert desk.imports({"username": ANNA, "secret": key_of_length(20)}) == [
            ("refused", "the user has an authenticator already")
        ]
        assert (world.aws.state(), world.aws.events()) == before

    def test_an_authenticator_of_ours_is_never_replaced(self, world: World, desk: Desk) -> None:
        wizard = world.wizard()
        wizard.sign_in()
        wizard.prove_again()
        wizard.begin()
        phone = wizard.scan()
        wizard.confirm(phone.otp())
        assert desk.imports({"username": ANNA, "secret": key_of_length(20)}) == [
            ("refused", "the user has an authenticator already")
        ]

    @pytest.mark.requirement("B41")
    def test_what_was_taken_away_does_not_come_back_by_a_repeated_import(
        self, world: World, desk: Desk
    ) -> None:
        """A reset in between: the old file must not bind the phone that was lost."""
        row = {"username": ANNA, "secret": key_of_length(20)}
        desk.imports(row)
        anna = world.stores.accounts.get("cozone", world.user.user_id)
        assert anna is not None
        owner = _owner(world)
        world.stores.transactions.commit(
            *world.stores.authenticators.dropped(owner, "totp"),
            world.stores.accounts.second_factor_changed(
                anna, epoch=1, status="reset", reset_pending=True, keeps_recovery_codes=False
            ),
        )
        assert desk.imports(row) == [UNCHANGED]
        assert desk.imports({"username": ANNA, "secret": key_of_length(20)}) == [
            ("refused", "the user had an authenticator before, which was taken away")
        ]
        assert world.row("TOTP") is None

    def test_what_waits_to_be_confirmed_cannot_be_confirmed_any_more(
        self, world: World, desk: Desk
    ) -> None:
        wizard = world.wizard()
        wizard.sign_in()
        wizard.prove_again()
        wizard.begin()
        phone = wizard.scan()
        assert desk.imports({"username": ANNA, "secret": key_of_length(20)}) == [IMPORTED]
        assert wizard.confirm(phone.otp()).problem == "not_signed_in"

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            ({"username": "nobody", "secret": key_of_length(20)}, "there is no such user"),
            ({"secret": key_of_length(20)}, "nothing says whose secret it is"),
            ({"username": ANNA, "secret": "abc1"}, "the secret is not base32"),
            (
                {"username": ANNA, "portal_user": "p-1", "secret": key_of_length(20)},
                "username and portal_user do not name the same user",
            ),
        ],
    )
    def test_other_rows_are_refused_and_the_rest_is_done(
        self, world: World, desk: Desk, row: dict[str, str], reason: str
    ) -> None:
        desk.adds(user_row("berit", portal_user="p-1"))
        good = {"username": ANNA, "secret": key_of_length(20)}
        assert desk.imports(row, good) == [("refused", reason), IMPORTED]
        del world

    def test_a_dry_run_writes_nothing_and_asks_no_key(self, world: World, desk: Desk) -> None:
        before = world.aws.state(), world.aws.events()
        world.aws.leave_alone()
        rows = [{"username": ANNA, "secret": key_of_length(20)}, {"username": "x", "secret": "A"}]
        assert [kind for kind, _ in desk.imports(*rows, dry_run=True)] == ["imported", "refused"]
        assert [kind for kind, _ in desk.adds(user_row("new"), dry_run=True)] == ["added"]
        assert set(world.aws.calls) == {"GetItem"}
        assert (world.aws.state(), world.aws.events()) == before

    def test_a_lost_answer_is_found_done_at_the_next_try(self, world: World, desk: Desk) -> None:
        row = {"username": ANNA, "secret": key_of_length(20)}
        at_call = _call_of("TransactWriteItems", world, desk, row)
        world.aws.interfere(answer_lost, at_call=at_call)
        assert desk.asks("import_secrets", rows=[row]).status == 503
        world.aws.leave_alone()
        assert desk.imports(row) == [UNCHANGED]
        of_anna = [e for e in world.aws.events() if e["user"]["S"] == world.user.user_id]
        assert [event["kind"]["S"] for event in of_anna] == ["authenticator.imported"]

    def test_a_key_that_does_not_seal_leaves_nothing(self, world: World, desk: Desk) -> None:
        row = {"username": ANNA, "secret": key_of_length(20)}
        at_call = _call_of("Encrypt", world, desk, row)
        before = world.aws.state()
        world.aws.interfere(broken, at_call=at_call)
        assert desk.asks("import_secrets", rows=[row]).status == 503
        world.aws.leave_alone()
        assert world.aws.state() == before

    @pytest.mark.requirement("K1")
    def test_it_is_sealed_under_the_tenants_own_key_for_the_user_alone(
        self, world: World, desk: Desk
    ) -> None:
        seen: list[dict[str, Any]] = []
        world.aws.kms.meta.events.register(
            "provide-client-params.kms.Encrypt", lambda params, **_: seen.append(dict(params)), "look"
        )
        desk.imports({"username": ANNA, "secret": key_of_length(20)})
        world.aws.kms.meta.events.unregister("provide-client-params.kms.Encrypt", unique_id="look")
        (request,) = seen
        context = request["EncryptionContext"]
        assert (context["purpose"], context["tenant"], context["user"]) == (
            "otp",
            "cozone",
            world.user.user_id,
        )


def _owner(world: World) -> Owner:
    return Owner(tenant_id="cozone", user_id=world.user.user_id)


def _call_of(operation: str, world: World, desk: Desk, row: dict[str, str]) -> int:
    """Return which call of an import is *operation*, as one for somebody else shows."""
    desk.adds(user_row("somebody-else"))
    world.aws.leave_alone()
    desk.imports(row | {"username": "somebody-else"})
    return world.aws.calls.index(operation) + 1


class TestUsers:
    """Users in numbers: they sign in with the password they have."""

    def test_an_imported_user_signs_in_with_the_password_behind_the_hash(
        self, world: World, desk: Desk
    ) -> None:
        row = user_row("Berit@Firma.se", language="en", portal_user="p-2", addresses="b@x.se;c@x.se")
        assert desk.adds(row) == [("added", None)]
        wizard = world.wizard(username="berit@firma.se", password=PASSWORD)
        assert wizard.sign_in().status == 200
        user = world.stores.accounts.find("cozone", lookup_hash(world.tenant.lookup_key, "berit@firma.se"))
        assert user is not None
        assert user.user_id == user_id_of(world.tenant.lookup_key, "p-2")
        assert (user.language, user.addresses) == ("en", ("b@x.se", "c@x.se"))
        (event,) = [e for e in world.aws.events() if e["kind"]["S"] == "user.added"]
        assert (event["actor"]["S"], event["user"]["S"]) == (f"operator:{ARN}", user.user_id)

    def test_a_weaker_hash_is_renewed_at_the_first_sign_in_and_a_repeated_import_keeps_it(
        self, world: World, desk: Desk
    ) -> None:
        desk.adds(user_row("berit"))
        world.wizard(username="berit", password=PASSWORD).sign_in()
        lookup = lookup_hash(world.tenant.lookup_key, "berit")
        before = world.stores.accounts.find("cozone", lookup)
        assert before is not None
        assert before.password_hash != HASH
        assert desk.adds(user_row("berit")) == [UNCHANGED]
        assert world.stores.accounts.find("cozone", lookup) == before

    def test_a_part_of_somebody_else_is_refused(self, world: World, desk: Desk) -> None:
        desk.adds(user_row("berit", portal_user="p-2"))
        assert desk.adds(
            user_row("berit", portal_user="p-3"), user_row("cecilia", portal_user="p-2"), user_row("berit")
        ) == [
            ("refused", "username is there already, with another portal_user"),
            ("refused", "portal_user is there already, under another user name"),
            ("refused", "username is there already, with another portal_user"),
        ]
        del world

    def test_a_lost_answer_is_found_done(self, world: World, desk: Desk) -> None:
        world.aws.interfere(answer_lost, at_call=2)  # the tenant comes first
        assert desk.asks("import_users", rows=[user_row("berit")]).status == 503
        world.aws.leave_alone()
        assert desk.adds(user_row("berit")) == [UNCHANGED]
        assert world.event_kinds().count("user.added") == 1


class TestStaff:
    """The help desk's people come and go by operators alone."""

    def test_they_are_added_apart_from_users_and_told_of(self, world: World, desk: Desk) -> None:
        assert desk.gets("add_staff", **member(ANNA))["username"] == ANNA
        (event,) = [e for e in world.aws.events() if e["kind"]["S"] == "user.added"]
        assert event["details"]["S"] == '{"role": "help_desk"}'
        assert event["actor"]["S"] == f"operator:{ARN}"
        assert [member["username"] for member in desk.gets("list_staff")["staff"]] == [ANNA]
        # The user of the same name is somebody else, with another password.
        assert world.wizard(password=PASSWORD).sign_in().problem == "password_mismatch"
        assert world.wizard(password=ANNAS_PASSWORD).sign_in().status == 200
        assert [user["username"] for user in desk.gets("list_users")["users"]] == [ANNA]
        assert desk.gets("list_users")["users"][0]["id"] == world.user.user_id

    def test_they_sign_in_at_their_own_entrance_until_they_are_removed(
        self, world: World, desk: Desk
    ) -> None:
        desk.gets("add_staff", **member("eva"))
        eva = world.help_desk(username="eva", password=PASSWORD)
        assert eva.sign_in().body["role"] == "help_desk"
        desk.erases(username="eva", role="help_desk")
        assert eva.session().problem == "not_signed_in"
        assert world.help_desk(username="eva", password=PASSWORD).sign_in().problem == "password_mismatch"

    def test_a_name_is_taken_once_and_rules_hold(self, desk: Desk) -> None:
        desk.gets("add_staff", **member("eva"))
        assert "has somebody of that name already" in desk.is_refused("add_staff", **member("EVA"))
        refused = desk.is_refused("add_staff", **member("eva2", password="kort"))
        assert refused == "The password is refused: the password needs at least 15 characters"
        assert desk.is_refused("add_staff", **member(" ")).startswith("USERNAME must")
        assert desk.is_refused("add_staff", **member("a", language="de")) == (
            "LANGUAGE must be one of the tenant's: sv, en."
        )

    @pytest.mark.requirement("E7")
    def test_their_notices_go_to_the_addresses_said_or_else_to_the_name(
        self, world: World, desk: Desk
    ) -> None:
        desk.gets("add_staff", **member("eva", addresses="eva@x.se; eva@y.se"))
        desk.gets("add_staff", **member("ulf@x.se"))
        told = {
            row["username"]["S"]: DynamoRecipients(world.stores.transactions)  # type: ignore[arg-type]
            .of("cozone", row["user_id"]["S"], at=int(world.clock()))
            .addresses  # type: ignore[union-attr]
            for row in world.aws.state()
            if row.get("role") == {"S": "help_desk"}
        }
        assert told == {"eva": ("eva@x.se", "eva@y.se"), "ulf@x.se": ("ulf@x.se",)}
        refused = desk.is_refused("add_staff", **member("per", addresses="per"))
        assert refused == "ADDRESSES are refused: an address is no mail address."

    @pytest.mark.requirement("P1")
    def test_their_passwords_must_stand_alone_whatever_the_tenant_asks_of_users(self, desk: Desk) -> None:
        """Until they have set up a second factor of their own, whoever guesses one becomes them."""
        refused = desk.is_refused("add_staff", **member("eva", password="kvm7xqpz-kvm7x"))
        assert refused == "The password is refused: the password needs at least 15 characters"
        desk.gets("add_staff", **member("eva", password="kvm7xqpz-kvm7xq"))

    def test_removed_they_are_gone_and_can_be_added_anew(self, world: World, desk: Desk) -> None:
        """So whoever lost the phone gets another account of the same name, with nothing of the old one."""
        desk.gets("add_staff", **member("eva"))
        erased = desk.erases(username="eva", role="help_desk")
        assert desk.gets("list_staff")["staff"] == []
        assert world.event_kinds().count("user.erased") == 1
        desk.gets("add_staff", **member("eva"))
        assert desk.erases(username="eva", role="help_desk") != erased

    def test_no_user_is_found_in_place_of_staff(self, desk: Desk) -> None:
        refused = desk.is_refused("export_user", username=ANNA, role="help_desk")
        assert refused == "There is no such user in cozone."

    @pytest.mark.requirement("V3")
    def test_a_request_whose_answer_was_lost_finds_its_own_work_done(
        self, world: World, desk: Desk
    ) -> None:
        """The command sends it again by itself: the same person is no second one of that name."""
        eva = member("eva")
        world.aws.interfere(answer_lost, at_call=2)  # the tenant comes first
        assert desk.asks("add_staff", **eva).status == 503
        world.aws.leave_alone()
        assert desk.gets("add_staff", **eva) == {"username": "eva"}
        assert world.event_kinds().count("user.added") == 1
        assert len(desk.gets("list_staff")["staff"]) == 1


class TestErasure:
    """One person goes; what remains are events that name nobody."""

    @pytest.mark.requirement("K8")
    def test_only_pseudonymous_events_remain(self, world: World, desk: Desk) -> None:
        world.add_byra_with_berit()
        before = world.aws.state()
        desk.adds(user_row("cecilia@firma.se", portal_user="p-9", addresses="cecilia@privat.se"))
        key = key_of_length(20)
        desk.imports({"username": "cecilia@firma.se", "secret": key})
        world.clock.advance(30)
        wizard = world.wizard(username="cecilia@firma.se", password=PASSWORD)
        wizard.sign_in()
        wizard.verify(Phone(key, world.clock).otp())
        world.wizard(username="cecilia@firma.se", password="fel-lösenord").sign_in()
        wizard.prove_again(password="fel-lösenord")
        events_before = len(world.aws.events())

        erased = desk.erases(username="cecilia@firma.se")

        left = [row for row in world.aws.state() if not row["pk"]["S"].startswith("S#")]
        assert left == before
        # Of sessions the operator's command takes care, for the function cannot look for them.
        told = json.dumps([left, world.aws.events(), desk.lines], default=repr)
        assert not any(name in told for name in ("cecilia", "privat.se", "p-9"))
        assert erased in told
        assert wizard.session().problem == "not_signed_in"
        gone = world.wizard(username="cecilia@firma.se", password=PASSWORD).sign_in()
        assert gone.problem == "password_mismatch"
        assert len(world.aws.events()) == events_before + 1
        assert "user.erased" in world.event_kinds()

    @pytest.mark.requirement("K8", "E8")
    def test_no_session_and_no_link_of_before_opens_whoever_the_portal_sends_anew(
        self, world: World, desk: Desk
    ) -> None:
        """The new user has the same id, for it is made of the portal's own, and the same epoch."""
        portal = world.add_portal()
        before = world.arrived(portal, "u-1")
        before.begin()
        assert before.confirm(before.scan().otp()).body["verified"]
        link = portal.token_for("u-1")
        desk.erases(tenant="example", portal_user="u-1")
        world.clock.advance(30)
        after = world.arrived(portal, "u-1")
        after.begin()
        assert after.confirm(after.scan().otp()).body["verified"]
        assert before.session().problem == "not_signed_in"
        assert before.make_recovery_codes().problem == "not_signed_in"
        assert before.return_to_portal().problem == "not_signed_in"
        assert world.wizard().arrive(link).problem == "hand_off_expired"
        assert after.session().status == 200

    @pytest.mark.requirement("K8")
    def test_a_portals_user_of_a_shared_name_takes_nobody_along(self, world: World, desk: Desk) -> None:
        portal = world.add_portal("mixed", passwords="directory")
        tenant = world.services.tenants.get("mixed")
        world.add_user(tenant, username="anna")
        portal.hand_off("4711", username="anna")
        desk.erases(tenant="mixed", portal_user="4711")
        assert world.wizard(tenant="mixed", username="anna").sign_in().status == 200

    @pytest.mark.requirement("K8")
    def test_what_was_written_meanwhile_is_swept_and_nobody_who_is_there(
        self, world: World, desk: Desk
    ) -> None:
        user_id = world.user.user_id
        before = world.aws.state()
        assert desk.gets("sweep_user", user=user_id) == {"rows": None}
        assert world.aws.state() == before
        desk.erases(username=ANNA)
        world.stores.accounts.grace_until("cozone", user_id, due_at=1, now=1)  # a request on its way
        assert desk.gets("sweep_user", user=user_id) == {"rows": 1}
        assert world.row("GRACE") is None

    @pytest.mark.requirement("K8", "V3")
    def test_a_request_that_is_sent_again_finds_it_done(self, world: World, desk: Desk) -> None:
        anna = desk.finds(username=ANNA)
        world.aws.interfere(answer_lost, at_call=6)  # after tenant, user, rows and name
        assert desk.asks("erase_user", **anna).status == 503
        assert world.aws.calls[5:] == ["TransactWriteItems"]
        world.aws.leave_alone()
        assert desk.gets("erase_user", **anna) == {"rows": 0}
        assert world.event_kinds().count("user.erased") == 1
        assert desk.is_refused("export_user", username=ANNA) == "There is no such user in cozone."

    @pytest.mark.requirement("K8", "V3")
    def test_a_request_that_runs_beside_itself_finds_it_done(self, world: World, desk: Desk) -> None:
        anna = desk.finds(username=ANNA)

        def after_the_other(_: Any, take_effect: Callable[[], Any]) -> Any:
            assert desk.gets("erase_user", **anna)["rows"] > 0
            return take_effect()

        world.aws.interfere(after_the_other, at_call=6)
        assert desk.gets("erase_user", **anna) == {"rows": 0}
        assert world.event_kinds().count("user.erased") == 1

    @pytest.mark.requirement("K8")
    def test_whoever_the_portal_has_sent_anew_since_is_not_meant(self, world: World, desk: Desk) -> None:
        """They have the same id, for it is made of the portal's own."""
        portal = world.add_portal()
        portal.hand_off("u-1")
        before = desk.finds(tenant="example", portal_user="u-1")
        desk.gets("erase_user", **before)
        world.clock.advance(1)
        portal.hand_off("u-1")
        rows = world.aws.state()
        assert desk.gets("erase_user", **before) == {"rows": 0}
        assert desk.gets("sweep_user", tenant="example", user=before["user"]) == {"rows": None}
        assert world.aws.state() == rows

    def test_nobody_is_erased_without_saying_whom(self, world: World, desk: Desk) -> None:
        assert desk.is_refused("erase_user", created_at=1) == "user is missing."
        assert desk.is_refused("erase_user", user=world.user.user_id) == "created_at is missing."


class TestExports:
    """What is kept can be read, and holds no secret."""

    @pytest.mark.requirement("K8")
    def test_everything_of_one_person_is_told_but_no_secret(self, world: World, desk: Desk) -> None:
        key = key_of_length(20)
        desk.imports({"username": ANNA, "secret": key})
        wizard = world.wizard()
        wizard.sign_in()
        world.clock.advance(30)
        assert wizard.verify(Phone(key, world.clock).otp()).status == 200

        told = desk.gets("export_user", username=ANNA)
        events = _events_of_today(world, desk)

        rows = {row["kind"]: row for row in told["rows"]}
        assert rows["USER"]["username"] == ANNA
        assert rows["TOTP"]["authenticators"][0]["name"] == "Google Authenticator"
        assert told["has_password"] is True
        assert {event["kind"] for event in events} >= {"session.started", "authenticator.imported"}
        text = json.dumps([told, events])
        user = world.row("USER")
        assert user is not None
        assert user["password_hash"]["S"] not in text
        assert not any(form in text for form in Phone(key, world.clock).forms_of_key()[:-2])
        assert "ciphertext" not in text

    @pytest.mark.requirement("K8")
    def test_recovery_codes_and_a_reset_are_told_by_what_is_no_secret_and_go_with_the_person(
        self, world: World, desk: Desk
    ) -> None:
        _, codes = world.wizard().enrolled_with_codes()
        told = desk.gets("export_user", username=ANNA)
        (kept,) = [row for row in told["rows"] if row["kind"] == "RECOVERY"]
        assert (kept["codes_left"], len(kept["codes"])) == (10, 10)
        world.add_staff()
        reset = world.help_desk().begins_work().reset(world.user.user_id)
        told_of_reset = desk.gets("export_user", username=ANNA)
        (kept,) = [row for row in told_of_reset["rows"] if row["kind"] == "RESET"]
        assert kept["opens_at"]
        text = json.dumps([told, told_of_reset])
        assert not any(code in text for code in [*codes, reset.body["reset_code"]])
        assert "$argon2" not in text

        desk.erases(username=ANNA)

        partition = f"T#cozone#U#{world.user.user_id}"
        assert not [row for row in world.aws.state() if row["pk"]["S"] == partition]

    def test_every_kind_of_row_is_told_by_what_is_no_secret(self, world: World, desk: Desk) -> None:
        """A row that this release does not know is told by its name alone."""
        row = world.row("USER")
        assert row is not None
        world.aws.write(
            {
                **key_of(row["pk"]["S"], "NEW"),
                "format_version": {"N": "1"},
                "x": {"S": "y"},
                "failures_2026_11": {"N": "3"},
            }
        )
        told = {each["kind"]: each for each in desk.gets("export_user", username=ANNA)["rows"]}
        assert told["NEW"] == {"kind": "NEW"}

    @pytest.mark.requirement("K8")
    def test_what_is_counted_by_month_or_day_is_told(self, world: World, desk: Desk) -> None:
        world.wizard().enrolled_with_codes()
        world.add_staff()
        assert world.help_desk().begins_work().unlock(world.user.user_id).status == 200
        told = {each["kind"]: each for each in desk.gets("export_user", username=ANNA)["rows"]}
        assert told["USER"]["steps_on_20261123"] > 0
        assert told["TOTP"]["unlocks_2026_11"] == 1
        assert told["RECOVERY"]["made_on_20261123"] == 1

    @pytest.mark.requirement("K8")
    def test_events_go_on_behind_whatever_event_a_page_ended_at(self, world: World, desk: Desk) -> None:
        """A warning's id has a form of its own, and its place is taken like any other."""
        warnings = [
            Event(
                kind=ATTEMPTS_WARNED,
                tenant_id="cozone",
                user_id=world.user.user_id,
                occurred_at=int(world.clock()),
                actor=world.user.user_id,
                request_id=None,
                reference=None,
                details={"failures": "5", "of": "totp"},
                event_id=f"{number:021}-warned-5",
            )
            for number in range(99)
        ]
        beside = [one for one in warnings if event_partition(one) == event_partition(warnings[0])][:3]
        world.stores.transactions.commit(*map(world.stores.events.recorded, beside))

        def one_a_page(params: dict[str, Any], **_: Any) -> None:
            params["Limit"] = 1

        events = world.aws.dynamodb.meta.events
        events.register_first("provide-client-params.dynamodb.Query", one_a_page, "one a page")
        try:
            assert len(_events_of_today(world, desk)) == 3
        finally:
            events.unregister("provide-client-params.dynamodb.Query", unique_id="one a page")

    def test_a_list_is_told_page_by_page(self, desk: Desk) -> None:
        desk.adds(*(user_row(f"user{n:02}") for n in range(7)))
        names, after = [], None
        while True:
            page = desk.gets("list_users", after=after, limit=3)
            assert len(page["users"]) <= 3
            names += [user["username"] for user in page["users"]]
            after = page["next"]
            if after is None:
                break
        assert names == sorted([ANNA, *(f"user{n:02}" for n in range(7))])
        assert desk.is_refused("list_users", limit=501) == "A page has 1 to 500 users."
        assert desk.is_refused("list_users", after={"name": 1}).startswith("The place to go on from")


def _events_of_today(world: World, desk: Desk) -> list[Any]:
    """Return Anna's events of the day, as the command reads them: place by place."""
    day = datetime.fromtimestamp(world.clock(), UTC).strftime("%Y%m%d")
    told: list[Any] = []
    after = None
    while True:
        page = desk.gets("events_of_day", username=ANNA, day=day, after=after)
        told += page["events"]
        after = page["next"]
        if after is None:
            return told


class TestWhoAsks:
    """The actor is whom IAM names, and nothing in a request is believed about it."""

    @pytest.mark.requirement("K4")
    def test_whoever_iam_does_not_name_is_refused(self, world: World, desk: Desk) -> None:
        before = world.aws.state()
        anna = desk.finds(username=ANNA)
        reply = desk.asks("erase_user", identity=None, **anna)
        assert reply.status == 403
        assert world.aws.state() == before

    @pytest.mark.requirement("K4")
    @pytest.mark.parametrize("name", ["identity", "actor", "operator"])
    def test_nobody_says_of_themselves_who_they_are(self, desk: Desk, name: str) -> None:
        reply = desk.front.answer(
            identity=ARN,
            body=json.dumps(
                {
                    "operation": "erase_user",
                    "arguments": desk.finds(username=ANNA) | {name: "somebody-else"},
                }
            ).encode(),
            request_id="r",
        )
        assert reply.status == 400

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (b"", "The request is not what this function takes."),
            (b"[]", "The request is not what this function takes."),
            (b'{"operation": "list_users"}', "The request is not what this function takes."),
            (b"[" * 100_000, "The request is not what this function takes."),
            (b" " * (1024 * 1024 + 1), "The request is too large."),
            (b'{"operation": "drop", "arguments": {}}', "There is no such operation."),
            (b'{"operation": "list_users", "arguments": {}}', "tenant is missing."),
            (b'{"operation": "list_users", "arguments": {"tenant": 1}}', "tenant is not what it must be."),
            (b'{"operation": "list_users", "arguments": {"tenant": "x"}}', "There is no such tenant."),
            (b'{"operation": "list_users", "arguments": {"tenant": "a#b"}}', "There is no such tenant."),
            (
                b'{"operation": "import_users", "arguments": {"tenant": "cozone", "rows": [{"x": "y"}]}}',
                "A row holds texts, and no others than username, language",
            ),
            (
                b'{"operation": "import_users", "arguments": {"tenant": "cozone", "rows": []}}',
                "rows must be 1 to 100.",
            ),
        ],
    )
    def test_what_is_malformed_is_a_sentence(self, desk: Desk, body: bytes, sentence: str) -> None:
        reply = desk.front.answer(identity=ARN, body=body, request_id="r")
        assert reply.status == 400
        assert reply.content["refused"].startswith(sentence)

    @pytest.mark.requirement("V1")
    def test_a_row_of_a_newer_release_is_told_as_one_and_not_as_an_outage(
        self, world: World, desk: Desk
    ) -> None:
        """To repeat the command would not help: an earlier release neither reads nor changes it."""
        row = world.row("USER")
        assert row is not None
        world.aws.write(row | {"format_version": {"N": "99"}})
        reply = desk.asks("export_user", username=ANNA)
        assert reply.status == 501
        assert reply.content["refused"] == (
            "A newer release wrote one of these rows, and this one neither reads nor changes it:"
            " deploy the newer one again."
        )
        line = json.loads(desk.lines[-1])
        assert (line["level"], line["fault"][0]) == ("ERROR", "NewerRowError")

    @pytest.mark.requirement("A2")
    def test_the_log_tells_who_did_what_to_how_many_and_no_name(self, desk: Desk) -> None:
        key = key_of_length(20)
        desk.imports({"username": ANNA, "secret": key}, {"username": "nobody", "secret": key})
        line = json.loads(desk.lines[-1])
        assert line["actor"] == ARN
        assert line["operation"] == "import_secrets"
        assert line["outcomes"] == {"imported": 1, "refused": 1}
        assert ANNA not in desk.lines[-1]
        assert key not in desk.lines[-1]
        desk.front.answer(
            identity=ARN,
            body=json.dumps({"operation": key, "arguments": {}}).encode(),
            request_id="r",
        )
        assert key not in desk.lines[-1]
