"""
What is used, of everything that AWS charges for, by what people do: counted calls and some assumptions.

Nothing here is timed, so it is the same on every machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache

from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.outbox.outbox import Outbox
from tests.bench import prices
from tests.bench.aws_calls import CountedCalls, count_aws_calls
from tests.bench.journey import PORTAL_VERIFICATION, VERIFICATION
from tests.bench.metering import Usage, metered
from tests.bench.prices import Price
from tests.support.aws import SETTINGS, Row, moto
from tests.support.live_server import PROJECT
from tests.support.published_site import published

Bill = Mapping[Price, float]  # units of each
Name = tuple[str, str]  # of a step: route and occasion

MILLION = 1_000_000
_GIGABYTE = 2**30

# Files of a release: all of them at an enrolment, then only index.html, for the rest never changes.
_FILES = (
    *("index.html", "app.css", "favicon.svg", "js/app.js", "i18n/sv.json"),
    *("setup.html", "js/setup/setup.js", "i18n/setup.sv.json", "i18n/ga.sv.json"),
)
ENROLMENT: Sequence[Name] = (
    ("GET /api/tenant", ""),
    ("GET /api/session", "not signed in"),
    ("POST /api/session", "first sign-in"),
    ("POST /api/session/password", ""),
    ("POST /api/enrolment", "the first time"),
    ("POST /api/enrolment/confirmation", "right code"),
    ("DELETE /api/session", ""),
)
SIGN_IN: Sequence[Name] = (
    ("GET /api/tenant", ""),
    ("GET /api/session", "not signed in"),
    ("POST /api/session", "later sign-in"),
    VERIFICATION,
    ("DELETE /api/session", ""),
)
PORTAL_ROUND_TRIP: Sequence[Name] = (
    ("POST /api/portal/status", "second factor active"),
    ("POST /api/portal/hand-off", "a known user"),
    ("GET /api/tenant", ""),
    ("POST /api/session/hand-off", ""),
    VERIFICATION,
    ("POST /api/session/return", ""),
    ("POST /api/portal/assertion", ""),
)

# -- What is assumed, for it cannot be counted here; docs/costs.md says it all
WAITS_MS = {
    "GetItem": 4,
    "UpdateItem": 5,
    "PutItem": 5,
    "TransactWriteItems": 10,
    "Encrypt": 6,
    "Decrypt": 6,
    "Sign": 8,
    "GetPublicKey": 6,
}
SES_WAIT_MS = 150
PROCESSOR_MS_A_CALL = 1
PROCESSOR_MS_A_PASSWORD = 20
MEGABYTES_OF_A_WHOLE_PROCESSOR = 1_769
START_MS = 600
LAMBDAS_LOG_BYTES = 300
_LAMBDAS_LOG_LINES = 3  # START, END, REPORT
_BYTES_AROUND_A_LOG_LINE = 26
_OUTBOX_LOG_BYTES = 150
BODY_KILOBYTES_WITH_A_QR_CODE = 8
HEADER_BYTES = 700
FIRST_VISIT_KILOBYTES, LATER_VISIT_KILOBYTES = 35, 5
HOURS_A_MONTH = 730
CALLS_A_DIGEST = {"reads": 4, "writes and lists": 8}  # of S3, in an hour without events
DIGEST_MS = 500
DIGEST_BYTES = 1_024
EVENTS_A_MANIFEST = 40
ARCHIVE_MS = 50
USERS_STORED = 10_000
BYTES_A_USER = 4_096  # rows, their index entry, and a month of events


def verification() -> Bill:
    """Return what a verification in the wizard uses, by an instance that runs."""
    return _requests([VERIFICATION])


def portal_verification() -> Bill:
    """Return what a verification for a portal uses, by an instance that runs."""
    return _requests([PORTAL_VERIFICATION])


def portal_sign_in() -> Bill:
    """Return what a portal's sign-in uses that checks the code in a field of its own."""
    return _requests([("POST /api/portal/status", "second factor active"), PORTAL_VERIFICATION])


def portal_round_trip() -> Bill:
    """Return what a portal's sign-in uses that has the code asked for by our page."""
    return _sum(_requests(PORTAL_ROUND_TRIP), _visit(1, LATER_VISIT_KILOBYTES), _start())


def throttled() -> Bill:
    """Return what an attempt uses that is refused for the number of those before it."""
    return _requests([("POST /api/verification", "too many attempts")])


def enrolment() -> Bill:
    """Return what a first visit uses that ends with a confirmed authenticator and a sign-out."""
    return _sum(_requests(ENROLMENT), _visit(files(), FIRST_VISIT_KILOBYTES), _start())


def sign_in() -> Bill:
    """Return what a later visit uses: password, code, sign-out."""
    return _sum(_requests(SIGN_IN), _visit(1, LATER_VISIT_KILOBYTES), _start())


def at_rest() -> Bill:
    """Return what a month uses in which nobody comes."""
    stored = USERS_STORED * BYTES_A_USER / _GIGABYTE
    megabytes = archive_megabytes()
    return {
        prices.KEY: _resources_in("data.yaml", "AWS::KMS::Key"),
        prices.ALARM: _resources_in("app/*.yaml", "AWS::CloudWatch::Alarm"),
        prices.STORED: stored,
        prices.BACKED_UP: stored,
        # The hourly digest, with or without events.
        prices.METRIC: 1,
        prices.KMS_SIGNATURE: HOURS_A_MONTH,
        prices.OBJECT_PUT: HOURS_A_MONTH * CALLS_A_DIGEST["writes and lists"],
        prices.OBJECT_GET: HOURS_A_MONTH * CALLS_A_DIGEST["reads"],
        prices.OBJECTS_STORED: 12 * HOURS_A_MONTH * DIGEST_BYTES / _GIGABYTE,
        prices.LAMBDA_REQUEST: HOURS_A_MONTH,
        prices.GIGABYTE_SECOND: HOURS_A_MONTH * DIGEST_MS / 1_000 * megabytes / 1_024,
        prices.LOGGED: HOURS_A_MONTH * _logged_gigabytes(_OUTBOX_LOG_BYTES),
    }


def times(bill: Bill, count: int) -> Bill:
    """Return *bill* so many times."""
    return {price: units * count for price, units in bill.items()}


def total(bill: Bill) -> float:
    """Return what *bill* comes to, in dollars."""
    return sum(price.of(units) for price, units in bill.items())


def beyond_what_is_free(bill: Bill) -> float:
    """Return what *bill* comes to for an account that uses nothing else in that month."""
    return sum(price.of(max(0, units - price.free)) for price, units in bill.items())


@cache
def counted_calls() -> Mapping[Name, CountedCalls]:
    """Return the calls of every step, counted once."""
    return {(counted.route, counted.occasion): counted for counted in count_aws_calls()}


def outbox(counted: CountedCalls) -> Bill:
    """Return what the outbox uses because of one request; an attempt and its acceptance are one batch."""
    delivered = delivered_because_of(counted)
    if not delivered.writes:
        return {}
    waited_ms = WAITS_MS["PutItem"] * delivered.writes
    worked_ms = PROCESSOR_MS_A_CALL * delivered.writes / _share_of_processor(outbox_megabytes())
    return {
        prices.LAMBDA_REQUEST: 1,
        prices.GIGABYTE_SECOND: (waited_ms + worked_ms) / 1_000 * outbox_megabytes() / 1_024,
        prices.WRITE: delivered.writes,
        prices.LOGGED: _logged_gigabytes(_OUTBOX_LOG_BYTES),
    }


def mail() -> Bill:
    """Return what one mail to a user uses: profile, user and mark are read, the mark is written."""
    waited_ms = 3 * WAITS_MS["GetItem"] + WAITS_MS["PutItem"] + SES_WAIT_MS
    worked_ms = 5 * PROCESSOR_MS_A_CALL / _share_of_processor(notices_megabytes())
    return {
        prices.MAIL: 1,
        prices.LAMBDA_REQUEST: 1,
        prices.GIGABYTE_SECOND: (waited_ms + worked_ms) / 1_000 * notices_megabytes() / 1_024,
        prices.READ: 3,
        prices.WRITE: 1,
        prices.LOGGED: _logged_gigabytes(_OUTBOX_LOG_BYTES),
    }


def archive(events: int) -> Bill:
    """Return what the archive uses because of so many events: their part of manifests and digests."""
    if not events:
        return {}
    manifests = events / EVENTS_A_MANIFEST
    return {
        prices.LAMBDA_REQUEST: manifests,
        prices.GIGABYTE_SECOND: manifests * ARCHIVE_MS / 1_000 * archive_megabytes() / 1_024,
        prices.OBJECT_PUT: manifests,
        prices.OBJECT_GET: manifests,
        prices.LOGGED: manifests * _logged_gigabytes(_OUTBOX_LOG_BYTES),
    }


def delivered_because_of(counted: CountedCalls) -> Usage:
    """Return what DynamoDB charges the outbox for the changes of one request, by running it."""
    records = [
        _record(number, before, after) for number, (before, after) in enumerate(counted.usage.changes)
    ]
    if not records:
        return Usage()
    with (
        moto() as aws,
        metered(aws.dynamodb, looking=aws._operators_dynamodb, state_table=SETTINGS.state_table) as meter,
    ):
        outbox = Outbox(
            events=DynamoEventLog(), transactions=aws.stores.transactions, write_line=lambda _: None
        )
        failed = outbox.deliver(records, request_id="bench")
        assert not failed, failed
        return meter.usage


def body_bytes_assumed(route: str) -> int:
    """Return how long an answer's body is assumed to be at most."""
    brings_a_qr_code = route in {"POST /api/enrolment", "GET /api/enrolment"}
    return (BODY_KILOBYTES_WITH_A_QR_CODE if brings_a_qr_code else 1) * 1_024


def api_megabytes() -> int:
    """Return the memory of the API's function."""
    config = json.loads((PROJECT / ".chalice/config.json").read_text(encoding="utf-8"))
    megabytes: int = config["lambda_memory_size"]
    return megabytes


def outbox_megabytes() -> int:
    """Return the memory of the outbox."""
    text = (PROJECT / ".chalice/stacks/app/functions.yaml").read_text(encoding="utf-8")
    (megabytes,) = re.findall(r"MemorySize: (\d+)", text)
    return int(megabytes)


def notices_megabytes() -> int:
    """Return the memory of the notices."""
    text = (PROJECT / ".chalice/stacks/app/notices.yaml").read_text(encoding="utf-8")
    (megabytes,) = re.findall(r"MemorySize: (\d+)", text)
    return int(megabytes)


def archive_megabytes() -> int:
    """Return the memory of each of the archive's functions."""
    text = (PROJECT / ".chalice/stacks/app/archive.yaml").read_text(encoding="utf-8")
    (megabytes,) = set(re.findall(r"MemorySize: (\d+)", text))
    return int(megabytes)


def files() -> int:
    """Return of how many files the page consists."""
    return len([published(path) for path in _FILES])


def _requests(names: Sequence[Name]) -> Bill:
    return _sum(*[_request(counted_calls()[name]) for name in names])


def _request(counted: CountedCalls) -> Bill:
    usage = counted.usage
    sent_bytes = body_bytes_assumed(counted.route) + HEADER_BYTES
    return _sum(
        {
            prices.GATEWAY_REQUEST: 1,
            prices.LAMBDA_REQUEST: 1,
            prices.GIGABYTE_SECOND: _lambda_ms(counted) / 1_000 * api_megabytes() / 1_024,
            prices.READ: usage.reads,
            prices.WRITE: usage.writes + usage.index_writes,
            prices.KMS_REQUEST: usage.kms,
            prices.KMS_SIGNATURE: usage.signatures,
            prices.EDGE_REQUEST: 1,
            prices.EDGE_FUNCTION: 1,
            prices.SENT: sent_bytes / _GIGABYTE,
            prices.LOGGED: _logged_gigabytes(counted.log_bytes),
        },
        outbox(counted),
        archive(usage.events + delivered_because_of(counted).events),
    )


def _lambda_ms(counted: CountedCalls) -> float:
    waited = sum(WAITS_MS[name.partition(".")[2]] * count for name, count in counted.calls.items())
    worked = sum(counted.calls.values()) * PROCESSOR_MS_A_CALL
    if counted.route in {"POST /api/session", "POST /api/session/password"}:
        worked += PROCESSOR_MS_A_PASSWORD
    return 1 + waited + worked / _share_of_processor(api_megabytes())


def _share_of_processor(megabytes: int) -> float:
    return min(1.0, megabytes / MEGABYTES_OF_A_WHOLE_PROCESSOR)


def _logged_gigabytes(our_line_bytes: int) -> float:
    around = (1 + _LAMBDAS_LOG_LINES) * _BYTES_AROUND_A_LOG_LINE
    return (our_line_bytes + LAMBDAS_LOG_BYTES + around) / _GIGABYTE


def _visit(count: int, kilobytes: int) -> Bill:
    return {prices.EDGE_REQUEST: count, prices.SENT: kilobytes * 1_024 / _GIGABYTE}


def _start() -> Bill:
    return {prices.GIGABYTE_SECOND: START_MS / 1_000 * api_megabytes() / 1_024}


def _sum(*bills: Bill) -> Bill:
    units: dict[Price, float] = {}
    for bill in bills:
        for price, count in bill.items():
            units[price] = units.get(price, 0) + count
    return units


def _record(number: int, before: Row | None, after: Row | None) -> Row:
    """Return what the stream says of a change."""
    row = after or before or {}
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventName": "MODIFY" if before and after else "INSERT" if after else "REMOVE",
        "dynamodb": {
            "Keys": {name: row[name] for name in ("pk", "sk")},
            "SequenceNumber": f"{number:021}",
            **{name: image for name, image in images.items() if image is not None},
        },
    }


def _resources_in(name: str, kind: str) -> int:
    texts = [path.read_text(encoding="utf-8") for path in (PROJECT / ".chalice/stacks").glob(name)]
    return sum(len(re.findall(rf"^    Type: {kind}$", text, re.MULTILINE)) for text in texts)
