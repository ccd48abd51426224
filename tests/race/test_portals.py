"""Portals with many hands at once, beside the wizard; and signing keys that change under their load."""

from __future__ import annotations

import json
import secrets
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from chalicelib.accounts.record import user_id_of
from chalicelib.assertions.signing_keys import NOTICE_SECONDS, OVERLAP_SECONDS, KeyRing, SigningKey
from chalicelib.hand_offs.record import ReturnCode, key_of_token, new_token
from chalicelib.sessions.session import CODE
from chalicelib.tenants.profile import Profile
from tests.race.arena import NOON, Arena
from tests.support.live_server import SETTINGS, HeldClock, Line, Page, Server, all_at_once
from tests.support.portal import RETURN_URL, ClientKey, Portal, client_of
from tests.support.seeding import Seeding
from tests.support.world import COZONE

KEY = ClientKey()
USER = "u-1"
LOAD_THREADS = 3
MINUTE = 60
OF_THE_PORTAL = "portal"
OF_THE_WIZARD = "wizard"


@pytest.fixture(scope="module")
def seeding(running_arena: Arena) -> Seeding:
    """Return what puts users of the portal's tenant in place."""
    stores = running_arena.backend.stores()
    profile = COZONE | {
        "id": "example",
        "return_urls": [RETURN_URL],
        "clients": [client_of(KEY)],
        "passwords": "portal",
        "sign_in_url": "https://portal.example/sign-in",
    }
    return Seeding(stores=stores, tenant=stores.tenants.apply(Profile.from_json(profile)))


def a_line(arena: Arena, number: int) -> Line:
    """Return a connection, every other one to the second server."""
    return Line(arena.servers[number % len(arena.servers)].port)


def portal_over(line: Line, clock: HeldClock, *, url: str | None = None) -> Portal:
    """Return the portal's server, whose requests go over *line*."""
    return Portal(
        transport=line,
        clock=clock,
        client_id="example.web",
        key=KEY,
        url=url or f"http://127.0.0.1:{line.port}",
    )


def asked_by_portal_and_wizard(
    arena: Arena, seeding: Seeding, user: Any, codes: Sequence[str], portal_user: str
) -> list[tuple[str, str]]:
    """Return who was answered what when *codes* are sent at once, every other one by a wizard's page."""
    half = len(codes) // 2
    sessions = seeding.sessions(user, half, now=NOON)
    pages = arena.pages(sessions)
    lines = [a_line(arena, number) for number in range(len(codes) - half)]
    mixed: list[Page | Line] = [*pages, *lines]

    def ask(asking: Page | Line, number: int) -> tuple[str, str]:
        if isinstance(asking, Page):
            return OF_THE_WIZARD, asking.post("/api/verification", otp=codes[number]).outcome
        answer = portal_over(asking, arena.clock).verify(portal_user, codes[number])
        return OF_THE_PORTAL, answer.problem or "ok"

    return all_at_once(mixed, ask, pool=arena.pool)


def times_at_once(
    arena: Arena, lines: Sequence[Line], ask: Callable[[Portal], Any], *, url: str | None = None
) -> list[Any]:
    """Return what *ask* gives for as many servers of the portal as there are *lines*, at once."""
    portals = [portal_over(line, arena.clock, url=url) for line in lines]
    return all_at_once(lines, lambda _, number: ask(portals[number]), pool=arena.pool)


def an_issued_code(seeding: Seeding, portal_user: str, *, now: int) -> str:
    """Return a code as a user's browser brings it back, without the way there."""
    token = new_token()
    code = ReturnCode(
        key=key_of_token(token),
        tenant_id="example",
        client_name="web",
        user_id=user_id_of(seeding.tenant.lookup_key, portal_user),
        portal_user=portal_user,
        nonce=f"nonce of {portal_user}",
        verified_at=now,
        verified_by=CODE,
        reference=secrets.token_hex(4),
        issued_at=now,
    )
    seeding.stores.transactions.commit(seeding.stores.hand_offs.issued(code))
    return token


@pytest.mark.requirement("L1", "L5", "L6", "B17", "B18")
def test_of_two_hundred_wrong_codes_by_portal_and_wizard_exactly_five_are_looked_at(
    arena: Arena, seeding: Seeding
) -> None:
    enrolled = seeding.enrolled_user(now=NOON, portal_user="guessed")
    codes = enrolled.wrong_codes(NOON, 200)

    told = asked_by_portal_and_wizard(arena, seeding, enrolled.user, codes, "guessed")

    assert Counter(outcome for _, outcome in told) == {"otp_mismatch": 5, "too_many_attempts": 195}
    assert int(arena.authenticator_row(enrolled.user)["consecutive_failures"]["N"]) == 5
    line = a_line(arena, 0)
    late = portal_over(line, arena.clock)
    assert late.verify("guessed", enrolled.code(NOON)).problem == "too_many_attempts"
    line.close()


@pytest.mark.requirement("T6", "B02", "B17")
def test_of_one_right_code_fifty_times_by_portal_and_wizard_exactly_one_is_accepted(
    arena: Arena, seeding: Seeding
) -> None:
    enrolled = seeding.enrolled_user(now=NOON, portal_user="replayed")

    told = asked_by_portal_and_wizard(arena, seeding, enrolled.user, [enrolled.code(NOON)] * 50, "replayed")

    outcomes = Counter(outcome for _, outcome in told)
    assert outcomes["ok"] == 1
    assert set(outcomes) <= {"ok", "otp_already_used", "too_many_attempts"}
    verified = [row for row in arena.live_sessions(enrolled.user) if "verified_at" in row]
    assert len(verified) == [who for who, outcome in told if outcome == "ok"].count(OF_THE_WIZARD)


@pytest.mark.requirement("T6", "B02")
def test_one_attempt_sent_five_times_at_once_is_one_proof(arena: Arena, seeding: Seeding) -> None:
    """A portal that repeats an attempt before its first answer came is answered alike, and pays nothing."""
    enrolled = seeding.enrolled_user(now=NOON, portal_user="repeated")
    code, attempt_id = enrolled.code(NOON), uuid.uuid4().hex
    lines = [a_line(arena, number) for number in range(5)]

    answers = times_at_once(
        arena, lines, lambda portal: portal.verify("repeated", code, attempt_id=attempt_id)
    )

    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    row = arena.authenticator_row(enrolled.user)
    months = [value for name, value in row.items() if name.startswith("failures_")]
    assert months == [{"N": "0"}]


@pytest.mark.requirement("M3", "B02")
def test_of_one_link_exchanged_twenty_times_at_once_one_session_comes(
    arena: Arena, seeding: Seeding
) -> None:
    line = a_line(arena, 0)
    token = portal_over(line, arena.clock).token_for("linked")
    line.close()
    pages = [Page(arena.servers[number % 2].port) for number in range(20)]

    answers = all_at_once(
        pages, lambda page, _: page.post("/api/session/hand-off", hand_off=token), pool=arena.pool
    )

    assert Counter(answer.outcome for answer in answers) == {"ok": 1, "hand_off_expired": 19}
    user = seeding.stores.accounts.get("example", user_id_of(seeding.tenant.lookup_key, "linked"))
    assert user is not None
    assert len(arena.live_sessions(user)) == 1


@pytest.mark.requirement("M4", "B60", "B02")
def test_of_one_code_redeemed_twenty_times_at_once_one_assertion_comes(
    arena: Arena, seeding: Seeding
) -> None:
    user = seeding.user(now=NOON, portal_user="returning")
    code = an_issued_code(seeding, "returning", now=NOON)
    lines = [a_line(arena, number) for number in range(20)]

    answers = times_at_once(arena, lines, lambda portal: portal.redeem(code))

    assert Counter(answer.problem or "ok" for answer in answers) == {"ok": 1, "return_code_used": 19}
    (issued,) = arena.events(user, "assertion.issued")
    flagged = arena.events(user, "assertion.flagged")
    assert [event["subject"] for event in flagged] == [issued["subject"]] * 19


@pytest.mark.requirement("M3", "B60")
def test_of_one_jwt_for_a_hand_off_sent_twenty_times_at_once_one_link_comes(
    arena: Arena, seeding: Seeding
) -> None:
    lines = [a_line(arena, number) for number in range(20)]
    url = f"http://127.0.0.1:{lines[0].port}"  # the second server is called by the same name here
    signing = portal_over(lines[0], arena.clock, url=url)
    body = json.dumps(signing.said_of("handed-over")).encode()
    jwt = signing.jwt("/api/portal/hand-off", body)

    answers = times_at_once(
        arena,
        lines,
        lambda portal: portal.call("/api/portal/hand-off", None, raw=body, jwt=jwt),
        url=url,
    )

    assert Counter(answer.problem or "ok" for answer in answers) == {
        "ok": 1,
        "client_not_authenticated": 19,
    }
    user = seeding.stores.accounts.get("example", user_id_of(seeding.tenant.lookup_key, "handed-over"))
    assert user is not None
    assert len(arena.events(user, "hand_off.begun")) == 1


@pytest.mark.requirement("M3")
def test_of_twenty_hand_offs_of_a_new_user_at_once_each_gets_its_link(
    arena: Arena, seeding: Seeding
) -> None:
    """All would make the user; one does, and the others find them."""
    lines = [a_line(arena, number) for number in range(20)]
    answers = times_at_once(arena, lines, lambda portal: portal.hand_off("newcomer"))
    assert [answer.status for answer in answers] == [201] * 20
    links = {urlsplit(answer.body["url"]).fragment for answer in answers}
    assert len(links) == 20
    del seeding


class PatientPortal:
    """
    A portal that asks for our keys as seldom as it may, and works all the time.

    It keeps the keys for a day. An answer is looked at only if the clock stood
    while it was asked for; whatever was signed must be known.
    """

    def __init__(self, server: Server, clock: HeldClock, seeding: Seeding, name: str) -> None:
        self.checked: Counter[str] = Counter()
        self.faults: list[str] = []
        self._line = Line(server.port)
        self._portal = portal_over(self._line, clock)
        self._clock = clock
        self._seeding = seeding
        self._name = name
        self._keys: KeySet | None = None
        self._fetched_at = 0.0

    def work_until(self, end: threading.Event) -> None:
        """Hand over and redeem until *end* is set."""
        number = 0
        while not end.is_set():
            number += 1
            before = self._clock()
            self._know_the_keys()
            handed = self._portal.hand_off(f"{self._name}-{number % 7}")
            code = an_issued_code(self._seeding, f"{self._name}-{number}", now=int(before))
            redeemed = self._portal.redeem(code)
            if redeemed.status == 200:
                self._check(redeemed.body["assertion"])
            if self._clock() == before and (handed.status, redeemed.status) != (201, 200):
                self.faults.append(f"{handed.text} {redeemed.text}")
        self._line.close()

    def _know_the_keys(self) -> None:
        now = self._clock()
        if self._keys is None or now - self._fetched_at > OVERLAP_SECONDS:
            self._keys, self._fetched_at = self._portal.keys(), now

    def _check(self, assertion: str) -> None:
        assert self._keys is not None
        try:
            known = jws.deserialize_compact(assertion, self._keys, algorithms=["ES256"])
        except Exception as error:  # noqa: BLE001 - whatever it is, a user stays outside
            self.faults.append(f"{error!r} at {self._clock()}, keys of {self._fetched_at}")
            return
        self.checked[str(known.headers()["kid"])] += 1


@pytest.mark.requirement("M5")
def test_signing_keys_change_under_load_and_no_portal_refuses_anybody(
    arena: Arena, seeding: Seeding
) -> None:
    """Two rotations; portals that know our keys of up to a day ago; the clock in steps over every edge."""
    stores = seeding.stores
    portals = [
        PatientPortal(arena.servers[number % 2], arena.clock, seeding, f"load-{number}")
        for number in range(LOAD_THREADS)
    ]
    end = threading.Event()
    first = SigningKey(
        key_id=SETTINGS.signing_key_id, jwk=stores.signer.public_jwk(SETTINGS.signing_key_id), signs_from=0
    )
    ring, kept = KeyRing(keys=(first,)), stores.signing_keys.ring()
    kids = [first.kid]
    with ThreadPoolExecutor(LOAD_THREADS) as pool:
        working = [pool.submit(portal.work_until, end) for portal in portals]
        try:
            now = NOON
            for _ in range(2):
                key = arena.backend.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
                key_id = key["KeyMetadata"]["Arn"]
                after = ring.with_next(key_id, stores.signer.public_jwk(key_id), now=now)
                stores.signing_keys.replace(kept, after)
                kept = ring = after
                kids.append(ring.keys[-1].kid)
                signs_from = ring.keys[-1].signs_from
                first_known = (now + MINUTE, now + OVERLAP_SECONDS, now + OVERLAP_SECONDS + MINUTE)
                first_used = (signs_from - 1, signs_from, signs_from + MINUTE)
                last_known = (signs_from + OVERLAP_SECONDS, signs_from + OVERLAP_SECONDS + 1)
                for at in (*first_known, *first_used, *last_known):
                    arena.clock.set(at)
                    _wait_for_more(portals, working)
                now = last_known[-1]
        finally:
            end.set()
    for future in working:
        future.result()
    assert [fault for portal in portals for fault in portal.faults] == []
    for portal in portals:
        assert set(portal.checked) == set(kids), "every key had its turn at every portal"
    assert NOTICE_SECONDS > OVERLAP_SECONDS


def _wait_for_more(portals: Sequence[PatientPortal], working: Sequence[Any]) -> None:
    """Return when every portal has checked another assertion since."""
    before = [portal.checked.total() for portal in portals]
    end = time.monotonic() + 30
    while any(portal.checked.total() < seen + 1 for portal, seen in zip(portals, before, strict=True)):
        assert time.monotonic() < end, [portal.faults for portal in portals]
        for future in working:
            assert not future.done(), future.exception()
        time.sleep(0.01)
