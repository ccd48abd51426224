"""
The kinds of second factor, behind one interface.

A journey asks the method, never which method it is. Only ``totp`` is built.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib import totp
from chalicelib.provisioning import QrCode, provisioning_uri, qr_code, shortened_account_name
from chalicelib.totp import Entropy, OneTimePassword, SharedSecret


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What the user needs to bind the authenticator. Never shown by repr, never logged."""

    issuer: str
    account_name: str
    key: str = field(repr=False)
    uri: str = field(repr=False)
    qr: QrCode = field(repr=False)


class Method(Protocol):
    """One kind of second factor that rests on a shared secret and a typed code."""

    @property
    def name(self) -> str:
        """Its id in profiles, records and events."""

    @property
    def default_authenticator_name(self) -> str:
        """What an authenticator is called until its owner names it."""

    def draw_secret(self) -> SharedSecret:
        """
        Return a new secret; no two are ever equal.

        Raises:
            ServiceUnavailableError: There is no randomness to be had.
        """

    def offer(self, secret: SharedSecret, *, issuer: str, account_name: str) -> Offer:
        """Return *secret* in every form that an app takes; the same for the same arguments."""

    def match(
        self, secret: SharedSecret, otp: OneTimePassword, *, at_epoch_seconds: float, strict: bool
    ) -> int:
        """
        Return the time step that *otp* proves; larger ones are later.

        *strict* refuses codes that are not yet due.

        Raises:
            OtpMismatchError: *otp* is no code of *secret* now.
        """

    def drift_seconds(self, secret: SharedSecret, otp: OneTimePassword, *, at_epoch_seconds: float) -> int:
        """
        Return by how much the app's clock is ahead, for set-up only.

        Raises:
            OtpMismatchError: *otp* is no code of *secret* near this time either.
        """


class TotpMethod:
    """Codes of an authenticator app (RFC 6238)."""

    name = "totp"
    default_authenticator_name = "Google Authenticator"

    def __init__(self, entropy: Entropy = secrets.token_bytes) -> None:
        self._entropy = entropy

    def draw_secret(self) -> SharedSecret:
        return totp.draw_shared_secret(self._entropy)

    def offer(self, secret: SharedSecret, *, issuer: str, account_name: str) -> Offer:
        account_name = shortened_account_name(issuer=issuer, account_name=account_name)
        uri = provisioning_uri(secret, issuer=issuer, account_name=account_name)
        return Offer(issuer=issuer, account_name=account_name, key=secret.base32, uri=uri, qr=qr_code(uri))

    def match(
        self, secret: SharedSecret, otp: OneTimePassword, *, at_epoch_seconds: float, strict: bool
    ) -> int:
        drift_steps = totp.STRICT_DRIFT_STEPS if strict else totp.DRIFT_STEPS
        return totp.match_time_step(secret, otp, at_epoch_seconds=at_epoch_seconds, drift_steps=drift_steps)

    def drift_seconds(self, secret: SharedSecret, otp: OneTimePassword, *, at_epoch_seconds: float) -> int:
        return totp.drift_seconds(secret, otp, at_epoch_seconds=at_epoch_seconds)


METHODS: dict[str, Method] = {method.name: method for method in (TotpMethod(),)}
