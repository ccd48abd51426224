"""
`make bench`: measures what the design promises, prints it, writes docs/performance.md.

Times are processor time of one process, medians of interleaved rounds: read the
ratios, for the milliseconds belong to the machine and to whatever else it does.
"""

from __future__ import annotations

import os
import platform
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import segno

from chalicelib.accounts.passwords import hash_password, prove_password
from chalicelib.bootstrap import stores_on
from chalicelib.provisioning import provisioning_uri, qr_code
from chalicelib.totp import draw_shared_secret
from tests.bench.aws_calls import CountedCalls, count_aws_calls
from tests.bench.canned import (
    USERNAME,
    CannedDynamoDb,
    CannedKms,
    canned_server,
)
from tests.bench.events import (
    posting_to,
    services_at,
    services_over,
    verifying_with,
)
from tests.bench.load import per_second, work_at
from tests.bench.scanning import scanned
from tests.bench.timing import medians_ms
from tests.race.arena import Arena
from tests.support.live_server import PROJECT, SETTINGS

PAGE = PROJECT / "docs/performance.md"
TRIALS = 1_000
# What peers did in a second on two cores when the design was made, and how many bare
# UpdateItems both cores together had time for then.
ALLAUTH_PER_SECOND, PRIVACYIDEA_PER_SECOND = 389, 47
BARE_UPDATES_PER_SECOND_THEN = 2 / 0.000538


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table. *met* is None where the design names no target."""

    what: str
    measured: str
    target: str = "-"
    met: bool | None = None
    remark: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return its cells in the order of the table's columns."""
        verdict = {True: "yes", False: "no", None: "-"}[self.met]
        return self.what, self.measured, self.target, verdict, self.remark


def main() -> None:
    """Measure everything once."""
    counted = count_aws_calls()
    figures = [
        *_figures_of_calls(counted),
        *_figures_of_verification(),
        *_figures_of_qr_codes(),
        *_figures_of_passwords(),
        *_figures_of_races(),
    ]
    page = _page(counted, figures)
    PAGE.write_text(page, encoding="utf-8")
    print(page)


def _figures_of_calls(counted: list[CountedCalls]) -> Iterator[Figure]:
    by_name = {(calls.route, calls.occasion): calls for calls in counted}
    verify = by_name["POST /api/verification", "right code"]
    begin = by_name["POST /api/enrolment", "the first time"]
    confirm = by_name["POST /api/enrolment/confirmation", "right code"]
    refused = [calls for calls in counted if calls.status in {400, 429}]
    yield Figure(
        what="AWS calls of a verification in the wizard",
        measured=f"{verify.of('DynamoDB')} DynamoDB + {verify.of('KMS')} KMS",
        target="2 writes, 2 reads, 1 session write + 1 KMS",
        met=(verify.of("DynamoDB"), verify.of("KMS")) == (5, 1),
    )
    for name, calls in (("begin", begin), ("confirm", confirm)):
        beside_the_session = calls.of("DynamoDB") - 2
        yield Figure(
            what=f"AWS calls of {name}, beside session and user",
            measured=f"{beside_the_session} DynamoDB + {calls.of('KMS')} KMS",
            target="at most 3 DynamoDB + 1 KMS",
            met=beside_the_session <= 3 and calls.of("KMS") == 1,
        )
    kms_calls = sum(calls.of("KMS") for calls in refused)
    yield Figure(
        what="KMS calls of a throttled or malformed attempt",
        measured=str(kms_calls),
        target="0",
        met=kms_calls == 0,
    )


def _figures_of_verification() -> Iterator[Figure]:
    canned = services_over(stores_on(SETTINGS, dynamodb=CannedDynamoDb(), kms=CannedKms()))
    own_ms = medians_ms({"request": verifying_with(canned)}, rounds=1_000)["request"]
    with canned_server() as url:
        taken = medians_ms(work_at(url), rounds=500)
        done = per_second(url)
    yield Figure(
        what="one bare botocore UpdateItem", measured=f"{taken['bare']:.2f} ms", remark="the yardstick"
    )
    for work, name, remark in _WORK:
        ratio = taken[work] / taken["bare"]
        yield Figure(
            what=f"{name}, processor time",
            measured=f"{ratio:.2f} x bare ({taken[work]:.2f} ms)",
            target="at most 3 x bare",
            met=ratio <= 3,
            remark=remark,
        )
    yield Figure(
        what="our own code in the wizard's request, outside AWS clients",
        measured=f"{own_ms:.2f} ms",
        target="at most 0.25 ms",
        met=own_ms <= 0.25,
        remark="Chalice, JSON and log line included",
    )
    for work, name, _ in _WORK:
        # The peers were measured on another day: what this machine lacks now shows in the yardstick.
        comparable = done[work] / done["bare"] * BARE_UPDATES_PER_SECOND_THEN
        beside_allauth = comparable / ALLAUTH_PER_SECOND
        beside_privacyidea = comparable / PRIVACYIDEA_PER_SECOND
        yield Figure(
            what=f"{name}, times a second by two processes",
            measured=(
                f"{beside_allauth:.1f} x django-allauth, {beside_privacyidea:.0f} x privacyIDEA "
                f"({done[work]:.0f} here and now, beside {done['bare']:.0f} bare)"
            ),
            target="at least 2.5 x and 20 x",
            met=beside_allauth >= 2.5 and beside_privacyidea >= 20,
            remark=f"scaled by the yardstick to {comparable:.0f} on the machine of the peers' figures",
        )


def _figures_of_qr_codes() -> Iterator[Figure]:
    uri = provisioning_uri(draw_shared_secret(), issuer="Azets Cozone", account_name="anna@firma.se")
    taken = medians_ms(
        {
            "ours": lambda: qr_code(uri),
            "automatic": lambda: segno.make_qr(uri, error="m", boost_error=False).svg_inline(),
        },
        rounds=100,
    )
    uris = [
        provisioning_uri(
            draw_shared_secret(), issuer="Azets Cozone", account_name=f"{secrets.token_hex(10)}@firma.se"
        )
        for _ in range(100)
    ]
    ratio = taken["ours"] / taken["automatic"]
    read = sum(scanned(qr_code(uri)) == uri for uri in uris)
    yield Figure(
        what=f"QR code of a URI of {len(uri)} characters",
        measured=f"{taken['ours']:.2f} ms, {ratio:.2f} x segno choosing the mask",
        target="at most 1.5 ms",
        met=taken["ours"] <= 1.5,
        remark=f"{read} of {len(uris)} codes read by zxing-cpp",
    )


def _figures_of_passwords() -> Iterator[Figure]:
    password_hash = hash_password("sju lugna sommarmoln")
    argon2 = medians_ms(
        {"prove": lambda: prove_password("sju lugna sommarmoln", password_hash)}, rounds=50
    )["prove"]
    yield Figure(what="Argon2id, 19 MiB, two passes", measured=f"{argon2:.1f} ms")
    with canned_server() as url:
        post = posting_to(services_at(url))

        def sign_in_wrongly(username: str) -> None:
            body = {"tenant": "cozone", "username": username, "password": "not the password"}
            status = post("/api/session", body)
            assert status == 422, status

        taken = medians_ms(
            {
                "known": partial(sign_in_wrongly, USERNAME),
                "unknown": partial(sign_in_wrongly, "nobody@firma.se"),
            },
            rounds=500,
        )
    ratio = taken["unknown"] / taken["known"]
    yield Figure(
        what="sign-in refused, 500 x an unknown name against 500 x a known one",
        measured=f"{ratio:.3f} x ({taken['unknown']:.1f} and {taken['known']:.1f} ms)",
        target="alike (within 3 %)",
        met=abs(ratio - 1) <= 0.03,
        remark="requirement P5: the same calls, the same hash",
    )


def _figures_of_races() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, Arena.opened(Path(folder)) as arena:
        accepted = [arena.times_accepted_of_twelve_at_once() for _ in range(TRIALS)]
    twice = sum(times != 1 for times in accepted)
    yield Figure(
        what="one code sent 12 times at once to two servers on MiniStack: trials not accepted exactly once",
        measured=f"{twice} of {TRIALS:,}",
        target="0 of 1,000",
        met=twice == 0,
        remark="200 wrong codes at once and the other races are in `make test`",
    )


def _page(counted: list[CountedCalls], figures: list[Figure]) -> str:
    columns = ("figure", "measured", "target", "met", "remark")
    routes = [
        (
            f"`{calls.route}`",
            calls.occasion or "-",
            str(calls.status),
            str(calls.of("DynamoDB")),
            str(calls.of("KMS")),
            ", ".join(f"{count} {name.partition('.')[2]}" for name, count in calls.calls.items()) or "none",
        )
        for calls in counted
    ]
    return f"""# Performance

Written by `make bench`; change the bench, not this page.

{_table(columns, [figure.cells() for figure in figures])}

Times are processor time on one core of {os.cpu_count()} (Python {platform.python_version()}), medians of
interleaved rounds. Other work on the machine stretches the milliseconds; the ratios bear it. The AWS of
the verification figures is a local server whose answers are written down beforehand, so that only our side
costs anything. Cold start, zip and cost are measured once there is a deployment.

## AWS calls of every route

Counted in each request's log line, on one journey over moto. The tenant's profile is remembered for a
minute; the first request after that reads it once more.

{_table(("route", "occasion", "status", "DynamoDB", "KMS", "calls"), routes)}

Most requests within a session read the session and its user first: the two GetItem of every list. A session
unused for a minute is marked as seen by one UpdateItem more.
"""


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


_WORK = (
    ("verification", "verification (reserve, compare, commit)", "three AWS calls"),
    (
        "request",
        "the wizard's whole request",
        "six AWS calls by design: it also reads session and user and rotates the session",
    ),
)

if __name__ == "__main__":
    main()
