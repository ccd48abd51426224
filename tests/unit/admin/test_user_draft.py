"""Rows of users: read as they were meant, or refused with the reason."""

from __future__ import annotations

from typing import Any

import argon2
import pytest
from argon2.low_level import Type

from chalicelib.admin.refusals import RowRefusedError
from chalicelib.admin.user_draft import UserDraft, read_user
from chalicelib.tenants.profile import Profile
from tests.support.world import COZONE

HASH = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("sju-lugna-sommarmoln")
DIRECTORY = Profile.from_json(COZONE)
PORTAL = Profile.from_json(COZONE | {"passwords": "portal", "sign_in_url": "https://portal.example/in"})


def read(profile: Profile = DIRECTORY, /, **row: str) -> UserDraft:
    defaults = {"username": "anna@firma.se"} | ({"password_hash": HASH} if profile is DIRECTORY else {})
    return read_user(defaults | row, profile)


def test_a_row_is_read_as_it_was_meant() -> None:
    assert read(
        username=" Anna@Firma.SE ",
        language="en",
        portal_user="4711",
        addresses="anna@firma.se; a.larsson@exempel.se;;anna@firma.se",
    ) == UserDraft(
        username="anna@firma.se",
        language="en",
        portal_user="4711",
        addresses=("anna@firma.se", "a.larsson@exempel.se"),
        password_hash=HASH,
    )


@pytest.mark.requirement("E7")
def test_a_name_that_is_kept_as_another_address_takes_addresses_of_its_own() -> None:
    assert "somebody else's mail address" in refused(username="anna@straße.de")
    assert read(username="anna@straße.de", addresses="anna@firma.se").addresses == ("anna@firma.se",)


def test_empty_fields_stand_for_none() -> None:
    draft = read(language="", portal_user="", addresses="")
    assert (draft.language, draft.portal_user, draft.addresses) == ("sv", None, ())
    assert HASH not in repr(draft)


def test_a_portals_user_has_its_id_and_no_password_of_ours() -> None:
    assert read(PORTAL, portal_user="4711").password_hash is None
    assert refused(PORTAL) == "portal_user is missing: the portal holds the passwords and names its users"
    told = refused(PORTAL, portal_user="4711", password_hash=HASH)
    assert told == "password_hash is refused: this tenant's portal holds the passwords"


def refused(profile: Profile = DIRECTORY, /, **row: str) -> str:
    with pytest.raises(RowRefusedError) as raised:
        read(profile, **row)
    assert not any(value in str(raised.value) for value in row.values() if len(value) > 3)
    return str(raised.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"username": " "}, "username must have"),
        ({"username": "a\u202eb"}, "username must have"),
        ({"username": "a" * 255}, "username must have"),
        ({"portal_user": "a\nb"}, "portal_user must have"),
        ({"language": "de"}, "language must be one of the tenant's: sv, en"),
        ({"addresses": "anna"}, "an address is no mail address"),
        ({"addresses": "anna@firma.se\r\nBcc: x@y.se"}, "an address is no mail address"),
        ({"addresses": ";".join(f"a{n}@firma.se" for n in range(6))}, "there are more than 5 addresses"),
        ({"password_hash": ""}, "password_hash is missing: the directory checks"),
    ],
)
def test_what_is_wrong_is_told(row: dict[str, str], reason: str) -> None:
    assert refused(DIRECTORY, **row).startswith(reason)


def hashed(**cost: Any) -> str:
    usual = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}
    return argon2.PasswordHasher(**(usual | cost)).hash("sju-lugna-sommarmoln")


@pytest.mark.parametrize(
    "text",
    [
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "pbkdf2_sha256$600000$salt$hash",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        hashed(type=Type.I),
        hashed(type=Type.D),
        HASH.replace("v=19", "v=16"),
        HASH + "$",
        HASH.replace("$m=64", "$m=064"),
        f"{HASH}\n{HASH}",
    ],
    ids=["bcrypt", "pbkdf2", "md5", "argon2i", "argon2d", "v16", "longer", "zero in front", "two lines"],
)
def test_no_other_hash_than_argon2id_is_taken(text: str) -> None:
    assert refused(password_hash=text).startswith("password_hash is no PHC string of Argon2id")


@pytest.mark.parametrize(
    ("salt", "tag"),
    [
        ("A" * 13, "A" * 43),
        ("A" * 22, "A" * 45),
        ("A" * 21 + "B", "A" * 43),
        ("A" * 22, "A" * 42 + "B"),
    ],
    ids=["salt too long by one", "hash too long by one", "bits behind the salt", "bits behind the hash"],
)
def test_a_hash_that_argon2_cannot_decode_is_refused(salt: str, tag: str) -> None:
    """Taken in, it would let nobody in, and nothing would say why."""
    text = f"$argon2id$v=19$m=64,t=1,p=1${salt}${tag}"
    with pytest.raises(argon2.exceptions.VerificationError):
        argon2.PasswordHasher().verify(text, "sju-lugna-sommarmoln")
    assert refused(password_hash=text) == "password_hash cannot be decoded: its salt or hash is not base64"


@pytest.mark.parametrize("cost", ["m=262145,t=1,p=1", "m=64,t=11,p=1", "m=512,t=1,p=9"])
def test_a_hash_that_a_sign_in_cannot_bear_is_refused(cost: str) -> None:
    assert "more memory or time" in refused(password_hash=HASH.replace("m=64,t=1,p=1", cost))


def test_a_cost_that_argon2_does_not_know_is_refused() -> None:
    assert "does not know" in refused(password_hash=HASH.replace("m=64", "m=7"))


@pytest.mark.parametrize("cost", [{}, {"memory_cost": 65_536, "time_cost": 3, "parallelism": 4}])
def test_what_argon2_makes_is_taken(cost: dict[str, int]) -> None:
    """The library's own reader finds the same cost in it."""
    text = hashed(**cost)
    assert read(password_hash=text).password_hash == text
    assert argon2.extract_parameters(text).type is Type.ID
