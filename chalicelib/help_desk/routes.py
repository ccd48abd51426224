"""The help desk over HTTP, and the code that it says to those it helps."""

from __future__ import annotations

from dataclasses import dataclass

from chalice.app import Blueprint

from chalicelib.accounts.passwords import LONGEST_PASSWORD_CHARACTERS
from chalicelib.accounts.record import LONGEST_USERNAME_CHARACTERS, STATUSES
from chalicelib.errors import BodyMalformedError, NotFoundError
from chalicelib.help_desk.interventions import IDENTITY_CHECKS, Interventions
from chalicelib.help_desk.overview import Overview
from chalicelib.help_desk.reset_code import ResetCodeCheck
from chalicelib.help_desk.staff_sign_in import StaffSignIn
from chalicelib.resets.record import ResetCode
from chalicelib.settings import TENANT_ID
from chalicelib.standing import timestamp
from chalicelib.web.body import LONGEST_BODY_BYTES, Choice, Text
from chalicelib.web.endpoints import Answer, Call, Endpoints, Gate, SignedInCall
from chalicelib.web.request_log import note_tenant

_USER = Text("user", LONGEST_BODY_BYTES)
# A word is no reason: who looks at the events later must be able to follow.
_REASON = Text("reason", 500, shortest=10)
_TICKET = Text("ticket", 60, shortest=1)
_STATUS = Choice("status", STATUSES)
_SEARCH = Text("search", LONGEST_USERNAME_CHARACTERS)
_AFTER = Text("after", LONGEST_BODY_BYTES)


@dataclass(frozen=True, kw_only=True)
class HelpDesk:
    """What this journey does, without HTTP."""

    staff_sign_in: StaffSignIn
    overview: Overview
    interventions: Interventions
    reset_code: ResetCodeCheck


def help_desk_routes(gate: Gate, help_desk: HelpDesk) -> Blueprint:
    """Return the routes of this journey."""
    endpoints = Endpoints(__name__, gate)
    overview = help_desk.overview

    @endpoints.open_to_anyone(
        "POST",
        "/api/help-desk/session",
        body=(
            Text("tenant", 32),
            Text("username", LONGEST_USERNAME_CHARACTERS),
            Text("password", LONGEST_PASSWORD_CHARACTERS),
        ),
    )
    def begin_staff_session(call: Call) -> Answer:
        tenant_id = call.body["tenant"]
        if not TENANT_ID.fullmatch(tenant_id):
            raise NotFoundError
        note_tenant(tenant_id)
        begun = help_desk.staff_sign_in.begin(
            call.occasion,
            tenant_id=tenant_id,
            username=call.body["username"],
            password=call.body["password"],
        )
        return Answer(body=begun.standing, opened=begun.opened)

    @endpoints.for_help_desk("GET", "/api/help-desk/users")
    def list_users(call: SignedInCall) -> Answer:
        status, after = call.query.get("status"), call.query.get("after")
        page = overview.page(
            call.caller,
            status=_STATUS.check(status) if status else None,
            search=_SEARCH.check(call.query.get("search", "")),
            after=_AFTER.check(after) if after else None,
        )
        return Answer(body=page)

    @endpoints.for_help_desk("GET", "/api/help-desk/counts")
    def count_users(call: SignedInCall) -> Answer:
        return Answer(body=overview.counts(call.caller))

    @endpoints.for_help_desk("GET", "/api/help-desk/user")
    def show_user(call: SignedInCall) -> Answer:
        now = call.occasion.now
        user_id, reference = call.query.get("user"), call.query.get("reference")
        if user_id is None and reference is not None:
            user_id = overview.found_by_reference(call.caller, reference, now=now)
        return Answer(body=overview.detail(call.caller, user_id or "", now=now))

    @endpoints.for_help_desk(
        "POST",
        "/api/help-desk/reset",
        body=(_USER, Choice("identity_check", IDENTITY_CHECKS), _REASON, _TICKET),
        fresh=True,
    )
    def reset_second_factor(call: SignedInCall) -> Answer:
        given = help_desk.interventions.reset(
            call.caller,
            call.occasion,
            user_id=call.body["user"],
            identity_check=call.body["identity_check"],
            reason=_written(call, _REASON),
            ticket=_written(call, _TICKET),
        )
        # The only answer that ever holds the code.
        body = {
            "reset_code": given.code.spelled,
            "opens_at": timestamp(given.reset.opens_at),
            "expires_at": timestamp(given.reset.expires_at),
        }
        return Answer(body=body, status=201)

    @endpoints.for_help_desk("POST", "/api/help-desk/unlock", body=(_USER, _REASON, _TICKET), fresh=True)
    def unlock_second_factor(call: SignedInCall) -> Answer:
        help_desk.interventions.unlock(
            call.caller,
            call.occasion,
            user_id=call.body["user"],
            reason=_written(call, _REASON),
            ticket=_written(call, _TICKET),
        )
        detail = overview.detail(call.caller, call.body["user"], now=call.occasion.now)
        return Answer(body=detail)

    @endpoints.signed_in("POST", "/api/session/reset-code", body=(Text("reset_code", LONGEST_BODY_BYTES),))
    def give_reset_code(call: SignedInCall) -> Answer:
        accepted = help_desk.reset_code.accept(
            call.caller, call.occasion, code=ResetCode.parse(call.body["reset_code"])
        )
        return Answer(body=accepted.standing, opened=accepted.opened)

    return endpoints.blueprint


def _written(call: SignedInCall, field: Text) -> str:
    """
    Return what was written in *field*: one line of what can be shown.

    Breaks and blanks become one space and do not make it any longer. What cannot be shown, such
    as a sign that turns the direction of writing round, could make an event look like another.
    """
    written = " ".join(str(call.body[field.name]).split())
    if not written.isprintable():
        raise BodyMalformedError(f"{field.name}: holds what cannot be shown", field=field.name)
    return field.check(written)
