"""
Secrets as other systems hand them over: an ``otpauth://`` URI, or the key in base32.

Only what every authenticator app computes alike is taken (SHA-1, six digits, 30 seconds);
anything else would be imported and then never sign in. Pure: no clock, no storage.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from chalicelib.admin.refusals import RowRefusedError
from chalicelib.totp import (
    LONGEST_SECRET_BYTES,
    OTP_DIGITS,
    SHORTEST_SECRET_BYTES,
    TIME_STEP_SECONDS,
    SharedSecret,
)

LONGEST_NAME_CHARACTERS = 40
_LONGEST_TEXT_CHARACTERS = 2_000
_MOST_PARAMETERS = 20
_SHA_1 = frozenset({"SHA1", "SHA-1", "HMACSHA1"})
_DECIDING = ("secret", "issuer", "algorithm", "digits", "period")
_BASE32 = re.compile(r"([A-Z2-7]+)(=*)", re.ASCII)
_LENGTHS_OF_WHOLE_BYTES = frozenset({0, 2, 4, 5, 7})


@dataclass(frozen=True, kw_only=True)
class ImportedSecret:
    """A secret, and what the URI called its issuer and its owner; None where it said nothing."""

    secret: SharedSecret = field(repr=False)
    issuer: str | None = None
    account_name: str | None = None

    def name(self, *, otherwise: str) -> str:
        """Return what the authenticator is to be called: after the issuer, if that can be shown."""
        name = unicodedata.normalize("NFKC", self.issuer or "").strip()[:LONGEST_NAME_CHARACTERS].strip()
        return name if name and name.isprintable() else otherwise


def parse_secret(text: str) -> ImportedSecret:
    """
    Return the secret that *text* holds, be it an otpauth URI or base32.

    White space and dashes between the groups of a typed key, lower case and missing padding
    are let through, as the apps do.

    Raises:
        RowRefusedError: It is no secret whose codes we and every app compute alike.
    """
    text = text.strip()
    if len(text) > _LONGEST_TEXT_CHARACTERS:
        raise RowRefusedError("the secret is too long to be one")
    if ":" in text:
        return _of_uri(text)
    return ImportedSecret(secret=_decoded(text))


def _of_uri(text: str) -> ImportedSecret:
    try:
        uri = urlsplit(text)
        pairs = parse_qsl(
            uri.query,
            keep_blank_values=True,
            strict_parsing=bool(uri.query),
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
        label = unquote(uri.path.removeprefix("/"), errors="strict")
    except ValueError as error:
        raise RowRefusedError("the URI cannot be read") from error
    _require_totp(uri)
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in _DECIDING):
        raise RowRefusedError("the URI says the same thing twice")
    said = dict(pairs)
    _require_defaults(said)
    before, colon, after = label.partition(":")
    issuer = said.get("issuer") or (before if colon else None)
    account_name = (after if colon else before).strip()
    return ImportedSecret(
        secret=_decoded(said.get("secret", "")), issuer=issuer or None, account_name=account_name or None
    )


def _require_totp(uri: SplitResult) -> None:
    if uri.scheme == "otpauth-migration":
        raise RowRefusedError("this is an app's export of several keys, not an otpauth URI")
    if uri.scheme != "otpauth":
        raise RowRefusedError("this is neither an otpauth URI nor base32")
    if uri.netloc.lower() != "totp":
        raise RowRefusedError("the URI is not of the kind totp")


def _require_defaults(said: dict[str, str]) -> None:
    if said.get("algorithm", "SHA1").upper() not in _SHA_1:
        raise RowRefusedError("the algorithm is not SHA-1, and not every app computes others")
    if said.get("digits", str(OTP_DIGITS)) != str(OTP_DIGITS):
        raise RowRefusedError("the codes do not have six digits")
    if said.get("period", str(TIME_STEP_SECONDS)) != str(TIME_STEP_SECONDS):
        raise RowRefusedError("the codes do not last 30 seconds")


def _decoded(text: str) -> SharedSecret:
    typed = re.sub(r"[\s-]", "", text).upper()
    found = _BASE32.fullmatch(typed)
    if found is None:
        raise RowRefusedError("the secret is not base32" if typed else "there is no secret")
    key, padding = found.groups()
    missing = -len(key) % 8
    if len(key) % 8 not in _LENGTHS_OF_WHOLE_BYTES or (padding and len(padding) != missing):
        raise RowRefusedError("the secret is not base32")
    try:
        octets = base64.b32decode(key + "=" * missing)
    except binascii.Error:  # it would name the text
        raise RowRefusedError("the secret is not base32") from None
    if len(octets) < SHORTEST_SECRET_BYTES:
        raise RowRefusedError(f"the secret has fewer than {SHORTEST_SECRET_BYTES} bytes")
    if len(octets) > LONGEST_SECRET_BYTES:
        raise RowRefusedError(f"the secret has more than {LONGEST_SECRET_BYTES} bytes")
    return SharedSecret(octets)
