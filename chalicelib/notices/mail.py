"""
The mail that tells of an event: text, and nothing but text.

No link stands in it, not even to the portal: whoever sends look-alikes of it must not find
readers who have learnt to click. No code, key, password or user name does either. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.accounts.addresses import mail_address_of
from chalicelib.audit.event import SECOND_FACTOR_RESET, Event
from chalicelib.notices.choice import text_name
from chalicelib.notices.texts import Texts, language_for, texts_in
from chalicelib.tenants.profile import Profile

_LONGEST_VALUE_CHARACTERS = 254
_HOUR_SECONDS = 60 * 60
_TOLD_OF_DETAILS = ("failures", "left")


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Whom a notice is for: *addresses* may be none, *profile* is that of their tenant."""

    profile: Profile
    language: str
    addresses: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail to one address. No field but *text* holds a line end."""

    to: str = field(repr=False)
    sender_name: str
    reply_to: str | None
    subject: str
    text: str = field(repr=False)


def compose(event: Event, recipient: Recipient) -> tuple[Mail, ...]:
    """
    Return the mails that tell *recipient* of *event*, one for each address.

    Raises:
        LookupError, ValueError: The event lacks what its kind has to say.
    """
    profile = recipient.profile
    opens_at = _opens_at(event, profile)
    name = text_name(event, opens_later=opens_at is not None)
    if name is None:
        return ()
    texts = texts_in(language_for(recipient.language, default=profile.default_language))
    values = _values(event, profile, texts)
    if opens_at is not None:
        values["opens_at"] = texts.moment(opens_at)
    notice = texts.notices[name]
    phrases = [
        texts.phrases["greeting"],
        notice.text,
        "\n".join(texts.phrases[phrase] for phrase in _facts(event)),
        texts.phrases["it_was_me"],
        texts.phrases["it_was_not_me"],
        texts.phrases["closing"],
    ]
    text = "\n\n".join(phrase.format_map(values) for phrase in phrases) + "\n"
    return tuple(
        Mail(
            to=address,
            sender_name=values["portal"],
            reply_to=mail_address_of(profile.support.mail),
            subject=notice.subject.format_map(values),
            text=text,
        )
        for address in recipient.addresses
    )


def one_line(value: str) -> str:
    """Return *value* as one line of what can be shown: nothing in it ends, turns or hides text."""
    shown = "".join(character if character.isprintable() else " " for character in value)
    return " ".join(shown.split())[:_LONGEST_VALUE_CHARACTERS]


def _values(event: Event, profile: Profile, texts: Texts) -> dict[str, str]:
    # Nothing else of the details: why and how the help desk acted is not for a mail.
    details = event.details or {}
    values = {name: one_line(details[name]) for name in _TOLD_OF_DETAILS if name in details}
    values |= {
        "portal": one_line(profile.portal_name),
        "mail": one_line(profile.support.mail),
        "phone": one_line(profile.support.phone or ""),
        "when": texts.moment(event.occurred_at),
        "network": one_line(event.source or ""),
        "reference": one_line(event.event_id),
    }
    support = "support_with_phone" if profile.support.phone else "support"
    values["support"] = texts.phrases[support].format_map(values)
    return values


def _facts(event: Event) -> list[str]:
    # Of what the help desk or a portal's server did, the network would be theirs.
    is_users_own = event.source is not None and event.actor == event.user_id
    return ["when", *(["network"] if is_users_own else []), "reference"]


def _opens_at(event: Event, profile: Profile) -> int | None:
    """Return from when a reset's one-time code works, if that is not at once (epoch seconds)."""
    if event.kind != SECOND_FACTOR_RESET:
        return None
    # An event of an earlier release does not say it: then it is as the profile has it by now.
    by_profile = event.occurred_at + (profile.policy.reset_wait_hours or 0) * _HOUR_SECONDS
    opens_at = int((event.details or {}).get("opens_at", by_profile))
    return opens_at if opens_at > event.occurred_at else None
