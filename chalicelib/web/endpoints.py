"""
What every route has in common: who calls, what it sends, how it is answered.

A route says which body it takes and whether a session is needed; its view gets
a checked `Call` and returns an `Answer`, or raises. Everything else happens here,
in one order: front door, own page, body, session, view, problem, log.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chalice.app import Blueprint, Request, Response

from chalicelib.accounts.store import AccountStore
from chalicelib.caller import Caller, Occasion, PortalClient
from chalicelib.errors import (
    BodyMalformedError,
    BodyTooLargeError,
    CrossSiteRequestError,
    EnrolmentError,
    NotFoundError,
    NotSignedInError,
    VerificationRequiredError,
)
from chalicelib.sessions.session import (
    OpenSession,
    Session,
    browser_id_of,
    request_hash,
    session_key_of,
    successor_id,
)
from chalicelib.sessions.store import SessionReplacedError, SessionStore
from chalicelib.settings import Settings
from chalicelib.tenants.cache import RememberedTenants
from chalicelib.tenants.store import Tenant
from chalicelib.web import cookie, request_log
from chalicelib.web.body import LONGEST_BODY_BYTES, Field, read_body
from chalicelib.web.edge import (
    check_front_door,
    check_media_type,
    check_no_page,
    check_own_page,
    check_own_site,
    own_host,
    own_origin,
    source_of,
)
from chalicelib.web.metrics import embedded_metrics
from chalicelib.web.problems import CONTENT_TYPE, problem_body, problem_for, retry_after_seconds
from chalicelib.web.request_log import RequestLog

SEEN_AT_MOST_EVERY_SECONDS = 60

# Answers hold secrets and standings: no cache keeps them, no browser guesses at them.
_ON_EVERY_ANSWER: dict[str, str | list[str]] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """
    A success: its status and JSON body (None for no content).

    *opened* is the session that the browser is to use from now on, and *remembered* the id
    by which it will be known at later sign-ins (empty to forget it); *signs_out*
    makes it forget the one it has, which was *ended*, if there was any, and
    *clears_site* all that it keeps of ours, which takes some browsers seconds.
    """

    body: Mapping[str, Any] | None
    status: int = 200
    opened: OpenSession | None = None
    remembered: str | None = field(default=None, repr=False)
    signs_out: bool = False
    clears_site: bool = False
    ended: Session | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """
    A request that has passed every check.

    *host* is our own name as the viewer asked for it, *browser_id* what a remembered
    browser presents.
    """

    body: Mapping[str, Any] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    occasion: Occasion
    host: str
    idempotency_key: str = field(repr=False)
    session_id: str | None = field(repr=False)
    browser_id: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SignedInCall(Call):
    """A call within a live session."""

    caller: Caller


@dataclass(frozen=True, kw_only=True)
class PortalCall:
    """
    A portal's request, whose client has proven its key.

    *own_url* is our own address as the portal calls it, without a path.
    """

    body: Mapping[str, Any] = field(repr=False)
    occasion: Occasion
    client: PortalClient
    own_url: str


class Authenticate(Protocol):
    """How a portal's client proves its key."""

    def __call__(self, authorization: str, *, audience: str, body: bytes, now: int) -> PortalClient:
        """
        Return the client whose JWT *authorization* holds, made for *audience* and *body*.

        Raises:
            ClientNotAuthenticatedError: It proves nothing.
            TenantSuspendedError: It does, and the operator has closed the service to the tenant.
        """


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What every route needs to know who calls, and to tell of it."""

    settings: Settings
    tenants: RememberedTenants
    sessions: SessionStore
    accounts: AccountStore
    clock: Callable[[], float]
    write_line: request_log.WriteLine


class Endpoints:
    """The routes of one journey, as a Chalice blueprint."""

    def __init__(self, import_name: str, gate: Gate) -> None:
        self.blueprint = Blueprint(import_name)
        self._gate = gate

    def open_to_anyone(
        self, method: str, path: str, *, body: Sequence[Field] | None = None
    ) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
        """Register a view that needs no session."""

        def register(view: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
            self._register(view.__name__, method, path, lambda arrived: view(arrived.call(body)))
            return view

        return register

    def signed_in(
        self, method: str, path: str, *, body: Sequence[Field] | None = None, signs_out: bool = False
    ) -> Callable[[Callable[[SignedInCall], Answer]], Callable[[SignedInCall], Answer]]:
        """
        Register a view that needs a live session.

        A request that replaced its session may be repeated: it is then answered
        as before and the view is not run again. *signs_out*: nothing comes after it,
        and the browser is made to forget the session.
        """

        def register(view: Callable[[SignedInCall], Answer]) -> Callable[[SignedInCall], Answer]:
            def perform(arrived: _Arrived) -> Answer:
                answer = arrived.answer_signed_in(view, body)
                return replace(answer, opened=None, signs_out=True) if signs_out else answer

            self._register(view.__name__, method, path, perform)
            return view

        return register

    def for_help_desk(
        self, method: str, path: str, *, body: Sequence[Field] | None = None, fresh: bool = False
    ) -> Callable[[Callable[[SignedInCall], Answer]], Callable[[SignedInCall], Answer]]:
        """
        Register a view for the help desk, by a code of their own in this sign-in.

        *fresh*: that code was given in the last five minutes. A recovery code is none: it leads to
        a new phone first. To anybody else there is no such thing.
        """

        def register(view: Callable[[SignedInCall], Answer]) -> Callable[[SignedInCall], Answer]:
            def of_staff(call: SignedInCall) -> Answer:
                caller = call.caller
                if not caller.user.is_staff:
                    raise NotFoundError
                session, now = caller.session, call.occasion.now
                if not (session.code_is_fresh(now=now) if fresh else session.has_given_code):
                    raise VerificationRequiredError
                return view(call)

            self._register(
                view.__name__, method, path, lambda arrived: arrived.answer_signed_in(of_staff, body)
            )
            return view

        return register

    def from_portals(
        self, path: str, *, body: Sequence[Field], authenticate: Authenticate
    ) -> Callable[[Callable[[PortalCall], Answer]], Callable[[PortalCall], Answer]]:
        """Register a view that portals' clients ask, each with a JWT of its own in every request."""

        def register(view: Callable[[PortalCall], Answer]) -> Callable[[PortalCall], Answer]:
            self._register(
                view.__name__,
                "POST",
                path,
                lambda arrived: view(arrived.portal_call(path, body, authenticate)),
            )
            return view

        return register

    def _register(self, name: str, method: str, path: str, perform: Callable[[_Arrived], Answer]) -> None:
        def handler() -> Response:
            request = self.blueprint.current_request
            return _Exchange(self._gate, request, route=path).run(perform)

        handler.__name__ = name
        # Chalice's own content type check would answer in its own words, before us.
        self.blueprint.route(path, methods=[method], content_types=["*/*"], name=name)(handler)


class _Exchange:
    """One request and its response, with whatever goes wrong in between."""

    def __init__(self, gate: Gate, request: Request, *, route: str) -> None:
        self._gate = gate
        self._request = request
        self._log = RequestLog(request_id=_request_id(request), method=request.method, route=route)

    def run(self, perform: Callable[[_Arrived], Answer]) -> Response:
        started = time.perf_counter()
        request_log.begin(self._log)
        try:
            answer = perform(_Arrived(self._gate, self._request, self._log))
            response = self._success(answer)
        except Exception as error:  # noqa: BLE001 - the last place that can turn a fault into an answer
            response = self._failure(error)
        self._log.status = response.status_code
        self._log.duration_ms = (time.perf_counter() - started) * 1000
        self._gate.write_line(self._log.as_line(**self._metrics()))
        return response

    def _metrics(self) -> dict[str, Any]:
        if self._gate.settings.is_local:
            return {}  # where nobody collects them
        return embedded_metrics(
            self._log, stage=self._gate.settings.stage, at_epoch_seconds=self._gate.clock()
        )

    def _success(self, answer: Answer) -> Response:
        headers = dict(_ON_EVERY_ANSWER)
        cookies: list[str] = []
        if answer.ended is not None:
            self._log.tell_of(answer.ended)
        if answer.opened is not None:
            self._log.tell_of(answer.opened.session)
            cookies = [cookie.setting(answer.opened.session_id)]
        if answer.signs_out:
            cookies = [cookie.expiring()]
        if answer.remembered is not None:
            cookies.append(cookie.remembering(answer.remembered))
        if cookies:
            headers["Set-Cookie"] = cookies if len(cookies) > 1 else cookies[0]
        if answer.clears_site:
            # Never "cookies": on a shared domain that would sign the user out of the portal too.
            headers["Clear-Site-Data"] = '"cache", "storage"'
        if answer.body is None:
            return Response(body="", status_code=answer.status, headers=headers)
        headers["Content-Type"] = "application/json"
        text = json.dumps(answer.body, ensure_ascii=False)
        return Response(body=text, status_code=answer.status, headers=headers)

    def _failure(self, error: Exception) -> Response:
        problem = problem_for(error)
        self._log.outcome = problem.code
        self._log.alarm = problem.alarm
        if problem.status >= 500:  # noqa: PLR2004 - from here on it is our fault
            self._log.fault = request_log.frames_of(error)
        headers = {**_ON_EVERY_ANSWER, "Content-Type": CONTENT_TYPE}
        wait_seconds = retry_after_seconds(problem, error, now=int(self._gate.clock()))
        if wait_seconds is not None:
            headers["Retry-After"] = str(wait_seconds)
        body = problem_body(problem, error, reference=self._log.reference)
        return Response(body=json.dumps(body), status_code=problem.status, headers=headers)


class _Arrived:
    """A request as it came, checked on demand and in order."""

    def __init__(self, gate: Gate, request: Request, log: RequestLog) -> None:
        self._gate = gate
        self._request = request
        self._log = log

    def call(self, fields: Sequence[Field] | None) -> Call:
        """Return the checked call, whoever makes it."""
        headers = self._request.headers
        check_front_door(headers, self._gate.settings)
        idempotency_key = ""
        if self._request.method != "GET":
            idempotency_key = check_own_page(headers, self._gate.settings)
        body: Mapping[str, Any] = {}
        raw_body = b""
        if fields is not None:
            check_media_type(headers)
            raw_body = self._raw_body()
            body = read_body(raw_body, fields)
        settings = self._gate.settings
        session_id = cookie.session_id_in(headers)
        return Call(
            body=body,
            query=self._request.query_params or {},
            occasion=Occasion(
                now=int(self._gate.clock()),
                request_id=self._log.request_id,
                request_hash=request_hash(
                    f"{self._log.method} {self._log.route}",
                    idempotency_key,
                    session_id=session_id or "",
                    body=raw_body,
                ),
                source=source_of(headers, settings),
            ),
            host=own_host(headers, settings),
            idempotency_key=idempotency_key,
            session_id=session_id,
            browser_id=cookie.browser_id_in(headers),
        )

    def portal_call(self, path: str, fields: Sequence[Field], authenticate: Authenticate) -> PortalCall:
        """Return the checked call of a portal's client. Who asks is proven before what is looked at."""
        headers = self._request.headers
        check_front_door(headers, self._gate.settings)
        check_no_page(headers)
        own_url = own_origin(headers, self._gate.settings)
        if own_url is None:
            raise CrossSiteRequestError("the host is not our own")
        check_media_type(headers)
        raw_body = self._raw_body()
        if len(raw_body) > LONGEST_BODY_BYTES:
            raise BodyTooLargeError
        now = int(self._gate.clock())
        client = authenticate(
            headers.get("authorization", ""), audience=f"{own_url}{path}", body=raw_body, now=now
        )
        self._log.tenant = client.tenant_id
        self._log.client = client.client.name
        occasion = Occasion(
            now=now,
            request_id=self._log.request_id,
            request_hash=client.jwt_key,
            source=source_of(headers, self._gate.settings),
        )
        return PortalCall(
            body=read_body(raw_body, fields), occasion=occasion, client=client, own_url=own_url
        )

    def answer_signed_in(
        self, view: Callable[[SignedInCall], Answer], fields: Sequence[Field] | None
    ) -> Answer:
        """Return what *view* answers, or what this very request was answered before."""
        check_own_site(self._request.headers)
        call = self.call(fields)
        session = self._session(call)
        repeated = self._repeated(call, session)
        if repeated is not None:
            return repeated
        try:
            return view(self._signed_in(call, session))
        except (NotSignedInError, SessionReplacedError, EnrolmentError) as error:
            # The same request may have run beside this one and won.
            session = self._session(call)
            repeated = self._repeated(call, session)
            if repeated is not None:
                return repeated
            if not isinstance(error, SessionReplacedError):
                raise
        # It lives on, and another request has changed what its successor is to begin with.
        return view(self._signed_in(call, session))

    def _session(self, call: Call) -> Session:
        if call.session_id is None:
            raise NotSignedInError
        session = self._gate.sessions.get(session_key_of(call.session_id))
        if session is None:
            raise NotSignedInError
        self._log.tell_of(session)
        return session

    def _repeated(self, call: Call, session: Session) -> Answer | None:
        replacement = session.replacement
        if replacement is None or call.session_id is None:
            return None
        if not replacement.repeats(call.occasion.request_hash, now=call.occasion.now):
            raise NotSignedInError
        self._log.outcome = "repeated"
        opened = OpenSession(session_id=successor_id(call.session_id, replacement.salt), session=session)
        remembered = None
        if replacement.answer.get("remembered"):
            remembered = browser_id_of(call.session_id, replacement.salt)
        return Answer(body=replacement.answer, opened=opened, remembered=remembered)

    def _signed_in(self, call: Call, session: Session) -> SignedInCall:
        now = call.occasion.now
        if session.has_ended(now=now) or call.session_id is None:
            raise NotSignedInError
        tenant = self._tenant(session)
        user = self._gate.accounts.get(session.tenant_id, session.user_id)
        if user is None or not session.is_of(user):
            raise NotSignedInError
        if now - session.last_seen_at >= SEEN_AT_MOST_EVERY_SECONDS:
            self._gate.sessions.seen(session, now=now)
            session = replace(session, last_seen_at=now)  # the answer states the longer limit
        return SignedInCall(
            body=call.body,
            query=call.query,
            occasion=call.occasion,
            host=call.host,
            idempotency_key=call.idempotency_key,
            session_id=call.session_id,
            browser_id=call.browser_id,
            caller=Caller(
                opened=OpenSession(session_id=call.session_id, session=session), user=user, tenant=tenant
            ),
        )

    def _tenant(self, session: Session) -> Tenant:
        try:
            tenant = self._gate.tenants.get(session.tenant_id)
        except NotFoundError as error:
            raise NotSignedInError from error  # the operator has erased it
        tenant.require_open()
        return tenant

    def _raw_body(self) -> bytes:
        # Declared sizes are hints for an early end only; the bytes themselves decide.
        declared = self._request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:12]) > LONGEST_BODY_BYTES:
            raise BodyTooLargeError
        try:
            raw: str | bytes = self._request.raw_body or b""
            return raw.encode() if isinstance(raw, str) else raw
        except ValueError as error:  # base64 that is none, or half a character
            raise BodyMalformedError("the body cannot be decoded") from error


def _request_id(request: Request) -> str:
    # API Gateway gives one; `chalice local` does not.
    return str(request.context.get("requestId") or uuid.uuid4())
