"""Tenants' logos in the stage local: at the addresses that they have in the cloud, and at no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.local import PROJECT, demo
from chalicelib.local.static_files import serve_logos
from chalicelib.tenants.logo import address_of
from tests.support.logos import logo
from tests.support.world import COZONE

SECURITY_HEADERS = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text())
ADDRESS = address_of("cozone", logo())


@pytest.mark.requirement("S7")
def test_a_logo_is_served_as_the_page_is() -> None:
    """One that comes after the server was put together, too."""
    app, logos = Chalice("local", configure_logs=False), dict[str, bytes]()
    serve_logos(app, logos)
    logos[ADDRESS] = logo()
    with Client(app) as client:
        answer = client.http.get(ADDRESS)
    assert (answer.status_code, answer.body) == (200, logo())
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers.items() >= SECURITY_HEADERS.items()


@pytest.mark.parametrize(
    "path",
    [
        address_of("byra", logo()),
        "/tenants/cozone/profile.json",
        "/tenants/..%2f..%2fapp.py/x",
        "/tenants/a/..",
    ],
)
def test_no_path_leads_to_anything_else(path: str) -> None:
    app = Chalice("local", configure_logs=False)
    serve_logos(app, {ADDRESS: logo()})
    with Client(app) as client:
        answer = client.http.get(path)
    assert (answer.status_code, answer.body) == (404, b"")
    assert answer.headers.items() >= SECURITY_HEADERS.items()


def test_a_profile_whose_logo_is_kept_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `make tenant` prints one: the page would show no logo, and nothing would say why."""
    path = tmp_path / "printed.json"
    path.write_text(json.dumps(COZONE | {"brand": {"colour": "#005f86", "logo": ADDRESS}}))
    monkeypatch.setenv(demo.MORE_PROFILES, str(path))
    with pytest.raises(SystemExit):
        demo.how_to_sign_in("http://127.0.0.1:8000/")
    assert capsys.readouterr().err == (
        f"The profile {path} cannot be used: {ADDRESS} is not kept here. Put the SVG beside the profile, "
        "and name that file in it.\n"
    )
