"""
Mail addresses that notices go to: narrower than the standards allow, so that none is more than an address.

Pure: whether anybody reads there is known to nobody here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

MOST_ADDRESSES = 5
MOST_FORMER_ADDRESSES = 10
# Whoever changes where notices go, and then what they would tell of, is told of at the former ones too.
FORMER_TOLD_SECONDS = 30 * 24 * 60 * 60
LONGEST_ADDRESS_CHARACTERS = 254

# No comment, quoted name, list or line end: whatever comes of it names one box.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST_LOCAL_CHARACTERS = 64


def mail_address_of(text: str) -> str | None:
    """
    Return *text* as mail is sent to it, its domain in ASCII; None if it is no mail address.

    The part before the ``@`` stays as it is: whether its case matters is for its own domain to say.
    None too for a domain that can be meant in two ways: one of them is somebody else's.
    """
    local, _, typed_domain = text.strip().rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL_CHARACTERS:
        return None
    domain = _in_ascii(typed_domain)
    if domain is None:
        return None
    labels = domain.split(".")
    address = f"{local}@{domain}"
    if len(labels) == 1 or len(address) > LONGEST_ADDRESS_CHARACTERS:
        return None
    return address if all(_LABEL.fullmatch(label) for label in labels) else None


def _in_ascii(domain: str) -> str | None:
    try:
        encoded = domain.encode("idna")
        # Python's codec is of 2003: it takes ß for ss, one sigma for the other, and leaves joiners out.
        means_itself = (
            domain.isascii()
            or encoded.decode("idna").lower() == unicodedata.normalize("NFC", domain).lower()
        )
    except UnicodeError:
        return None
    return encoded.decode("ascii").lower() if means_itself else None


def is_another_address(typed: str, *, username: str) -> bool:
    """
    Say whether *username*, as which *typed* is kept, is a mail address that nobody typed.

    Case is folded in names, which makes ss of ß: another box, or another domain.
    """
    named = mail_address_of(username)
    said = mail_address_of(unicodedata.normalize("NFKC", typed))
    return named is not None and (said is None or said.lower() != named)


def addresses_of(addresses: tuple[str, ...], *, username: str) -> tuple[str, ...]:
    """Return where notices go: all *addresses*; without any, the user name if it is an address."""
    if addresses:
        return addresses
    named = mail_address_of(username)
    return () if named is None else (named,)


def former_addresses(
    former: Mapping[str, int], *, before: Collection[str], after: Collection[str], now: int
) -> dict[str, int]:
    """
    Return which addresses are told beside those of *after*, and until when (epoch seconds).

    Those of *before*, which *after* takes the place of, for 30 days; of *former* those whose time
    is not over. Of too many the earliest stay: no number of changes makes the first be forgotten.
    """
    told = {address: until for address, until in former.items() if until > now}
    if set(before) != set(after):
        told |= dict.fromkeys(before, now + FORMER_TOLD_SECONDS)
    earliest = sorted((until, address) for address, until in told.items() if address not in after)
    return {address: until for until, address in earliest[:MOST_FORMER_ADDRESSES]}


def addresses_told(current: tuple[str, ...], former: Mapping[str, int], *, at: int) -> tuple[str, ...]:
    """Return where a notice of what happened *at* that time goes: the *current*, and live *former* ones."""
    return (
        *current,
        *(address for address, until in former.items() if at < until and address not in current),
    )
