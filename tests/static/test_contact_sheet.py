"""The sheet on which designers and translators see everything at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.static.contact_sheet import sheet_of, take_pictures
from tests.static.fake_service import FakeService
from tests.static.screens import open_at

JPEG = b"\xff\xd8\xff"


def test_a_state_is_pictured_in_every_window_and_shown_on_the_sheet(
    page: Page, service: FakeService, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is afterwards as it was."""
    monkeypatch.setenv("TVASTEG_PICTURES", str(tmp_path))
    open_at(page, site, "sign-in", service)
    size, markup = page.viewport_size, page.content()
    take_pictures(page, "journey", "sign-in", "sv")
    assert (page.viewport_size, page.content()) == (size, markup)
    shown = re.findall(r'src="([^"]+)"', sheet_of(tmp_path))
    assert shown == [
        f"journey/sign-in/sv/{window}.jpg"
        for window in ("light-1280", "dark-1280", "light-320", "dark-320")
    ]
    pictures = [(tmp_path / picture).read_bytes() for picture in shown]
    assert all(picture.startswith(JPEG) for picture in pictures)
    assert len(set(pictures)) == len(pictures)


def test_nobody_who_did_not_ask_for_pictures_gets_any(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take longer than all that is looked at."""
    monkeypatch.delenv("TVASTEG_PICTURES", raising=False)
    monkeypatch.chdir(tmp_path)
    take_pictures(page, "journey", "sign-in", "sv")
    assert list(tmp_path.rglob("*")) == []
