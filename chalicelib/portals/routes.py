"""Portals over HTTP: what their servers ask, the user's way back to them, and our public keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalice.app import Blueprint

from chalicelib.accounts.addresses import LONGEST_ADDRESS_CHARACTERS, MOST_ADDRESSES, mail_address_of
from chalicelib.accounts.record import LONGEST_PORTAL_USER_CHARACTERS, LONGEST_USERNAME_CHARACTERS
from chalicelib.assertions.assertion import AssertionSigner
from chalicelib.errors import BodyMalformedError, NotFoundError
from chalicelib.hand_offs.record import PURPOSES
from chalicelib.portals.hand_over import HandedOver, HandOver
from chalicelib.portals.second_factor import SecondFactor, attempt_reference
from chalicelib.portals.way_back import WayBack
from chalicelib.standing import timestamp
from chalicelib.tenants.profile import LONGEST_URL_CHARACTERS
from chalicelib.totp import OneTimePassword
from chalicelib.web.body import LONGEST_BODY_BYTES, Choice, Flag, Text, Texts, Whole
from chalicelib.web.endpoints import Answer, Authenticate, Call, Endpoints, Gate, PortalCall, SignedInCall
from chalicelib.web.request_log import note_reference

_USER = Text("user", LONGEST_PORTAL_USER_CHARACTERS, shortest=1)
_LONGEST_STATE_CHARACTERS = 512
_SHORTEST_STATE_CHARACTERS = 16
_LATEST_EPOCH_SECONDS = 253_402_300_799  # the end of the year 9999
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Portals:
    """What this journey does, without HTTP."""

    authenticate: Authenticate
    second_factor: SecondFactor
    hand_over: HandOver
    way_back: WayBack
    signer: AssertionSigner


def portal_routes(gate: Gate, portals: Portals) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.from_portals("/api/portal/status", body=(_USER,), authenticate=portals.authenticate)
    def show_status(call: PortalCall) -> Answer:
        user = _portal_user(call.body["user"])
        return Answer(body=portals.second_factor.status(call.client, user, now=call.occasion.now))

    @endpoints.from_portals(
        "/api/portal/verification",
        body=(_USER, Text("otp", LONGEST_BODY_BYTES), Text("attempt_id", 64, shortest=16)),
        authenticate=portals.authenticate,
    )
    def verify_portal_code(call: PortalCall) -> Answer:
        attempt_id = call.body["attempt_id"]
        if not _ATTEMPT_ID.fullmatch(attempt_id):
            raise BodyMalformedError(
                "attempt_id: holds other than letters, digits, - and _", field="attempt_id"
            )
        note_reference(attempt_reference(call.client, attempt_id))
        verified = portals.second_factor.verify(
            call.client,
            _portal_user(call.body["user"]),
            call.occasion,
            otp=OneTimePassword.parse(call.body["otp"]),
            attempt_id=attempt_id,
        )
        return Answer(body=verified)

    @endpoints.from_portals(
        "/api/portal/hand-off",
        body=(
            _USER,
            Text("username", LONGEST_USERNAME_CHARACTERS, shortest=1),
            Text("language", 16),
            Whole("auth_time", 0, _LATEST_EPOCH_SECONDS),
            Flag("identity_verified"),
            Choice("purpose", PURPOSES),
            Text("return_url", LONGEST_URL_CHARACTERS),
            Text("state", _LONGEST_STATE_CHARACTERS, shortest=_SHORTEST_STATE_CHARACTERS),
            Text("nonce", _LONGEST_STATE_CHARACTERS, shortest=_SHORTEST_STATE_CHARACTERS),
            Texts("addresses", MOST_ADDRESSES, LONGEST_ADDRESS_CHARACTERS, is_optional=True),
        ),
        authenticate=portals.authenticate,
    )
    def hand_off(call: PortalCall) -> Answer:
        said = dict(call.body)
        if not (said["nonce"].isascii() and said["nonce"].isprintable()):
            # What we sign is limited: of other characters, 512 are too many for KMS.
            raise BodyMalformedError("nonce: holds other than printable ASCII", field="nonce")
        said["addresses"] = _addresses(said["addresses"])
        handed = HandedOver(portal_user=_portal_user(said.pop("user")), **said)
        link = portals.hand_over.begin(call.client, handed, call.occasion, own_url=call.own_url)
        return Answer(body={"url": link.url, "expires_at": timestamp(link.expires_at)}, status=201)

    @endpoints.signed_in("POST", "/api/session/return", signs_out=True)
    def return_to_portal(call: SignedInCall) -> Answer:
        return Answer(body=portals.way_back.finish(call.caller, call.occasion))

    @endpoints.from_portals(
        "/api/portal/assertion", body=(Text("code", LONGEST_BODY_BYTES),), authenticate=portals.authenticate
    )
    def redeem_code(call: PortalCall) -> Answer:
        if not _CODE.fullmatch(call.body["code"]):
            raise NotFoundError
        assertion = portals.way_back.redeem(
            call.client, call.body["code"], call.occasion, own_url=call.own_url
        )
        return Answer(body={"assertion": assertion})

    @endpoints.open_to_anyone("GET", "/api/jwks")
    def show_keys(call: Call) -> Answer:
        return Answer(body=portals.signer.published(now=call.occasion.now))

    return endpoints.blueprint


def _portal_user(user: str) -> str:
    if not user.isprintable():
        raise BodyMalformedError("user: cannot be shown", field="user")
    return user


def _addresses(said: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if said is None:
        return None
    addresses = [mail_address_of(address) for address in said]
    if None in addresses:
        # Which one is not told: it is somebody's.
        raise BodyMalformedError("addresses: holds other than mail addresses", field="addresses")
    return tuple(dict.fromkeys(address for address in addresses if address is not None))
