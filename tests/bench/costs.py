"""docs/costs.md: what the service costs. `test_costs.py` holds the page to what is counted now."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.web.metrics import STEPS as METRICS_OF_STEPS
from tests.bench import bills, prices
from tests.bench.bills import MILLION, Bill
from tests.bench.figures import Figure, Section, table, table_of
from tests.bench.journey import VERIFICATION
from tests.bench.prices import Price
from tests.support.live_server import PROJECT

PAGE = PROJECT / "docs/costs.md"
_METRICS_ALWAYS_SENT = 3  # calls to AWS, time of verifications, drift of the clock


def measure() -> Section:
    """Write docs/costs.md and return what it says of the targets."""
    PAGE.write_text(page(), encoding="utf-8")
    return Section(title="Costs", text=f"{table_of(_figures())}\n\nLine by line: [costs](costs.md).")


def page() -> str:
    """Return docs/costs.md."""
    memory = bills.api_megabytes()
    share = memory / bills.MEGABYTES_OF_A_WHOLE_PROCESSOR
    refused = bills.total(bills.throttled()) / bills.total(bills.verification())
    waits = ", ".join(f"{name} {ms}" for name, ms in bills.WAITS_MS.items())
    return f"""# Costs

Written by `python -m tests.bench costs`; a test counts the calls again and holds this page to them. US
dollars, without tax, {prices.REGION}, looked up on {prices.LOOKED_UP}. Prices of
other regions differ; those of eu-north-1 were not found, but for API Gateway's.

{table_of(_figures())}

## By use

Dollars, and units in parentheses.

{_table_by_use()}

- An enrolment: a first visit, sign-in, the password again, key, code, sign-out;
  {len(bills.ENROLMENT)} requests and {bills.files()} files. A sign-in: a later visit, password, code,
  sign-out; {len(bills.SIGN_IN)} requests and one file. Each of both starts an instance of the function,
  as it is where few people sign in.
- A sign-in at a portal: status and verification by the portal's own server, which has a field of its own.
  By way of our page: status, hand-off, the page with the code, return, assertion.
- A verification: one request with the right code, by an instance that runs, without the sign-in around it.
- Free units are those that every account has each month for ever. They are counted for each column as if
  that were all the account does in that month.

## Mail

{_of_mail()}

## At rest, a month

{_table_at_rest()}

Nothing else costs anything while nobody comes: DynamoDB on demand, Lambda, API Gateway and CloudFront are
paid by use, and Lambda reads streams for nothing. Each of the first two yearly rotations of a key adds 1 $
a month to it. {_of_users_and_metrics()}

## What is counted for each request

On one journey over moto, by DynamoDB's own rules: a strong read is one unit for each 4 KB of the row; a
write is one for each 1 KB of the larger of the row before and after, refused or not; in a transaction it
counts double. Index writes are those of the lists of users and of a user's events. The stream lets the
outbox append an event for
each attempt and for each accepted one: the last column.

{_table_of_requests()}

## What is assumed

- AWS answers Lambda in so many ms: {waits}.
- A call takes {bills.PROCESSOR_MS_A_CALL} ms of a whole processor, a password
  {bills.PROCESSOR_MS_A_PASSWORD} ms; {memory} MB of memory are {share:.0%} of a processor. An instance
  starts in {bills.START_MS} ms.
- The outbox ({bills.outbox_megabytes()} MB) is called once for an attempt and its acceptance.
- SES takes a mail in {bills.SES_WAIT_MS} ms.
- A manifest of the archive holds {bills.EVENTS_A_MANIFEST} events, as with a million verifications a month,
  spread evenly. With fewer it holds fewer, and never is more than one a minute and shard written: 0.22 $ a
  month. A digest takes {bills.DIGEST_MS} ms, and a year of them is stored.
- A body with a QR code is {bills.BODY_KILOBYTES_WITH_A_QR_CODE} KB, any other 1 KB, headers
  {bills.HEADER_BYTES} bytes; the page counts as {bills.FIRST_VISIT_KILOBYTES} KB on a first visit, its
  budget, and as {bills.LATER_VISIT_KILOBYTES} KB on later ones.
- Lambda writes {bills.LAMBDAS_LOG_BYTES} bytes to the log for each request, beside our own line.
- Nobody attacks. An attempt refused for its number costs {refused:.0%} of an accepted one; API Gateway's
  throttle bounds how many there can be.

## Prices

{table(("unit", "dollars", "free each month", "source", "how sure"), _price_rows())}
"""


def _figures() -> list[Figure]:
    million, at_rest = bills.times(bills.verification(), MILLION), bills.at_rest()
    portal = bills.times(bills.portal_verification(), MILLION)
    verification = bills.counted_calls()[VERIFICATION]
    outbox = bills.total(bills.times(bills.outbox(verification), MILLION))
    rotation = prices.WRITE.of((verification.usage.writes - 2) * MILLION)
    edge = _only(million, prices.EDGE_REQUEST, prices.EDGE_FUNCTION, prices.SENT)
    gateway_and_kms = _only(million, prices.GATEWAY_REQUEST, prices.KMS_REQUEST)
    free, keys = bills.beyond_what_is_free(at_rest), _only(at_rest, prices.KEY)
    return [
        Figure(
            what="a million verifications in the wizard, all in",
            measured=f"{_dollars(bills.total(million))} $ "
            f"({_dollars(bills.beyond_what_is_free(million))} $ if the account has its free units left)",
            target="at most 8 $",
            met=bills.total(million) <= 8,
            remark=(
                f"API Gateway and KMS alone are {_dollars(gateway_and_kms)} $; the session's rotation is "
                f"{_dollars(rotation)} $, the attempts' events {_dollars(outbox)} $, "
                f"CloudFront {_dollars(edge)} $"
            ),
        ),
        Figure(
            what="a million verifications for portals, all in",
            measured=f"{_dollars(bills.total(portal))} $ "
            f"({_dollars(bills.beyond_what_is_free(portal))} $ if the account has its free units left)",
            target="at most 8 $",
            met=bills.total(portal) <= 8,
            remark="no session to rotate; API Gateway and KMS, events and CloudFront as above",
        ),
        Figure(
            what="at rest, a month",
            measured=f"{free / keys:.2f} x the price of the KMS keys ({_dollars(free)} $)",
            target="about the price of the KMS keys (at most 1.5 x)",
            met=free <= 1.5 * keys,
            remark=(
                f"{at_rest[prices.KEY]:.0f} keys; {at_rest[prices.ALARM]:.0f} alarms, "
                f"of which an account has {prices.ALARM.free:.0f} free"
            ),
        ),
    ]


def _only(bill: Bill, *wanted: Price) -> float:
    return sum(price.of(bill[price]) for price in wanted)


def _table_by_use() -> str:
    columns = [
        bills.times(bills.enrolment(), 1_000),
        bills.times(bills.sign_in(), 1_000),
        bills.times(bills.portal_sign_in(), 1_000),
        bills.times(bills.portal_round_trip(), 1_000),
        bills.times(bills.verification(), MILLION),
        bills.times(bills.portal_verification(), MILLION),
    ]
    used = [price for price in prices.ALL if any(price in bill for bill in columns)]
    rows = [(price.unit, *[_cell(price, bill) for bill in columns]) for price in used]
    sums = ("**together**", *[f"**{_dollars(bills.total(bill))}**" for bill in columns])
    free = (
        "if the account has its free units left",
        *[_dollars(bills.beyond_what_is_free(bill)) for bill in columns],
    )
    titles = (
        "",
        "1,000 enrolments",
        "1,000 sign-ins",
        "1,000 sign-ins at a portal",
        "1,000 by way of our page",
        "1,000,000 verifications",
        "1,000,000 verifications for portals",
    )
    return table(titles, [*rows, sums, free])


def _table_at_rest() -> str:
    bill = bills.at_rest()
    rows = [
        (
            price.unit,
            _units(units),
            _dollars(price.of(units)),
            _dollars(price.of(max(0, units - price.free))),
        )
        for price, units in bill.items()
    ]
    sums = (
        "**together**",
        "",
        f"**{_dollars(bills.total(bill))}**",
        f"**{_dollars(bills.beyond_what_is_free(bill))}**",
    )
    return table(("", "units", "dollars", "beyond what is free"), [*rows, sums])


def _of_mail() -> str:
    thousand = bills.total(bills.times(bills.mail(), 1_000))
    return f"""Only where `MAIL_FROM` is said. A thousand mails to users cost {_dollars(thousand)} $:
{_dollars(prices.MAIL.of(1_000))} $ go to SES, the rest reads whom to tell and notes who was told. An
enrolment with recovery codes is two mails to each address of its user, a sign-in none. At rest there are
two more alarms."""


def _of_users_and_metrics() -> str:
    metrics = len(METRICS_OF_STEPS) + _METRICS_ALWAYS_SENT
    dollars = _dollars(prices.METRIC.of(metrics))
    return f"""Stored are {bills.USERS_STORED:,} users of {bills.BYTES_A_USER:,} bytes each.
In hours in which people sign in and enrol, {metrics} metrics of our own are sent: {dollars} $ for a month
of such hours, nothing if they are among the account's first {prices.METRIC.free:.0f}."""


def _table_of_requests() -> str:
    charged = ("reads", "writes", "index writes", "KMS", "signatures", "log bytes", "outbox writes")
    rows = []
    for (route, occasion), counted in bills.counted_calls().items():
        usage = counted.usage
        delivered = bills.delivered_because_of(counted).writes
        numbers = (
            usage.reads,
            usage.writes,
            usage.index_writes,
            usage.kms,
            usage.signatures,
            counted.log_bytes,
            delivered,
        )
        rows.append((f"`{route}`", occasion or "-", *map(str, numbers)))
    return table(("request", "occasion", *charged), rows)


def _price_rows() -> Iterable[tuple[str, ...]]:
    for price in prices.ALL:
        dollars = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
        per = f" per {price.per:,}" if price.per > 1 else ""
        free = f"{price.free:,.0f}" if price.free else "-"
        yield price.unit, dollars + per, free, price.source, price.note


def _cell(price: Price, bill: Bill) -> str:
    units = bill.get(price, 0)
    return f"{_dollars(price.of(units))} ({_units(units)})" if units else "-"


def _dollars(dollars: float) -> str:
    return f"{dollars:.2f}" if dollars >= 1 else f"{dollars:.4f}"


def _units(units: float) -> str:
    return f"{units:,.0f}" if units >= 100 or units == int(units) else f"{units:.2g}"
