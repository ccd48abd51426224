"""The two costly pieces of our own work: drawing a QR code, and hashing a password."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial

import segno

from chalicelib.accounts.passwords import hash_password, prove_password
from chalicelib.provisioning import provisioning_uri, qr_code
from chalicelib.totp import draw_shared_secret
from tests.bench.aws import app_over, services_at
from tests.bench.canned import NOW, canned_server, set_stage
from tests.bench.figures import Figure, Section, table_of
from tests.bench.journey import PASSWORD, TENANT
from tests.bench.scanning import scanned
from tests.bench.timing import medians_ms
from tests.bench.wsgi import calling, wsgi
from tests.support.clock import ManualClock
from tests.support.wizard import Wizard


def measure() -> Section:
    """Return what they take."""
    text = f"""{table_of([*_qr_codes(), *_passwords()])}

Processor time, medians of pieces that take turns."""
    return Section(title="QR codes and passwords", text=text)


def _qr_codes() -> Iterator[Figure]:
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
    read = sum(scanned(qr_code(uri)) == uri for uri in uris)
    ratio = taken["ours"] / taken["automatic"]
    yield Figure(
        what=f"QR code of a URI of {len(uri)} characters",
        measured=f"{ratio:.2f} x segno choosing the mask ({taken['ours']:.2f} ms)",
        target="at most 1.5 ms",
        met=taken["ours"] <= 1.5,
        remark=f"{read} of {len(uris)} codes read by zxing-cpp",
    )


def _passwords() -> Iterator[Figure]:
    password_hash = hash_password(PASSWORD)
    argon2 = medians_ms({"prove": lambda: prove_password(PASSWORD, password_hash)}, rounds=50)["prove"]
    yield Figure(what="Argon2id, 19 MiB, two passes", measured=f"{argon2:.1f} ms")
    stage = set_stage()
    with canned_server(stage.rows) as url:
        clock = ManualClock(NOW)
        transport = calling(wsgi(app_over(services_at(url, clock=clock))))

        def sign_in_wrongly(username: str) -> None:
            wizard = Wizard(transport, tenant=TENANT, username=username, password="no", clock=clock)
            answer = wizard.sign_in()
            assert answer.status == 422, answer.text

        known = stage.tickets["POST /api/session", "first sign-in"].username
        taken = medians_ms(
            {
                "known": partial(sign_in_wrongly, known),
                "unknown": partial(sign_in_wrongly, "nobody@firma.se"),
            },
            rounds=250,
        )
    ratio = taken["unknown"] / taken["known"]
    yield Figure(
        what="sign-in refused, 250 x an unknown name against 250 x a known one",
        measured=f"{ratio:.3f} x ({taken['unknown']:.1f} and {taken['known']:.1f} ms)",
        target="alike (within 3 %)",
        met=abs(ratio - 1) <= 0.03,
        remark="requirement P5: the same calls, the same hash",
    )
