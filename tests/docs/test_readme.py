"""What README.md says about the code is what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from chalicelib.assertions.assertion import ASSERTION_SECONDS
from chalicelib.assertions.signing_keys import OVERLAP_SECONDS
from chalicelib.audit.history import REFERENCE_DAYS
from chalicelib.authenticators.record import (
    MOST_AUTHENTICATORS,
    MOST_CONFIRMATION_ATTEMPTS,
    PENDING_SECONDS,
)
from chalicelib.browsers.record import MOST_BROWSERS
from chalicelib.hand_offs.record import HAND_OFF_SECONDS, RETURN_CODE_SECONDS
from chalicelib.help_desk.overview import LOOK_SECONDS, MOST_COUNTED
from chalicelib.portals.client_authentication import LONGEST_JWT_SECONDS
from chalicelib.portals.second_factor import ENROL, OFFER, SUPPORT, VERIFY
from chalicelib.resets.record import MOST_RESET_CODE_ATTEMPTS, RESET_CODE_SECONDS
from chalicelib.sessions import session
from chalicelib.settings import (
    STAGES,
    ArchiveSettings,
    DigestSettings,
    NoticesSettings,
    OutboxSettings,
    Settings,
)
from chalicelib.tenants.profile import LONGEST_REMEMBER_DAYS, Profile
from chalicelib.throttle import (
    OTP_FAILURES_PER_MONTH,
    OTP_LADDER,
    PASSWORD_LADDER,
    RECOVERY_SETS_PER_DAY,
    STEPS_PER_DAY,
    UNLOCKS_PER_MONTH,
)
from chalicelib.web.body import LONGEST_BODY_BYTES
from chalicelib.web.problems import INTERNAL_ERROR, PROBLEMS
from tests.docs.pages import DOCS, PROJECT, README, code_in, fenced_blocks, section, table, tables
from tests.support.world import COZONE, World, moto_world


@pytest.fixture
def world() -> Iterator[World]:
    with moto_world() as made:
        yield made


class _Recording(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, *arguments: Any, **values: str) -> None:
        super().__init__(*arguments, **values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def test_settings_are_those_read_from_the_environment() -> None:
    environment = _Recording(
        STAGE="prod",
        STATE_TABLE="state",
        EVENTS_TABLE="events",
        SECRET_KEY_ID="key",
        SIGNING_KEY_ID="key",
        ORIGIN_SECRETS="secret",
        AWS_REGION="eu-north-1",
    )
    Settings.from_env(environment)
    rows = tables(section("## Settings"))[0]
    stages = next(row["what"] for row in rows if row["name"] == "`STAGE`")

    assert {code_in(row["name"])[0] for row in rows} == environment.asked
    assert tuple(code_in(stages)) == STAGES


def test_the_outbox_needs_what_is_said_beside_the_table() -> None:
    environment = _Recording(STAGE="prod", EVENTS_TABLE="events", AWS_REGION="eu-north-1")
    OutboxSettings.from_env(environment)
    (sentence,) = re.findall(r"^The outbox function needs (.*)\.$", section("## Settings"), re.MULTILINE)

    assert sentence == "`STAGE`, `EVENTS_TABLE` and the region only"
    assert environment.asked == {*code_in(sentence), "AWS_DEFAULT_REGION", "AWS_REGION"}


def test_the_notices_need_what_is_said_beside_the_table() -> None:
    environment = _Recording(
        STAGE="prod", STATE_TABLE="state", MAIL_FROM="notiser@firma.se", AWS_REGION="eu-north-1"
    )
    NoticesSettings.from_env(environment)
    (sentence,) = re.findall(r"^The notices function needs (.*)\.$", section("## Settings"), re.MULTILINE)

    assert sentence == "`STAGE`, `STATE_TABLE`, `MAIL_FROM` and the region only"
    assert environment.asked == {*code_in(sentence), "AWS_DEFAULT_REGION", "AWS_REGION"}


@pytest.mark.parametrize(
    ("function", "settings", "names"),
    [
        ("archive", ArchiveSettings, ["STAGE", "ARCHIVE_BUCKET"]),
        ("digest", DigestSettings, ["STAGE", "ARCHIVE_BUCKET", "DIGEST_KEY_ID"]),
    ],
)
def test_the_archive_needs_what_is_said_beside_the_table(
    function: str, settings: type[ArchiveSettings | DigestSettings], names: list[str]
) -> None:
    environment = _Recording(
        STAGE="prod", ARCHIVE_BUCKET="archive", DIGEST_KEY_ID="key", AWS_REGION="eu-north-1"
    )
    settings.from_env(environment)
    (sentence,) = re.findall(
        rf"^The {function} function needs (.*)\.$", section("## Settings"), re.MULTILINE
    )

    assert code_in(sentence) == names
    assert environment.asked == {*names, "AWS_DEFAULT_REGION", "AWS_REGION"}


def test_profile_fields_are_those_a_profile_has() -> None:
    documented = [name for row in table("### A tenant's profile") for name in code_in(row["field"])]
    names = {field.name for field in fields(Profile)} - {"source", "tenant_id"} | {"id"}

    assert set(documented) == names == set(COZONE)


def test_routes_are_those_of_the_app(world: World) -> None:
    documented = [code_in(row["route"])[0] for row in table("## Routes")]
    registered = {f"{method} {path}" for path, methods in world.app.routes.items() for method in methods}

    assert sorted(documented) == sorted(registered)


def test_problems_are_those_of_the_table_in_code() -> None:
    documented = [
        (int(row["status"]), code_in(row["code"])[0]) for row in tables(section("## Problems"))[0]
    ]
    known = {(problem.status, problem.code) for problem in [*PROBLEMS.values(), INTERNAL_ERROR]}

    assert documented == sorted(documented, key=lambda row: row[0])
    assert sorted(documented) == sorted(known)


def test_limits_are_those_that_hold() -> None:
    documented = {
        row["what"]: [int(n) for n in re.findall(r"\d+", row["limit"])] for row in table("### Limits")
    }

    assert documented == {
        "Wrong codes in a row": [
            OTP_LADDER.free_attempts,
            OTP_LADDER.first_wait_seconds,
            OTP_LADDER.longest_wait_seconds // 60,
            OTP_LADDER.disabled_at,
        ],
        "Wrong codes in a calendar month (UTC)": [OTP_FAILURES_PER_MONTH],
        "Wrong passwords in a row": [
            PASSWORD_LADDER.free_attempts,
            PASSWORD_LADDER.first_wait_seconds,
            PASSWORD_LADDER.longest_wait_seconds // 60,
        ],
        "Codes for one pending key": [MOST_CONFIRMATION_ATTEMPTS, PENDING_SECONDS // 60],
        "Unlocks of one user's authenticators in a calendar month (UTC)": [UNLOCKS_PER_MONTH],
        "Sets of recovery codes that one user makes in a day (UTC)": [RECOVERY_SETS_PER_DAY],
        "Steps with authenticators that one user takes in a day (UTC): a key begun or confirmed, an"
        " authenticator named or removed": [STEPS_PER_DAY],
        "Authenticators of one user": [MOST_AUTHENTICATORS],
        "Remembered browsers of one user": [MOST_BROWSERS, LONGEST_REMEMBER_DAYS],
        "Session": [session.IDLE_SECONDS // 60, session.ABSOLUTE_SECONDS // 60],
        "Password proof, and the code of the help desk's staff for a reset or an unlock": [
            session.REAUTHENTICATION_SECONDS // 60
        ],
        "The help desk's one-time code": [MOST_RESET_CODE_ATTEMPTS, RESET_CODE_SECONDS // 3_600],
        "Repeating a request that replaced the session": [session.REPEATABLE_SECONDS],
        "A portal's link": [HAND_OFF_SECONDS],
        "A return code, and an assertion": [RETURN_CODE_SECONDS],
        "A client's JWT": [LONGEST_JWT_SECONDS],
        "Signing keys are published before and after they sign": [OVERLAP_SECONDS // 3_600],
        "What one look of the help desk's for a reference may take": [LOOK_SECONDS, REFERENCE_DAYS],
        "Users that are counted of each status": [*divmod(MOST_COUNTED, 1_000)],
        "Body of a request": [LONGEST_BODY_BYTES // 1024],
    }
    assert PASSWORD_LADDER.disabled_at is None
    assert ASSERTION_SECONDS == RETURN_CODE_SECONDS


def test_make_commands_exist_and_all_are_explained() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", README.read_text(encoding="utf-8"), re.MULTILINE))
    explained = {
        command.removeprefix("make ").split()[0]
        for row in tables(section("## Two commands"))[0]
        for command in code_in(row["command"])
    } - {"make"}

    assert named <= targets
    assert explained == targets


def test_the_folder_map_names_what_is_there() -> None:
    documented = [code_in(row["path"])[0] for row in table("## Folders")]
    parts = [path for path in (PROJECT / "chalicelib").iterdir() if not path.name.startswith("_")]

    for path in documented:
        assert (PROJECT / path).is_dir() if path.endswith("/") else (PROJECT / path).is_file(), path
    assert {f"chalicelib/{path.name}" for path in parts} <= {path.rstrip("/") for path in documented}


@pytest.mark.parametrize(
    ("introduction", "path"),
    [
        ("In the Lambda function", "requirements.txt"),
        ("For the operator, development and tests", "requirements-dev.txt"),
        (
            "In an environment of its own (`.ci/requirements-ministack.txt`)",
            ".ci/requirements-ministack.txt",
        ),
        ("In an environment of its own (`.ci/requirements-lambda.txt`)", ".ci/requirements-lambda.txt"),
    ],
)
def test_every_dependency_has_its_reason(introduction: str, path: str) -> None:
    """Only the first paragraph counts: below it stands what those need in turn."""
    text = section("## Dependencies").partition(introduction)[2]
    documented = [code_in(row["package"])[0] for row in tables(text)[0]]

    assert sorted(documented) == sorted(_direct(PROJECT / path))


def _direct(path: Path) -> list[str]:
    text = re.split(r"^# What (?:those|it) needs?", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[0]
    return re.findall(r"^([a-zA-Z0-9-]+)(?:\[[a-z]+\])?==", text, re.MULTILINE)


def test_the_lines_to_take_over_are_those_of_the_example_portal() -> None:
    (quoted,) = [
        block
        for language, block in fenced_blocks(section("## Wire in your portal"))
        if language == "python"
    ]

    assert quoted.rstrip() == (DOCS / "example-portal/tvasteg.py").read_text(encoding="utf-8").rstrip()


def test_what_a_portal_does_next_is_what_it_can_be_told() -> None:
    documented = {code_in(row["next"])[0] for row in table("## Wire in your portal")}

    assert documented == {VERIFY, ENROL, OFFER, SUPPORT}


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    commands = [
        line.removeprefix("exec ")
        for line in (PROJECT / ".ci/run").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]

    assert commands == ["make test"]
    assert any(
        block.startswith("make run") and "\nmake test" in block
        for _, block in fenced_blocks(section("## Two commands"))
    )
