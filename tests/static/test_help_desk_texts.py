"""The help desk's page: the same in every language, words for everything, and no text in vain."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.audit import event
from chalicelib.help_desk.interventions import IDENTITY_CHECKS
from tests.static.texts import BLUNT, keys_in, languages, placeholders
from tests.static.texts import INDEX as WIZARD
from tests.static.texts import words as wizard_words
from tests.support.static_site import STATIC_FOLDER

FOLDER = STATIC_FOLDER / "help-desk"
INDEX = (FOLDER / "index.html").read_text("utf-8")
SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted((FOLDER / "js").glob("*.js"))}
LANGUAGES = sorted(path.stem for path in (FOLDER / "i18n").glob("*.json"))
STATUSES = ("not_enrolled", "begun", "enrolled", "disabled", "reset")
KINDS = sorted(
    value for name, value in vars(event).items() if name.isupper() and re.fullmatch(r"[a-z_.]+", value)
)

KEY = r"[a-z_]+(?:\.[a-z_]+)*"
SAID_BY_THE_SHARED_MODULES = {
    "error.prefix",
    "error.title",
    "more_time.heading",
    "password.hidden",
    "password.hide",
    "password.show",
    "password.shown",
    "status.wait",
    "status.wait_over",
    "title",
    "title.error",
    "when.other_day",
    "when.today",
}
"""By `page.js`, `screens.js` and `refusals.js` of the wizard."""

FAMILIES = {
    r"`factor\.\$\{status\}`": {f"factor.{status}" for status in STATUSES},
    r"`situation\.\$\{status\}`": {f"situation.{status}" for status in STATUSES},
    r"`situation\.reset_\$\{state\}`": {
        f"situation.reset_{state}" for state in ("open", "opens", "expired")
    },
    r"`event\.\$\{kind\}`": {f"event.{kind}" for kind in KINDS},
    r"`by\.\$\{by\}(?:\.named)?`": {
        "by.user",
        *(f"by.{who}{form}" for who in ("portal", "help_desk", "operator") for form in ("", ".named")),
    },
    r"`check\.\$\{check\}`": {f"check.{check}" for check in IDENTITY_CHECKS},
    r"`code\.\$\{error\}`": {"code.empty", "code.digits", "code.length"},
    r"`action\.confirm_\$\{intent\}`": {"action.confirm_reset", "action.confirm_unlock"},
    r"`stopped\.\$\{reason\}`": {"stopped.missing", "stopped.not_found", "stopped.tenant_suspended"},
    r"`\$\{key\}\.\$\{which\}`": {
        f"users.{place}.{which}" for place in ("caption", "none") for which in ("status", "search", "both")
    },
}
"""Keys that the code puts together, by the pattern of the place where it does."""


def words(language: str) -> dict[str, str]:
    """Return the texts of *language*; a key that is there twice is an error."""

    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs), f"a key stands twice in {language}.json"
        return dict(pairs)

    text: dict[str, str] = json.loads(
        (FOLDER / "i18n" / f"{language}.json").read_text("utf-8"), object_pairs_hook=once
    )
    return text


def promised_codes() -> set[str]:
    """Return every problem code that the API description promises for a route that the page asks."""
    document = json.loads((STATIC_FOLDER / "openapi.json").read_text("utf-8"))

    def codes(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(codes, node))
        if not isinstance(node, dict):
            return set()
        if "$ref" in node:
            target: Any = document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            return codes(target)
        code = node.get("properties", {}).get("code", {})
        return {*code.get("enum", []), *filter(None, [code.get("const")])}.union(*map(codes, node.values()))

    asked = [
        *[f"GET {path}" for path in ("/api/tenant", "/api/session")],
        "DELETE /api/session",
        "POST /api/verification",
        *[
            f"{method.upper()} {path}"
            for path, methods in document["paths"].items()
            if path.startswith("/api/help-desk/")
            for method in methods
            if method in {"get", "post"}
        ],
    ]
    assert len(asked) == 10, "the page asks four shared routes and six of the help desk's own"
    found: set[str] = set()
    for route in asked:
        method, _, path = route.partition(" ")
        found |= codes(document["paths"][path][method.lower()]["responses"])
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_places(language: str) -> None:
    """In the same order, and none of them empty."""
    swedish, other = words("sv"), words(language)
    assert list(other) == list(swedish)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in swedish.items()
    }
    assert [key for key, text in other.items() if not text.strip()] == []


def test_the_help_desk_speaks_the_languages_of_its_users() -> None:
    """Each of them, and no other."""
    assert languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_both_pages_say_alike_they_say_alike_in_every_language(language: str) -> None:
    """Staff who tell users what to read have it before them in the same words."""
    swedish, swedish_wizard = words("sv"), wizard_words("sv")
    alike = [key for key in swedish if swedish[key] == swedish_wizard.get(key)]
    assert len(alike) > 30
    ours, theirs = words(language), wizard_words(language)
    assert {key: ours[key] for key in alike} == {key: theirs[key] for key in alike}
    # Norwegian and Danish phones call the app something else: staff are told so, too.
    assert ours["code.lead"] == theirs["verify.lead"]


@pytest.mark.parametrize("part", ["p-password", "p-otp"])
def test_fields_that_both_pages_have_are_the_same(part: str) -> None:
    """What browsers and password managers learn on one they find on the other."""
    markup = rf'<template id="{part}">.*?</template>'
    ours, theirs = (re.search(markup, page, re.DOTALL) for page in (INDEX, WIZARD))
    assert ours is not None
    assert theirs is not None
    assert ours[0] == theirs[0]


def test_no_key_is_missing_and_none_is_unused() -> None:
    """The files hold exactly what the page can say."""
    code = "\n".join(SCRIPTS.values())
    in_use = keys_in(INDEX) | SAID_BY_THE_SHARED_MODULES
    for pattern, keys in FAMILIES.items():
        assert re.search(pattern, code), f"nothing composes {pattern} any more"
        in_use |= keys
    literal = {key for key in re.findall(rf"'({KEY})'", code) if key in words("sv")}
    problems = {key for key in words("sv") if key.startswith("problem.")}
    assert sorted(in_use | literal | problems) == sorted(words("sv"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_event_has_words_of_its_own(language: str) -> None:
    """And the page knows that it has."""
    texts = words(language)
    assert len({texts[f"event.{kind}"] for kind in KINDS}) == len(KINDS)
    assert sorted(re.findall(r"^  '([a-z_]+\.[a-z_]+)',$", SCRIPTS["words.js"], re.MULTILINE)) == KINDS


@pytest.mark.requirement("B66", "W4")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_promised_problem_has_words_of_its_own(language: str) -> None:
    """No two refusals read alike, and none pleads or blames."""
    texts = words(language)
    missing = {code for code in promised_codes() if f"problem.{code}" not in texts}
    assert missing == set()
    told = [text for key, text in texts.items() if key.startswith("problem.")]
    assert len(set(told)) == len(told)
    assert [text for text in told if BLUNT.search(text)] == []


def test_there_are_words_for_nothing_that_cannot_happen() -> None:
    """Each text of a problem belongs to one that is promised, or to a line that broke."""
    known = promised_codes() | {"network"}
    own = {key.split(".")[1] for key in words("sv") if key.startswith("problem.")}
    assert own - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_of_a_code_can_be_spelled(language: str) -> None:
    """One name for each, and no two that begin alike."""
    assert [name[0] for name in words(language)["spelling"].split()][:26] == list(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    )
