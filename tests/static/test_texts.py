"""Every language says the same things, and the page asks for nothing that is not there."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest

from chalicelib.tenants.profile import LANGUAGES
from tests.static.texts import (
    BLUNT,
    I18N_FOLDER,
    INDEX,
    MARKUP,
    PARTS,
    SCRIPTS,
    keys_in,
    languages,
    placeholders,
    words,
)
from tests.support.static_site import STATIC_FOLDER

PROBLEM_CODES = [
    "body_malformed",
    "otp_malformed",
    "not_signed_in",
    "reauthentication_required",
    "password_held_by_portal",
    "hand_off_expired",
    "not_handed_off",
    "tenant_suspended",
    "verification_required",
    "cross_site_request",
    "not_found",
    "otp_already_used",
    "enrolment_not_begun",
    "enrolment_replaced",
    "not_enrolled",
    "enrolment_expired",
    "enrolment_attempts_exhausted",
    "body_too_large",
    "media_type_unsupported",
    "otp_mismatch",
    "clock_skew",
    "password_mismatch",
    "authenticator_disabled",
    "too_many_attempts",
    "internal_error",
    "service_unavailable",
    "network",
    "recovery_code_malformed",
    "recovery_code_mismatch",
    "recovery_code_used",
    "recovery_codes_disabled",
    "recovery_codes_replaced",
    "reset_code_required",
    "reset_code_malformed",
    "reset_code_mismatch",
    "reset_code_expired",
    "reset_not_open",
    "too_many_authenticators",
    "last_authenticator",
]

KEY = r"[a-z_]+(?:\.[a-z_]+)*"
FAMILIES = {
    r"problem\.\$\{(?:problem\.)?code\}|problem\.\$\{reason\}": {
        f"problem.{code}" for code in PROBLEM_CODES
    },
    r"problem\.clock_skew\.\$\{direction\}": {
        f"problem.clock_skew.{direction}.{form}"
        for direction in ("ahead", "behind")
        for form in ("one", "other")
    },
    r"stopped\.\$\{state\.reason\}": {
        f"stopped.{reason}"
        for reason in (
            "enrolment_expired",
            "enrolment_replaced",
            "enrolment_attempts_exhausted",
            "cancelled",
            "not_signed_in",
            "authenticator_disabled",
            "hand_off_expired",
            "not_found",
            "tenant_suspended",
            "turned_off",
        )
    },
    r"verify\.remember\.\$\{": {"verify.remember.one", "verify.remember.other"},
    r"account\.codes\.left\.\$\{form\}": {
        f"account.codes.left.{form}" for form in ("zero", "one", "few", "other")
    },
    r"\$\{name\}\.empty": {"recovery_code.empty", "reset_code.empty"},
    r"code\.\$\{error\}": {"code.empty", "code.digits", "code.length"},
    r"app\.store\.\$\{phone\}": {"app.store.android", "app.store.iphone"},
}
"""Keys that the code puts together, by the pattern of the place where it does."""


def first_scripts() -> list[str]:
    """Return the scripts of the first visit."""
    return [path.read_text("utf-8") for path in (STATIC_FOLDER / "js").glob("*.js")]


def keys_in_use() -> set[str]:
    """Return all keys that the page or the code names."""
    code = "\n".join(SCRIPTS.values())
    literal = set(re.findall(rf"'({KEY})'", code))
    composed: set[str] = set()
    for pattern, keys in FAMILIES.items():
        assert re.search(pattern, code), f"nothing composes {pattern} any more"
        composed |= keys
    return keys_in(MARKUP) | composed | {key for key in literal if key in words("sv")}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    """A text that one language lacks would be a blank on its screen."""
    swedish, other = words("sv"), words(language)
    assert list(other) == list(swedish)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in swedish.items()
    }
    assert [key for key, text in other.items() if not text.strip()] == []


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_words_of_the_app_with_the_date_they_were_checked(language: str) -> None:
    """Google renames its menus: a dated file tells when somebody last looked."""
    app_words = words(f"ga.{language}")
    assert list(app_words) == list(words("ga.sv"))
    assert all(text.strip() for text in app_words.values())
    assert date.fromisoformat(app_words["checked"]).year >= 2026


def test_no_key_is_missing_and_none_is_unused() -> None:
    """The files hold exactly what the page can say."""
    assert sorted(keys_in_use()) == sorted(words("sv"))


def test_app_words_are_all_used() -> None:
    """Menu words that no text names need no checking either."""
    named = {
        place for text in words("sv").values() for place in placeholders(text) if place.startswith("ga_")
    }
    facts = {"checked", "checked_how"}
    assert named == {f"ga_{name}" for name in words("ga.sv") if name not in facts}


def test_the_languages_offered_are_those_with_a_file() -> None:
    """A new language is a file and one line, here and where tenants are checked."""
    listed = re.search(r"LANGUAGES = \{([^}]*)\}", SCRIPTS["i18n.js"])
    assert listed is not None
    assert sorted(re.findall(r"(\w+):", listed[1])) == languages() == sorted(LANGUAGES)


@pytest.mark.parametrize("language", languages())
def test_nothing_is_left_in_another_language(language: str) -> None:
    """Sentences that two languages share were forgotten; single words may be the same in both."""
    for other in set(languages()) - {language}:
        theirs = words(other)
        shared = [
            key
            for key, text in words(language).items()
            if text == theirs[key] and len(re.sub(r"\{\w+\}", "", text).split()) > 4
        ]
        assert shared == [], other


@pytest.mark.requirement("B66", "W4")
@pytest.mark.parametrize("language", languages())
def test_each_problem_has_a_text_of_its_own(language: str) -> None:
    """No two refusals read alike, so the help desk can tell them apart on the telephone."""
    texts = [words(language)[f"problem.{code}"] for code in PROBLEM_CODES]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("language", languages())
def test_errors_neither_plead_nor_blame(language: str) -> None:
    """They say what to do."""
    assert [
        key for key, text in words(language).items() if key.startswith("problem.") and BLUNT.search(text)
    ] == []


def test_swedish_has_one_word_for_each_thing() -> None:
    """The guide's where it has one: mail, app (den), one kind of hyphen in what is to be typed."""
    for name, text in {**words("sv"), "noscript": INDEX}.items():
        assert not re.search(r"\bmejl", text, re.IGNORECASE), name
    assert "Authenticator är inte inställd " in words("sv")["problem.not_enrolled"]
    for language in languages():
        for key in ("recover.hint", "reset_code.hint"):
            assert set(re.findall(r"(?<=[AX])[-\u2010-\u2015](?=X)", words(language)[key])) == {"\u2011"}


@pytest.mark.parametrize("language", languages())
def test_no_screen_speaks_of_what_does_not_exist(language: str) -> None:
    """What is not sent to every user is promised to none."""
    promise = re.compile(
        r"skickat ett (?:mail|mejl)|we have sent|vi har sendt|olemme lähettäneet", re.IGNORECASE
    )
    assert [key for key, text in words(language).items() if promise.search(text)] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_brings_the_texts_of_its_own_screens(part: str) -> None:
    """What only one part's markup says is not loaded at the first visit."""
    said = {name: keys_in((STATIC_FOLDER / f"{name}.html").read_text("utf-8")) for name in PARTS}
    own = said.pop(part).difference(*said.values())
    at_once = keys_in(INDEX)
    early = json.loads((I18N_FOLDER / "sv.json").read_text("utf-8")).keys()
    used_at_once = {key for key in early if any(f"'{key}'" in script for script in first_scripts())}
    assert own & early - at_once - used_at_once == set()
