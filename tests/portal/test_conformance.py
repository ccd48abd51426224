"""The example portal refuses every bad token and answer, and the kit would see it if it did not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cases import CASES, CONTROLS
from chalicelib.local.example_portal import FOLDER
from tests.docs.pages import code_in, tables
from tests.local.product import clean_environment
from tests.portal.example import KIT, draw_key, portal_in_this_process, running_portal

PATIENCE_SECONDS = 3


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portals' public keys, beside the private one."""
    return draw_key(tmp_path_factory.mktemp("keys"))


def _copy(folder: Path, file: str, edits: dict[str, str]) -> Path:
    """Return a folder with the example portal after *edits* of one file, and with cheap passwords."""
    source = folder / "portal"
    shutil.copytree(FOLDER, source)
    _edit(source / "users.py", {"time_cost=2, memory_cost=19_456": "time_cost=1, memory_cost=8"})
    _edit(source / file, edits)
    return source


def _edit(file: Path, edits: dict[str, str]) -> None:
    program = file.read_text(encoding="utf-8")
    for careful, careless in edits.items():
        assert careful in program
        program = program.replace(careful, careless)
    file.write_text(program, encoding="utf-8")


@pytest.mark.requirement("M3", "M4", "M6", "B58", "B60")
def test_the_example_portal_lets_in_nobody_with_a_bad_token_or_answer(tmp_path: Path, keys: Path) -> None:
    """All is as it is shipped, but that nobody waits as long, and that its passwords cost little."""
    source = _copy(tmp_path, "tvasteg.py", {'"timeout": 5': f'"timeout": {PATIENCE_SECONDS / 2}'})
    with portal_in_this_process(source, keys=keys) as portal:
        said = portal.results_of_kit(f"--patience={PATIENCE_SECONDS}")

    assert [result for result in said["results"] if result["fault"]] == []
    names = [result["name"] for result in said["results"]]
    assert names == [*_CONTROLS, *(case.name for case in CASES), *_CONTROLS, "calls"]


def test_a_portal_without_a_field_for_codes_is_tested_by_its_hand_offs_alone(tmp_path: Path) -> None:
    with running_portal(tmp_path, PORTAL_CODE_PAGE="tvasteg") as portal:
        options = ("--code-field=", "--only=aud-other", "--only=verification-500")
        said = portal.results_of_kit_as_a_program(*options)

    assert [result["name"] for result in said["results"]] == [
        "control-hand-off",
        "aud-other",
        "control-hand-off",
        "calls",
    ]
    assert said["failed"] == 0


def test_the_kit_asks_for_more_than_twenty_different_things() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) > 20


def test_the_readme_of_the_kit_is_right_about_it() -> None:
    readme = (KIT.parent / "README.md").read_text(encoding="utf-8")
    results = len(CASES) + 2 * len(CONTROLS) + 1
    assert f"{results} cases: {results} as they should be, 0 not." in readme
    options = next(rows for rows in tables(readme) if "option" in rows[0])
    documented = {name for row in options for name in code_in(row["option"])}
    assert documented == set(re.findall(r'add\("(--[a-z-]+)"', KIT.read_text(encoding="utf-8")))


_CONTROLS = [control.name for control in CONTROLS]

# What a careless developer leaves out or turns round, and the cases that must tell.
CARELESS: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "issuer": ("tvasteg.py", {'"iss": self.url, ': ""}, ["iss-other", "iss-missing"]),
    "audience": (
        "tvasteg.py",
        {'"aud": self.client_id, "tenant"': '"tenant"'},
        ["aud-other", "aud-missing", "aud-list-other", "aud-list-both"],
    ),
    "tenant": (
        "tvasteg.py",
        {', "tenant": self.client_id.partition(".")[0]': ""},
        ["tenant-other", "tenant-missing"],
    ),
    "user": ("tvasteg.py", {'"sub": user, ': ""}, ["sub-other", "sub-missing"]),
    "nonce": ("tvasteg.py", {'"nonce": nonce, ': ""}, ["nonce-other", "nonce-missing", "replayed"]),
    "class": ("tvasteg.py", {', "acr": "urn:tvasteg:acr:two-step"': ""}, ["acr-other"]),
    "method": (
        "tvasteg.py",
        {' and (days or "otp" in claims["amr"])': ""},
        ["amr-without-otp", "amr-empty"],
    ),
    "list of methods": ("tvasteg.py", {' and isinstance(claims["amr"], list)': ""}, ["amr-text"]),
    "expiry": (
        "tvasteg.py",
        {'is_short = time() - 60 < claims["exp"] <= claims["iat"] + 300': "is_short = True"},
        ["expired", "exp-missing", "too-long"],
    ),
    "time of the code": (
        "tvasteg.py",
        {
            'time() - 960 - days * 86400 < claims["auth_time"] <= claims["iat"] < time() + 60': "True",
            'claims["iat"]': 'claims.get("iat", time())',
        },
        ["auth-time-old", "iat-future", "iat-missing", "remembered-too-long"],
    ),
    "remembered for ever": ("tvasteg.py", {"days = 90 if": "days = 999 if"}, ["remembered-too-long"]),
    "algorithm": (
        "tvasteg.py",
        {
            'jwt.decode(self.ask("assertion", code=code)["assertion"], keys, ["ES256"]).claims': (
                "__import__('json').loads(__import__('joserfc.jws').jws.extract_compact("
                'self.ask("assertion", code=code)["assertion"].encode()).payload)'
            )
        },
        [
            *("alg-none", "alg-none-capital", "alg-none-mixed", "alg-hs256", "changed", "other-key"),
            *("unknown-kid", "jku-header", "signature-empty", "signature-zero"),
        ],
    ),
    "status code": (
        "tvasteg.py",
        {"answer.status_code not in {200, 201}": "False"},
        ["status-500", "verification-500", "assertion-500"],
    ),
    "redirects": (
        "tvasteg.py",
        {'"allow_redirects": False': '"allow_redirects": True'},
        ["status-redirect", "verification-redirect", "assertion-redirect", "jwks-redirect"],
    ),
    "patience": ("tvasteg.py", {'"timeout": 5, ': ""}, ["status-slow"]),
    "proof of the body": (
        "tvasteg.py",
        {'"body_sha256": digest': '"body_sha256": "x"'},
        [*_CONTROLS, "calls"],
    ),
    "state": (
        "portal.py",
        {
            'if not secrets.compare_digest(handed["state"].encode(), '
            'request.args.get("state", "").encode()):': 'if "user_id" not in handed:'
        },
        ["state-other", "state-missing", "return-of-earlier"],
    ),
    "single use": (
        "portal.py",
        {'    del session["hand_off"]\n': "", "if not sessions.keep(session):": "if False:"},
        ["state-twice"],
    ),
    "whose browser": (
        "portal.py",
        {
            'session["hand_off"] = {': 'app.config["HAND_OFF"] = session["hand_off"] = {',
            'session.get("hand_off", {': 'app.config.get("HAND_OFF", {',
            '    del session["hand_off"]\n': '    del app.config["HAND_OFF"]\n',
            "if not sessions.keep(session):": "if False:",
            'session["password_at"], signed_in': 'session.get("password_at"), signed_in',
        },
        ["return-of-another"],
    ),
    "new session id": (
        "sessions.py",
        {
            "form_key=secrets.token_urlsafe())\n        self.id = secrets.token_urlsafe()": (
                "form_key=secrets.token_urlsafe())"
            )
        },
        ["cookies-of-before-enrol", "cookies-of-before-verify"],
    ),
    "second factor": (
        "portal.py",
        {
            'if "signed_in" not in session:': 'if "user_id" not in session:',
            'render_template("home.html", user=users.with_id(session["user_id"]))': (
                'users.with_id(session["user_id"]).name'
            ),
        },
        ["password-only-enrol", "password-only-verify"],
    ),
    "turning back": (
        "portal.py",
        {
            'if ask_about(user, "status")["next"] == "offer":': (
                "if True:\n        return let_in(user, how='password', due=None)\n    if False:"
            )
        },
        ["denied-enrol", "denied-verify", "denied-support"],
    ),
    "unknown next": (
        "portal.py",
        {
            'raise ValueError(f"Tvåsteg says that {unknown!r} comes next")': (
                "return let_in(user, how='password', due=unknown)"
            )
        },
        ["status-next-unknown", "status-next-null"],
    ),
    "whose answer": (
        "portal.py",
        {'if answer["user"] != user.id:': "if False:"},
        ["status-other-user", "verification-other-user", "verification-user-missing"],
    ),
    "checked code": (
        "portal.py",
        {
            'if not isinstance(answer["amr"], list) or "otp" not in answer["amr"]:': "if False:",
            'amr=answer["amr"]': 'amr=answer.get("amr", [])',
        },
        ["verification-amr-without-otp", "verification-amr-missing"],
    ),
    "failing open": (
        "portal.py",
        {
            "    told = sentences.sentence_for(error)\n": (
                "    if 'user_id' in session: return let_in(users.with_id('1001'), how='code')\n"
            )
        },
        [
            *("status-503", "status-closed", "status-html", "verification-half", "verification-empty"),
            *("hand-off-closed", "jwks-503"),
        ],
    ),
}


@pytest.mark.parametrize("what", CARELESS)
def test_a_portal_that_leaves_a_check_out_is_found_out(what: str, tmp_path: Path, keys: Path) -> None:
    """Each case can fail, and does so for the check alone: somebody for whom all is right still gets in."""
    file, edits, told_by = CARELESS[what]
    options = [option for name in told_by for option in ("--only", name)]
    with portal_in_this_process(_copy(tmp_path, file, edits), keys=keys) as portal:
        said = portal.results_of_kit(f"--patience={PATIENCE_SECONDS}", *options)

    assert {result["name"] for result in said["results"] if result["fault"]} == set(told_by)


def test_an_address_of_tvasteg_without_tls_is_refused() -> None:
    finished = subprocess.run(
        [sys.executable, FOLDER / "portal.py"],
        env=clean_environment() | {"TVASTEG_URL": "http://127.0.0.1@tvasteg.example"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        "TVASTEG_URL must begin with https://, unlike http://127.0.0.1@tvasteg.example\n"
    )
