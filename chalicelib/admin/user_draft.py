"""One row of an import of users, as the operator wrote it: checked, and not stored yet. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.accounts.addresses import MOST_ADDRESSES, is_another_address, mail_address_of
from chalicelib.accounts.record import (
    LONGEST_PORTAL_USER_CHARACTERS,
    LONGEST_USERNAME_CHARACTERS,
    normalised_username,
)
from chalicelib.admin.refusals import RowRefusedError
from chalicelib.tenants.profile import Profile

COLUMNS = ("username", "language", "portal_user", "addresses", "password_hash")
# A PHC string of Argon2id in its one version of today: salt from 8 bytes, hash from 16.
_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9]\d?)"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,172})",
    re.ASCII,
)
# What a sign-in can bear: the function has a gigabyte, and fifteen seconds.
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 256 * 1024, 10, 8


@dataclass(frozen=True, kw_only=True)
class UserDraft:
    """Somebody to be added. *password_hash* is an Argon2id PHC string, None where the portal has it."""

    username: str
    language: str
    portal_user: str | None
    addresses: tuple[str, ...]
    password_hash: str | None = field(repr=False)


def read_user(row: Mapping[str, str], profile: Profile) -> UserDraft:
    """
    Return the user whom *row* describes for the tenant of *profile*; empty fields stand for none.

    Raises:
        RowRefusedError: A field is missing or not what it must be.
    """
    holds_passwords = profile.passwords == "directory"
    portal_user = row.get("portal_user", "").strip() or None
    if portal_user is None and not holds_passwords:
        raise RowRefusedError("portal_user is missing: the portal holds the passwords and names its users")
    if portal_user is not None and not _can_be_shown(portal_user, LONGEST_PORTAL_USER_CHARACTERS):
        raise RowRefusedError(
            f"portal_user must have 1 to {LONGEST_PORTAL_USER_CHARACTERS} characters that can be shown"
        )
    username = normalised_username(row.get("username", ""))
    if not _can_be_shown(username, LONGEST_USERNAME_CHARACTERS):
        raise RowRefusedError(
            f"username must have 1 to {LONGEST_USERNAME_CHARACTERS} characters that can be shown"
        )
    addresses = read_addresses(row.get("addresses", ""))
    if not addresses and is_another_address(row.get("username", ""), username=username):
        raise RowRefusedError(
            "username, in which ß or the like is stored as other letters, would be somebody else's"
            " mail address: name addresses"
        )
    language = row.get("language", "").strip() or profile.default_language
    if language not in profile.languages:
        raise RowRefusedError(f"language must be one of the tenant's: {', '.join(profile.languages)}")
    return UserDraft(
        username=username,
        language=language,
        portal_user=portal_user,
        addresses=addresses,
        password_hash=_password_hash(row.get("password_hash", "").strip(), needed=holds_passwords),
    )


def read_addresses(text: str) -> tuple[str, ...]:
    """
    Return the addresses that *text* sets apart by semicolons, each once.

    Raises:
        RowRefusedError: There are too many, or one is none.
    """
    addresses = []
    for part in text.split(";"):
        if not part.strip():
            continue
        address = mail_address_of(part)
        if address is None:
            raise RowRefusedError("an address is no mail address")
        if address not in addresses:
            addresses.append(address)
    if len(addresses) > MOST_ADDRESSES:
        raise RowRefusedError(f"there are more than {MOST_ADDRESSES} addresses")
    return tuple(addresses)


def _can_be_shown(text: str, longest: int) -> bool:
    return text.isprintable() and 0 < len(text) <= longest


def _password_hash(text: str, *, needed: bool) -> str | None:
    if not needed:
        if text:
            raise RowRefusedError("password_hash is refused: this tenant's portal holds the passwords")
        return None
    if not text:
        raise RowRefusedError("password_hash is missing: the directory checks this tenant's passwords")
    found = _ARGON2ID.fullmatch(text)
    if found is None:
        raise RowRefusedError(
            "password_hash is no PHC string of Argon2id ($argon2id$v=19$…); no other kind is taken"
        )
    if not all(_is_base64(part) for part in found.groups()[3:]):
        raise RowRefusedError("password_hash cannot be decoded: its salt or hash is not base64")
    memory_kib, passes, lanes = (int(number) for number in found.groups()[:3])
    if memory_kib > _MOST_MEMORY_KIB or passes > _MOST_PASSES or lanes > _MOST_LANES:
        raise RowRefusedError("password_hash costs more memory or time than a sign-in can bear")
    if memory_kib < 8 * lanes:
        raise RowRefusedError("password_hash names a cost that Argon2 does not know")
    return text


def _is_base64(text: str) -> bool:
    """Say whether *text* is what some bytes are written as: Argon2 decodes nothing else."""
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return base64.b64encode(octets).decode().rstrip("=") == text
