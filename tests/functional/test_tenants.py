"""Portals share a deployment and nothing else."""

from __future__ import annotations

import pytest

from tests.support.wizard import Phone, Wizard
from tests.support.world import ANNA, BERITS_PASSWORD, World


@pytest.mark.doubles
@pytest.mark.requirement("M1")
def test_the_same_name_is_another_user_in_another_tenant(world: World, wizard: Wizard) -> None:
    world.add_byra_with_berit()
    byra = world.add_tenant(id="byra", portal_name="Byrå Nord", issuer="Byrå Nord")
    world.add_user(byra, username=ANNA, password=BERITS_PASSWORD)
    phone = wizard.enrolled()
    namesake = world.wizard(tenant="byra", password=BERITS_PASSWORD)
    assert namesake.sign_in().body["second_factor"] == "none"
    assert world.wizard(tenant="byra").sign_in().problem == "password_mismatch"
    assert world.wizard(password=BERITS_PASSWORD).sign_in().problem == "password_mismatch"
    world.clock.advance_to_next_time_step()
    assert namesake.verify(phone.otp()).problem == "not_enrolled"


@pytest.mark.doubles
@pytest.mark.requirement("M1")
def test_guesses_at_a_namesake_stop_nobody(world: World, wizard: Wizard) -> None:
    world.add_byra_with_berit()
    stranger = world.wizard(tenant="byra")
    for _ in range(6):
        stranger.sign_in()
    assert stranger.sign_in().status == 429
    assert wizard.sign_in().status == 200


@pytest.mark.doubles
@pytest.mark.requirement("M1")
def test_the_session_alone_says_which_tenant(world: World, wizard: Wizard) -> None:
    """A tenant named anywhere else is refused or not looked at."""
    world.add_byra_with_berit()
    wizard.begun()
    lies: dict[str, str | None] = {
        "x-tenant": "byra",
        "x-viewer-host": "byra.example",
        "forwarded": "host=byra",
    }
    assert wizard.session(headers=lies).body["tenant"] == "cozone"
    assert wizard.call("GET", "/api/session?tenant=byra").body["tenant"] == "cozone"
    assert wizard.call("GET", "/api/enrolment?tenant=byra").body["issuer"] == "Azets Cozone"
    for path, body in (
        ("/api/enrolment", {"phone": "android", "same_phone": False}),
        ("/api/enrolment/confirmation", {"otp": "123456"}),
        ("/api/verification", {"otp": "123456"}),
        ("/api/session/password", {"password": "x"}),
    ):
        for name in ("tenant", "tenant_id", "user", "user_id"):
            answer = wizard.call("POST", path, body | {name: "byra"})
            assert answer.problem == "body_malformed"


@pytest.mark.doubles
@pytest.mark.requirement("M1", "B32")
def test_issuer_and_account_come_from_the_tables(world: World) -> None:
    world.add_byra_with_berit()
    berit = world.berits_wizard()
    berit.sign_in()
    berit.prove_again()
    body = {"phone": "android", "same_phone": False, "account_name": "evil@example.com"}
    assert berit.call("POST", "/api/enrolment", body).problem == "body_malformed"
    offer = berit.begin().body
    assert (offer["issuer"], offer["account_name"]) == ("Byrå Nord", "berit@byra.se")


@pytest.mark.requirement("M1")
def test_each_tenants_log_lines_and_events_name_it(world: World, wizard: Wizard) -> None:
    world.add_byra_with_berit()
    berit = world.berits_wizard()
    phone = berit.begun()
    assert world.last_line["tenant"] == "byra"
    berit.confirm(phone.otp())
    assert {event["tenant"]["S"] for event in world.aws.events()} == {"byra"}
    assert all(event["pk"]["S"].startswith("T#byra#20261123#") for event in world.aws.events())
    wizard.sign_in()
    assert world.last_line["tenant"] == "cozone"


@pytest.mark.doubles
@pytest.mark.requirement("M1", "B48")
def test_codes_open_nothing_across_tenants(world: World, wizard: Wizard) -> None:
    world.add_byra_with_berit()
    annas = wizard.enrolled()
    berits = world.berits_wizard().enrolled()
    world.clock.advance_to_next_time_step()
    wizard.sign_in()
    assert wizard.verify(_unlike(berits, annas)).problem == "otp_mismatch"
    assert wizard.verify(annas.otp()).status == 200


@pytest.mark.doubles
@pytest.mark.requirement("S9")
def test_the_return_address_is_the_operators(world: World, wizard: Wizard) -> None:
    """Nothing that a request says changes where a finished user is sent."""
    world.add_tenant(return_urls=["https://cozone.azets.com/klar", "https://cozone.azets.com/"])
    for query in ("", "&return_url=https://evil.example", "&next=//evil.example"):
        shown = wizard.call(
            "GET", f"/api/tenant?tenant=cozone{query}", headers={"x-forwarded-host": "evil.example"}
        )
        assert shown.body["return_url"] == "https://cozone.azets.com/klar"
    assert wizard.call("GET", "/api/tenant", headers={"host": "evil.example"}).body["return_url"] == (
        "https://cozone.azets.com/klar"
    )


def _unlike(theirs: Phone, ours: Phone) -> str:
    """Return one of *theirs* codes that is by no chance one of *ours* too."""
    near = {ours.otp(steps=steps) for steps in range(-12, 13)}
    return next(otp for otp in (theirs.otp(steps=steps) for steps in (0, 1, -1)) if otp not in near)
