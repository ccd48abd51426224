"""The help desk's one-time code: drawn, said, typed."""

from __future__ import annotations

import secrets
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import ResetCodeExpiredError, ResetCodeMalformedError, ResetNotOpenError
from chalicelib.resets.record import RESET_CODE_SECONDS, Reset, ResetCode

SALT = b"s" * 32
RESET = Reset(
    code_hash="$argon2id$none",
    salt=SALT,
    request_hash="of a request",
    reset_at=1_000,
    opens_at=2_000,
    expires_at=2_000 + RESET_CODE_SECONDS,
    by="stina",
)


@given(session_id=st.text(), salt=st.binary(min_size=32, max_size=32))
def test_whatever_is_said_is_taken_as_typed(session_id: str, salt: bytes) -> None:
    code = ResetCode.of(session_id, salt)
    assert ResetCode.parse(code.spelled) == code
    assert ResetCode.parse(code.spelled.lower()) == code
    assert len(code.spelled) == 9
    assert not set(code.spelled) & set("ILOU")


def test_a_code_is_of_its_session_and_its_salt_alone() -> None:
    code = ResetCode.of("session", SALT)
    assert ResetCode.of("session", SALT) == code
    assert ResetCode.of("another", SALT) != code
    assert ResetCode.of("session", b"t" * 32) != code


@pytest.mark.requirement("E11")
def test_codes_are_spread_evenly_over_all_forty_bits() -> None:
    codes = [ResetCode.of(secrets.token_hex(32), secrets.token_bytes(32)).characters for _ in range(4_000)]
    assert len(set(codes)) == len(codes)
    for place in range(8):
        counted = Counter(code[place] for code in codes)
        assert len(counted) == 32
        assert max(counted.values()) < 4_000 / 32 * 1.6


@given(st.text(max_size=30))
def test_whatever_else_is_typed_is_refused_unhashed(typed: str) -> None:
    try:
        code = ResetCode.parse(typed)
    except ResetCodeMalformedError:
        return
    assert len([character for character in typed if character.isalnum()]) == 8
    assert ResetCode.parse(code.spelled) == code


def test_what_is_misheard_is_mended() -> None:
    assert ResetCode.parse("Il1o-0abc") == ResetCode.parse("1110-0ABC")


@pytest.mark.parametrize(
    "gap",
    [
        "-",
        " ",
        "",
        "\N{EN DASH}",
        "\N{NON-BREAKING HYPHEN}",
        "\N{MINUS SIGN}",
        "\N{NO-BREAK SPACE}",
        " \N{EM DASH} ",
    ],
)
def test_a_dash_or_a_space_may_have_become_another_on_the_way(gap: str) -> None:
    assert ResetCode.parse(f"1110{gap}0ABC") == ResetCode.parse("1110-0ABC")


@pytest.mark.parametrize("typed", ["1110-0AB\N{KELVIN SIGN}", "1110_0ABC", "1110-0ABC" + " " * 56])
def test_what_only_looks_like_one_is_none(typed: str) -> None:
    with pytest.raises(ResetCodeMalformedError):
        ResetCode.parse(typed)


@pytest.mark.requirement("E11")
def test_a_reset_is_open_for_a_day_from_the_end_of_its_wait() -> None:
    with pytest.raises(ResetNotOpenError) as caught:
        RESET.require_open(now=1_999)
    assert caught.value.retry_at_epoch_seconds == 2_000
    RESET.require_open(now=2_000)
    RESET.require_open(now=2_000 + RESET_CODE_SECONDS)
    with pytest.raises(ResetCodeExpiredError):
        RESET.require_open(now=2_001 + RESET_CODE_SECONDS)


@pytest.mark.requirement("A2")
def test_neither_shows_in_a_log() -> None:
    code = ResetCode.of("session", SALT)
    told = repr((code, RESET))
    assert code.characters not in told
    assert "argon2id" not in told
    assert repr(SALT) not in told
