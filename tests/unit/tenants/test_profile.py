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

from chalicelib.tenants.profile import Profile, ProfileError

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
    "policy": {"second_factor": "optional", "deadline": "2027-01-31"},
    "return_urls": ["https://byra.se/start", "https://byra.se/"],
    "forgotten_password_url": "https://byra.se/glomt?lang=sv",
    "neutral_password_errors": True,
    "strict_window": True,
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


def test_what_may_be_left_out_is_off() -> None:
    optional = {"return_urls", "forgotten_password_url", "neutral_password_errors", "strict_window"}
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
        "brand": {"colour": "#005f86", "logo": "/logos/byra.svg"},
        "support": GOOD["support"],
        "languages": ["sv", "en"],
        "default_language": "en",
        "methods": ["totp"],
        "policy": {"second_factor": "optional", "deadline": "2027-01-31"},
        "return_url": "https://byra.se/start",
        "passwords": "directory",
        "sign_in_url": None,
        "reauthentication_url": None,
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
    assert faults_of(changed("return_urls", [url])) == ["return_urls: is not an exact https address"]
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
