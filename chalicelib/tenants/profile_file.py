"""
A profile as its operator keeps it: a JSON file, with the logos that it names beside it.

What is kept of it says of each logo where it lies on our origin. Such a profile is read too, for
that is what `make tenant TENANT=...` prints.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.settings import TENANT_ID
from chalicelib.tenants.colour import faults_of_colour
from chalicelib.tenants.logo import ADDRESS, MOST_BYTES, address_of, faults_of_logo
from chalicelib.tenants.profile import COLOUR, Profile, ProfileError

LOGO_FIELDS = ("logo", "logo_dark")
# Stands for a logo that has faults, so that nothing else seems to be wrong.
_SOME_ADDRESS = "/tenants/nobody/0000000000000000.svg"


@dataclass(frozen=True, kw_only=True)
class ProfileFile:
    """What a file says: the *profile* to be kept, and the *logos* that came with it, by their addresses."""

    profile: Profile
    logos: Mapping[str, bytes]

    @property
    def kept_logos(self) -> list[str]:
        """The addresses of logos that the file takes for kept already."""
        return [address for address in logos_of(self.profile) if address not in self.logos]


def logos_of(profile: Profile) -> list[str]:
    """Return where the logos of *profile* lie; what earlier releases took for a logo is not among them."""
    named = (profile.brand.logo, profile.brand.logo_dark)
    return [address for address in named if address is not None and ADDRESS.fullmatch(address)]


def read_profile_file(path: Path, *, local: bool = False) -> ProfileFile:
    """
    Return the profile in the file *path*, with its logos; *local* as `Profile.from_json` takes it.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no JSON, or not UTF-8.
        RecursionError: It is nested beyond reason.
        ProfileError: Anything in it or in its logos is wrong; every fault is told.
    """
    source = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_twins)
    if not isinstance(source, dict) or not isinstance(source.get("brand"), dict):
        return ProfileFile(profile=Profile.from_json(source, local=local), logos={})
    brand, reader = dict(source["brand"]), _LogoReader(path.parent, source.get("id"))
    for name in LOGO_FIELDS:
        if isinstance(brand.get(name), str):
            brand[name] = reader.address_of(name, brand[name])
    if brand.get("logo_dark", "") is None:
        del brand["logo_dark"]  # says nothing, and releases before it would refuse the profile for it
    if isinstance(brand.get("colour"), str) and COLOUR.fullmatch(brand["colour"]):
        reader.faults += [f"brand.colour: {fault}" for fault in faults_of_colour(brand["colour"])]
    try:
        profile = Profile.from_json(source | {"brand": brand}, local=local)
    except ProfileError as error:
        raise ProfileError("; ".join([str(error), *reader.faults])) from error
    if reader.faults:
        raise ProfileError("; ".join(reader.faults))
    return ProfileFile(profile=profile, logos=reader.logos)


class _LogoReader:
    """Reads the logos that a profile in *folder* names, and keeps what is wrong with them."""

    def __init__(self, folder: Path, tenant_id: object) -> None:
        self.logos: dict[str, bytes] = {}
        self.faults: list[str] = []
        self._folder = folder.resolve()
        is_one = isinstance(tenant_id, str) and TENANT_ID.fullmatch(tenant_id)
        self._tenant_id = str(tenant_id) if is_one else "nobody"

    def address_of(self, field: str, named: str) -> str:
        """Return where the logo *named* in *field* lies, or is to lie."""
        if named.startswith("/"):
            kept = ADDRESS.fullmatch(named)
            if kept is None or kept[1] != self._tenant_id:
                self._fault(
                    field, f"{named!r}: is neither an SVG beside the profile nor a logo of this tenant's"
                )
                return _SOME_ADDRESS
            return named
        try:
            content = self._content(named)
        except _NoSuchFileError as error:
            self._fault(field, f"{named!r}: {error}")
            return _SOME_ADDRESS
        faults = faults_of_logo(content)
        for fault in faults:
            self._fault(field, f"{named}: {fault}")
        if faults:
            return _SOME_ADDRESS
        address = address_of(self._tenant_id, content)
        self.logos[address] = content
        return address

    def _content(self, named: str) -> bytes:
        """Return what is in the file *named*, or as much of it as shows that it is too large."""
        if not named.isprintable() or not named.endswith(".svg") or ".." in Path(named).parts:
            raise _NoSuchFileError("is not the name of an SVG file beside the profile")
        try:
            file = (self._folder / named).resolve()
            if not file.is_relative_to(self._folder):  # by a link
                raise _NoSuchFileError("leads out of the profile's folder")
            if not file.is_file():
                raise _NoSuchFileError("is not there, beside the profile")
            with file.open("rb") as opened:
                return opened.read(MOST_BYTES + 1)
        except OSError as error:
            raise _NoSuchFileError(f"cannot be read: {error.strerror}") from error
        except RuntimeError as error:  # by Python before 3.13
            raise _NoSuchFileError("is a link that leads to itself") from error

    def _fault(self, field: str, problem: str) -> None:
        self.faults.append(f"brand.{field}: {problem}")


class _NoSuchFileError(Exception):
    """A logo's file is none; the message says why."""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # The last of two would count. Who reviews the file reads the first, and it may be the id.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ProfileError("it holds a name twice")
    return members
