"""Enrolment over HTTP. Only these answers ever hold a secret, and none after confirmation."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.authenticators.record import LONGEST_ID_CHARACTERS
from chalicelib.enrolment.ceremony import PHONES, EnrolmentCeremony, PendingOffer
from chalicelib.standing import enrolment_json
from chalicelib.totp import OneTimePassword
from chalicelib.web.body import LONGEST_BODY_BYTES, Choice, Flag, Text
from chalicelib.web.endpoints import Answer, Endpoints, Gate, SignedInCall

_BEGIN = (
    Choice("phone", PHONES),
    Flag("same_phone"),
    Text("replaces", LONGEST_ID_CHARACTERS, shortest=1, is_optional=True),
)


def enrolment_routes(gate: Gate, ceremony: EnrolmentCeremony) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.signed_in("POST", "/api/enrolment", body=_BEGIN)
    def begin_enrolment(call: SignedInCall) -> Answer:
        offer = ceremony.begin(
            call.caller,
            call.occasion,
            phone=call.body["phone"],
            same_phone=call.body["same_phone"],
            replaces=call.body["replaces"],
        )
        return Answer(body=_offer_json(offer))

    @endpoints.signed_in("GET", "/api/enrolment")
    def show_enrolment(call: SignedInCall) -> Answer:
        return Answer(body=_offer_json(ceremony.offer(call.caller, now=call.occasion.now)))

    @endpoints.signed_in("DELETE", "/api/enrolment")
    def cancel_enrolment(call: SignedInCall) -> Answer:
        ceremony.cancel(call.caller, call.occasion)
        return Answer(body=None, status=204)

    @endpoints.signed_in("POST", "/api/enrolment/confirmation", body=(Text("otp", LONGEST_BODY_BYTES),))
    def confirm_enrolment(call: SignedInCall) -> Answer:
        confirmed = ceremony.confirm(
            call.caller,
            call.occasion,
            otp=OneTimePassword.parse(call.body["otp"]),
        )
        return Answer(body=confirmed.standing, opened=confirmed.opened)

    return endpoints.blueprint


def _offer_json(pending_offer: PendingOffer) -> dict[str, object]:
    offer = pending_offer.offer
    return {
        "enrolment": enrolment_json(pending_offer.pending),
        "issuer": offer.issuer,
        "account_name": offer.account_name,
        "key": offer.key,
        "uri": offer.uri,
        "qr": {"size": offer.qr.size, "path": offer.qr.path},
    }
