"""The page's releases: where files lie, how they lead to each other, and when old ones go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.minify import minified
from chalicelib.deployment.site import ASK_EACH_TIME, FOR_GOOD, KEPT_SECONDS, Release, Site
from tests.support.static_site import STATIC_FOLDER

NOW = 1_800_000_000.0
SITE, ARTIFACTS = "site", "artifacts"


def folder_with(folder: Path, **changed: str) -> Path:
    """Write a small page into *folder*; *changed* replaces files, by name without its suffix."""
    folder.mkdir(exist_ok=True)
    files = {"index.html": '<link href="app.css"><a href="/x">', "app.css": "a{}", "openapi.json": "{}"}
    for name, text in files.items():
        (folder / name).write_text(changed.get(name.partition(".")[0], text))
    return folder


@pytest.fixture
def s3() -> Iterator[Any]:
    """Both buckets, empty."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in (SITE, ARTIFACTS):
            client.create_bucket(Bucket=bucket)
        yield client


def keys(s3: Any) -> set[str]:
    """Return what is in the site's bucket."""
    return {entry["Key"] for entry in s3.list_objects_v2(Bucket=SITE).get("Contents", [])}


def publish(s3: Any, folder: Path, *, now: float) -> str:
    """Publish *folder*, and return its release's name."""
    release = Release.of(folder)
    Site(s3, bucket=SITE, artifacts_bucket=ARTIFACTS).publish(release, now=now)
    return release.name


def test_our_own_page_leads_into_its_release() -> None:
    """Every file of ours that it names, and nothing else in it changes."""
    release = Release.of(STATIC_FOLDER)
    page = release.entrance[-1].content.decode()
    named = set(re.findall(r'(?:href|src)="(/v/[^"]+)"', page))
    there = {f"/{file.key}" for file in release.lasting}
    assert f"/v/{release.name}/js/app.js" in named <= there
    source = {"index.html": (STATIC_FOLDER / "index.html").read_bytes()}
    assert page.replace(f"/v/{release.name}/", "").encode() == minified(source)["index.html"]


@pytest.mark.parametrize("address", ["help-desk", "help-desk/", "help-desk/index.html"])
def test_a_page_in_a_folder_is_the_same_under_each_of_its_addresses(address: str) -> None:
    """CloudFront hands over what lies under the very key, with or without the slash."""
    release = Release.of(STATIC_FOLDER)
    page = next(file for file in release.entrance if file.key == address)
    assert page.content_type == "text/html; charset=utf-8"
    assert page.cache_control == ASK_EACH_TIME
    links = set(re.findall(r'(?:href|src)="([^"#]+)"', page.content.decode()))
    ours = {
        f"/v/{release.name}/{name}"
        for name in ("app.css", "help-desk/help-desk.css", "help-desk/js/app.js")
    }
    assert ours < links
    there = {f"/{file.key}" for file in release.lasting}
    assert {link for link in links if link.startswith("/v/")} == links - {"/"}
    assert links - {"/"} <= there
    assert f"/v/{release.name}/help-desk/index.html" not in there


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("leaf.js", b"export const a = ;\n"),
        ("leaf.js", b"export const a = '\xff';\n"),
        ("index.html", b'<script type="module" src="app.js"></script>\xff'),
    ],
)
def test_a_file_with_a_fault_stops_the_deploy_and_is_named(
    tmp_path: Path, name: str, content: bytes
) -> None:
    """Not the one into which it would have been joined."""
    folder = folder_with(tmp_path / "1", index='<script type="module" src="app.js"></script>')
    (folder / "app.js").write_text("import { a } from './leaf.js';\n\nconsole.log(a);\n")
    (folder / "leaf.js").write_text("export const a = 1;\n")
    Release.of(folder)  # as it is, there is none
    (folder / name).write_bytes(content)
    with pytest.raises(DeploymentError, match=f"^static/{name} cannot be minified: "):
        Release.of(folder)


def test_a_link_out_of_a_folder_to_nowhere_stops_the_deploy(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "1")
    (folder / "sub").mkdir()
    (folder / "sub/index.html").write_text('<link href="../app.css"><link href="app.css">')
    with pytest.raises(DeploymentError, match=r"sub/index\.html names app\.css"):
        Release.of(folder)


def test_the_name_is_that_of_the_content(tmp_path: Path) -> None:
    """Same files, same name, wherever they lie; another content, or another name, another one."""
    one, same, other = (
        Release.of(folder_with(tmp_path / name, **changed))
        for name, changed in (("1", {}), ("2", {}), ("3", {"app": "a{b:c}"}))
    )
    assert one.name == same.name != other.name
    (tmp_path / "2/app.css").rename(tmp_path / "2/other.css")
    (tmp_path / "2/index.html").write_text("")
    assert Release.of(tmp_path / "2").name != one.name


def test_what_is_published_is_joined_and_minified(tmp_path: Path) -> None:
    """One script for a page, without what only its readers need; the name is that of what is sent."""
    folder = folder_with(tmp_path / "1", index='<script type="module" src="app.js"></script>')
    (folder / "app.js").write_text("import { told } from './told.js';\n\nconsole.log(told);\n")
    (folder / "told.js").write_text("/** What is told. */\nexport const told = 'once';\n")
    release = Release.of(folder)
    scripts = [file for file in release.lasting if file.kind == ".js"]
    assert [file.key for file in scripts] == [f"v/{release.name}/app.js"]
    assert b"once" in scripts[0].content
    assert b"What is told" not in scripts[0].content
    (folder / "told.js").write_text("/** What else is told. */\nexport const told = 'once';\n")
    assert Release.of(folder).name == release.name


def test_kinds_and_ages_of_files(tmp_path: Path) -> None:
    release = Release.of(folder_with(tmp_path / "1"))
    assert {file.cache_control for file in release.lasting} == {FOR_GOOD}
    assert [(file.key, file.cache_control) for file in release.entrance] == [
        ("openapi.json", ASK_EACH_TIME),
        ("index.html", ASK_EACH_TIME),
    ]
    assert release.entrance[-1].content_type == "text/html; charset=utf-8"


def test_a_link_that_leads_nowhere_and_an_unknown_kind_stop_the_deploy(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"index\.html names gone\.css"):
        Release.of(folder_with(tmp_path / "1", index='<link href="gone.css">'))
    (folder_with(tmp_path / "2") / "picture.xyz").touch()
    with pytest.raises(DeploymentError, match=r"No content type is known for: picture\.xyz"):
        Release.of(tmp_path / "2")


@pytest.mark.parametrize("link", ["help.txt", "sub"])
def test_nothing_outside_is_published_by_a_link(tmp_path: Path, link: str) -> None:
    folder = folder_with(tmp_path / "1")
    (tmp_path / "credentials").mkdir()
    (folder / link).symlink_to(tmp_path / "credentials")
    with pytest.raises(DeploymentError, match=f"Links are not published: {link}"):
        Release.of(folder)


def test_what_is_hidden_is_not_published(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "1")
    (folder / ".editor").mkdir()
    for name in (".hidden.json", ".editor/state.json"):
        (folder / name).write_text("{}")
    assert Release.of(folder).name == Release.of(folder_with(tmp_path / "2")).name


@pytest.mark.parametrize("name", ["index.html", "openapi.json"])
def test_a_page_without_its_entrance_stops_the_deploy(tmp_path: Path, name: str) -> None:
    (folder_with(tmp_path / "1") / name).unlink()
    with pytest.raises(DeploymentError, match=f"There is no static/{name}"):
        Release.of(tmp_path / "1")


def test_the_page_itself_comes_last(s3: Any, tmp_path: Path) -> None:
    """Whoever gets it finds all that it names."""
    sent: list[str] = []
    s3.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: sent.append(params["Key"])
    )
    release = publish(s3, folder_with(tmp_path / "1"), now=NOW)
    lasting = [f"v/{release}/app.css", f"v/{release}/openapi.json"]
    assert sent == [*lasting, "openapi.json", "index.html", "releases.json"]


def test_a_replaced_release_stays_for_seven_days(s3: Any, tmp_path: Path) -> None:
    """Counted from its replacement, not from its own deploy."""
    first = publish(s3, folder_with(tmp_path / "1"), now=NOW)
    second = publish(s3, folder_with(tmp_path / "2", app="b{}"), now=NOW + 30 * KEPT_SECONDS)
    assert {key.split("/")[1] for key in keys(s3) if "/" in key} == {first, second}
    publish(s3, tmp_path / "2", now=NOW + 31 * KEPT_SECONDS - 1)
    assert f"v/{first}/app.css" in keys(s3)
    publish(s3, tmp_path / "2", now=NOW + 31 * KEPT_SECONDS)
    assert {key.split("/")[1] for key in keys(s3) if "/" in key} == {second}


def test_going_back_to_an_earlier_release_keeps_it(s3: Any, tmp_path: Path) -> None:
    """It is the one in use again, and counts anew once it is replaced again."""
    first = publish(s3, folder_with(tmp_path / "1"), now=NOW)
    publish(s3, folder_with(tmp_path / "2", app="b{}"), now=NOW + 1)
    publish(s3, tmp_path / "1", now=NOW + 2)
    publish(s3, tmp_path / "1", now=NOW + 2 * KEPT_SECONDS)
    assert {key.split("/")[1] for key in keys(s3) if "/" in key} == {first}


def test_an_attempt_that_broke_off_is_taken_up_and_its_remains_go_one_day(s3: Any, tmp_path: Path) -> None:
    """Only what is missing is sent; a directory nobody noted counts from when it is found."""
    release = Release.of(folder_with(tmp_path / "1"))
    s3.put_object(Bucket=SITE, Key=f"v/{release.name}/app.css", Body=b"a{}")
    s3.put_object(Bucket=SITE, Key="v/remains/app.css", Body=b"")
    site = Site(s3, bucket=SITE, artifacts_bucket=ARTIFACTS)
    assert site.publish(release, now=NOW) == 1
    assert "v/remains/app.css" in keys(s3)
    site.publish(release, now=NOW + KEPT_SECONDS)
    assert "v/remains/app.css" not in keys(s3)


def test_no_release_touches_what_tenants_brought(s3: Any, tmp_path: Path) -> None:
    """However long it lies there, and whatever is replaced beside it."""
    brought = {"tenants/cozone/0123456789abcdef.svg", "tenants/v/x.svg"}
    for key in brought:
        s3.put_object(Bucket=SITE, Key=key, Body=b"")
    publish(s3, folder_with(tmp_path / "1"), now=NOW)
    second = publish(s3, folder_with(tmp_path / "2", app="b{}"), now=NOW + 1)
    publish(s3, tmp_path / "2", now=NOW + 2 * KEPT_SECONDS)
    lasting = {f"v/{second}/app.css", f"v/{second}/openapi.json"}
    assert keys(s3) == brought | lasting | {"index.html", "openapi.json"}


def test_emptied_nothing_is_left_and_nothing_is_remembered(s3: Any, tmp_path: Path) -> None:
    publish(s3, folder_with(tmp_path / "1"), now=NOW)
    s3.put_object(Bucket=SITE, Key="tenants/cozone/0123456789abcdef.svg", Body=b"")
    Site(s3, bucket=SITE, artifacts_bucket=ARTIFACTS).empty()
    assert keys(s3) == set()
    assert s3.list_objects_v2(Bucket=ARTIFACTS)["KeyCount"] == 0
