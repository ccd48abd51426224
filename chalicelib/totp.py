"""
Time-based one-time passwords: RFC 6238 over RFC 4226, with the app's defaults.

Google Authenticator on Android knows only SHA-1, six digits and 30 seconds, so
nothing else is ever made. Pure: no clock, no storage.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from pyotp import HOTP

from chalicelib.errors import OtpMalformedError, OtpMismatchError, ServiceUnavailableError

Entropy = Callable[[int], bytes]  # so many random bytes

TIME_STEP_SECONDS = 30
SECRET_BYTES = 20  # 160 bits, as RFC 4226 §4 R6 recommends
# What another system may have drawn and we take over: R6 asks for 128 bits, and HMAC-SHA-1 hashes
# a longer key than its block first, which not every app does.
SHORTEST_SECRET_BYTES = 16
LONGEST_SECRET_BYTES = 64
OTP_DIGITS = 6

# RFC 6238 §5.2 advises one step for delay; steps beyond it are never accepted.
DRIFT_STEPS = (-1, 0, 1)
STRICT_DRIFT_STEPS = (-1, 0)
# How far off a phone's clock may be and still be told so, at set-up.
SKEW_STEPS = tuple(steps for steps in range(-10, 11) if abs(steps) > 1)

_LONGEST_TYPED_OTP = 32
_SIX_DIGITS = re.compile(r"[0-9]{6}", re.ASCII)


@dataclass(frozen=True)
class SharedSecret:
    """RFC 4226's K. Never shown by repr, so no log or traceback can hold it."""

    octets: bytes = field(repr=False)

    @property
    def base32(self) -> str:
        """The key as typed by hand: upper case, no padding (20 bytes need none)."""
        return base64.b32encode(self.octets).decode("ascii").rstrip("=")


@dataclass(frozen=True)
class OneTimePassword:
    """Six digits as typed. Never shown by repr."""

    digits: str = field(repr=False)

    @classmethod
    def parse(cls, typed: str) -> OneTimePassword:
        """
        Return the six digits of *typed*, white space removed.

        The app shows ``123 456``, so spaces of every kind are let through; other
        scripts' digits, signs and any other length are not.

        Raises:
            OtpMalformedError: Anything but six ASCII digits remains.
        """
        if len(typed) > _LONGEST_TYPED_OTP:
            raise OtpMalformedError
        digits = "".join(typed.split())
        if not _SIX_DIGITS.fullmatch(digits):
            raise OtpMalformedError
        return cls(digits)


def draw_shared_secret(entropy: Entropy = secrets.token_bytes) -> SharedSecret:
    """
    Return a new secret of 20 bytes from the operating system's generator.

    Drawn when called, never at import: a frozen and thawed process would
    otherwise repeat it.

    Raises:
        ServiceUnavailableError: The generator gives nothing; no other is tried.
    """
    try:
        return SharedSecret(entropy(SECRET_BYTES))
    except OSError as error:
        raise ServiceUnavailableError from error


def time_step_at(epoch_seconds: float) -> int:
    """Return RFC 6238's T, with T0 = 0."""
    return int(epoch_seconds // TIME_STEP_SECONDS)


def otp_at(secret: SharedSecret, time_step: int) -> OneTimePassword:
    """Return the code of one time step (RFC 4226 §5.3)."""
    return OneTimePassword(HOTP(secret.base32, digits=OTP_DIGITS).at(time_step))


def match_time_step(
    secret: SharedSecret,
    otp: OneTimePassword,
    *,
    at_epoch_seconds: float,
    drift_steps: tuple[int, ...] = DRIFT_STEPS,
) -> int:
    """
    Return the latest RFC 6238 time step of the window whose code equals *otp*.

    The window is the step of *at_epoch_seconds* shifted by each of *drift_steps*.
    Every candidate is computed and compared in constant time, hit or miss. This
    does NOT prevent replay: pass the result to the store's ``accept_attempt``.

    Raises:
        OtpMismatchError: No step in that window produces *otp*.
    """
    now = time_step_at(at_epoch_seconds)
    hotp = HOTP(secret.base32, digits=OTP_DIGITS)
    # Before 1970-01-01T00:00:30Z there is no earlier step.
    candidates = [step for step in (now + drift for drift in drift_steps) if step >= 0]
    matches = [step for step in candidates if hmac.compare_digest(hotp.at(step), otp.digits)]
    if not matches:
        raise OtpMismatchError
    return max(matches)


def drift_seconds(secret: SharedSecret, otp: OneTimePassword, *, at_epoch_seconds: float) -> int:
    """
    Return how far the phone's clock is off, positive when it is ahead.

    For set-up only, after `match_time_step` has refused the code.

    Raises:
        OtpMismatchError: The code belongs to no step within five minutes either.
    """
    step = match_time_step(secret, otp, at_epoch_seconds=at_epoch_seconds, drift_steps=SKEW_STEPS)
    return (step - time_step_at(at_epoch_seconds)) * TIME_STEP_SECONDS
