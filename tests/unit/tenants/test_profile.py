"""A profile is taken whole, or refused with everything that is wrong with it at once."""

from __future__ import annotations

import copy
import json
from datetime import date
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tenants.profile import Policy, Profile, ProfileError
from tests.support.portal import ClientKey, client_of

GOOD: dict[str, Any] = {
    "id": "byra-nord",
    "portal_name": "Byrå Nord",
    "issuer": "Byrå & Nord",
    "brand": {"colour": "#005f86", "logo": "/logos/byra.svg"},
    "support": {
        "mail": "hjalp@byra.se",
        "phone": "+46 8 123 45",
        "hours": {"sv": "Vardagar 8-17", "en": "Weekdays 8-17"},
    },
    "languages": ["sv", "en"],
    "default_language": "en",
    "methods": ["totp"],
    "policy": {"second_factor": "optional", "deadline": "2027-01-31", "remember_days": None},
    "return_urls": ["https://byra.se/start", "https://byra.se/"],
    "forgotten_password_url": "https://byra.se/glomt?lang=sv",
    "neutral_password_errors": True,
    "strict_window": True,
    "hosts": ["2fa.byra.se", "login.byra-nord.example"],
    "clients": [client_of(ClientKey()), client_of(ClientKey(), ClientKey(kid="key-2"), name="app-2")],
    "passwords": "portal",
    "sign_in_url": "https://byra.se/logga-in?fran=2fa",
    "reauthentication_url": "https://byra.se/losenord",
    "own_key": True,
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the good profile but for one field, such as ``support.mail``."""
    source = copy.deepcopy(GOOD)
    *sections, name = path.split(".")
    place = source
    for section in sections:
        place = place[section]
    place[name] = value
    return source


def faults_of(source: object) -> list[str]:
    try:
        Profile.from_json(source)
    except ProfileError as error:
        return str(error).split("; ")
    return []


def test_a_good_profile_is_read_field_by_field() -> None:
    profile = Profile.from_json(GOOD)
    assert profile.tenant_id == "byra-nord"
    assert profile.issuer == "Byrå & Nord"
    assert profile.brand.logo == "/logos/byra.svg"
    assert profile.support.hours == {"sv": "Vardagar 8-17", "en": "Weekdays 8-17"}
    assert profile.languages == ("sv", "en")
    assert profile.policy.deadline == date(2027, 1, 31)
    assert profile.return_urls == ("https://byra.se/start", "https://byra.se/")
    assert profile.neutral_password_errors
    assert profile.strict_window
    assert profile.hosts == ("2fa.byra.se", "login.byra-nord.example")
    assert [client.name for client in profile.clients] == ["web", "app-2"]
    app = profile.client("app-2")
    assert app is not None
    assert set(app.keys) == {"key-1", "key-2"}
    assert profile.client("nobody") is None
    assert (profile.passwords, profile.own_key) == ("portal", True)
    assert profile.sign_in_url == "https://byra.se/logga-in?fran=2fa"
    assert profile.reauthentication_url == "https://byra.se/losenord"


def test_what_may_be_left_out_is_off() -> None:
    optional = {"return_urls", "forgotten_password_url", "neutral_password_errors", "strict_window"}
    optional |= {"hosts", "clients", "passwords", "sign_in_url", "reauthentication_url", "own_key"}
    profile = Profile.from_json({name: value for name, value in GOOD.items() if name not in optional})
    assert profile.return_urls == ()
    assert profile.forgotten_password_url is None
    assert not profile.neutral_password_errors
    assert not profile.strict_window


def test_a_read_profile_can_be_stored_and_read_again() -> None:
    profile = Profile.from_json(GOOD)
    assert Profile.from_json(json.loads(json.dumps(profile.source))) == profile


def test_the_demo_tenant_is_a_good_profile() -> None:
    text = resources.files("chalicelib.local").joinpath("demo-tenant.json").read_text("utf-8")
    assert Profile.from_json(json.loads(text)).issuer == "Azets Cozone"


def test_the_page_is_told_what_it_needs_before_sign_in_and_no_more() -> None:
    assert Profile.from_json(GOOD).as_public_json() == {
        "id": "byra-nord",
        "portal_name": "Byrå Nord",
        "issuer": "Byrå & Nord",
        "brand": {"colour": "#005f86", "logo": "/logos/byra.svg", "logo_dark": None},
        "support": GOOD["support"],
        "languages": ["sv", "en"],
        "default_language": "en",
        "methods": ["totp"],
        "policy": {"second_factor": "optional", "deadline": "2027-01-31", "remember_days": None},
        "return_url": "https://byra.se/start",
        "passwords": "portal",
        "sign_in_url": "https://byra.se/logga-in?fran=2fa",
        "reauthentication_url": "https://byra.se/losenord",
        "forgotten_password_url": "https://byra.se/glomt?lang=sv",
        "neutral_password_errors": True,
    }


BAD = [
    ("id", "Cozone"),
    ("id", "a"),
    ("id", "a" * 33),
    ("id", "cozone\n"),
    ("id", "1cozone"),
    ("id", None),
    ("portal_name", ""),
    ("portal_name", "  "),
    ("portal_name", "two\nlines"),
    ("portal_name", "x" * 61),
    ("issuer", "Co:zone"),
    ("issuer", "x" * 21),
    ("issuer", "🦄" * 20),
    ("brand.colour", "#FFF"),
    ("brand.colour", "red"),
    ("brand.logo", "https://elsewhere.se/logo.svg"),
    ("brand.logo", "//elsewhere.se/logo.svg"),
    ("brand.logo", "logo.svg"),
    ("brand.logo_dark", "logo.svg"),
    ("brand.logo_dark", "//elsewhere.se/logo.svg"),
    ("brand", []),
    ("support.mail", "not an address"),
    ("support.mail", "help@byra.se?bcc=elsewhere@evil.se"),
    ("return_urls", ["https://byra.se:99999999/"]),
    ("return_urls", ["https://byra.se/" + "x" * 2_000]),
    ("support.phone", 46812345),
    ("support.hours", {"xx": "always"}),
    ("support.hours", {}),
    ("support.hours", {"sv": 24}),
    ("languages", []),
    ("languages", ["sv", "sv"]),
    ("languages", ["sv", "tlh"]),
    ("languages", "sv"),
    ("default_language", "nb"),
    ("methods", ["sms"]),
    ("methods", []),
    ("policy.second_factor", "perhaps"),
    ("policy.second_factor", ["required"]),
    ("policy.deadline", "2027-02-30"),
    ("policy.deadline", 20270131),
    ("neutral_password_errors", "yes"),
    ("strict_window", 1),
    ("strictwindow", True),
    ("brand.font", "Comic Sans"),
]


@pytest.mark.parametrize(("path", "value"), BAD)
def test_a_fault_is_told_by_the_field_it_is_in(path: str, value: object) -> None:
    faults = faults_of(changed(path, value))
    assert faults
    assert all(fault.startswith(path) for fault in faults), faults


@pytest.mark.requirement("S9")
@pytest.mark.parametrize(
    "url",
    [
        "http://byra.se/",
        "//byra.se/",
        "https:byra.se",
        "https:///start",
        "https://user@byra.se/",
        "https://user:pw@byra.se/",
        "https://byra.se\\@elsewhere.se/",
        "https://byra.se/#fragment",
        "https://byra.se/ start",
        "https://byrå.se/",
        "https://[::1/",
        "javascript:alert(1)",
        "",
        None,
        7,
    ],
)
def test_users_are_sent_to_exact_https_addresses_only(url: object) -> None:
    addresses = ["https://byra.se/", url]
    assert faults_of(changed("return_urls", addresses)) == ["return_urls: is not an exact https address"]
    if url is not None:
        assert faults_of(changed("forgotten_password_url", url))


def test_every_fault_is_listed_at_once() -> None:
    source = changed("brand.colour", "red") | {"issuer": "a:b", "unknown": 1, "languages": []}
    del source["id"]
    starts = {fault.split(":")[0] for fault in faults_of(source)}
    assert starts == {"brand.colour", "issuer", "unknown", "languages", "id"}


def test_an_empty_profile_lacks_every_required_field() -> None:
    starts = {fault.split(":")[0] for fault in faults_of({})}
    assert {
        "id",
        "portal_name",
        "issuer",
        "brand",
        "brand.colour",
        "support",
        "support.mail",
        "languages",
        "default_language",
        "methods",
        "policy",
        "policy.second_factor",
    } <= {start.rstrip(".") for start in starts}


@given(json_values)
def test_no_json_value_is_a_fault_of_ours(source: object) -> None:
    assert faults_of(source)


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_no_field_of_any_kind_is_a_fault_of_ours(name: str, value: object) -> None:
    faults_of(changed(name, value))


@given(
    st.sampled_from(
        ["brand.colour", "brand.logo", "support.hours", "policy.second_factor", "policy.deadline"]
    ),
    json_values,
)
def test_no_inner_field_of_any_kind_is_a_fault_of_ours(path: str, value: object) -> None:
    faults_of(changed(path, value))


@pytest.mark.requirement("M1", "S9")
@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("hosts", "2fa.byra.se", "hosts: is not a list"),
        ("hosts", ["2fa.byra.se"] * 2, "hosts: names a host twice"),
        ("hosts", [f"h{number}.byra.se" for number in range(21)], "hosts: are more than 20"),
        ("clients", {"name": "web"}, "clients: is not a list"),
        ("clients", ["web"], "clients.0: is not a JSON object"),
        ("clients", [client_of(ClientKey())] * 2, "clients: hold a name twice"),
        (
            "clients",
            [client_of(ClientKey(), name=f"c{number}") for number in range(6)],
            "clients: are more than 5",
        ),
        ("return_urls", [], "return_urls: need at least one address for the clients' users"),
        ("passwords", "nobody", "passwords: is not one of directory, portal"),
        ("sign_in_url", None, "sign_in_url: is needed where the portal holds the passwords"),
        ("own_key", "yes", "own_key: is neither true nor false"),
        ("policy.grace_days", -1, "policy.grace_days: is not a whole number from 0 to 365"),
        ("policy.grace_days", 366, "policy.grace_days: is not a whole number from 0 to 365"),
        ("policy.grace_days", True, "policy.grace_days: is not a whole number from 0 to 365"),
        ("policy.grace_days", 1.5, "policy.grace_days: is not a whole number from 0 to 365"),
        ("policy.grace_days", "14", "policy.grace_days: is not a whole number from 0 to 365"),
        ("policy.remember_days", -1, "policy.remember_days: is not a whole number from 0 to 90"),
        ("policy.remember_days", 91, "policy.remember_days: is not a whole number from 0 to 90"),
        ("policy.remember_days", "30", "policy.remember_days: is not a whole number from 0 to 90"),
        ("policy.reset_wait_hours", 337, "policy.reset_wait_hours: is not a whole number from 0 to 336"),
        ("policy.reset_wait_hours", False, "policy.reset_wait_hours: is not a whole number from 0 to 336"),
        ("recovery_codes", "yes", "recovery_codes: is neither true nor false"),
        ("recovery_codes", 1, "recovery_codes: is neither true nor false"),
    ],
)
def test_what_concerns_portals_is_refused_if_wrong(path: str, value: object, fault: str) -> None:
    assert faults_of(changed(path, value)) == [fault]


@pytest.mark.requirement("B61")
@pytest.mark.parametrize(
    "host",
    [
        "",
        "byra",
        "2FA.byra.se",
        "2fa.byra.se.",
        ".byra.se",
        "2fa.byra.se:443",
        "https://2fa.byra.se",
        "*.byra.se",
        "2fa.byrå.se",
        "2fa byra.se",
        "2fa.byra.se/",
        "2fa.byra.se#x",
        "h" * 251 + ".se",
        7,
        None,
    ],
)
def test_a_host_is_a_plain_name(host: object) -> None:
    (fault,) = faults_of(changed("hosts", [host]))
    assert fault.startswith("hosts: ")


def test_the_faults_of_a_clients_key_say_where_it_stands() -> None:
    source = changed("clients", [client_of(ClientKey()), client_of(ClientKey(kid="a b"), name="app")])
    (fault,) = faults_of(source)
    assert fault.startswith("clients.1: keys.0: kid: ")


@pytest.mark.requirement("S9")
@pytest.mark.parametrize("name", ["return_urls", "sign_in_url", "reauthentication_url"])
@pytest.mark.parametrize(
    ("address", "is_of_this_machine"),
    [
        ("http://127.0.0.1:8001/return", True),
        ("http://localhost:8001/return", True),
        ("http://127.0.0.1/", True),
        ("http://127.0.0.2:8001/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://localhost.evil.example/", False),
        ("http://localhost@evil.example/", False),
        ("http://evil.example#@localhost/", False),
        ("http://0.0.0.0/", False),
        ("http://portal.example/", False),
        ("ftp://localhost/", False),
    ],
)
def test_addresses_of_this_machine_are_taken_in_stage_local_alone(
    name: str, address: str, *, is_of_this_machine: bool
) -> None:
    source = changed(name, [address] if name == "return_urls" else address)
    assert faults_of(source)[0] == f"{name}: is not an exact https address"
    if is_of_this_machine:
        assert Profile.from_json(source, local=True).source == source
        return
    with pytest.raises(ProfileError):
        Profile.from_json(source, local=True)


def test_where_the_password_is_asked_again_is_where_it_is_asked_if_nothing_else_is_said() -> None:
    public = Profile.from_json(changed("reauthentication_url", None)).as_public_json()
    assert public["reauthentication_url"] == public["sign_in_url"] == "https://byra.se/logga-in?fran=2fa"
    assert Profile.from_json(GOOD).as_public_json()["reauthentication_url"] == "https://byra.se/losenord"


@pytest.mark.requirement("M1")
def test_the_public_face_shows_neither_clients_nor_hosts() -> None:
    public = repr(Profile.from_json(GOOD).as_public_json())
    for hidden in ("clients", "kty", "app-2", "2fa.byra.se", "own_key", "strict_window"):
        assert hidden not in public


MET_AT = 1_795_424_400  # 2026-11-23T09:00:00Z
DAY = 24 * 60 * 60
MIDNIGHT = MET_AT - 9 * 60 * 60


@pytest.mark.requirement("B34", "B58")
@pytest.mark.parametrize(
    ("deadline", "grace_days", "gives_time", "due_at"),
    [
        (None, None, False, MET_AT),
        (None, 0, False, MET_AT),
        (None, 1, True, MET_AT + DAY),
        (None, 365, True, MET_AT + 365 * DAY),
        (date(2026, 11, 23), None, True, MIDNIGHT + DAY),
        (date(2026, 11, 22), None, True, MET_AT),
        (date(2026, 12, 31), 0, True, MIDNIGHT + 39 * DAY),
        (date(2026, 11, 30), 14, True, MET_AT + 14 * DAY),
        (date(2026, 12, 7), 14, True, MIDNIGHT + 15 * DAY),
    ],
)
def test_time_lasts_until_the_later_of_the_day_after_and_the_days_of_grace(
    deadline: date | None, grace_days: int | None, *, gives_time: bool, due_at: int
) -> None:
    policy = Policy(second_factor="required", deadline=deadline, grace_days=grace_days)
    assert policy.gives_time is gives_time
    assert policy.due_at(first_met_at=MET_AT) == due_at
    optional = Policy(second_factor="optional", deadline=deadline, grace_days=grace_days)
    assert not optional.gives_time
    assert not optional.is_required


@pytest.mark.parametrize(
    ("written", "remember_days", "told"),
    [({}, None, None), ({"remember_days": None}, None, None), ({"remember_days": 0}, 0, None)]
    + [({"remember_days": days}, days, days) for days in (1, 90)],
)
def test_a_browser_is_remembered_for_as_many_days_as_the_policy_says(
    written: dict[str, Any], remember_days: int | None, told: int | None
) -> None:
    """The page offers it only where there is a day at least."""
    profile = Profile.from_json(
        changed("policy", {"second_factor": "required", "deadline": None} | written)
    )
    assert profile.policy.remember_days == remember_days
    assert profile.as_public_json()["policy"]["remember_days"] == told


@pytest.mark.parametrize(
    ("written", "hours"), [({}, None), ({"reset_wait_hours": 0}, 0), ({"reset_wait_hours": 336}, 336)]
)
def test_a_reset_waits_as_many_hours_as_the_policy_says(written: dict[str, Any], hours: int | None) -> None:
    profile = Profile.from_json(
        changed("policy", {"second_factor": "required", "deadline": None} | written)
    )
    assert profile.policy.reset_wait_hours == hours


@pytest.mark.parametrize(("written", "offered"), [(None, True), (True, True), (False, False)])
def test_users_get_recovery_codes_unless_the_profile_says_no(written: object, *, offered: bool) -> None:
    assert Profile.from_json(changed("recovery_codes", written)).recovery_codes is offered
    assert Profile.from_json(GOOD).recovery_codes is True
