"""The real object graph: every service, built once and handed what it needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.session import Session as AwsSession

from chalicelib.accounts.authority import Directory
from chalicelib.accounts.dynamodb import DynamoAccounts, DynamoUserLists
from chalicelib.accounts.listing import UserLists
from chalicelib.accounts.store import AccountStore
from chalicelib.assertions.assertion import AssertionSigner
from chalicelib.assertions.dynamodb import DynamoSigningKeys
from chalicelib.assertions.store import SigningKeyStore
from chalicelib.audit.dynamodb import DynamoEventHistory, DynamoEventLog
from chalicelib.audit.event import EventLog
from chalicelib.audit.history import EventHistory
from chalicelib.authenticators.dynamodb import DynamoAuthenticators
from chalicelib.authenticators.store import AuthenticatorStore
from chalicelib.browsers.dynamodb import DynamoRememberedBrowsers
from chalicelib.browsers.store import RememberedBrowserStore
from chalicelib.connections import IdleConnections, open_connections
from chalicelib.enrolment.ceremony import EnrolmentCeremony
from chalicelib.hand_offs.dynamodb import DynamoHandOffs
from chalicelib.hand_offs.store import HandOffStore
from chalicelib.help_desk.interventions import Interventions
from chalicelib.help_desk.overview import Overview
from chalicelib.help_desk.reset_code import ResetCodeCheck
from chalicelib.help_desk.routes import HelpDesk
from chalicelib.help_desk.staff_sign_in import StaffSignIn
from chalicelib.keys.cipher import SecretCipher
from chalicelib.keys.kms import KmsCipher, KmsSigner
from chalicelib.keys.signer import Signer
from chalicelib.manage.management import Management
from chalicelib.methods import METHODS
from chalicelib.portals.client_authentication import ClientAuthentication
from chalicelib.portals.hand_over import HandOver
from chalicelib.portals.routes import Portals
from chalicelib.portals.second_factor import SecondFactor
from chalicelib.portals.way_back import WayBack
from chalicelib.recovery.recovery import Recovery
from chalicelib.recovery_codes.dynamodb import DynamoRecoveryCodes
from chalicelib.recovery_codes.store import RecoveryCodeStore
from chalicelib.resets.dynamodb import DynamoResets
from chalicelib.resets.store import ResetStore
from chalicelib.sessions.dynamodb import DynamoSessions
from chalicelib.sessions.store import SessionStore
from chalicelib.settings import Settings
from chalicelib.sign_in.hand_off import HandOffExchange
from chalicelib.sign_in.remembered import BrowserRecognition
from chalicelib.sign_in.sign_in import SignIn
from chalicelib.storage.changes import Transactions
from chalicelib.storage.dynamodb import AwsClient, Database, make_client
from chalicelib.storage.rows import EVENTS, STATE
from chalicelib.tenants.cache import RememberedTenants
from chalicelib.tenants.dynamodb import DynamoTenants
from chalicelib.tenants.store import TenantStore
from chalicelib.verification.sign_in_check import SignInCheck
from chalicelib.verifier import Verifier
from chalicelib.web.clock_drift import ClockDrift
from chalicelib.web.endpoints import Gate
from chalicelib.web.request_log import WriteLine, count_aws_call, write_to_stdout

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that outlives a request, behind its ports."""

    tenants: TenantStore
    accounts: AccountStore
    user_lists: UserLists
    sessions: SessionStore
    authenticators: AuthenticatorStore
    recovery_codes: RecoveryCodeStore
    browsers: RememberedBrowserStore
    resets: ResetStore
    hand_offs: HandOffStore
    signing_keys: SigningKeyStore
    events: EventLog
    event_history: EventHistory
    transactions: Transactions
    cipher: SecretCipher
    signer: Signer


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the routes and the operator's commands call."""

    gate: Gate
    tenants: TenantStore
    remembered_tenants: RememberedTenants
    directory: Directory
    sign_in: SignIn
    hand_off: HandOffExchange
    enrolment: EnrolmentCeremony
    recovery: Recovery
    verification: SignInCheck
    management: Management
    help_desk: HelpDesk
    portals: Portals


def build_services(settings: Settings, *, connected: bool = False) -> Services:
    """Return the services of this process, with their connections to AWS open if *connected*."""
    stores = aws_stores(settings, connected=connected)
    return assemble(settings, stores, clock=time.time, write_line=write_to_stdout)


def aws_stores(settings: Settings, *, connected: bool = False) -> Stores:
    """Return the stores on DynamoDB and KMS, over one shared botocore session."""
    session = AwsSession()
    dynamodb, kms = (
        make_client(session, service, region=settings.region) for service in ("dynamodb", "kms")
    )
    if connected:
        open_connections(dynamodb, kms)
    return stores_on(settings, dynamodb=dynamodb, kms=kms)


def stores_on(
    settings: Settings, *, dynamodb: AwsClient, kms: AwsClient, clock: Clock = time.time
) -> Stores:
    """
    Return the stores over any two AWS clients.

    The request log counts their calls, and is told how far *clock* is from their answers.
    """
    drift = ClockDrift(clock)
    for client in (dynamodb, kms):
        client.meta.events.register("before-send", IdleConnections(client, clock).drop)
        client.meta.events.register("before-call", count_aws_call)
        client.meta.events.register("after-call", drift.see)
    database = Database(dynamodb, {STATE: settings.state_table, EVENTS: settings.events_table})
    return Stores(
        tenants=DynamoTenants(database),
        accounts=DynamoAccounts(database),
        user_lists=DynamoUserLists(database),
        sessions=DynamoSessions(database),
        authenticators=DynamoAuthenticators(database),
        recovery_codes=DynamoRecoveryCodes(database),
        browsers=DynamoRememberedBrowsers(database),
        resets=DynamoResets(database),
        hand_offs=DynamoHandOffs(database),
        signing_keys=DynamoSigningKeys(database),
        events=DynamoEventLog(),
        event_history=DynamoEventHistory(database),
        transactions=database,
        cipher=KmsCipher(kms, key_id=settings.secret_key_id),
        signer=KmsSigner(kms),
    )


def assemble(settings: Settings, stores: Stores, *, clock: Clock, write_line: WriteLine) -> Services:
    """Return the services over any *stores*, by any *clock*: the real ones, or a test's."""
    method = METHODS["totp"]
    directory = Directory(stores.accounts, stores.transactions, clock=clock)
    remembered_tenants = RememberedTenants(stores.tenants, clock=clock)
    recognition = BrowserRecognition(browsers=stores.browsers)
    verifier = Verifier(
        authenticators=stores.authenticators,
        accounts=stores.accounts,
        events=stores.events,
        transactions=stores.transactions,
        cipher=stores.cipher,
        method=method,
    )
    return Services(
        gate=Gate(
            settings=settings,
            tenants=remembered_tenants,
            sessions=stores.sessions,
            accounts=stores.accounts,
            clock=clock,
            write_line=write_line,
        ),
        tenants=stores.tenants,
        remembered_tenants=remembered_tenants,
        directory=directory,
        sign_in=SignIn(
            tenants=stores.tenants,
            authority=directory,
            accounts=stores.accounts,
            sessions=stores.sessions,
            authenticators=stores.authenticators,
            recognition=recognition,
            events=stores.events,
            transactions=stores.transactions,
            method=method.name,
        ),
        hand_off=HandOffExchange(
            tenants=stores.tenants,
            accounts=stores.accounts,
            hand_offs=stores.hand_offs,
            sessions=stores.sessions,
            authenticators=stores.authenticators,
            recognition=recognition,
            events=stores.events,
            transactions=stores.transactions,
            method=method.name,
        ),
        enrolment=EnrolmentCeremony(
            authenticators=stores.authenticators,
            accounts=stores.accounts,
            sessions=stores.sessions,
            resets=stores.resets,
            recovery_codes=stores.recovery_codes,
            events=stores.events,
            transactions=stores.transactions,
            cipher=stores.cipher,
            method=method,
        ),
        recovery=Recovery(
            recovery_codes=stores.recovery_codes,
            authenticators=stores.authenticators,
            accounts=stores.accounts,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
            method=method.name,
        ),
        verification=SignInCheck(
            verifier=verifier,
            authenticators=stores.authenticators,
            browsers=stores.browsers,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
        ),
        management=Management(
            tenants=stores.tenants,
            authenticators=stores.authenticators,
            recovery_codes=stores.recovery_codes,
            browsers=stores.browsers,
            accounts=stores.accounts,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
            method=method.name,
        ),
        help_desk=_help_desk(stores, directory, method=method.name, clock=clock),
        portals=_portals(settings, stores, verifier, clock=clock),
    )


def _help_desk(stores: Stores, directory: Directory, *, method: str, clock: Clock) -> HelpDesk:
    return HelpDesk(
        staff_sign_in=StaffSignIn(
            tenants=stores.tenants,
            authority=directory,
            sessions=stores.sessions,
            authenticators=stores.authenticators,
            events=stores.events,
            transactions=stores.transactions,
            method=method,
        ),
        overview=Overview(
            lists=stores.user_lists,
            history=stores.event_history,
            accounts=stores.accounts,
            authenticators=stores.authenticators,
            recovery_codes=stores.recovery_codes,
            browsers=stores.browsers,
            resets=stores.resets,
            method=method,
            clock=clock,
        ),
        interventions=Interventions(
            accounts=stores.accounts,
            authenticators=stores.authenticators,
            recovery_codes=stores.recovery_codes,
            browsers=stores.browsers,
            resets=stores.resets,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
            method=method,
        ),
        reset_code=ResetCodeCheck(
            resets=stores.resets,
            authenticators=stores.authenticators,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
            method=method,
        ),
    )


def _portals(settings: Settings, stores: Stores, verifier: Verifier, *, clock: Clock) -> Portals:
    signer = AssertionSigner(
        stores.signing_keys, stores.signer, first_key_id=settings.signing_key_id, clock=clock
    )
    return Portals(
        authenticate=ClientAuthentication(tenants=stores.tenants),
        second_factor=SecondFactor(
            verifier=verifier,
            authenticators=stores.authenticators,
            accounts=stores.accounts,
            method=verifier.method.name,
        ),
        hand_over=HandOver(
            accounts=stores.accounts,
            hand_offs=stores.hand_offs,
            events=stores.events,
            transactions=stores.transactions,
        ),
        way_back=WayBack(
            tenants=stores.tenants,
            hand_offs=stores.hand_offs,
            sessions=stores.sessions,
            events=stores.events,
            transactions=stores.transactions,
            signer=signer,
        ),
        signer=signer,
    )
