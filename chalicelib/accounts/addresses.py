"""
Mail addresses that notices go to: narrower than the standards allow, so that none is more than an address.

Pure: whether anybody reads there is known to nobody here.
"""

from __future__ import annotations

import re

MOST_ADDRESSES = 5
LONGEST_ADDRESS_CHARACTERS = 254

# No comment, quoted name, list or line end: whatever comes of it names one box.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST_LOCAL_CHARACTERS = 64


def mail_address_of(text: str) -> str | None:
    """
    Return *text* as mail is sent to it, its domain in ASCII; None if it is no mail address.

    The part before the ``@`` stays as it is: whether its case matters is for its own domain to say.
    """
    local, _, domain = text.strip().rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL_CHARACTERS:
        return None
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = domain.split(".")
    address = f"{local}@{domain}"
    if len(labels) == 1 or len(address) > LONGEST_ADDRESS_CHARACTERS:
        return None
    return address if all(_LABEL.fullmatch(label) for label in labels) else None


def addresses_of(addresses: tuple[str, ...], *, username: str) -> tuple[str, ...]:
    """Return where notices go: all *addresses*; without any, the user name if it is an address."""
    if addresses:
        return addresses
    named = mail_address_of(username)
    return () if named is None else (named,)
