"""The Swedish wizard speaks the words of the guide that users have in their hands."""

from __future__ import annotations

import pytest

from tests.static.texts import GUIDE, INDEX, keys_in, normalised, rendered, template, words

PHRASES = {
    "s-sign-in": [
        "Logga in på",
        "med ditt användarnamn och lösenord.",
    ],
    "s-method": [
        "Säkra upp ditt användarkonto",
        (
            "Eftersom du har åtkomst till kritisk/känslig data behöver du ställa in 2-stegsverifiering "
            "för att kunna fortsätta använda Azets Cozone."
        ),
        "Vänligen välj en av metoderna nedan för att påbörja inställningen.",
        "Google Authenticator",
        (
            "Använd Google Authenticator för att få verifieringskoder. "
            "Den fungerar även när mobilen är offline."
        ),
        "AKTIVERA GOOGLE AUTHENTICATOR",
    ],
    "s-password": [
        "Ange ditt lösenord",
        "Det är lösenordet du använder för att logga in till",
        "Lösenord",
        "AVBRYT",
        "FORTSÄTT",
    ],
    "s-phone": [
        "Hämta verifieringskoden från Google Authenticator",
        (
            "Istället för att vänta på sms kan du hämta appen Authenticator för att få verifieringskoder. "
            "Den fungerar även när mobilen är offline."
        ),
        "Vilken typ av telefon använder du?",
        "Android",
        "iPhone",
        "AVBRYT",
        "FORTSÄTT",
    ],
    "s-app": [
        "Konfigurera Google Authenticator",
        "Hämta appen Google Authenticator",
        "App Store",
        "I appen under Lägg till ett konto",
        "Välj Läs av streckkoden",
        "Skanna en QR-kod",
        "Skanna QR koden som visas på skärmen",
        "GÅR DET INTE ATT SKANNA KODEN?",
        "TILLBAKA",
        "FORTSÄTT",
    ],
    "s-app-same-phone": [
        "Konfigurera Google Authenticator",
        "Hämta appen Google Authenticator",
        "Google Play",
        "TILLBAKA",
        "FORTSÄTT",
    ],
    "s-code": [
        "Konfigurera Google Authenticator",
        "Ange den 6-siffriga koden som visas i Google Authenticator.",
        "Du behöver inte stressa, du kommer få en ny kod var 30:e sekund.",
        "TILLBAKA",
        "BEKRÄFTA",
    ],
    "s-verify": [
        "Ange den 6-siffriga koden som visas i Google Authenticator.",
        "BEKRÄFTA",
    ],
    "s-done": [
        "Nu är uppsättningen klar för dig att börja använda.",
    ],
    "footer": [
        "Kontakta oss för hjälp",
        (
            "Om du har problem med att implementera tvåfaktorsautentisering hjälper supportteamet "
            "dig gärna med alla frågor du kan ha."
        ),
        "Skicka ett mail till oss på 2FA_SEsupport@azets.com.",
    ],
}

APP_WORDS = words("ga.sv")
VALUES = {
    "portal": "Azets Cozone",
    "issuer": "Azets Cozone",
    "mail": "2FA_SEsupport@azets.com",
} | {f"ga_{name}": word for name, word in APP_WORDS.items()}


def shown_on(screen: str) -> str:
    """Return all that *screen* says in Swedish, in the guide's own portal."""
    swedish = words("sv")
    footer = INDEX[INDEX.index("<footer") : INDEX.index("</footer>")]
    markup = footer if screen == "footer" else template(screen)
    store = "app.store.android" if screen == "s-app-same-phone" else "app.store.iphone"
    values = VALUES | {"store": swedish[store]}
    return normalised(" | ".join(rendered(key, swedish, values) for key in sorted(keys_in(markup))))


@pytest.mark.parametrize(
    ("screen", "phrase"),
    [(screen, phrase) for screen, phrases in PHRASES.items() for phrase in phrases],
)
def test_screen_says_it_as_the_guide_does(screen: str, phrase: str) -> None:
    """The phrase is in the guide, and on the screen that stands for that step of the guide."""
    assert normalised(phrase) in normalised(GUIDE)
    assert normalised(phrase) in shown_on(screen)
