"""The example portal refuses every bad token and answer, and the kit would see it if it did not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cases import CASES, CONTROLS
from chalicelib.local.example_portal import FOLDER
from tests.docs.pages import code_in, tables
from tests.portal.example import KIT, running_portal


@pytest.mark.requirement("M3", "M4", "M6", "B58", "B60")
def test_the_example_portal_lets_in_nobody_with_a_bad_token_or_answer(tmp_path: Path) -> None:
    with running_portal(tmp_path) as portal:
        said = portal.results_of_kit()

    assert [result for result in said["results"] if result["fault"]] == []
    names = [result["name"] for result in said["results"]]
    assert names == [*_CONTROLS, *(case.name for case in CASES), *_CONTROLS, "calls"]


def test_a_portal_without_a_field_for_codes_is_tested_by_its_hand_offs_alone(tmp_path: Path) -> None:
    with running_portal(tmp_path, PORTAL_CODE_PAGE="tvasteg") as portal:
        said = portal.results_of_kit("--code-field=", "--only=aud-other", "--only=verification-500")

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
CARELESS = {
    "issuer": ("tvasteg.py", '"iss": self.url, ', "", ["iss-other", "iss-missing"]),
    "audience": ("tvasteg.py", '"aud": self.client_id, "tenant"', '"tenant"', ["aud-other", "aud-missing"]),
    "tenant": ("tvasteg.py", ', "tenant": self.client_id.partition(".")[0]', "", ["tenant-other"]),
    "user": ("tvasteg.py", '"sub": user, ', "", ["sub-other", "sub-missing"]),
    "nonce": ("tvasteg.py", '"nonce": nonce, ', "", ["nonce-other", "nonce-missing", "replayed"]),
    "class": ("tvasteg.py", ', "acr": "urn:tvasteg:acr:two-step"', "", ["acr-other"]),
    "method": ("tvasteg.py", 'and "otp" in list(claims["amr"])', "", ["amr-without-otp"]),
    "expiry": (
        "tvasteg.py",
        'is_short = time() - 60 < claims["exp"] <= claims["iat"] + 300',
        "is_short = True",
        ["expired", "exp-missing", "too-long"],
    ),
    "time of the code": (
        "tvasteg.py",
        'is_recent = time() - 960 < claims["auth_time"] <= claims["iat"] < time() + 60',
        "is_recent = True",
        ["auth-time-old", "iat-future"],
    ),
    "algorithm": (
        "tvasteg.py",
        'jwt.decode(assertion, jwk.KeySet.import_key_set(keys), algorithms=["ES256"]).claims',
        "__import__('json').loads(__import__('joserfc.jws').jws.extract_compact(assertion.encode()).payload)",
        ["alg-none", "alg-hs256", "changed", "other-key", "unknown-kid", "jku-header"],
    ),
    "status code": (
        "tvasteg.py",
        "answer.status_code not in {200, 201}",
        "False",
        ["status-500", "verification-500", "assertion-500"],
    ),
    "redirects": (
        "tvasteg.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ["status-redirect", "verification-redirect", "assertion-redirect", "jwks-redirect"],
    ),
    "patience": ("tvasteg.py", ", timeout=5", "", ["status-slow"]),
    "proof of the body": (
        "tvasteg.py",
        '"body_sha256": digest',
        '"body_sha256": "x"',
        [*_CONTROLS, "calls"],
    ),
    "state": (
        "portal.py",
        'if not secrets.compare_digest(handed["state"].encode(), request.args.get("state", "").encode()):',
        'if "user_id" not in handed:',
        ["state-other", "state-missing", "return-of-earlier"],
    ),
    "single use": ("portal.py", '    del session["hand_off"]\n', "", ["state-twice"]),
    "turning back": (
        "portal.py",
        'if ask_about(user, "status")["next"] == "offer":',
        "if True:\n        return let_in(user, how='password', due=None)\n    if False:",
        ["denied-enrol", "denied-verify", "denied-support"],
    ),
    "unknown next": (
        "portal.py",
        'raise ValueError(f"Tvåsteg says that {unknown!r} comes next")',
        "return let_in(user, how='password', due=unknown)",
        ["status-next-unknown", "status-next-null"],
    ),
    "whose answer": (
        "portal.py",
        'if answer["user"] != user.id:',
        "if False:",
        ["status-other-user", "verification-other-user"],
    ),
    "failing open": (
        "portal.py",
        "    told = sentences.sentence_for(error)\n",
        "    if 'user_id' in session: return let_in(users.with_id(session['user_id']), how='code')\n",
        ["status-503", "status-closed", "status-html", "verification-half", "hand-off-closed", "jwks-503"],
    ),
}


@pytest.mark.parametrize("what", CARELESS)
def test_a_portal_that_leaves_a_check_out_is_found_out(what: str, tmp_path: Path) -> None:
    """Each case can fail, and does so for the check alone: somebody for whom all is right still gets in."""
    file, careful, careless, told_by = CARELESS[what]
    source = tmp_path / "portal"
    shutil.copytree(FOLDER, source)
    program = (source / file).read_text(encoding="utf-8")
    assert careful in program
    (source / file).write_text(program.replace(careful, careless), encoding="utf-8")

    options = [option for name in told_by for option in ("--only", name)]
    with running_portal(tmp_path, source=source) as portal:
        said = portal.results_of_kit(*options)

    assert {result["name"] for result in said["results"] if result["fault"]} == set(told_by)
