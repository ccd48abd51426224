"""Links lead somewhere, pictures are there, and no page or file tells of the machine it was made on."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PROJECT, README, pages, section
from tests.docs.requirements_table import proofs, requirements

SCREENS: list[str] = list(json.loads((DOCS / "screens/words.json").read_text("utf-8")))
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]*)(?:#([^)]*))?\)")
# Written so that no pattern finds itself here.
_TRACES = re.compile(
    r"""
      (?<![\w.}])/(?:work|root|home|Users)/   # somebody's folders
    | [.]pyenv
    | /tmp/(?:bash_jobs|plan)
    | \b(?:files[.]pythonhosted|pypi|registry[.]npmjs|proxy[.]golang)[.]org
    | \b(?:artifactory|nexus)[.]
    | --(?:extra-)?index-url
    | \b(?:10[.]\d+|192[.]168|172[.](?:1[6-9]|2\d|3[01]))[.]\d+[.]\d+\b
    """,
    re.VERBOSE,
)


def test_links_and_pictures_lead_to_files_that_exist() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in pages()
        for target, _ in _LINK.findall(page.read_text(encoding="utf-8"))
        if target and "://" not in target and not (page.parent / target).exists()
    ]

    assert not missing


def test_links_within_a_page_lead_to_its_headings() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        anchors = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        }
        assert {anchor for target, anchor in _LINK.findall(text) if anchor and not target} <= anchors, (
            page.name
        )


def test_the_readme_shows_every_main_screen() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(docs/screens/([a-z-]+)\.png\)", README.read_text(encoding="utf-8"))

    assert sorted(shown) == sorted(SCREENS)


def test_the_pictures_are_pictures() -> None:
    for screen in SCREENS:
        assert (DOCS / f"screens/{screen}.png").read_bytes().startswith(b"\x89PNG\r\n"), screen


def test_the_threat_model_cites_only_what_is_proven() -> None:
    page = DOCS / "threat-model.md"
    cited = set(re.findall(r"\b[A-Z][0-9]+\b", section("## Abuse cases", page)))
    known = {requirement.requirement_id for requirement in requirements()}

    assert cited <= known
    assert not cited - set(proofs())


def test_the_changelog_begins_with_what_is_unreleased_and_then_this_version() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[1])
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])


def test_the_changelogs_entries_are_of_known_kinds_security_first() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    kinds = ["Security", "Added", "Changed", "Deprecated", "Removed", "Fixed"]
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        used = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert used == sorted(used, key=kinds.index)


def test_no_file_tells_of_the_machine_it_was_made_on() -> None:
    found = [
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for path in _project_files()
        for match in _TRACES.finditer(path.read_bytes().decode(errors="replace"))
    ]

    assert not found


@pytest.mark.parametrize(
    ("text", "is_trace"),
    [
        ("cd /ro^ot/tvasteg", True),
        ('"/wo^rk/main/app.py"', True),
        ("~/.py^env/versions", True),
        ("https://py^pi.org/simple", True),
        ("http://192.^168.0.7:8000", True),
        ("http://127.0.0.1:8000", False),
        ("static/wo^rk/ro^ot.svg", False),
        ("version 10.2.1", False),
    ],
)
def test_traces_are_known_when_seen(text: str, is_trace: bool) -> None:  # noqa: FBT001 - a table of cases
    # The mark keeps these examples from being traces themselves.
    assert bool(_TRACES.search(text.replace("^", ""))) == is_trace


def _project_files() -> Iterator[Path]:
    """Yield what is kept under version control, also where git itself is not at hand."""
    lines = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [line for line in lines if line and not line.startswith("#")]

    def is_kept(path: Path) -> bool:
        name = path.relative_to(PROJECT).as_posix() + ("/" if path.is_dir() else "")
        caches = path.name == ".git" or path.name.endswith("_cache")
        return not caches and not any(
            fnmatch(name, pattern) or fnmatch(name, f"*/{pattern}") for pattern in ignored
        )

    def files_in(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if is_kept(path):
                yield from files_in(path) if path.is_dir() else [path]

    return files_in(PROJECT)
