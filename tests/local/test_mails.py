"""The local product tells users by mail as the deployed one does, on paper of its own."""

from __future__ import annotations

import html
import json
import re
import time
from pathlib import Path
from typing import Any

import mintotp
import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.local import demo, mails
from chalicelib.notices.mail import Mail
from tests.local.product import Browser, Run, chalice_local, clean_environment, free_port, started, wait_for
from tests.support.embedded_backend import embedded_backend
from tests.support.world import memory_world


def a_mail(number: int = 1, **differences: str) -> Mail:
    said = {
        "to": "anna@firma.se",
        "sender_name": "Azets Cozone",
        "reply_to": "hjalp@firma.se",
        "subject": f"Mail {number}",
        "text": "Hej!\nRad två\n",
    }
    return Mail(**said | differences)


def page_with(*sent: Mail) -> Any:
    app = Chalice("local", configure_logs=False)
    printed = mails.PrintedMails(lambda _: None)
    mails.serve(app, printed)
    for mail in sent:
        printed.send(mail)
    with Client(app) as client:
        return client.http.get(mails.PATH)


def test_the_page_shows_the_newest_mail_first_and_the_last_hundred() -> None:
    text = page_with(*(a_mail(number) for number in range(1, 121))).body.decode()
    shown = [int(number) for number in re.findall(r"<h2>Mail (\d+)</h2>", text)]
    assert shown == list(range(120, 20, -1))


@pytest.mark.requirement("S12")
def test_the_page_runs_and_loads_nothing_and_shows_mails_as_text() -> None:
    tag = "<script>alert(1)</script>"
    answer = page_with(a_mail(subject=tag, text=tag, to=tag, sender_name=tag, reply_to=tag))
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    text = answer.body.decode()
    assert "<script" not in text
    assert "href" not in text
    assert text.count(html.escape(tag)) == 5


def test_a_mail_is_printed_for_whoever_watches_the_terminal() -> None:
    lines: list[str] = []
    mails.PrintedMails(lines.append).send(a_mail())
    assert lines == ["  Mail to anna@firma.se: Mail 1\n  | Hej!\n  | Rad två"]


def test_no_deployed_stage_has_the_page() -> None:
    routes = memory_world().app.routes
    assert not [path for path in routes if path.startswith("/local")]


def _enrol(port: int) -> None:
    browser = Browser(port)
    browser.post("/api/session", tenant="cozone", username=demo.USERNAME, password=demo.PASSWORD)
    browser.post("/api/session/password", password=demo.PASSWORD)
    offered: Any = browser.post("/api/enrolment", phone="android", same_phone=False)
    browser.post("/api/enrolment/confirmation", otp=mintotp.totp(offered["key"]))
    later = mintotp.hotp(offered["key"], int(time.time() // 30) + 10)
    for _ in range(5):
        with pytest.raises(AssertionError, match=r'"status": ?422'):
            browser.post("/api/verification", otp=later)


def _page(run: Run) -> str:
    return html.unescape(run.get(mails.PATH).body)


@pytest.mark.requirement("E7", "L9")
def test_after_an_enrolment_its_mail_is_on_the_page_and_a_restart_sends_it_to_nobody_again(
    tmp_path: Path,
) -> None:
    with embedded_backend(environment=clean_environment()) as url:
        port = free_port()
        with started(chalice_local(port), port=port, folder=tmp_path, AWS_ENDPOINT_URL=url) as run:
            run.wait_until_ready()
            _enrol(port)
            wait_for(lambda: "en app för inloggning har kopplats till ditt konto" in _page(run))
            wait_for(lambda: "fel verifieringskod flera gånger" in _page(run))
            assert f"To</dt><dd>{demo.USERNAME}" in _page(run)
            assert f"Mail to {demo.USERNAME}" in run.said()
        port = free_port()
        with started(chalice_local(port), port=port, folder=tmp_path, AWS_ENDPOINT_URL=url) as run:
            run.wait_until_ready()
            wait_for(lambda: _outcomes(run).get("repeated") == 2)
            assert "No mail was sent yet." in _page(run)


def _outcomes(run: Run) -> dict[str, int]:
    lines = [json.loads(line) for line in run.said().splitlines() if '"function": "notices"' in line]
    return {name: count for line in lines for name, count in line["outcomes"].items()}
