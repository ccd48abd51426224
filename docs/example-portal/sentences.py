"""What the portal tells its users, in Swedish: a sentence for each answer of Tvåsteg."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from tvasteg import RefusedError

CANNOT_CHECK = (
    "Vi kan inte kontrollera din andra faktor just nu. Du är inte inloggad. Försök igen om en stund."
)
CANNOT_REACH = "Vi når inte Tvåsteg just nu. Du är fortfarande inloggad. Försök igen om en stund."
NOT_PROVEN = "Användarnamnet eller lösenordet stämmer inte."
NOT_FINISHED = "Inloggningen avbröts innan den var klar. Du är inte inloggad."
NOT_EXPECTED = "Adressen hör inte till en pågående inloggning. Börja om från början."
OLD_FORM = "Sidan var för gammal. Försök igen."
SUPPORT = (
    "Din tvåstegsverifiering är avstängd efter för många fel koder. Du är inte inloggad. "
    "Kontakta supporten på support@exempelportalen.se."
)
_OUR_FAULT = (
    "Portalen är inte rätt inställd mot Tvåsteg. Du är inte inloggad. "
    "Kontakta supporten på support@exempelportalen.se."
)
_BEGIN_AGAIN = "Inloggningen hos Tvåsteg gäller inte längre. Du är inte inloggad. Logga in igen."

# By Tvåsteg's problem code. Whatever is not here gets `CANNOT_CHECK`.
SENTENCES = {
    "otp_malformed": "Ange koden med sex siffror.",
    "otp_mismatch": "Koden stämmer inte. Kontrollera att du läser koden för Exempelportalen.",
    "otp_already_used": "Koden har redan använts. Vänta på nästa kod i appen.",
    "authenticator_disabled": SUPPORT,
    "not_enrolled": "Du har ingen tvåstegsverifiering att ange en kod från. Logga in igen.",
    "tenant_suspended": "Inloggningen med tvåstegsverifiering är tillfälligt stängd. Du är inte inloggad.",
    "not_found": _BEGIN_AGAIN,
    "return_code_used": _BEGIN_AGAIN,
    "assertion_not_ours": _BEGIN_AGAIN,
    "client_not_authenticated": _OUR_FAULT,
    "return_url_not_registered": _OUR_FAULT,
    "identity_not_verified": _OUR_FAULT,
    "body_malformed": _OUR_FAULT,
    "body_too_large": _OUR_FAULT,
    "media_type_unsupported": _OUR_FAULT,
    "cross_site_request": _OUR_FAULT,
}
# Problems that the user can do something about at the field for the code.
_AT_THE_FIELD = {"otp_malformed", "otp_mismatch", "otp_already_used", "too_many_attempts"}

_MONTHS = ["januari", "februari", "mars", "april", "maj", "juni"]
_MONTHS += ["juli", "augusti", "september", "oktober", "november", "december"]


def problem_code(error: Exception) -> str | None:
    """Return Tvåsteg's code for what it refused; None for anything else that went wrong."""
    problem = error.args[0] if isinstance(error, RefusedError) else None
    return str(problem.get("code")) if isinstance(problem, dict) else None


def sentence_for(error: Exception) -> str:
    """Return what a user is told when *error* kept them out; any error has its sentence."""
    code = problem_code(error)
    if code == "too_many_attempts":
        with suppress(LookupError, TypeError, ValueError):
            return (
                f"För många försök. Vänta {_waiting_time(error.args[0]['retry_at'])} och försök sedan igen."
            )
    return SENTENCES.get(str(code), CANNOT_CHECK)


def is_about_the_code(error: RefusedError) -> bool:
    """Say whether the user may simply try another code."""
    return problem_code(error) in _AT_THE_FIELD


def moment(epoch_seconds: int) -> str:
    """Return a time as Tvåsteg writes it in answers."""
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat().replace("+00:00", "Z")


def day(moment: str) -> str:
    """Return the day (UTC) of an ISO moment, such as 1 december 2026."""
    at = datetime.fromisoformat(moment)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _waiting_time(until: str) -> str:
    seconds = (datetime.fromisoformat(until) - datetime.now(UTC)).total_seconds()
    minutes = max(1, int(seconds // 60) + 1)
    if seconds > 2 * 24 * 60 * 60:
        return f"till den {day(until)}"
    return "en minut" if minutes == 1 else f"{minutes} minuter"
