"""What a recovery code is: 65 random bits, shown once, and typed back however their owner types."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from itertools import chain
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.crockford import ALPHABET
from chalicelib.errors import RecoveryCodeMalformedError, ServiceUnavailableError
from chalicelib.recovery.code import CHARACTERS, RecoveryCode, draw_recovery_codes
from chalicelib.recovery_codes.record import LETTERS

codes = st.builds(
    RecoveryCode, st.sampled_from(LETTERS), st.text(ALPHABET, min_size=CHARACTERS, max_size=CHARACTERS)
)
gaps = st.lists(st.sampled_from(["", " ", "-", "\u2013", "\u2011", "\u2212", "\xa0", "\n"]), max_size=2)
# How somebody writes a digit who takes it for a letter.
TAKEN_FOR = {"0": "0Oo", "1": "1IiLl"}


@st.composite
def typed(draw: st.DrawFn, code: RecoveryCode) -> str:
    """Return *code* as its owner may type it."""
    written = []
    for character in code.text:
        forms = TAKEN_FOR.get(character, character + character.lower())
        written += [*draw(gaps), draw(st.sampled_from(forms))]
    return "".join(written)[:64]


@pytest.mark.requirement("R1")
def test_a_set_is_ten_codes_of_65_bits_behind_ten_letters() -> None:
    drawn = draw_recovery_codes()
    assert [code.letter for code in drawn] == list("ABCDEFGHJK")
    assert len(ALPHABET) == len(set(ALPHABET)) == 2**5
    assert {len(code.characters) for code in drawn} == {13}


@pytest.mark.requirement("R1")
def test_every_one_of_the_65_bits_comes_from_the_generator_and_from_nothing_else() -> None:
    shown = {draw_recovery_codes(bytes)[0].characters}
    for bit in range(65):
        shown.add(draw_recovery_codes(lambda size, bit=bit: (1 << bit).to_bytes(size))[0].characters)  # type: ignore[misc]
    assert len(shown) == 66
    asked: list[int] = []

    def counting(size: int) -> bytes:
        asked.append(size)
        return secrets.token_bytes(size)

    draw_recovery_codes(counting)
    assert asked == [9] * 10, "each code draws for itself, and at least 65 bits"


@pytest.mark.requirement("R1")
def test_a_hundred_thousand_codes_hold_no_duplicate_and_no_favourite() -> None:
    drawn = [code.characters for code in chain.from_iterable(draw_recovery_codes() for _ in range(10_000))]
    assert len(set(drawn)) == 100_000
    for place in range(CHARACTERS):
        seen = Counter(characters[place] for characters in drawn)
        assert set(seen) == set(ALPHABET)
        # 3,125 of each are to be expected; ten standard deviations leave no room for chance.
        assert all(abs(count - 3_125) < 560 for count in seen.values()), place


@pytest.mark.requirement("R1")
def test_without_randomness_there_is_no_set() -> None:
    def dry(_: int) -> NoReturn:
        raise OSError

    with pytest.raises(ServiceUnavailableError):
        draw_recovery_codes(dry)


@given(codes)
def test_what_is_shown_is_what_is_typed_back(code: RecoveryCode) -> None:
    letter, *groups = code.shown.split("-")
    assert [len(letter), *map(len, groups)] == [1, 5, 5, 3]
    assert RecoveryCode.parse(code.shown) == code
    assert RecoveryCode.parse(code.text) == code


@given(st.data())
def test_case_gaps_and_letters_taken_for_digits_make_no_difference(data: st.DataObject) -> None:
    code = data.draw(codes)
    written = data.draw(typed(code))
    if len(written) < 64:
        assert RecoveryCode.parse(written) == code


@given(st.text(max_size=80) | st.text(LETTERS + ALPHABET + "IOLU- ", max_size=20))
def test_anything_else_is_refused_or_is_a_code(text: str) -> None:
    try:
        code = RecoveryCode.parse(text)
    except RecoveryCodeMalformedError:
        return
    assert code.letter in LETTERS
    assert len(code.characters) == CHARACTERS
    assert set(code.characters) <= set(ALPHABET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "A-7KQ2M-9XRT4-8W",
        "A-7KQ2M-9XRT4-8WPP",
        "I-7KQ2M-9XRT4-8WP",
        "L-7KQ2M-9XRT4-8WP",
        "0-7KQ2M-9XRT4-8WP",
        "A-7KQ2M-9XRT4-8WU",
        "A-7KQ2M-9XRT4-8W\u212a",
        "\uff21-7KQ2M-9XRT4-8WP",
        "A-7KQ2M-9XRT4-8W\u0131",
        "A_7KQ2M_9XRT4_8WP",
        "A-7KQ2M-9XRT4-8WP\x00",
        "123456",
    ],
)
def test_what_only_looks_like_one_is_refused(text: str) -> None:
    with pytest.raises(RecoveryCodeMalformedError):
        RecoveryCode.parse(text)


@pytest.mark.requirement("B55")
@pytest.mark.parametrize(
    "text", ["A" * 65, "A-7KQ2M-9XRT4-8WP" + " " * 48, "-" * 1_000_000, "A" * 10_000_000]
)
def test_a_very_long_one_is_refused_by_its_length_alone(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(RecoveryCodeMalformedError):
        RecoveryCode.parse(text)
    assert time.perf_counter() - start < 0.01


@pytest.mark.requirement("R7")
@given(codes)
def test_no_log_or_traceback_shows_one(code: RecoveryCode) -> None:
    assert code.characters not in repr(code)
    assert code.characters not in str(code)
