"""
`make bench`: measures what the design promises, prints it, writes docs/performance.md.

Times are processor time of one process, medians of interleaved rounds: read the
ratios, for the milliseconds belong to the machine and to whatever else it does.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import segno
from botocore.config import Config

from chalicelib.accounts.passwords import hash_password, prove_password
from chalicelib.audit.event import Event
from chalicelib.authenticators.record import Owner
from chalicelib.bootstrap import Services, stores_on
from chalicelib.local import demo
from chalicelib.provisioning import provisioning_uri, qr_code
from chalicelib.totp import OneTimePassword, draw_shared_secret
from chalicelib.verification.verifier import Attempt
from tests.bench.aws_calls import CountedCalls, count_aws_calls
from tests.bench.canned import (
    AUTHENTICATOR_ROW,
    CODE,
    NOW,
    USER_ID,
    CannedDynamoDb,
    CannedKms,
    canned_server,
)
from tests.bench.events import client, services_at, services_over, verifying_with
from tests.bench.load import verifications_per_second
from tests.bench.scanning import scanned
from tests.bench.timing import medians_ms
from tests.race.arena import Arena
from tests.support.live_server import PROJECT, SETTINGS
from tests.support.wizard import Wizard
from tests.support.world import moto_world

PAGE = PROJECT / "docs/performance.md"
TRIALS = 1_000
# What peers do in a second on two cores, and a bare UpdateItem beside them, when the design was made.
ALLAUTH_PER_SECOND, PRIVACYIDEA_PER_SECOND, BARE_UPDATE_MS_THEN = 389, 47, 0.538


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
    profile_row = _profile_row()
    own = medians_ms(
        {
            "whole request": verifying_with(
                services_over(stores_on(SETTINGS, dynamodb=CannedDynamoDb(profile_row), kms=CannedKms()))
            )
        },
        rounds=1_000,
    )["whole request"]
    with canned_server(profile_row) as url:
        services = services_at(url)
        bare = client("dynamodb", url, config=Config())
        taken = medians_ms(
            {
                "bare": lambda: bare.update_item(**_BARE_UPDATE),
                "verification": lambda: _verify_code(services),
                "whole request": verifying_with(services),
            },
            rounds=500,
        )
        per_second = verifications_per_second(url, processes=2, seconds=6)
    bare_ms = taken["bare"]
    core_ratio = taken["verification"] / bare_ms
    whole_ratio = taken["whole request"] / bare_ms
    yield Figure(what="one bare botocore UpdateItem", measured=f"{bare_ms:.2f} ms", remark="the yardstick")
    yield Figure(
        what="verification (reserve, compare, commit)",
        measured=f"{core_ratio:.2f} x bare ({taken['verification']:.2f} ms)",
        target="at most 3 x bare",
        met=core_ratio <= 3,
        remark="three AWS calls",
    )
    yield Figure(
        what="the same as the wizard's whole request",
        measured=f"{whole_ratio:.2f} x bare ({taken['whole request']:.2f} ms)",
        target="at most 3 x bare",
        met=whole_ratio <= 3,
        remark=(
            "the design gives it six AWS calls: session and user are read and the session is rotated too; "
            f"that is {whole_ratio / 6:.2f} x bare for each call"
        ),
    )
    yield Figure(
        what="our own code in that request, outside AWS clients",
        measured=f"{own:.2f} ms",
        target="at most 0.25 ms",
        met=own <= 0.25,
        remark="Chalice, JSON, log line and all",
    )
    # The peers ran on an idle machine: what this one lost since shows in the yardstick.
    scaled = per_second * bare_ms / BARE_UPDATE_MS_THEN
    for peer, peers_per_second, factor in (
        ("django-allauth", ALLAUTH_PER_SECOND, 2.5),
        ("privacyIDEA", PRIVACYIDEA_PER_SECOND, 20),
    ):
        yield Figure(
            what=f"whole verifications a second, 2 processes, beside {peer}'s {peers_per_second}",
            measured=f"{per_second:.0f}; {scaled / peers_per_second:.1f} x at the peer's machine speed",
            target=f"at least {factor} x",
            met=scaled >= factor * peers_per_second,
            remark=(
                f"the canned AWS shares the two cores; scaled by the yardstick, "
                f"{BARE_UPDATE_MS_THEN} ms when the peer was measured"
            ),
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
    with moto_world() as world:

        def sign_in_wrongly(wizard: Wizard) -> None:
            world.clock.advance(450)  # each of the two waits fifteen minutes at most
            status = wizard.sign_in(password="not the password").status
            assert status == 422, status

        taken = medians_ms(
            {
                "known": partial(sign_in_wrongly, world.wizard()),
                "unknown": partial(sign_in_wrongly, world.wizard(username="nobody@firma.se")),
            },
            rounds=500,
        )
    ratio = taken["unknown"] / taken["known"]
    yield Figure(
        what="sign-in refused, 500 x an unknown name against 500 x a known one",
        measured=f"{ratio:.3f} x ({taken['unknown']:.1f} and {taken['known']:.1f} ms)",
        target="alike (within 3 %)",
        met=abs(ratio - 1) <= 0.03,
        remark="requirement P5; same calls and same hash, moto included",
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
costs anything.

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


def _verify_code(services: Services) -> None:
    owner = Owner(tenant_id="cozone", user_id=USER_ID)
    services.verification.verifier.verify(
        owner,
        OneTimePassword.parse(CODE),
        Attempt(caller="bench", attempt_id=secrets.token_hex(16), made_at=NOW),
        strict=False,
        disabled_event=_NEVER_TOLD,
    )


def _profile_row() -> dict[str, Any]:
    return {
        "pk": {"S": "T#cozone"},
        "sk": {"S": "PROFILE"},
        "format_version": {"N": "1"},
        "profile": {"S": json.dumps(json.loads(demo.PROFILE.read_text(encoding="utf-8")))},
        "version": {"N": "1"},
        "lookup_key": {"B": bytes(32)},
    }


_BARE_UPDATE: dict[str, Any] = {
    "TableName": SETTINGS.state_table,
    "Key": {name: AUTHENTICATOR_ROW[name] for name in ("pk", "sk")},
    "UpdateExpression": "SET last_attempt_at = :now ADD consecutive_failures :one",
    "ConditionExpression": "attribute_exists(pk)",
    "ExpressionAttributeValues": {":now": {"N": str(NOW)}, ":one": {"N": "1"}},
    "ReturnValues": "ALL_NEW",
}
_NEVER_TOLD = Event(
    kind="bench",
    tenant_id="cozone",
    user_id=USER_ID,
    occurred_at=NOW,
    actor=USER_ID,
    request_id="bench",
    reference="bench",
)

if __name__ == "__main__":
    main()
