"""
`python conformance.py --portal URL ...`: what a portal does with bad tokens and answers.

The kit plays Tvåsteg, signs in at the portal as a browser does, and in each case
one thing is wrong. The portal must let nobody in, and somebody for whom
everything is right before and after, else it would pass by refusing everybody.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

from joserfc.jwk import KeySet

from calls import Calls
from cases import CASES, CONTROLS, Case
from stand_in import StandIn
from visit import Portal, Visit


@dataclass(frozen=True, kw_only=True)
class Result:
    """How one case went; *fault* is empty where the portal did as it should."""

    name: str
    about: str
    fault: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases, print what came of them, and return 1 if the portal did anything wrong."""
    options = _options(arguments)
    keys = json.loads(Path(options.client_keys).read_text(encoding="utf-8"))
    calls = Calls(client_id=options.client, keys=KeySet.import_key_set(keys))
    portal = Portal(
        url=options.portal.rstrip("/"),
        sign_in_path=options.sign_in_path,
        username_field=options.username_field,
        password_field=options.password_field,
        code_field=options.code_field or None,
        username=options.username,
        password=options.password,
        protected_path=options.protected_path,
        protected_text=options.protected_text,
    )
    stand_in = StandIn(port=options.port, calls=calls, late_seconds=options.patience * 1.2)
    results = []
    with stand_in.served():
        for result in _results(portal, stand_in, only=options.only, patience_seconds=options.patience):
            results.append(result)
            if not options.json:
                print(_line(result), flush=True)
    failed = [result for result in results if result.fault]
    if options.json:
        print(json.dumps({"failed": len(failed), "results": [asdict(result) for result in results]}))
    else:
        print(f"\n{len(results)} cases: {len(results) - len(failed)} as they should be, {len(failed)} not.")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance.py", description=main.__doc__)
    add = parser.add_argument
    add("--portal", required=True, metavar="URL", help="where the portal is, such as http://127.0.0.1:8001")
    add("--port", type=int, default=8002, help="where the kit plays Tvåsteg: TVASTEG_URL of the portal")
    add("--client", required=True, help="the portal's client id, such as example.web")
    add("--client-keys", required=True, metavar="FILE", help="its public keys, a JWK set")
    add("--username", required=True)
    add("--password", required=True)
    add("--sign-in-path", default="/sign-in", metavar="PATH")
    add("--username-field", default="username", metavar="NAME")
    add("--password-field", default="password", metavar="NAME")
    add("--code-field", default="otp", metavar="NAME", help="empty: the portal has no field for codes")
    add("--protected-path", default="/", metavar="PATH", help="what only signed-in users see")
    add("--protected-text", default="", metavar="TEXT", help="what is written there, and nowhere else")
    add("--patience", type=float, default=10, metavar="SECONDS", help="how long a user may have to wait")
    add("--only", action="append", metavar="NAME", help="run this case and the controls; repeatable")
    add("--json", action="store_true", help="print one JSON object for machines")
    return parser.parse_args(arguments)


def _results(
    portal: Portal, stand_in: StandIn, *, only: Sequence[str] | None, patience_seconds: float
) -> Iterator[Result]:
    controls = [control for control in CONTROLS if _can_be_met(control, portal)]
    cases = [case for case in CASES if _can_be_met(case, portal) and (only is None or case.name in only)]
    for case, must_be_in in (
        *((control, True) for control in controls),
        *((case, False) for case in cases),
        *((control, True) for control in controls),
    ):
        about = f"{'let in' if must_be_in else 'refused'}: {case.about}"
        fault = _fault(case, portal, stand_in, must_be_in=must_be_in, patience_seconds=patience_seconds)
        yield Result(name=case.name, about=about, fault=fault)
    calls = stand_in.calls
    about = f"{calls.count} calls of the portal, put and proven as they should be"
    yield Result(name="calls", about=about, fault="; ".join(sorted(calls.faults)))


def _can_be_met(case: Case, portal: Portal) -> bool:
    return portal.code_field is not None or case.play().next != "verify"


def _fault(
    case: Case, portal: Portal, stand_in: StandIn, *, must_be_in: bool, patience_seconds: float
) -> str:
    stand_in.play = case.play()
    visit = Visit(portal, stand_in.play)
    began = time.monotonic()
    try:
        case.course(visit)
        waited_seconds = time.monotonic() - began
        is_in = visit.is_in()
    except (LookupError, HTTPException, OSError) as error:
        return f"it could not be tried: {error}"
    if visit.play.never_asked:
        return f"it could not be tried: the portal never asked for {', '.join(visit.play.never_asked)}"
    if is_in != must_be_in:
        return "the user was let in" if is_in else "the user was not let in, though all was right"
    return f"the user waited {waited_seconds:.0f} s" if waited_seconds > patience_seconds else ""


def _line(result: Result) -> str:
    if result.fault:
        return f"✗ {result.name}: {result.about}: {result.fault}"
    return f"✓ {result.name}: {result.about}"


if __name__ == "__main__":
    sys.exit(main())
