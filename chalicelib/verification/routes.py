"""Verification over HTTP."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.totp import OneTimePassword
from chalicelib.verification.sign_in_check import SignInCheck
from chalicelib.web.body import LONGEST_BODY_BYTES, Flag, Text
from chalicelib.web.endpoints import Answer, Endpoints, Gate, SignedInCall

_VERIFY = (Text("otp", LONGEST_BODY_BYTES), Flag("remember", is_optional=True))


def verification_routes(gate: Gate, check: SignInCheck) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.signed_in("POST", "/api/verification", body=_VERIFY)
    def verify_code(call: SignedInCall) -> Answer:
        verified = check.verify(
            call.caller,
            call.occasion,
            otp=OneTimePassword.parse(call.body["otp"]),
            remember=call.body["remember"],
            browser_id=call.browser_id,
        )
        return Answer(body=verified.standing, opened=verified.opened, remembered=verified.remembered)

    return endpoints.blueprint
