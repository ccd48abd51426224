"""The algorithm against the RFCs' own tables, the window drawn, and what was typed."""

from __future__ import annotations

import hmac
import math
import random
import sys
import types
from typing import Any

import mintotp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.errors import OtpMalformedError, OtpMismatchError
from chalicelib.totp import (
    DRIFT_STEPS,
    OTP_DIGITS,
    SECRET_BYTES,
    STRICT_DRIFT_STEPS,
    TIME_STEP_SECONDS,
    OneTimePassword,
    SharedSecret,
    draw_shared_secret,
    drift_seconds,
    match_time_step,
    otp_at,
    time_step_at,
)

RFC_SECRET = SharedSecret(b"12345678901234567890")
SOME_STEP = 59_847_480  # in November 2026

secrets_of_20_bytes = st.binary(min_size=20, max_size=20).map(SharedSecret)
epoch_seconds = st.integers(min_value=300, max_value=2**40)


def code_of(secret: SharedSecret, time_step: int) -> OneTimePassword:
    """Return the code of *time_step*, computed by a program that is not ours."""
    return OneTimePassword(mintotp.hotp(secret.base32, time_step))


def is_accepted(
    secret: SharedSecret, otp: OneTimePassword, *, at: float, drift_steps: tuple[int, ...] = DRIFT_STEPS
) -> bool:
    try:
        match_time_step(secret, otp, at_epoch_seconds=at, drift_steps=drift_steps)
    except OtpMismatchError:
        return False
    return True


@pytest.mark.requirement("T2")
def test_the_parameters_are_those_every_app_knows() -> None:
    assert (SECRET_BYTES, OTP_DIGITS, TIME_STEP_SECONDS) == (20, 6, 30)
    assert DRIFT_STEPS == (-1, 0, 1)
    assert STRICT_DRIFT_STEPS == (-1, 0)


@pytest.mark.requirement("T2")
@pytest.mark.parametrize(
    ("count", "digits"),
    [
        (0, "755224"),
        (1, "287082"),
        (2, "359152"),
        (3, "969429"),
        (4, "338314"),
        (5, "254676"),
        (6, "287922"),
        (7, "162583"),
        (8, "399871"),
        (9, "520489"),
    ],
)
def test_codes_equal_rfc_4226_appendix_d(count: int, digits: str) -> None:
    assert otp_at(RFC_SECRET, count).digits == digits


@pytest.mark.requirement("T2", "T3")
@pytest.mark.parametrize(
    ("seconds", "eight_digits"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_equal_rfc_6238_appendix_b(seconds: int, eight_digits: str) -> None:
    """The RFC prints eight digits; the last six of them are the six-digit code."""
    assert otp_at(RFC_SECRET, time_step_at(seconds)).digits == eight_digits[-6:]
    step = match_time_step(RFC_SECRET, OneTimePassword(eight_digits[-6:]), at_epoch_seconds=seconds)
    assert step == seconds // 30


@given(secrets_of_20_bytes, st.integers(min_value=0, max_value=2**40))
def test_codes_equal_those_of_another_implementation(secret: SharedSecret, time_step: int) -> None:
    assert otp_at(secret, time_step) == code_of(secret, time_step)


@pytest.mark.requirement("T4", "T13")
@pytest.mark.parametrize("offset_seconds", [0, 1, 15, 29, 29.999])
def test_the_window_is_one_step_either_side(offset_seconds: float) -> None:
    now = SOME_STEP * 30 + offset_seconds
    accepted = [
        is_accepted(RFC_SECRET, code_of(RFC_SECRET, SOME_STEP + steps), at=now) for steps in range(-3, 4)
    ]
    #                   t-3    t-2    t-1   t     t+1   t+2    t+3
    assert accepted == [False, False, True, True, True, False, False]


@pytest.mark.requirement("T4")
@pytest.mark.parametrize("offset_seconds", [0, 1, 15, 29, 29.999])
def test_the_strict_window_knows_no_code_to_come(offset_seconds: float) -> None:
    now = SOME_STEP * 30 + offset_seconds
    accepted = [
        is_accepted(
            RFC_SECRET,
            code_of(RFC_SECRET, SOME_STEP + steps),
            at=now,
            drift_steps=STRICT_DRIFT_STEPS,
        )
        for steps in range(-3, 4)
    ]
    assert accepted == [False, False, True, True, False, False, False]


@pytest.mark.requirement("T4", "B10")
@given(secrets_of_20_bytes, epoch_seconds, st.floats(0, 0.999), st.sampled_from(DRIFT_STEPS))
def test_the_matched_step_is_whole_and_within_the_window(
    secret: SharedSecret, second: int, fraction: float, drift: int
) -> None:
    """Where two steps share a code the later one counts, so the answer may lie after the code's."""
    now = time_step_at(second + fraction)
    matched = match_time_step(secret, code_of(secret, now + drift), at_epoch_seconds=second + fraction)
    assert type(matched) is int
    assert now + drift <= matched <= now + 1
    assert code_of(secret, matched) == code_of(secret, now + drift)


@given(secrets_of_20_bytes, epoch_seconds, st.integers(0, 999_999))
def test_nothing_but_the_codes_of_the_window_is_accepted(
    secret: SharedSecret, second: int, guess: int
) -> None:
    otp = OneTimePassword(f"{guess:06d}")
    window = {code_of(secret, second // 30 + drift).digits for drift in DRIFT_STEPS}
    assert is_accepted(secret, otp, at=second) == (otp.digits in window)


@pytest.mark.requirement("T6")
def test_of_two_steps_with_one_code_the_later_counts() -> None:
    """Else the later one would still be open to a replay of the same digits."""
    secret, step = SharedSecret(bytes(range(20))), 1_340_014  # found by search
    assert code_of(secret, step) == code_of(secret, step + 1)
    assert match_time_step(secret, code_of(secret, step), at_epoch_seconds=step * 30) == step + 1


@pytest.mark.parametrize("seconds", [0, 29, 30, 59])
def test_the_first_minute_of_1970_has_no_step_before_it(seconds: int) -> None:
    assert is_accepted(RFC_SECRET, code_of(RFC_SECRET, 0), at=seconds)
    assert not is_accepted(RFC_SECRET, code_of(RFC_SECRET, 5), at=seconds)


@pytest.mark.requirement("T8")
@pytest.mark.parametrize("steps_off", [-1, 0, 1, 7])
def test_three_codes_are_computed_and_compared_hit_or_miss(steps_off: int) -> None:
    """No early end tells by its time which step, if any, was right."""
    otp = code_of(RFC_SECRET, SOME_STEP + steps_off)
    calls = {"hmac.new": 0, "compare_digest": 0}

    def count(frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code is hmac.new.__code__:
            calls["hmac.new"] += 1
        if event == "c_call" and argument is hmac.compare_digest:
            calls["compare_digest"] += 1

    sys.setprofile(count)
    try:
        is_accepted(RFC_SECRET, otp, at=SOME_STEP * 30)
    finally:
        sys.setprofile(None)
    assert calls == {"hmac.new": 3, "compare_digest": 3}


@pytest.mark.requirement("T13")
@pytest.mark.parametrize(
    ("steps_off", "seconds_off"), [(steps, steps * 30) for steps in range(-10, 11) if abs(steps) > 1]
)
def test_a_phone_up_to_five_minutes_off_is_told_by_how_much(steps_off: int, seconds_off: int) -> None:
    otp = code_of(RFC_SECRET, SOME_STEP + steps_off)
    assert drift_seconds(RFC_SECRET, otp, at_epoch_seconds=SOME_STEP * 30 + 15) == seconds_off


@pytest.mark.requirement("T13")
@pytest.mark.parametrize("steps_off", [-11, -1, 0, 1, 11])
def test_other_codes_say_nothing_of_the_phones_clock(steps_off: int) -> None:
    with pytest.raises(OtpMismatchError):
        drift_seconds(
            RFC_SECRET, code_of(RFC_SECRET, SOME_STEP + steps_off), at_epoch_seconds=SOME_STEP * 30
        )


@pytest.mark.requirement("B56")
def test_a_code_keeps_its_leading_zeros() -> None:
    step = next(step for step in range(10_000) if mintotp.hotp(RFC_SECRET.base32, step).startswith("00"))
    digits = otp_at(RFC_SECRET, step).digits
    assert digits.startswith("00")
    assert OneTimePassword.parse(digits).digits == digits
    assert is_accepted(RFC_SECRET, OneTimePassword.parse(digits), at=step * 30)


@pytest.mark.requirement("B56")
@given(st.integers(0, 999_999))
@example(12345)
@example(0)
def test_every_six_digits_are_read_as_they_stand(number: int) -> None:
    assert OneTimePassword.parse(f"{number:06d}").digits == f"{number:06d}"


@pytest.mark.requirement("T9", "B04")
@pytest.mark.parametrize(
    "typed",
    [
        "123 456",
        " 123456 ",
        "1 2 3 4 5 6",
        "123\t456",
        "123456\r\n",
        "123\N{NO-BREAK SPACE}456",
        "123\N{NARROW NO-BREAK SPACE}456",
        "123\N{THIN SPACE}456",
        "\N{IDEOGRAPHIC SPACE}123456",
    ],
)
def test_spaces_of_every_kind_are_let_through_and_forgotten(typed: str) -> None:
    assert OneTimePassword.parse(typed) == OneTimePassword("123456")


MALFORMED = {
    "empty": "",
    "a space": " ",
    "five digits": "12345",
    "seven digits": "1234567",
    "eight digits": "12345678",
    "two codes": "123456 654321",
    "a plus sign": "+12345",
    "a plus sign before six": "+123456",
    "a plus sign and spaces, as int() takes it": "+030097 ",
    "a minus sign": "-12345",
    "a hyphen between": "123-456",
    "a dot between": "123.456",
    "a comma between": "123,456",
    "an underscore, as int() takes it": "123_456",
    "a decimal": "123456.0",
    "an exponent": "1e5000",
    "hexadecimal": "0x1234",
    "a letter": "12345a",
    "O for zero": "O12345",
    "l for one": "l23456",
    "Arabic-Indic digits": "١٢٣٤٥٦",
    "full-width digits": "".join(chr(0xFF10 + digit) for digit in range(1, 7)),
    "one full-width digit": "12345" + chr(0xFF16),
    "Devanagari digits": "१२३४५६",
    "superscript digits": "¹²³⁴⁵⁶",
    "mathematical digits": "".join(chr(0x1D7CE + digit) for digit in range(1, 7)),
    "a zero-width space": "123\u200b456",
    "a byte order mark": "\ufeff123456",
    "a right-to-left mark": "\u200f123456",
    "a null byte": "123456\x00",
    "a combining accent": "123456\u0301",
    "a quote for a database": "123456' OR '1'='1",
    "spaces without end": "123456" + " " * 27,
    "a megabyte": "1" * 1_000_000,
}


@pytest.mark.requirement("T9", "B54")
@pytest.mark.parametrize("typed", MALFORMED.values(), ids=MALFORMED.keys())
def test_anything_but_six_ascii_digits_is_no_code(typed: str) -> None:
    with pytest.raises(OtpMalformedError):
        OneTimePassword.parse(typed)


@pytest.mark.requirement("T9")
@given(st.text())
def test_what_is_read_is_always_six_ascii_digits(typed: str) -> None:
    try:
        digits = OneTimePassword.parse(typed).digits
    except OtpMalformedError:
        return
    assert len(digits) == 6
    assert set(digits) <= set("0123456789")


@pytest.mark.requirement("T1")
def test_ten_thousand_secrets_are_all_different_and_160_bits() -> None:
    drawn = {draw_shared_secret().octets for _ in range(10_000)}
    assert len(drawn) == 10_000
    assert {len(octets) for octets in drawn} == {20}


@pytest.mark.requirement("T10", "B64")
@given(secrets_of_20_bytes)
def test_the_key_is_32_letters_without_padding(secret: SharedSecret) -> None:
    assert len(secret.base32) == 32
    assert set(secret.base32) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


@pytest.mark.requirement("L8")
def test_ten_thousand_guessers_win_as_rarely_as_arithmetic_says() -> None:
    """Five tries each at three codes in a million, within three standard deviations."""
    attackers, tries, probability = 10_000, 5, 3 / 1_000_000
    chance = random.Random(20261123)  # noqa: S311 - a repeatable draw
    wins = sum(
        is_accepted(
            SharedSecret(secret), OneTimePassword(f"{chance.randrange(1_000_000):06d}"), at=SOME_STEP * 30
        )
        for secret in (chance.randbytes(20) for _ in range(attackers))
        for _ in range(tries)
    )
    expected = attackers * tries * probability
    assert abs(wins - expected) <= 3 * math.sqrt(expected * (1 - probability))
