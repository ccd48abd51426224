"""Recovery codes over HTTP. Only the answer that makes them ever holds them."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.recovery.code import RecoveryCode
from chalicelib.recovery.recovery import Recovery
from chalicelib.standing import timestamp
from chalicelib.web.body import LONGEST_BODY_BYTES, Text
from chalicelib.web.endpoints import Answer, Endpoints, Gate, SignedInCall

_LONGEST_SET_ID = 64


def recovery_routes(gate: Gate, recovery: Recovery) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)

    @endpoints.signed_in("POST", "/api/recovery-codes")
    def make_recovery_codes(call: SignedInCall) -> Answer:
        made = recovery.make(call.caller, call.occasion)
        return Answer(
            status=201,
            body={
                "set": made.set_id,
                "codes": [code.shown for code in made.codes],
                "made_at": timestamp(made.made_at),
            },
        )

    @endpoints.signed_in(
        "POST", "/api/recovery-codes/acknowledgement", body=(Text("set", _LONGEST_SET_ID),)
    )
    def acknowledge_recovery_codes(call: SignedInCall) -> Answer:
        standing = recovery.acknowledge(call.caller, call.occasion, set_id=call.body["set"])
        return Answer(body=standing.as_json())

    @endpoints.signed_in(
        "POST", "/api/verification/recovery-code", body=(Text("recovery_code", LONGEST_BODY_BYTES),)
    )
    def verify_recovery_code(call: SignedInCall) -> Answer:
        spent = recovery.spend(
            call.caller, call.occasion, code=RecoveryCode.parse(call.body["recovery_code"])
        )
        return Answer(body=spent.standing, opened=spent.opened)

    return endpoints.blueprint
