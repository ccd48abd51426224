"""A user's own second factor over HTTP: see it, name it, remove it, forget browsers."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.authenticators.record import (
    LONGEST_ID_CHARACTERS,
    LONGEST_NAME_CHARACTERS,
    written_name,
)
from chalicelib.browsers.record import browser_key_of
from chalicelib.errors import BodyMalformedError
from chalicelib.manage.management import Management
from chalicelib.web.body import Text
from chalicelib.web.endpoints import Answer, Endpoints, Gate, SignedInCall

ALL_BROWSERS = "all"
_AUTHENTICATOR = Text("authenticator", LONGEST_ID_CHARACTERS, shortest=1)
_NAME = Text("name", LONGEST_NAME_CHARACTERS, shortest=1)
_BROWSER = Text("browser", LONGEST_ID_CHARACTERS, shortest=1)


def management_routes(gate: Gate, management: Management) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.signed_in("GET", "/api/second-factor")
    def show_second_factor(call: SignedInCall) -> Answer:
        overview = management.overview(call.caller, browser_id=call.browser_id, now=call.occasion.now)
        return Answer(body=overview)

    @endpoints.signed_in("POST", "/api/authenticators/name", body=(_AUTHENTICATOR, _NAME))
    def rename_authenticator(call: SignedInCall) -> Answer:
        overview = management.rename(
            call.caller,
            call.occasion,
            call.body["authenticator"],
            name=_name(call.body["name"]),
            browser_id=call.browser_id,
        )
        return Answer(body=overview)

    @endpoints.signed_in("POST", "/api/authenticators/removal", body=(_AUTHENTICATOR,))
    def remove_authenticator(call: SignedInCall) -> Answer:
        removed = management.remove(call.caller, call.occasion, call.body["authenticator"])
        return Answer(body=removed.standing, opened=removed.opened)

    @endpoints.signed_in("POST", "/api/remembered-browsers/removal", body=(_BROWSER,))
    def forget_browser(call: SignedInCall) -> Answer:
        named = call.body["browser"]
        if named == ALL_BROWSERS:
            management.forget_all_browsers(call.caller, call.occasion)
            return Answer(body=None, status=204, remembered="")
        management.forget_browser(call.caller, call.occasion, named)
        is_this_one = call.browser_id is not None and browser_key_of(call.browser_id) == named
        return Answer(body=None, status=204, remembered="" if is_this_one else None)

    return endpoints.blueprint


def _name(typed: str) -> str:
    name = written_name(typed)
    if name is None:
        reason = f"name: is not 1 to {LONGEST_NAME_CHARACTERS} characters that can be shown"
        raise BodyMalformedError(reason, field="name")
    return name
