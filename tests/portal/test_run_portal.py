"""`make run-portal`: the product and a portal that uses it, as a developer starts both."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mintotp
import pytest

from browser import Browser, Page
from chalicelib.local import demo
from tests.local import product
from tests.local.product import PROJECT, Run, free_port, make_run, started, wait_for
from tests.support.logos import logo

BACKEND_PORTAL_PARENT_WATCHER_SERVER = 5
USERNAME = "anna@firma.se"


def run_portal(port: int, portal_port: int) -> Sequence[str]:
    """Return what `make run-portal` runs once everything is installed."""
    return [*make_run(port), "--portal-port", str(portal_port)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, str]]:
    """Both, and the portal's address."""
    port, portal_port = free_port(), free_port()
    folder = tmp_path_factory.mktemp("run-portal")
    with started(run_portal(port, portal_port), port=port, folder=folder) as run:
        run.wait_until_ready()
        yield run, f"http://127.0.0.1:{portal_port}"


def _password(run: Run) -> str:
    found = re.search(r"Password: +(\S+)", run.said().partition("Exempelportalen:")[2])
    assert found is not None
    return found[1]


def _signs_in(browser: Browser, run: Run, username: str = USERNAME) -> Page:
    form = browser.open("/sign-in").form_with("username", "password")
    assert form is not None
    return browser.send(form, username=username, password=_password(run))


def _enrols(link: str, port: int) -> str:
    """Be the page that *link* opens, from the hand-off to the way back; return key and that address."""
    page = product.Browser(port)
    page.post("/api/session/hand-off", hand_off=urlsplit(link).fragment.removeprefix("hand-off="))
    offered: Any = page.post("/api/enrolment", phone="android", same_phone=False)
    page.post("/api/enrolment/confirmation", otp=mintotp.totp(offered["key"]))
    back: Any = page.post("/api/session/return")
    return f"{offered['key']} {back['url']}"


@pytest.mark.requirement("M4")
def test_from_the_portal_through_the_wizard_and_back_then_with_a_code(running: tuple[Run, str]) -> None:
    run, portal = running
    browser = Browser(portal)
    link = _signs_in(browser, run).sent_to
    assert link.startswith(f"http://127.0.0.1:{run.port}/?tenant=example&lang=sv#hand-off=")
    assert browser.open("/").url == f"{portal}/sign-in"
    key, back = _enrols(link, run.port).split()
    home = browser.open(back)
    assert (home.status, home.url) == (200, f"{portal}/")
    assert "Hos Tvåsteg" in home.text
    assert browser.open(back).status == 400
    another = Browser(portal)
    assert another.open(back).status == 400
    assert another.open("/").url == f"{portal}/sign-in"

    later = Browser(portal)
    form = _signs_in(later, run).form_with("otp")
    assert form is not None
    otp = mintotp.hotp(key, int(time.time() // 30) + 1)
    home = later.send(form, otp=otp)
    assert home.url == f"{portal}/"
    assert "Kod i portalens eget fält" in home.text
    thief = Browser(portal)
    form = _signs_in(thief, run).form_with("otp")
    assert form is not None
    assert "Koden har redan använts." in thief.send(form, otp=otp).text


def test_the_page_knows_the_portal(running: tuple[Run, str]) -> None:
    run, portal = running
    tenant = json.loads(run.get("/api/tenant?tenant=example").body)
    assert tenant["portal_name"] == "Exempelportalen"
    assert tenant["sign_in_url"] == f"{portal}/sign-in"
    assert json.loads(run.get("/api/tenant").body)["id"] == "cozone"


def test_both_addresses_and_how_to_sign_in_are_printed(running: tuple[Run, str]) -> None:
    run, portal = running
    for told in (
        f"http://127.0.0.1:{run.port}/",
        f"{portal}/",
        "anna@firma.se, bo@firma.se",
        demo.PASSWORD,
    ):
        assert told in run.said()


def _interrupt_group(run: Run) -> None:
    os.killpg(run.process.pid, signal.SIGINT)


def _kill_parent(run: Run) -> None:
    run.process.kill()


@pytest.mark.parametrize(("stop", "exit_code"), [(_interrupt_group, 0), (_kill_parent, -signal.SIGKILL)])
def test_stopping_leaves_nothing_running(
    stop: Callable[[Run], None], exit_code: int, tmp_path: Path
) -> None:
    port, portal_port = free_port(), free_port()
    with started(run_portal(port, portal_port), port=port, folder=tmp_path) as run:
        run.wait_until_ready()
        wait_for(lambda: "Exempelportalen:" in run.said())
        assert len(run.processes()) == BACKEND_PORTAL_PARENT_WATCHER_SERVER
        stop(run)
        assert run.process.wait(10) == exit_code, run.said()
        wait_for(lambda: not run.processes(), seconds=5)
        assert "Traceback" not in run.said()


def test_the_portals_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = subprocess.run(
            run_portal(free_port(), port), cwd=PROJECT, capture_output=True, text=True, check=False
        )
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr == (
        f"Port {port} is in use: stop what listens there, "
        f"or run `make run-portal PORTAL_PORT={port + 1}`.\n"
    )


def test_any_profile_can_be_tried(tmp_path: Path) -> None:
    """With its logo; the demo user is there too, for a portal whose passwords we hold."""
    profile = tmp_path / "my-portal.json"
    differences = {
        "id": "my-portal",
        "portal_name": "Min portal",
        "brand": {"colour": "#5b3a8c", "logo": "my.svg"},
    }
    profile.write_text(json.dumps(json.loads(demo.PROFILE.read_text()) | differences))
    (tmp_path / "my.svg").write_bytes(logo())
    port = free_port()
    with started([*make_run(port), "--profile", str(profile)], port=port, folder=tmp_path) as run:
        run.wait_until_ready()
        assert f"http://127.0.0.1:{port}/?tenant=my-portal" in run.said()
        page = product.Browser(port)
        page.post("/api/session", tenant="my-portal", username=demo.USERNAME, password=demo.PASSWORD)
        address = json.loads(run.get("/api/tenant?tenant=my-portal").body)["brand"]["logo"]
        assert run.get(address).body == logo().decode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "is no file with JSON"), ("{", "is no file with JSON"), ("{}", "id: is missing or not a line")],
)
def test_a_profile_that_cannot_be_used_is_one_clear_sentence(
    content: str | None, sentence: str, tmp_path: Path
) -> None:
    profile = tmp_path / "my-portal.json"
    if content is not None:
        profile.write_text(content)
    finished = subprocess.run(
        [sys.executable, "-m", "chalicelib.local", "--port", str(free_port()), "--profile", profile],
        cwd=PROJECT,
        env=product.clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"The profile {profile} cannot be used: ")
    assert sentence in finished.stderr
    assert finished.stderr.count("\n") == 1
