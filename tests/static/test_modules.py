"""The pure modules: codes as people type them, colours as people see them, languages, texts with places."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tenants import colour as tenants_colour
from tests.static.conftest import Evaluate
from tests.support.static_site import STATIC_FOLDER

TYPED = {
    "123456": {"otp": "123456"},
    "123 456": {"otp": "123456"},
    "123-456": {"otp": "123456"},
    "123\u00a0456": {"otp": "123456"},
    "123\u2009456": {"otp": "123456"},
    "123.456": {"otp": "123456"},
    "123\u2013456": {"otp": "123456"},
    "\u200b123456\ufeff": {"otp": "123456"},
    " 012345\n": {"otp": "012345"},
    "１２３４５６": {"otp": "123456"},  # noqa: RUF001 - wide digits are the point
    "": {"error": "empty"},
    " - ": {"error": "empty"},
    "12345": {"error": "length"},
    "1234567": {"error": "length"},
    "12345a": {"error": "digits"},
    "+12345": {"error": "digits"},
    "١٢٣٤٥٦": {"error": "digits"},
}


@pytest.mark.requirement("W1", "B54", "B56")
@pytest.mark.parametrize(("typed", "expected"), TYPED.items())
def test_a_code_is_read_as_it_is_pasted(evaluate: Evaluate, typed: str, expected: dict[str, str]) -> None:
    """Separators go, digits stay digits, and the rest is told before it costs an attempt."""
    assert evaluate("code", "({ check }, typed) => check(typed)", typed) == expected


@given(
    otp=st.text("0123456789", min_size=6, max_size=6),
    gaps=st.lists(st.text(" \u00a0-.\u2009\t", max_size=3), min_size=7, max_size=7),
)
def test_separators_anywhere_change_nothing(evaluate: Evaluate, otp: str, gaps: list[str]) -> None:
    """Whatever stands between the digits."""
    typed = gaps[0] + "".join(digit + gap for digit, gap in zip(otp, gaps[1:], strict=True))
    assert evaluate("code", "({ check }, typed) => check(typed)", typed) == {"otp": otp}


@given(typed=st.text(max_size=20))
def test_whatever_is_typed_gets_six_digits_or_a_reason(evaluate: Evaluate, typed: str) -> None:
    """Nothing else ever goes to the server."""
    answer = evaluate("code", "({ check }, typed) => check(typed)", typed)
    if "otp" in answer:
        assert len(answer["otp"]) == 6
        assert set(answer["otp"]) <= set("0123456789")
    else:
        assert answer["error"] in {"empty", "digits", "length"}


RECOVERY_CODE = "A7K2M9QXT3PV0W"
TYPED_RECOVERY_CODES = {
    "A-7K2M9-QXT3P-V0W": {"code": RECOVERY_CODE},
    "a7k2m9qxt3pv0w": {"code": RECOVERY_CODE},
    " A \u2013 7K2M9\u00a0QXT3P\u2212VoW\n": {"code": RECOVERY_CODE},
    "B-IlO11-00000-000": {"code": "B1101100000000"},
    "": {"error": "empty"},
    " - ": {"error": "empty"},
    "123456": {"error": "malformed"},
    "I-7K2M9-QXT3P-V0W": {"error": "malformed"},
    "A-7K2M9-QXT3P-V0": {"error": "malformed"},
    "A-7K2M9-QXT3P-V0WW": {"error": "malformed"},
    "A-7K2M9-QXT3P-V0U": {"error": "malformed"},
}


@pytest.mark.requirement("W1")
@pytest.mark.parametrize(("typed", "expected"), TYPED_RECOVERY_CODES.items())
def test_a_recovery_code_is_read_as_it_was_written_down(
    evaluate: Evaluate, typed: str, expected: dict[str, str]
) -> None:
    """In any case, with any gaps, and with what is easily misread as it was meant."""
    check = "({ checkRecoveryCode }, typed) => checkRecoveryCode(typed)"
    assert evaluate("account/codes", check, typed) == expected


TYPED_RESET_CODES = {
    "4F7K-9QXT": {"code": "4F7K9QXT"},
    "4f7k 9qxt": {"code": "4F7K9QXT"},
    "oOiL-0000": {"code": "00110000"},
    "": {"error": "empty"},
    "4F7K-9QX": {"error": "malformed"},
    "4F7K-9QXU": {"error": "malformed"},
}


@pytest.mark.parametrize(("typed", "expected"), TYPED_RESET_CODES.items())
def test_the_help_desks_code_is_read_as_it_was_said(
    evaluate: Evaluate, typed: str, expected: dict[str, str]
) -> None:
    """Whatever the user made of it on the telephone."""
    check = "({ checkResetCode }, typed) => checkResetCode(typed)"
    assert evaluate("account/codes", check, typed) == expected


def test_a_key_is_shown_in_fours(evaluate: Evaluate) -> None:
    """As people read it aloud."""
    grouped = evaluate(
        "setup/setup", "({ groupKey }, key) => groupKey(key)", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    )
    assert grouped == "ABCD EFGH IJKL MNOP QRST UVWX YZ23 4567"


CONTRASTS = [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#767676", "#ffffff", 4.54)]


@pytest.mark.parametrize(("one", "other", "ratio"), CONTRASTS)
def test_contrast_is_that_of_wcag(evaluate: Evaluate, one: str, other: str, ratio: float) -> None:
    """Values known from WCAG's own examples; the order of the colours makes no difference."""
    pair = evaluate("brand", "({ contrast }, [a, b]) => [contrast(a, b), contrast(b, a)]", [one, other])
    assert pair == [pytest.approx(ratio, abs=0.01)] * 2


SHEET = (STATIC_FOLDER / "app.css").read_text("utf-8")
LIGHT, DARK = (
    {name: re.sub(r"^#(.)(.)(.)$", r"#\1\1\2\2\3\3", colour) for name, colour in found}
    for found in (
        re.findall(r"--(page|panel): (#\w+);", root)
        for root in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)[:2]
    )
)
"""What text stands on, by its name in the style sheet."""


def test_whoever_computes_colours_knows_the_grounds_of_the_style_sheet() -> None:
    """That is the operator's command, to whose answers `test_brand.py` holds the page's script."""
    assert LIGHT == {"page": tenants_colour.LIGHT_PAGE, "panel": tenants_colour._LIGHT_PANEL}
    assert DARK == {"page": tenants_colour.DARK_PAGE, "panel": tenants_colour._DARK_PANEL}


@pytest.mark.requirement("W5")
@given(colour=st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}"))
def test_every_brand_colour_gives_readable_text_and_visible_buttons(
    evaluate: Evaluate, colour: str
) -> None:
    """A tenant may choose any colour: links and buttons stay readable on each ground, light and dark."""
    measure = """
    ({ brandTokens, contrast }, { colour, light, dark }) => {
      const tokens = brandTokens(colour);
      const on = (ground, name) => contrast(tokens[name], ground);
      return {
        text: [
          contrast(tokens['--brand'], tokens['--on-brand']),
          ...[light.page, light.panel].map((ground) => on(ground, '--link-light')),
          ...[dark.page, dark.panel].map((ground) => on(ground, '--link-dark')),
        ],
        edges: [
          ...[light.page, light.panel].map((ground) => on(ground, '--edge-light')),
          ...[dark.page, dark.panel].map((ground) => on(ground, '--edge-dark')),
        ],
      };
    }
    """
    measured = evaluate("brand", measure, {"colour": colour, "light": LIGHT, "dark": DARK})
    assert min(measured["text"]) >= 4.5
    assert min(measured["edges"]) >= 3


@pytest.mark.parametrize("colour", [None, "", "red", "#fff", "#12345g", "#005f86; x", "url(x)"])
def test_what_is_no_colour_gives_the_default(evaluate: Evaluate, colour: str | None) -> None:
    """Only `#rrggbb` becomes a style."""
    assert (
        evaluate("brand", "({ brandTokens }, colour) => brandTokens(colour)['--brand']", colour)
        == "#005f86"
    )


CHOICES: list[tuple[list[str | None], list[str], str]] = [
    (["en", "sv"], ["sv", "en"], "en"),
    ([None, None, "en-GB", "sv-SE"], ["sv", "en"], "en"),
    (["de", "fr", "sv-FI"], ["sv", "en"], "sv"),
    (["de"], ["sv", "en"], "sv"),
    (["no", "sv"], ["sv", "nb"], "nb"),
    (["nn-NO"], ["sv", "nb"], "nb"),
    (["EN"], ["sv", "en"], "en"),
    (["constructor", ""], ["sv"], "sv"),
]


@pytest.mark.parametrize(("candidates", "offered", "expected"), CHOICES)
def test_the_first_language_that_is_offered_is_used(
    evaluate: Evaluate, candidates: list[str | None], offered: list[str], expected: str
) -> None:
    """The portal's wish, the saved choice, the browser's list, the tenant's default: in that order."""
    argument = {"candidates": candidates, "offered": offered}
    choose = "({ chooseLanguage }, { candidates, offered }) => chooseLanguage(candidates, offered)"
    assert evaluate("i18n", choose, argument) == expected


def test_only_languages_with_a_file_are_offered(evaluate: Evaluate) -> None:
    """A tenant may ask for one that is not translated yet."""
    offered = "({ offeredLanguages }, wanted) => offeredLanguages(wanted)"
    assert evaluate("i18n", offered, ["fi", "de", "sv"]) == ["fi", "sv"]
    assert evaluate("i18n", offered, ["de"]) == ["sv", "en", "nb", "da", "fi"]


TAGS = st.sampled_from(
    ["sv", "SV-fi", "en-GB", "nb-NO", "no", "nn", "da", "fi-FI", "de", "", "toString", "-", None]
) | st.text(max_size=6)


@given(
    candidates=st.lists(TAGS, max_size=6),
    offered=st.lists(st.sampled_from(["sv", "en", "nb", "da", "fi"]), min_size=1, unique=True),
)
def test_whatever_is_wished_for_one_of_the_offered_languages_is_used(
    evaluate: Evaluate, candidates: list[str | None], offered: list[str]
) -> None:
    """The best wish that can be met, else the first offered."""
    choose = "({ chooseLanguage }, { candidates, offered }) => chooseLanguage(candidates, offered)"
    filed = {"no": "nb", "nn": "nb"}
    wishes = [(candidate or "").lower().split("-")[0] for candidate in candidates]
    known = [wish for wish in (filed.get(wish, wish) for wish in wishes) if wish in offered]
    argument = {"candidates": candidates, "offered": offered}
    assert evaluate("i18n", choose, argument) == [*known, offered[0]][0]


PARTS: list[tuple[str, list[Any]]] = [
    ("", []),
    ("Fortsätt", ["Fortsätt"]),
    ("{a}", [{"name": "a"}]),
    ("Steg {n} av {of}", ["Steg ", {"name": "n"}, " av ", {"name": "of"}]),
    ("{A} {} {a b}", ["{A} {} {a b}"]),
]


@pytest.mark.parametrize(("template", "expected"), PARTS)
def test_a_text_falls_into_words_and_places(evaluate: Evaluate, template: str, expected: list[Any]) -> None:
    """Places become elements, never markup."""
    assert evaluate("i18n", "({ partsOf }, template) => partsOf(template)", template) == expected


@given(template=st.text("ab{}_ <>&é", max_size=30))
def test_no_text_is_lost_in_its_parts(evaluate: Evaluate, template: str) -> None:
    """Put together again they are the text."""
    parts = evaluate("i18n", "({ partsOf }, template) => partsOf(template)", template)
    assert "".join(part if isinstance(part, str) else f"{{{part['name']}}}" for part in parts) == template


MOMENTS = [
    ("sv", "2026-11-23T14:31:20", {"isToday": True, "day": "23\u00a0november", "time": "14:32"}),
    ("sv", "2026-11-23T14:32:00", {"isToday": True, "day": "23\u00a0november", "time": "14:32"}),
    ("sv", "2026-11-23T23:59:30", {"isToday": False, "day": "24\u00a0november", "time": "00:00"}),
    ("en", "2026-12-01T00:00:00", {"isToday": False, "day": "1\u00a0December", "time": "00:00"}),
    ("nb", "2026-12-01T14:31:20", {"isToday": False, "day": "1.\u00a0desember", "time": "14:32"}),
    ("da", "2026-11-23T14:31:20", {"isToday": True, "day": "23.\u00a0november", "time": "14.32"}),
    ("fi", "2026-12-01T09:05:00", {"isToday": False, "day": "1.\u00a0joulukuuta", "time": "09.05"}),
]


@pytest.mark.parametrize(("language", "moment", "expected"), MOMENTS)
def test_a_moment_is_local_and_never_named_too_early(
    evaluate: Evaluate, language: str, moment: str, expected: dict[str, Any]
) -> None:
    """At the minute that we name the wait is over; one that lasts for weeks names the day."""
    tell = """({ momentOf }, { language, moment }) =>
      momentOf(language, new Date(moment), new Date('2026-11-23T12:00:00'))"""
    assert evaluate("i18n", tell, {"language": language, "moment": moment}) == expected


def in_the_afternoon(moment: datetime) -> datetime:
    """Return *moment* where no clock is changed: some nights have no half past two."""
    return moment.replace(hour=12 + moment.hour // 2)


@given(
    language=st.sampled_from(["sv", "en", "nb", "da", "fi"]),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)).map(in_the_afternoon),  # noqa: DTZ001
)
def test_no_language_names_a_moment_before_it_comes(
    evaluate: Evaluate, language: str, moment: datetime
) -> None:
    """Nor more than a minute after it."""
    tell = """({ momentOf }, { language, moment }) =>
      momentOf(language, new Date(moment), new Date('2026-11-23T12:00:00'))"""
    told = evaluate("i18n", tell, {"language": language, "moment": moment.isoformat()})
    late = next(
        minutes
        for minutes in (0, 1)
        if (moment + timedelta(minutes=minutes)).strftime("%H:%M") == told["time"].replace(".", ":")
    )
    whole = moment.second == 0 and moment.microsecond < 1_000
    assert late == (0 if whole else 1)
    assert str((moment + timedelta(minutes=late)).day) in told["day"]
