"""A profile as its operator keeps it: a file, and its logos beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.tenants.logo import MOST_BYTES, address_of
from chalicelib.tenants.profile import Profile, ProfileError
from chalicelib.tenants.profile_file import ProfileFile, logos_of, read_profile_file
from tests.support.logos import logo
from tests.support.world import COZONE

DARK = logo('<path fill="#fff" d="M4 16h112v8H4z"/>')


def read(folder: Path, *, local: bool = False, **differences: Any) -> ProfileFile:
    """Return what a profile in *folder* says that differs so from the demo tenant's."""
    path = folder / "profile.json"
    path.write_text(json.dumps(COZONE | differences))
    return read_profile_file(path, local=local)


def faults(folder: Path, **differences: Any) -> list[str]:
    """Return what is wrong with it."""
    with pytest.raises(ProfileError) as caught:
        read(folder, **differences)
    return str(caught.value).split("; ")


def brand(**differences: Any) -> dict[str, Any]:
    """Return a brand that differs so from the demo tenant's."""
    return {**COZONE["brand"], **differences}


def test_a_logo_beside_the_profile_is_known_by_its_content(tmp_path: Path) -> None:
    """What is to be kept says where it will lie; the rest of the file stays as it is."""
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos/byrå.svg").write_bytes(logo())
    (tmp_path / "dark.svg").write_bytes(DARK)
    light, dark = address_of("cozone", logo()), address_of("cozone", DARK)

    file = read(tmp_path, brand=brand(logo="logos/byrå.svg", logo_dark="dark.svg"))

    assert file.logos == {light: logo(), dark: DARK}
    assert (file.profile.brand.logo, file.profile.brand.logo_dark) == (light, dark)
    assert file.profile.source == COZONE | {"brand": brand(logo=light, logo_dark=dark)}
    assert Profile.from_json(file.profile.source) == file.profile
    assert logos_of(file.profile) == [light, dark]
    assert file.kept_logos == []


def test_without_a_logo_there_is_none(tmp_path: Path) -> None:
    file = read(tmp_path)
    assert (file.logos, file.kept_logos, file.profile.source) == ({}, [], COZONE)


def test_a_logo_for_dark_pages_that_there_is_not_is_not_kept(tmp_path: Path) -> None:
    """Releases that did not know the word refuse a profile with it, whatever it says."""
    assert read(tmp_path, brand=brand(logo_dark=None)).profile.source == COZONE


def test_one_logo_may_do_for_light_and_dark(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_bytes(logo())
    file = read(tmp_path, brand=brand(logo="logo.svg", logo_dark="logo.svg"))
    assert len(file.logos) == 1
    assert file.profile.brand.logo == file.profile.brand.logo_dark


def test_what_was_kept_can_be_said_again_by_its_tenant_alone(tmp_path: Path) -> None:
    """As `make tenant TENANT=...` prints it."""
    kept = address_of("cozone", logo())
    file = read(tmp_path, brand=brand(logo=kept))
    assert (file.logos, file.kept_logos, file.profile.brand.logo) == ({}, [kept], kept)

    fault = "is neither an SVG beside the profile nor a logo of this tenant's"
    for foreign in (address_of("byra", logo()), "/logos/byra.svg", "/tenants/cozone/logo.svg", "//x/a.svg"):
        assert faults(tmp_path, brand=brand(logo=foreign)) == [f"brand.logo: {foreign!r}: {fault}"]


@pytest.mark.requirement("S7")
@pytest.mark.parametrize(
    ("named", "fault"),
    [
        ("gone.svg", "is not there, beside the profile"),
        ("folder.svg", "is not there, beside the profile"),
        ("pipe.svg", "is not there, beside the profile"),
        ("../outside.svg", "is not the name of an SVG file beside the profile"),
        ("sub/../logo.svg", "is not the name of an SVG file beside the profile"),
        ("link.svg", "leads out of the profile's folder"),
        ("linked/outside.svg", "leads out of the profile's folder"),
        ("profile.json", "is not the name of an SVG file beside the profile"),
        ("https://elsewhere.se/logo.svg", "is not there, beside the profile"),
        ("lo\0go.svg", "is not the name of an SVG file beside the profile"),
        ("x" * 300 + ".svg", "cannot be read: File name too long"),
        ("", "is not the name of an SVG file beside the profile"),
    ],
)
def test_only_a_file_beside_the_profile_is_read(tmp_path: Path, named: str, fault: str) -> None:
    """Neither what lies elsewhere, by whatever way, nor what is no file."""
    folder = tmp_path / "profiles"
    (folder / "folder.svg").mkdir(parents=True)
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe.svg")
    (folder / "logo.svg").write_bytes(logo())
    (tmp_path / "outside.svg").write_bytes(logo())
    (folder / "link.svg").symlink_to(tmp_path / "outside.svg")
    (folder / "linked").symlink_to(tmp_path)
    assert faults(folder, brand=brand(logo=named)) == [f"brand.logo: {named!r}: {fault}"]


def test_a_link_within_the_folder_is_a_file_of_it(tmp_path: Path) -> None:
    (tmp_path / "2026.svg").write_bytes(logo())
    (tmp_path / "logo.svg").symlink_to("2026.svg")
    assert list(read(tmp_path, brand=brand(logo="logo.svg")).logos.values()) == [logo()]


def test_a_link_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop.svg").symlink_to("loop.svg")
    (told,) = faults(tmp_path, brand=brand(logo="loop.svg"))
    assert told in {
        "brand.logo: 'loop.svg': is a link that leads to itself",
        "brand.logo: 'loop.svg': is not there, beside the profile",  # as Python 3.13 has it
    }


def test_of_a_large_file_no_more_is_read_than_shows_it(tmp_path: Path) -> None:
    with (tmp_path / "logo.svg").open("wb") as file:
        file.truncate(1 << 40)
    assert faults(tmp_path, brand=brand(logo="logo.svg")) == [
        f"brand.logo: logo.svg: is larger than {MOST_BYTES:,} bytes"
    ]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """With each logo by its name, and nothing that is not wrong."""
    (tmp_path / "logo.svg").write_bytes(logo("<text/>", box="0 0 100 1"))
    (tmp_path / "dark.svg").write_bytes(b"")
    told = faults(
        tmp_path,
        id="No Slug",
        brand=brand(logo="logo.svg", logo_dark="dark.svg", colour="#fefefe"),
        issuer="a:b",
    )
    starts = [
        ("id: does not look like ",),
        ("issuer: holds a colon ",),
        ("brand.logo: logo.svg: line 1: <text> is not taken: ",),
        ("brand.logo: logo.svg: is 100 wide and 1 high: ",),
        ("brand.logo_dark: dark.svg: line 1: is no XML: ",),
        ("brand.colour: #fefefe is nearly the page's own ground in light, ",),
    ]
    assert len(told) == len(starts)
    assert all(fault.startswith(start) for fault, (start,) in zip(told, starts, strict=True)), told


def test_a_good_logo_is_no_fault_of_a_tenant_without_an_id(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_bytes(logo())
    (fault,) = faults(tmp_path, id="No Slug", brand=brand(logo="logo.svg"))
    assert fault.startswith("id: ")


def test_a_logo_for_dark_pages_alone_is_none(tmp_path: Path) -> None:
    (tmp_path / "dark.svg").write_bytes(DARK)
    assert faults(tmp_path, brand=brand(logo_dark="dark.svg")) == [
        "brand.logo_dark: needs a logo beside it"
    ]


@pytest.mark.requirement("W5")
def test_a_colour_that_is_the_pages_own_is_refused(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, brand=brand(colour="#14181c"))
    assert fault.startswith("brand.colour: #14181c is nearly the page's own ground in dark, #14181c: ")


@pytest.mark.parametrize("brand", [None, [], "x", {"colour": 5, "logo": 5, "logo_dark": []}])
def test_what_is_no_brand_is_a_fault_of_the_profile(tmp_path: Path, brand: object) -> None:
    assert all(fault.startswith("brand") for fault in faults(tmp_path, brand=brand))


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """Who reviews the file reads the first, and the last would count."""
    path = tmp_path / "profile.json"
    path.write_text('{"id": "cozone", "id": "byra"}')
    with pytest.raises(ProfileError, match="it holds a name twice"):
        read_profile_file(path)


def test_what_an_earlier_release_has_kept_is_read(tmp_path: Path) -> None:
    """Its logos were files of the page; nobody keeps or removes them as a tenant's."""
    kept = COZONE | {"brand": {"colour": "#ffffff", "logo": "/logos/byra.svg"}}
    profile = Profile.from_json(kept)
    assert profile.brand.logo == "/logos/byra.svg"
    assert profile.brand.logo_dark is None
    assert logos_of(profile) == []
    assert faults(tmp_path, **kept) == [
        "brand.logo: '/logos/byra.svg': is neither an SVG beside the profile nor a logo of this tenant's",
        (
            "brand.colour: #ffffff is nearly the page's own ground in light, #ffffff: the contrast is "
            "1.00, and under 1.15 buttons are seen by their edge alone"
        ),
    ]
