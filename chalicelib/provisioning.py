"""
What an authenticator app is given: key URI, QR code and the names within them.

The URI follows the Key URI format of Google Authenticator and leaves its
defaults out (SHA1, 6 digits, 30 s): a shorter URI makes larger QR modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote

from chalicelib.totp import SharedSecret

# 152 bytes are what a QR code of version 8 at level M holds; beyond it the
# modules become too small for an old phone.
LONGEST_URI_BYTES = 152
_QUIET_ZONE_MODULES = 4
_DARK_MODULES = re.compile(rb"\x01+")


@dataclass(frozen=True)
class QrCode:
    """A QR code as the page draws it: a stroked SVG path in a square of *size* modules."""

    size: int
    path: str = field(repr=False)


def provisioning_uri(secret: SharedSecret, *, issuer: str, account_name: str) -> str:
    """
    Return the ``otpauth://`` URI that binds *secret* in an authenticator app.

    The issuer stands in the label and in the parameter, equal, as the Key URI
    format asks. Neither name may hold a colon: see `fits_in_a_key_uri`.
    """
    label = f"{quote(issuer, safe='')}:{quote(account_name, safe='')}"
    return f"otpauth://totp/{label}?secret={secret.base32}&issuer={quote(issuer, safe='')}"


def fits_in_a_key_uri(*, issuer: str, account_name: str) -> bool:
    """Say whether both names can be told apart in a label and the QR code stays easy to scan."""
    if ":" in issuer or ":" in account_name or not issuer or not account_name:
        return False
    placeholder = SharedSecret(bytes(20))
    uri = provisioning_uri(placeholder, issuer=issuer, account_name=account_name)
    return len(uri) <= LONGEST_URI_BYTES


def shortened_account_name(*, issuer: str, account_name: str) -> str:
    """
    Return *account_name* fit for a key URI: no colon, cut where the QR code would grow.

    The name only tells the user which row of the app is meant, so a cut one
    still serves; an ellipsis shows the cut.
    """
    name = account_name.replace(":", " ").strip() or "-"
    if fits_in_a_key_uri(issuer=issuer, account_name=name):
        return name
    while len(name) > 1 and not fits_in_a_key_uri(issuer=issuer, account_name=name + "…"):
        name = name[:-1]
    return name + "…"


def qr_code(uri: str) -> QrCode:
    """
    Return *uri* as a QR code of level M with its quiet zone of four modules.

    One fixed mask: choosing the best of eight costs four times as much, and
    every mask is as readable to the app (tests scan them all).
    """
    import segno  # noqa: PLC0415 - no start of a process should wait for what only enrolment needs

    matrix = segno.make_qr(uri, error="m", mask=0, boost_error=False).matrix
    # Drawn here, one stroke for each run of dark modules: segno's own SVG takes twice as long.
    strokes = [
        f"M{run.start() + _QUIET_ZONE_MODULES} {row_number}.5h{len(run[0])}"
        for row_number, row in enumerate(matrix, start=_QUIET_ZONE_MODULES)
        for run in _DARK_MODULES.finditer(row)
    ]
    return QrCode(size=len(matrix) + 2 * _QUIET_ZONE_MODULES, path="".join(strokes))
