"""What a mail says, in every language, and what never stands in one."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest

from chalicelib.audit import event as audit
from chalicelib.audit.event import Event
from chalicelib.notices.choice import ALWAYS_TOLD, TOLD, TOLD_WITHIN_BUDGET
from chalicelib.notices.mail import Mail, compose, one_line
from chalicelib.notices.texts import language_for, texts_in, written_languages
from chalicelib.tenants.profile import LANGUAGES as LANGUAGES_OF_TENANTS
from chalicelib.tenants.profile import Profile
from tests.unit.notices.samples import (
    KINDS,
    NOON_IN_SWEDEN,
    a_profile,
    a_recipient,
    an_event,
    every_event_told,
)

LANGUAGES = sorted(written_languages())
WAITING = a_profile(policy={"second_factor": "required", "deadline": None, "reset_wait_hours": 24})


def the_mail(event: Event, **recipient: str) -> Mail:
    (mail,) = compose(event, a_recipient(**recipient))  # type: ignore[arg-type]  # texts alone
    return mail


# Every kind there is, and why nobody is mailed of it.
NOT_TOLD = {
    audit.SESSION_STARTED: "signing in changes nothing",
    audit.SESSION_REAUTHENTICATED: "as above",
    audit.SESSION_ENDED: "as above",
    audit.ENROLMENT_BEGUN: "nothing counts before it is confirmed",
    audit.ENROLMENT_CANCELLED: "as above",
    audit.AUTHENTICATOR_REVOKED: "the mail of the one that took its place says so",
    audit.AUTHENTICATOR_RENAMED: "a name opens nothing",
    audit.HAND_OFF_BEGUN: "it is how one signs in",
    audit.HAND_OFF_RETURNED: "as above",
    audit.ASSERTION_ISSUED: "as above",
    audit.ASSERTION_FLAGGED: "an alarm for the operator",
    audit.RECOVERY_CODES_ACKNOWLEDGED: "that they were made is told",
    audit.BROWSER_FORGOTTEN: "less is trusted than before",
    audit.RESET_CODE_ACCEPTED: "the reset was told, and what is bound next will be",
    audit.USER_ADDED: "the invitation is the operator's",
    audit.USER_ERASED: "nobody is left to tell",
    audit.ATTEMPT_COUNTED: "the fifth, the nineteenth and the month's thirtieth are",
    audit.ATTEMPT_ACCEPTED: "signing in changes nothing",
}


@pytest.mark.requirement("E7")
def test_of_every_kind_it_is_decided_whether_somebody_is_told() -> None:
    assert TOLD | NOT_TOLD.keys() == KINDS
    assert not TOLD & NOT_TOLD.keys()


@pytest.mark.requirement("E7")
def test_what_changes_a_second_factor_is_told_however_often_it_happens() -> None:
    assert {audit.ATTEMPTS_WARNED, audit.BROWSER_REMEMBERED} == TOLD_WITHIN_BUDGET
    assert ALWAYS_TOLD == TOLD - TOLD_WITHIN_BUDGET


@pytest.mark.parametrize("kind", sorted(NOT_TOLD))
def test_of_the_others_there_is_no_mail(kind: str) -> None:
    assert compose(an_event(kind), a_recipient()) == ()


@pytest.mark.requirement("E7", "L9", "R6")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", [a_profile(), WAITING], ids=["at once", "waiting"])
def test_every_mail_can_be_written_in_every_language(language: str, profile: object) -> None:
    for event in every_event_told(TOLD):
        (mail,) = compose(event, a_recipient(profile, language=language))  # type: ignore[arg-type]
        assert not re.search(r"[{}]", mail.subject + mail.text), event
        assert "Azets Cozone" in mail.subject
        assert "2FA_SEsupport@azets.com" in mail.text
        assert event.event_id in mail.text
        assert "canary" not in mail.text
        assert "http" not in mail.text
        assert "://" not in mail.text
        assert "<" not in mail.text
        assert len(mail.subject) <= 120


def test_every_language_has_the_same_texts_with_the_same_places_to_fill() -> None:
    def places(language: str) -> dict[str, set[str]]:
        texts = texts_in(language)
        all_texts = dict(texts.phrases) | {f"{n}.subject": t.subject for n, t in texts.notices.items()}
        all_texts |= {f"{name}.text": text.text for name, text in texts.notices.items()}
        return {name: set(re.findall(r"{(\w+)}", text)) for name, text in all_texts.items()}

    assert set(LANGUAGES) == set(LANGUAGES_OF_TENANTS)
    for language in LANGUAGES:
        assert places(language) == places("sv"), language
        assert len(texts_in(language).months) == 12


def test_no_text_is_left_over() -> None:
    used = {
        mail.subject + mail.text
        for profile in (a_profile(), WAITING)
        for event in every_event_told(TOLD)
        for mail in compose(event, a_recipient(profile))
    }
    resets = 1  # told in two forms, of which each profile has one
    assert len(texts_in("sv").notices) == len(used) == len(every_event_told(TOLD)) + resets


@pytest.mark.requirement("E7")
def test_a_new_app_is_told_as_its_owner_reads_it() -> None:
    mail = the_mail(an_event())
    assert mail.to == "anna@firma.se"
    assert mail.sender_name == "Azets Cozone"
    assert mail.reply_to == "2FA_SEsupport@azets.com"
    assert mail.subject == "Azets Cozone: en app för inloggning har kopplats till ditt konto"
    assert mail.text == (
        "Hej!\n"
        "\n"
        "En ny app för verifieringskoder har kopplats till ditt konto i Azets Cozone. Om den ersatte en "
        "tidigare app fungerar den tidigare appens koder inte längre.\n"
        "\n"
        "När: 23 november 2026 kl. 12.00 svensk tid (11.00 UTC)\n"
        "Från nätverket: 203.0.113.0/24\n"
        "Referens: 0123456789abcdef0123456789abcdef\n"
        "\n"
        "Var det du? Då behöver du inte göra något.\n"
        "\n"
        "Var det inte du? Kontakta supporten för Azets Cozone: 2FA_SEsupport@azets.com. "
        "Säg referensen ovan.\n"
        "\n"
        "Det här mailet har skickats automatiskt. Det innehåller inga länkar, och vi ber aldrig om koder, "
        "nycklar eller lösenord i mail.\n"
    )


@pytest.mark.requirement("E7")
def test_every_address_gets_a_mail_of_its_own() -> None:
    recipient = a_recipient(addresses=("anna@firma.se", "anna@hem.se"))
    mails = compose(an_event(), recipient)
    assert [mail.to for mail in mails] == ["anna@firma.se", "anna@hem.se"]
    assert len({mail.text for mail in mails}) == 1


@pytest.mark.requirement("R6")
def test_a_used_recovery_code_is_told_with_how_many_are_left_and_few_with_what_to_do() -> None:
    six = the_mail(an_event(audit.RECOVERY_CODE_USED, details={"left": "6"})).text
    three = the_mail(an_event(audit.RECOVERY_CODE_USED, details={"left": "3"})).text
    assert "Antal koder kvar: 6." in six
    assert "Gör nya" not in six
    assert "Antal koder kvar: 3. Gör nya innan de tar slut." in three


def test_a_reset_that_waits_says_until_when_its_owner_can_object() -> None:
    """Also one by an earlier release, whose event does not say it."""
    event = an_event(audit.SECOND_FACTOR_RESET, actor="staff")
    (at_once,) = compose(event, a_recipient())
    (waits,) = compose(event, a_recipient(WAITING))
    assert "fungerar först från" not in at_once.text
    assert "fungerar först från 24 november 2026 kl. 12.00 svensk tid (11.00 UTC)." in waits.text


@pytest.mark.requirement("E7")
@pytest.mark.parametrize("profile", [a_profile(), WAITING], ids=["at once", "waiting"])
def test_a_reset_is_told_by_the_rule_of_its_time_whatever_the_profile_says_by_now(profile: Profile) -> None:
    def told(opens_at: int) -> str:
        event = an_event(audit.SECOND_FACTOR_RESET, actor="staff", details={"opens_at": str(opens_at)})
        (mail,) = compose(event, a_recipient(profile))
        return mail.text

    assert "fungerar först från 23 november 2026 kl. 14.00" in told(NOON_IN_SWEDEN + 2 * 3_600)
    assert "fungerar först från" not in told(NOON_IN_SWEDEN)


@pytest.mark.parametrize("event", [an_event(actor="staff"), an_event(source=None)])
def test_only_the_network_of_the_user_is_told(event: Event) -> None:
    """What the help desk did came from its own."""
    assert "nätverk" not in the_mail(event).text


def test_a_telephone_is_named_where_there_is_one() -> None:
    support = {"mail": "hjalp@byra.se", "phone": "010-123 45 67", "hours": None}
    (mail,) = compose(an_event(), a_recipient(a_profile(support=support)))
    assert "Kontakta supporten för Azets Cozone: hjalp@byra.se eller 010-123 45 67." in mail.text


@pytest.mark.parametrize(
    ("wanted", "default", "spoken"),
    [("fi", "sv", "fi"), ("de", "nb", "nb"), ("de", "fr", "en"), ("../secrets", "sv", "sv")],
)
def test_a_language_that_is_not_written_gives_the_tenants(wanted: str, default: str, spoken: str) -> None:
    assert language_for(wanted, default=default) == spoken


@pytest.mark.requirement("A2")
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x85", "\x00", "\u202e"])
def test_nothing_that_is_put_in_ends_a_line(end: str) -> None:
    assert one_line(f"Portal{end}Bcc: spy@evil.example") == "Portal Bcc: spy@evil.example"
    event = an_event(source=f"203.0.113.0/24{end}Bcc: spy@evil.example")
    mail = the_mail(event)
    message = EmailMessage()
    message["To"], message["Subject"], message["Reply-To"] = mail.to, mail.subject, mail.reply_to
    assert message["Bcc"] is None
    assert f"{end}Bcc" not in mail.text


@pytest.mark.requirement("A2", "R7")
def test_no_repr_shows_an_address() -> None:
    assert "firma" not in repr(a_recipient()) + repr(the_mail(an_event()))


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("sv", "23 november 2026 kl. 12.00 svensk tid (11.00 UTC)"),
        ("en", "23 November 2026 at 12:00 Swedish time (11:00 UTC)"),
        ("nb", "23. november 2026 kl. 12:00 norsk tid (11:00 UTC)"),
        ("da", "23. november 2026 kl. 12.00 dansk tid (11.00 UTC)"),
        ("fi", "23. marraskuuta 2026 klo 13.00 Suomen aikaa (11.00 UTC)"),
    ],
)
def test_each_language_tells_the_time_as_its_readers_clocks_show_it(language: str, shown: str) -> None:
    assert texts_in(language).moment(NOON_IN_SWEDEN) == shown
