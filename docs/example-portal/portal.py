"""
An example portal: its own passwords, and Tvåsteg for the second factor.

Read it from the top: the password, the code, the hand-off and the return. What
it asks Tvåsteg is in `tvasteg.py`. Whatever goes wrong raises and ends in
`keep_out` at the bottom, so that nobody's fault lets anybody in.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, redirect, render_template, request, session, url_for
from joserfc.jwk import ECKey
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as Redirection

import sentences
from sessions import Sessions, start_anew
from tvasteg import RefusedError, Tvasteg
from users import User, Users

PORT = int(os.environ.get("PORTAL_PORT", "8001"))
OWN_URL = f"http://127.0.0.1:{PORT}"  # said, not taken from a request: a Host header can be anybody's
TVASTEG_URL = os.environ.get("TVASTEG_URL", "http://127.0.0.1:8000")
PASSWORD = os.environ.get("PORTAL_PASSWORD") or secrets.token_urlsafe(9)
HAS_CODE_PAGE = os.environ.get("PORTAL_CODE_PAGE", "own") == "own"
PASSWORD_PROOF_SECONDS = 10 * 60
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

# Without TLS anybody on the way could answer, and publish the keys that prove it.
if urlsplit(TVASTEG_URL).scheme != "https" and urlsplit(TVASTEG_URL).hostname not in LOOPBACK:
    raise SystemExit(f"TVASTEG_URL must begin with https://, unlike {TVASTEG_URL}")

users = Users(PASSWORD)
tvasteg = Tvasteg(
    url=TVASTEG_URL,
    client_id="example.web",
    key=ECKey.import_key(json.loads(Path(os.environ["PORTAL_KEY"]).read_text(encoding="utf-8"))),
)
app = Flask(__name__)
sessions = app.session_interface = Sessions()

Page = str | tuple[str, int] | Redirection


@app.get("/")
def home() -> Page:
    """Show who is signed in and how we know; nobody else gets to see this page."""
    if "signed_in" not in session:
        return redirect(url_for("ask_for_password"), 303)
    return render_template("home.html", user=users.with_id(session["user_id"]))


# The first factor is the portal's own.


@app.get("/sign-in")
def ask_for_password() -> Page:
    """Ask for user name and password."""
    return render_template("sign-in.html")


@app.post("/sign-in")
def take_password() -> Page:
    """Check them; then it is Tvåsteg that says what comes next."""
    user = users.proven(request.form["username"], request.form["password"])
    if user is None:
        return render_template("sign-in.html", fault=sentences.NOT_PROVEN), 422
    start_anew(user_id=user.id, password_at=int(time.time()))
    return go_on(user)


@app.post("/sign-out")
def sign_out() -> Page:
    """Forget the user."""
    start_anew()
    return redirect(url_for("ask_for_password"), 303)


# The second factor is Tvåsteg's.


def go_on(user: User) -> Page:
    """Do what Tvåsteg says comes next for *user*, who has just proven the password."""
    status = ask_about(user, "status")
    match status["next"]:
        case "verify" if HAS_CODE_PAGE:
            session["attempt_id"] = secrets.token_urlsafe(16)
            return redirect(url_for("ask_for_code"), 303)
        case "verify" | "enrol":
            return hand_over(user, purpose="sign-in")
        case "offer":
            due_at = status["due_at"]
            return let_in(user, how="password", due=due_at and sentences.day(due_at))
        case "support":
            start_anew()
            return render_template("refused.html", fault=sentences.SUPPORT), 403
        case unknown:
            raise ValueError(f"Tvåsteg says that {unknown!r} comes next")


@app.get("/code")
def ask_for_code() -> Page:
    """Ask for the code in a field of our own."""
    if at_second_factor() is None:
        return redirect(url_for("ask_for_password"), 303)
    return render_template("code.html")


@app.post("/code")
def take_code() -> Page:
    """Let Tvåsteg check the code. An attempt that got no answer is repeated as the same attempt."""
    user = at_second_factor()
    if user is None:
        return redirect(url_for("ask_for_password"), 303)
    try:
        otp, attempt_id = request.form["otp"], session["attempt_id"]
        answer = ask_about(user, "verification", otp=otp, attempt_id=attempt_id)
    except RefusedError as error:
        if not sentences.is_about_the_code(error):
            raise
        session["attempt_id"] = secrets.token_urlsafe(16)
        return render_template("code.html", fault=sentences.sentence_for(error)), 422
    if not isinstance(answer["amr"], list) or "otp" not in answer["amr"]:
        raise ValueError("Tvåsteg did not check a code")
    return let_in(user, how="code", amr=answer["amr"], acr=answer["acr"], at=answer["verified_at"])


@app.post("/hand-off")
def go_to_tvasteg() -> Page:
    """Hand over a user who wants to give the code there, or to manage their authenticator."""
    if "signed_in" in session:
        return hand_over(users.with_id(session["user_id"]), purpose="manage")
    user = at_second_factor()
    return hand_over(user, purpose="sign-in") if user else redirect(url_for("ask_for_password"), 303)


def hand_over(user: User, *, purpose: str) -> Page:
    """Send *user* to Tvåsteg. How long ago the password was proven decides whether it is asked again."""
    link, kept = tvasteg.hand_off(
        identity_verified=True,  # nobody gets here without a password of ours
        user=user.id,
        username=user.username,
        language="sv",
        auth_time=session["password_at"],
        purpose=purpose,
        return_url=f"{OWN_URL}/return",
    )
    session["hand_off"] = {"user_id": user.id, **kept}
    return redirect(link, 303)


@app.get("/return")
def come_back() -> Page:
    """Take back the user that this very browser's session handed over, once."""
    handed = session.get("hand_off", {"state": secrets.token_urlsafe()})
    if not secrets.compare_digest(handed["state"].encode(), request.args.get("state", "").encode()):
        return render_template("refused.html", fault=sentences.NOT_EXPECTED), 400
    is_denied = request.args.get("error") == "access_denied"
    del session["hand_off"]
    if not is_denied:
        session.pop("signed_in", None)  # whoever managed something proves anew who they are
    if not sessions.keep(session):  # of two returns at once, the other was first
        return render_template("refused.html", fault=sentences.NOT_EXPECTED), 400
    user = users.with_id(handed["user_id"])
    if is_denied:
        return turned_back(user)
    claims = tvasteg.redeem(request.args["code"], user=user.id, nonce=handed["nonce"])
    at = sentences.moment(claims["auth_time"])
    return let_in(user, how="hand-off", amr=claims["amr"], acr=claims["acr"], at=at)


def turned_back(user: User) -> Page:
    """Go on with *user*, who came back without a second factor: where it is no must, that is all right."""
    if "signed_in" in session:
        return redirect(url_for("home"), 303)
    if ask_about(user, "status")["next"] == "offer":
        return go_on(user)
    start_anew()
    return render_template("refused.html", fault=sentences.NOT_FINISHED), 403


@app.get("/reauthenticate")
def ask_for_password_again() -> Page:
    """Ask for the password again: Tvåsteg sends users here before they change something."""
    if "user_id" not in session:
        return redirect(url_for("ask_for_password"), 303)
    return render_template("reauthenticate.html", user=users.with_id(session["user_id"]))


@app.post("/reauthenticate")
def take_password_again() -> Page:
    """Check it, and hand the same user over with a fresh time of proof."""
    if "user_id" not in session:
        return redirect(url_for("ask_for_password"), 303)
    user = users.with_id(session["user_id"])
    if users.proven(user.username, request.form["password"]) is None:
        return render_template("reauthenticate.html", user=user, fault=sentences.NOT_PROVEN), 422
    session["password_at"] = int(time.time())
    return hand_over(user, purpose="manage" if "signed_in" in session else "sign-in")


# What all of these stand on.


def ask_about(user: User, question: str, **details: str) -> Any:  # noqa: ANN401 - JSON
    """Return Tvåsteg's answer about *user*, and about nobody else."""
    answer = tvasteg.ask(question, user=user.id, **details)
    if answer["user"] != user.id:
        raise ValueError("Tvåsteg's answer is about somebody else")
    return answer


def at_second_factor() -> User | None:
    """Return who has proven a password lately and is to prove a second factor now."""
    is_recent = time.time() - session.get("password_at", 0) < PASSWORD_PROOF_SECONDS
    return users.with_id(session["user_id"]) if "attempt_id" in session and is_recent else None


def let_in(user: User, **how: object) -> Page:
    """Sign *user* in, under a session id that nobody has seen before."""
    start_anew(user_id=user.id, password_at=session["password_at"], signed_in=how)
    return redirect(url_for("home"), 303)


@app.before_request
def refuse_forms_of_others() -> Page | None:
    """Take a form only from a page that this session was shown."""
    sent = request.form.get("form_key", "")
    if request.method == "POST" and not secrets.compare_digest(sent.encode(), session["form_key"].encode()):
        return render_template("refused.html", fault=sentences.OLD_FORM), 400
    return None


@app.after_request
def guard(response: Response) -> Response:
    """Let no page run a script, be framed, be kept, or tell others where it was."""
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {tvasteg.url}"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@app.errorhandler(Exception)
def keep_out(error: Exception) -> Page | HTTPException:
    """Say that it cannot be checked who this is: whatever went wrong, nobody was let in by it."""
    if isinstance(error, HTTPException):
        return error
    app.logger.warning("Not signed in: %s", sentences.problem_code(error) or repr(error))
    if "signed_in" in session:  # since before, and not in question: only the way to Tvåsteg is closed
        user = users.with_id(session["user_id"])
        return render_template("home.html", user=user, fault=sentences.CANNOT_REACH), 503
    told = sentences.sentence_for(error)
    if told == sentences.CANNOT_CHECK:  # no answer: it may be tried again from here
        return render_template("refused.html", fault=told), 503
    start_anew()
    return render_template("refused.html", fault=told), 403


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a log of addresses would hold return codes
    server = make_server("127.0.0.1", PORT, app, threaded=True)
    print(
        f"""
  Exempelportalen:   {OWN_URL}/
  User names:        anna@firma.se, bo@firma.se
  Password:          {PASSWORD}
""",
        flush=True,
    )
    with suppress(KeyboardInterrupt):
        server.serve_forever()
