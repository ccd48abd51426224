"""
Every bad token and answer that a portal must refuse, and how a browser meets it.

In each case everything but one thing is right, so that a portal that does not
look at that thing lets the user in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from stand_in import Answer, Play, as_json, problem
from tokens import MISSING, Assertion, broken, signed, signed_with, signed_with_public_key, unsigned
from visit import Visit

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS

Course = Callable[[Visit], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """*name* is for programs, *about* for people; *play* makes Tvåsteg, *course* is the user's way."""

    name: str
    about: str
    play: Callable[[], Play]
    course: Course = field(default=Visit.goes_the_whole_way)


# Ways to spoil an answer. What could tempt a careless portal stays in it.


def failed(right: Answer) -> Answer:
    """Return the right words under status 500."""
    return replace(right, status=500)


def unavailable(_right: Answer) -> Answer:
    """Return Tvåsteg's own outage."""
    return problem(503, "service_unavailable")


def page(_right: Answer) -> Answer:
    """Return a page of something in between, under status 200."""
    return Answer(status=200, body=b"<!doctype html><title>OK</title>", content_type="text/html")


def half(right: Answer) -> Answer:
    """Return JSON that breaks off."""
    return replace(right, body=right.body[: len(right.body) // 2])


def cut(right: Answer) -> Answer:
    """Return half of what the answer announces, then nothing."""
    return replace(right, is_cut=True)


def closed(_right: Answer) -> Answer:
    """Return nothing at all."""
    return Answer(status=None)


def slow(_right: Answer) -> Answer:
    """Return nothing either, but keep the portal waiting for it."""
    return Answer(status=None, is_late=True)


def empty(_right: Answer) -> Answer:
    """Return an object with nothing in it."""
    return as_json({})


def redirect_to(path: str) -> Callable[[Answer], Answer]:
    """Return what spoils an answer into a redirect to *path*."""
    return lambda _right: Answer(status=307, location=path)


def changed(**changes: object) -> Callable[[Answer], Answer]:
    """Return what changes members of an answer, or takes away those that are `MISSING`."""
    return lambda right: right.with_members(**changes)


def refusal(status: int, code: str, **more: object) -> Callable[[Answer], Answer]:
    """Return what spoils an answer into a problem of Tvåsteg."""
    return lambda _right: problem(status, code, **more)


# Ways to spoil an assertion.


def claims(**changes: object) -> Callable[[Assertion], str]:
    """Return what signs, rightly, an assertion with other claims."""
    return lambda right: signed(right.with_claims(**changes))


def remembered(*, days: int, **changes: object) -> Callable[[Assertion], str]:
    """Return what signs an assertion about a remembered browser, in which a code was given *days* ago."""
    said = {"amr": [], "verified_by": "remembered_browser", **changes}
    return lambda right: signed(right.with_claims(**said, auth_time=int(time.time()) - days * DAY_SECONDS))


def times(**seconds_from_now: int) -> Callable[[Assertion], str]:
    """Return what signs an assertion with other times."""
    return lambda right: signed(
        right.with_claims(**{name: int(time.time()) + late for name, late in seconds_from_now.items()})
    )


def header(**changes: object) -> Callable[[Assertion], str]:
    """Return what signs, rightly, an assertion with another header."""
    return lambda right: signed(right.with_header(**changes))


def forged(**changes: object) -> Callable[[Assertion], str]:
    """Return what signs with the attacker's key; a header may say where to find that key."""
    return lambda right: signed(right.by_attacker().with_header(**changes))


def forged_with_key_inside(right: Assertion) -> str:
    """Return an assertion that brings the key which proves it."""
    return forged(jwk=right.attackers_key.as_dict(private=False))(right)


def forged_with_address(name: str) -> Callable[[Assertion], str]:
    """Return what signs an assertion whose header *name* says where the attacker's key is."""
    return lambda right: forged(**{name: f"{right.claims['iss']}/attacker/jwks", "kid": "attacker-1"})(
        right
    )


def capital_none(alg: str) -> Callable[[Assertion], str]:
    """Return what leaves an assertion without a signature, with alg none in capitals."""
    return lambda right: unsigned(right, alg=alg)


def for_us_and_another(right: Assertion) -> str:
    """Return an assertion that another client could bring here, or we there."""
    return claims(aud=[right.claims["aud"], "other.web"])(right)


# Ways of a user that are not straight.


def opens_address_of_another(visit: Visit) -> None:
    """Prove the password and do not come back; then a browser without one opens the unused address."""
    visit.gives_password()
    unused = visit.return_address()
    visit.takes_new_browser()
    visit.browser.open(unused)


def keeps_cookies_of_before(visit: Visit) -> None:
    """Be let in; then somebody has the cookies that the browser had before, and may have planted."""
    before = visit.opens_sign_in()
    visit.goes_the_whole_way()
    if not visit.is_in():
        raise LookupError("the user was not let in, though all was right")
    visit.takes_new_browser(cookies=before)


def comes_back_again_after_refusal(visit: Visit) -> None:
    """Be refused for the assertion, then open the same return address again, and it is right now."""
    visit.gives_password()
    visit.comes_back()
    visit.play.sign = signed
    visit.comes_back()


def opens_return_address_of_earlier_sign_in(visit: Visit) -> None:
    """Let somebody sign in; then another browser proves the password and opens that one's address."""
    visit.goes_the_whole_way()
    earlier = visit.return_address()
    visit.takes_new_browser()
    visit.gives_password()
    visit.browser.open(earlier)


def brings_earlier_assertion(visit: Visit) -> None:
    """Let somebody sign in; then Tvåsteg's answer to another code is the assertion of before."""
    visit.goes_the_whole_way()
    earlier = visit.play.assertion or ""
    visit.play.sign = lambda _right: earlier
    visit.takes_new_browser()
    visit.goes_the_whole_way()


def comes_back_with(**changes: str | None) -> Course:
    """Return the way of somebody whose return address says something else."""

    def course(visit: Visit) -> None:
        visit.gives_password()
        visit.comes_back(**changes)

    return course


def turns_back_and_stands_at(next_: str) -> Course:
    """Return the way of somebody who comes back without a second factor, and now must do *next_*."""

    def course(visit: Visit) -> None:
        visit.gives_password()
        visit.play.next = next_
        visit.comes_back(code=None, error="access_denied")

    return course


def _play(next_: str, **parts: Any) -> Callable[[], Play]:  # noqa: ANN401 - whatever a play has
    return lambda: Play(next=next_, **parts)


def _assertion(name: str, about: str, sign: Callable[[Assertion], str], **more: Any) -> Case:  # noqa: ANN401
    return Case(name=name, about=f"an assertion {about}", play=_play("enrol", sign=sign), **more)


def _answers(
    question: str, next_: str, spoils: dict[str, tuple[str, Callable[[Answer], Answer]]]
) -> list[Case]:
    return [
        Case(
            name=f"{question}-{name}",
            about=f"{question}: {about}",
            play=_play(next_, spoiled={question: spoil}),
        )
        for name, (about, spoil) in spoils.items()
    ]


CONTROLS = [
    Case(name="control-hand-off", about="a user who was handed over and comes back", play=_play("enrol")),
    Case(name="control-code", about="a user whose code is right", play=_play("verify")),
]

_ASSERTIONS = [
    _assertion("alg-none", "with alg none and no signature", unsigned),
    _assertion("alg-none-capital", "with alg None and no signature", capital_none("None")),
    _assertion("alg-none-mixed", "with alg nOnE and no signature", capital_none("nOnE")),
    _assertion("signature-empty", "with ES256 and no signature", signed_with(b"")),
    _assertion("signature-zero", "whose signature is r = s = 0", signed_with(bytes(64))),
    _assertion("alg-hs256", "with HS256 and the public key for a secret", signed_with_public_key),
    _assertion("changed", "changed after it was signed", broken),
    _assertion("other-key", "signed by another key under the kid of ours", forged()),
    _assertion("unknown-kid", "signed by another key under a kid of its own", forged(kid="attacker-1")),
    _assertion("kid-missing", "signed by another key, without a kid", forged(kid=MISSING)),
    _assertion("jwk-header", "that brings its own key in the header", forged_with_key_inside),
    _assertion("jku-header", "that says where its key is", forged_with_address("jku")),
    _assertion("x5u-header", "that says where its certificate is", forged_with_address("x5u")),
    _assertion("crit-header", "with an extension that must be understood", header(crit=["urn:x"])),
    _assertion("iss-other", "of another issuer", claims(iss="https://tvasteg.example")),
    _assertion("iss-missing", "without iss", claims(iss=MISSING)),
    _assertion("aud-other", "for another client", claims(aud="other.web")),
    _assertion("aud-missing", "without aud", claims(aud=MISSING)),
    _assertion("aud-list-other", "for another client, in a list", claims(aud=["other.web"])),
    _assertion("aud-list-both", "for us and another client", for_us_and_another),
    _assertion("sub-other", "about another user", claims(sub="somebody-else")),
    _assertion("sub-missing", "without sub", claims(sub=MISSING)),
    _assertion("tenant-other", "of another tenant", claims(tenant="other")),
    _assertion("tenant-missing", "without tenant", claims(tenant=MISSING)),
    _assertion("nonce-other", "with another nonce", claims(nonce="nonce-of-somebody-else")),
    _assertion("nonce-missing", "without nonce", claims(nonce=MISSING)),
    _assertion("expired", "that has expired", times(auth_time=-200, iat=-200, exp=-140)),
    _assertion("exp-missing", "without exp", claims(exp=MISSING)),
    _assertion("too-long", "that is good for an hour", times(exp=HOUR_SECONDS)),
    _assertion("iat-future", "of the future", times(iat=200, exp=260)),
    _assertion("iat-missing", "without iat", claims(iat=MISSING)),
    _assertion("auth-time-old", "about a code of an hour ago", times(auth_time=-HOUR_SECONDS)),
    _assertion("auth-time-missing", "without auth_time", claims(auth_time=MISSING)),
    _assertion("amr-without-otp", "that knows of a password only", claims(amr=["pwd"])),
    _assertion("amr-empty", "whose amr is empty", claims(amr=[])),
    _assertion("remembered-too-long", "about a browser remembered for half a year", remembered(days=183)),
    _assertion("remembered-other-acr", "about a browser, with another acr", remembered(days=1, acr="x")),
    _assertion("amr-text", "whose amr is no list, but has otp in it", claims(amr="hotp")),
    _assertion("amr-missing", "without amr", claims(amr=MISSING)),
    _assertion("acr-other", "with another acr", claims(acr="urn:tvasteg:acr:password")),
    _assertion("acr-missing", "without acr", claims(acr=MISSING)),
    _assertion("replayed", "of an earlier sign-in", signed, course=brings_earlier_assertion),
]

_RETURNS = [
    Case(name=name, about=about, play=_play("enrol", **parts), course=course)
    for name, about, parts, course in (
        ("state-other", "return: another state", {}, comes_back_with(state="state-of-somebody-else")),
        ("state-missing", "return: no state", {}, comes_back_with(state=None)),
        ("state-twice", "return: the same state again", {"sign": broken}, comes_back_again_after_refusal),
        ("return-of-earlier", "return: used address", {}, opens_return_address_of_earlier_sign_in),
        ("return-of-another", "return: another browser's address", {}, opens_address_of_another),
        ("code-missing", "return: neither code nor error", {}, comes_back_with(code=None)),
        ("denied-enrol", "return: denied, still to enrol", {}, turns_back_and_stands_at("enrol")),
        ("denied-verify", "return: denied, still to verify", {}, turns_back_and_stands_at("verify")),
        ("denied-support", "return: denied, disabled", {}, turns_back_and_stands_at("support")),
    )
]

_WITHOUT_SECOND_FACTOR = [
    Case(name=f"{name}-{next_}", about=f"{about}, {next_}", play=_play(next_), course=course)
    for next_ in ("enrol", "verify")
    for name, about, course in (
        ("password-only", "a user who proved the password and went no further", Visit.gives_password),
        ("cookies-of-before", "whoever has the cookies of before the sign-in", keeps_cookies_of_before),
    )
]

_ANYWHERE: dict[str, tuple[str, Callable[[Answer], Answer]]] = {
    "500": ("status 500, with the right words", failed),
    "503": ("status 503", unavailable),
    "html": ("a page instead of JSON", page),
    "half": ("JSON that breaks off", half),
    "cut": ("a connection that breaks off", cut),
    "closed": ("no answer", closed),
}
_SUSPENDED = ("the tenant is suspended", refusal(403, "tenant_suspended"))

_STATUS = _answers(
    "status",
    "offer",
    _ANYWHERE
    | {
        "redirect": ("a redirect", redirect_to("/elsewhere/status")),
        "slow": ("an answer that does not come", slow),
        "suspended": _SUSPENDED,
        "not-authenticated": ("the client is not known", refusal(401, "client_not_authenticated")),
        "next-unknown": ("a next that nobody has heard of", changed(next="welcome")),
        "next-missing": ("no next", changed(next=MISSING)),
        "next-null": ("next is null", changed(next=None)),
        "next-support": ("next is support", changed(next="support")),
        "other-user": ("about another user", changed(user="somebody-else")),
    },
)

_VERIFICATION = _answers(
    "verification",
    "verify",
    _ANYWHERE
    | {
        "redirect": ("a redirect", redirect_to("/elsewhere/verification")),
        "slow": ("an answer that does not come", slow),
        "suspended": _SUSPENDED,
        "mismatch": ("a wrong code", refusal(422, "otp_mismatch")),
        "replayed": ("a used code", refusal(409, "otp_already_used")),
        "malformed": ("not six digits", refusal(400, "otp_malformed")),
        "disabled": ("disabled", refusal(423, "authenticator_disabled")),
        "throttled": ("to wait", refusal(429, "too_many_attempts", retry_at="2099-01-01T00:00:00Z")),
        "not-enrolled": ("no second factor", refusal(409, "not_enrolled")),
        "other-user": ("about another user", changed(user="somebody-else")),
        "user-missing": ("about nobody", changed(user=MISSING)),
        "amr-without-otp": ("no code was checked", changed(amr=[])),
        "amr-missing": ("no amr", changed(amr=MISSING)),
        "empty": ("nothing", empty),
    },
)

_HAND_OFF = _answers("hand-off", "enrol", {name: _ANYWHERE[name] for name in ("503", "closed")})

_REDEEMING = _answers(
    "assertion",
    "enrol",
    _ANYWHERE
    | {
        "redirect": ("a redirect", redirect_to("/elsewhere/assertion")),
        "used": ("a used code", refusal(409, "return_code_used")),
        "unknown": ("an unknown code", refusal(404, "not_found")),
        "null": ("null for an assertion", changed(assertion=None)),
    },
) + _answers("jwks", "enrol", {name: _ANYWHERE[name] for name in ("503", "html", "half", "closed")})

_JWKS_ELSEWHERE = Case(
    name="jwks-redirect",
    about="jwks: a redirect to somebody else's keys",
    play=_play("enrol", spoiled={"jwks": redirect_to("/attacker/jwks")}, sign=forged(kid="attacker-1")),
)

CASES = [*_ASSERTIONS, *_RETURNS, *_WITHOUT_SECOND_FACTOR, *_STATUS, *_VERIFICATION, *_HAND_OFF]
CASES += [*_REDEEMING, _JWKS_ELSEWHERE]
