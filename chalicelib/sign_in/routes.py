"""Sign-in over HTTP: the tenant's public face, the session, the password again."""

from __future__ import annotations

import re

from chalice.app import Blueprint

from chalicelib.accounts.passwords import LONGEST_PASSWORD_CHARACTERS
from chalicelib.accounts.record import LONGEST_USERNAME_CHARACTERS
from chalicelib.errors import HandOffExpiredError, NotFoundError
from chalicelib.settings import TENANT_ID
from chalicelib.sign_in.hand_off import HandOffExchange
from chalicelib.sign_in.sign_in import SignIn
from chalicelib.tenants.cache import RememberedTenants
from chalicelib.web.body import LONGEST_BODY_BYTES, Text
from chalicelib.web.endpoints import Answer, Call, Endpoints, Gate, SignedInCall
from chalicelib.web.request_log import note_tenant

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_USERNAME = Text("username", LONGEST_USERNAME_CHARACTERS)
_PASSWORD = Text("password", LONGEST_PASSWORD_CHARACTERS)


def sign_in_routes(
    gate: Gate,
    sign_in: SignIn,
    hand_off: HandOffExchange,
    tenants: RememberedTenants,
) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.open_to_anyone("GET", "/api/tenant")
    def show_tenant(call: Call) -> Answer:
        named = call.query.get("tenant") or tenants.id_at(call.host) or gate.settings.default_tenant
        tenant = tenants.get(_tenant_id(named or ""))
        suspended = tenant.suspended_at is not None
        return Answer(body=tenant.profile.as_public_json() | {"suspended": suspended})

    @endpoints.open_to_anyone("POST", "/api/session", body=(Text("tenant", 32), _USERNAME, _PASSWORD))
    def begin_session(call: Call) -> Answer:
        signed_in = sign_in.begin(
            call.occasion,
            tenant_id=_tenant_id(call.body["tenant"]),
            username=call.body["username"],
            password=call.body["password"],
            browser_id=call.browser_id,
        )
        return Answer(body=signed_in.standing, opened=signed_in.opened)

    @endpoints.open_to_anyone("POST", "/api/session/hand-off", body=(Text("hand_off", LONGEST_BODY_BYTES),))
    def exchange_hand_off(call: Call) -> Answer:
        token = call.body["hand_off"]
        if not _TOKEN.fullmatch(token):
            raise HandOffExpiredError
        begun = hand_off.exchange(
            call.occasion,
            token=token,
            idempotency_key=call.idempotency_key,
            browser_id=call.browser_id,
        )
        if call.session_id not in (None, begun.opened.session_id):
            # The browser will not know it any more: nobody is to find it open.
            sign_in.end(call.session_id, call.occasion)
        return Answer(body=begun.standing, opened=begun.opened)

    @endpoints.signed_in("GET", "/api/session")
    def show_session(call: SignedInCall) -> Answer:
        return Answer(body=sign_in.standing(call.caller, now=call.occasion.now).as_json())

    @endpoints.open_to_anyone("DELETE", "/api/session")
    def end_session(call: Call) -> Answer:
        ended = sign_in.end(call.session_id, call.occasion)
        return Answer(body=None, status=204, signs_out=True, clears_site=True, ended=ended)

    @endpoints.signed_in("POST", "/api/session/password", body=(_PASSWORD,))
    def prove_password_again(call: SignedInCall) -> Answer:
        signed_in = sign_in.prove_again(call.caller, call.occasion, password=call.body["password"])
        return Answer(body=signed_in.standing, opened=signed_in.opened)

    return endpoints.blueprint


def _tenant_id(claimed: str) -> str:
    if not TENANT_ID.fullmatch(claimed):
        raise NotFoundError
    note_tenant(claimed)
    return claimed
