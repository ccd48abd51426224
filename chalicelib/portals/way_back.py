"""
Back to the portal: a code for the user's browser, and for the portal's client the assertion.

The code goes through an address, so it is worth nothing by itself: only the
client that handed the user over redeems it, once, within a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from chalicelib.assertions.assertion import Assertion, AssertionSigner, new_assertion_id
from chalicelib.audit.event import ASSERTION_FLAGGED, ASSERTION_ISSUED, HAND_OFF_RETURNED, EventLog
from chalicelib.browsers.record import earliest
from chalicelib.caller import Caller, Occasion, PortalClient
from chalicelib.errors import (
    ClientNotAuthenticatedError,
    NotFoundError,
    NotHandedOffError,
    ReturnCodeUsedError,
    ReturnUrlNotRegisteredError,
    TwoFactorError,
)
from chalicelib.hand_offs.record import HandOff, ReturnCode, key_of_token, new_token
from chalicelib.hand_offs.store import HandOffStore
from chalicelib.sessions.session import REMEMBERED_BROWSER
from chalicelib.sessions.store import SessionStore
from chalicelib.storage.changes import Transactions
from chalicelib.tenants.profile import Policy
from chalicelib.tenants.store import TenantStore

ACCESS_DENIED = "access_denied"  # RFC 6749 §4.1.2.1


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """Ends the sessions that portals began, and tells the portals how they ended."""

    tenants: TenantStore
    hand_offs: HandOffStore
    sessions: SessionStore
    events: EventLog
    transactions: Transactions
    signer: AssertionSigner

    def finish(self, caller: Caller, occasion: Occasion) -> dict[str, str]:
        """
        Return the address that the user's browser goes to, with a code if a code of theirs was accepted.

        The session ends with it. The same request again gets the same address for 60 seconds.

        Raises:
            NotHandedOffError: No portal began the session.
            ReturnUrlNotRegisteredError: The operator has taken the address off the profile since.
            TenantSuspendedError: The operator has closed the service to the tenant.
            SessionReplacedError: The session was replaced meanwhile.
        """
        session = caller.session
        hand_off = self.hand_offs.get(session.hand_off_key) if session.hand_off_key else None
        if hand_off is None:
            raise NotHandedOffError
        tenant = self.tenants.get(hand_off.tenant_id)
        tenant.require_open()
        if hand_off.return_url not in tenant.profile.return_urls:
            raise ReturnUrlNotRegisteredError
        token = new_token()
        code = _code(caller, hand_off, token, tenant.profile.policy, now=occasion.now)
        outcome = {"error": ACCESS_DENIED} if code is None else {"code": token}
        answer = {"url": _with_query(hand_off.return_url, outcome | {"state": hand_off.state})}
        self.transactions.commit(
            self.sessions.finished(
                session, request_hash=occasion.request_hash, answer=answer, now=occasion.now
            ),
            *([] if code is None else [self.hand_offs.issued(code)]),
            self.events.recorded(occasion.event(HAND_OFF_RETURNED, session)),
        )
        return answer

    def redeem(self, client: PortalClient, token: str, occasion: Occasion, *, own_url: str) -> str:
        """
        Return the signed assertion for the code *token*, once.

        It is signed before it is redeemed, so that a fault spends nothing, and
        handed out only after: of any number of requests, one gets it.

        Raises:
            NotFoundError: There is no such code, it is too old, or another client's.
            ClientNotAuthenticatedError: This very JWT has redeemed it before.
            ReturnCodeUsedError: It was redeemed before; that assertion is flagged by an event.
            ServiceUnavailableError: Nothing was redeemed, or it is not known.
        """
        now = occasion.now
        code = self.hand_offs.return_code(key_of_token(token))
        is_ours = code is not None and (code.tenant_id, code.client_name) == (
            client.tenant_id,
            client.client.name,
        )
        if code is None or not is_ours:
            raise NotFoundError
        if code.assertion_id is not None:
            raise self._flagged(client, code, occasion)
        if code.valid_until < now:
            raise NotFoundError
        assertion = Assertion(assertion_id=new_assertion_id(), issuer=own_url, code=code, issued_at=now)
        signed = self.signer.signed(assertion)
        try:
            self.transactions.commit(
                self.hand_offs.redeemed(
                    code, assertion_id=assertion.assertion_id, jwt_key=client.jwt_key, now=now
                ),
                self.events.recorded(
                    occasion.event_by(
                        client,
                        ASSERTION_ISSUED,
                        user_id=code.user_id,
                        reference=code.reference,
                        subject=assertion.assertion_id,
                    )
                ),
            )
        except ReturnCodeUsedError as error:
            winner = self.hand_offs.return_code(code.key)
            raise self._flagged(client, winner or code, occasion) from error
        return signed

    def _flagged(self, client: PortalClient, code: ReturnCode, occasion: Occasion) -> TwoFactorError:
        """Record that somebody else may have seen what the first assertion was given for; say so."""
        if code.redeemed_by == client.jwt_key:
            # One request sent twice, by a fault on its way or by whoever saw it: no word of the code.
            return ClientNotAuthenticatedError()
        self.transactions.commit(
            self.events.recorded(
                occasion.event_by(
                    client,
                    ASSERTION_FLAGGED,
                    user_id=code.user_id,
                    reference=code.reference,
                    subject=code.assertion_id,
                )
            )
        )
        return ReturnCodeUsedError()


def _code(caller: Caller, hand_off: HandOff, token: str, policy: Policy, *, now: int) -> ReturnCode | None:
    session, portal_user = caller.session, caller.user.portal_user
    given_at = session.factor_given_at
    if given_at is None or session.verified_by is None or portal_user is None:
        return None
    if session.verified_by == REMEMBERED_BROWSER and given_at < earliest(policy.remember_days, now=now):
        return None  # the tenant has thought better of it since the user signed in
    return ReturnCode(
        key=key_of_token(token),
        tenant_id=session.tenant_id,
        client_name=hand_off.client_name,
        user_id=session.user_id,
        portal_user=portal_user,
        nonce=hand_off.nonce,
        verified_at=given_at,
        verified_by=session.verified_by,
        reference=session.reference,
        issued_at=now,
    )


def _with_query(url: str, query: dict[str, str]) -> str:
    """Return *url*, registered letter by letter, with *query* behind its own."""
    parts = urlsplit(url)
    joined = "&".join(filter(None, [parts.query, urlencode(query)]))
    return urlunsplit(parts._replace(query=joined))
