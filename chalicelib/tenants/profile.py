"""
A tenant's profile: how one portal looks, speaks and what it asks of its users.

Profiles are JSON files that an operator reviews; `profile_file.py` reads one, its logos with it.
`Profile.from_json` takes what is then kept, or says everything that is wrong with it at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chalicelib.methods import METHODS
from chalicelib.provisioning import fits_in_a_key_uri
from chalicelib.settings import TENANT_ID
from chalicelib.tenants.client import MOST_CLIENTS, Client, client_of, faults_of_client

LANGUAGES = ("sv", "en", "nb", "da", "fi")
SECOND_FACTOR_POLICIES = ("required", "optional")
PASSWORD_HOLDERS = ("directory", "portal")
LONGEST_GRACE_DAYS = 365
LONGEST_REMEMBER_DAYS = 90
LONGEST_RESET_WAIT_HOURS = 14 * 24
MOST_HOSTS = 20
LONGEST_ISSUER_CHARACTERS = 20
LONGEST_URL_CHARACTERS = 2_000

COLOUR = re.compile(r"#[0-9a-f]{6}")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost"})
_DAY_SECONDS = 24 * 60 * 60
_MAIL = re.compile(r"[^@\s?&]+@[^@\s?&]+\.[^@\s?&]+")
# Also what earlier releases took. Never two slashes: ``//name`` would be another host.
_LOGO_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+\.svg")


class ProfileError(ValueError):
    """The profile cannot be used; the message lists every fault."""


@dataclass(frozen=True, kw_only=True)
class Brand:
    """
    What the page wears: a colour ``#rrggbb`` and the path of a logo on our origin, or None.

    *logo_dark* takes the logo's place on dark pages, which else put it on white.
    """

    colour: str
    logo: str | None
    logo_dark: str | None = None


@dataclass(frozen=True, kw_only=True)
class Support:
    """Whom a user asks. *hours* holds a sentence per language, or None."""

    mail: str
    phone: str | None
    hours: Mapping[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """
    Whether a second factor is asked for, and how much time users have.

    With a *deadline* nobody is held to it before that day (UTC) has passed; with
    *grace_days* each user has that many days from when they were first met. The
    later of the two counts, and neither means at once. *remember_days* is how long a browser
    may stand for the code, None for never. *reset_wait_hours* is how long the help desk's
    one-time code waits before it works.
    """

    second_factor: str
    deadline: date | None
    grace_days: int | None = None
    remember_days: int | None = None
    reset_wait_hours: int | None = None

    @property
    def is_required(self) -> bool:
        """True where a second factor is or will be a must."""
        return self.second_factor == "required"

    @property
    def gives_time(self) -> bool:
        """True where a user may come in without one for a while."""
        return self.is_required and (self.deadline is not None or bool(self.grace_days))

    def due_at(self, *, first_met_at: int) -> int:
        """Return until when somebody first met at *first_met_at* may wait (both epoch seconds)."""
        due_at = first_met_at + (self.grace_days or 0) * _DAY_SECONDS
        if self.deadline is not None:
            day_after = datetime.combine(self.deadline, datetime.min.time(), UTC) + timedelta(days=1)
            due_at = max(due_at, int(day_after.timestamp()))
        return due_at


@dataclass(frozen=True, kw_only=True)
class Profile:
    """
    One tenant, as its operator wrote it.

    *strict_window* refuses codes of the time step to come; *return_urls* are the
    exact addresses a finished user may be sent to, the first being the default.
    *hosts* are names of ours under which the page opens this tenant by itself.
    *passwords* says who checks them: our directory, or the portal, which then has
    a *sign_in_url* and perhaps another where it only asks for the password again.
    *own_key* seals the secrets under a KMS key that no other tenant shares.
    *recovery_codes* says whether users get codes for the day the phone is lost.
    """

    tenant_id: str
    portal_name: str
    issuer: str
    brand: Brand
    support: Support
    languages: tuple[str, ...]
    default_language: str
    methods: tuple[str, ...]
    policy: Policy
    return_urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    clients: tuple[Client, ...] = ()
    passwords: str = "directory"
    sign_in_url: str | None = None
    reauthentication_url: str | None = None
    own_key: bool = False
    forgotten_password_url: str | None = None
    neutral_password_errors: bool = False
    strict_window: bool = False
    recovery_codes: bool = True
    source: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def from_json(cls, source: object, *, local: bool = False) -> Profile:
        """
        Return the profile that the JSON object *source* describes.

        *local* takes http addresses of this machine too, for portals in development.

        Raises:
            ProfileError: Anything is missing, unknown or out of range.
        """
        reader = _Reader(source, local=local)
        policy = reader.section("policy")
        brand = reader.section("brand")
        support = reader.section("support")
        profile = cls(
            tenant_id=reader.text("id", pattern=TENANT_ID),
            portal_name=reader.text("portal_name", longest=60),
            issuer=reader.text("issuer", longest=LONGEST_ISSUER_CHARACTERS),
            brand=Brand(
                colour=brand.text("colour", pattern=COLOUR),
                logo=brand.optional_text("logo", pattern=_LOGO_PATH),
                logo_dark=brand.optional_text("logo_dark", pattern=_LOGO_PATH),
            ),
            support=Support(
                mail=support.text("mail", pattern=_MAIL),
                phone=support.optional_text("phone"),
                hours=support.optional_sentences("hours"),
            ),
            languages=reader.choices("languages", LANGUAGES),
            default_language=reader.text("default_language"),
            methods=reader.choices("methods", tuple(METHODS)),
            policy=Policy(
                second_factor=policy.choice("second_factor", SECOND_FACTOR_POLICIES),
                deadline=policy.optional_day("deadline"),
                grace_days=policy.optional_count("grace_days", most=LONGEST_GRACE_DAYS),
                remember_days=policy.optional_count("remember_days", most=LONGEST_REMEMBER_DAYS),
                reset_wait_hours=policy.optional_count("reset_wait_hours", most=LONGEST_RESET_WAIT_HOURS),
            ),
            return_urls=reader.https_urls("return_urls"),
            hosts=reader.hosts("hosts"),
            clients=reader.clients("clients"),
            passwords=reader.choice("passwords", PASSWORD_HOLDERS, default="directory"),
            sign_in_url=reader.optional_https_url("sign_in_url"),
            reauthentication_url=reader.optional_https_url("reauthentication_url"),
            own_key=reader.switch("own_key"),
            forgotten_password_url=reader.optional_https_url("forgotten_password_url"),
            neutral_password_errors=reader.switch("neutral_password_errors"),
            strict_window=reader.switch("strict_window"),
            recovery_codes=reader.switch("recovery_codes", default=True),
            source=source if isinstance(source, dict) else {},
        )
        for section in (reader, policy, brand, support):
            section.refuse_unknown()
        if profile.brand.logo_dark is not None and profile.brand.logo is None:
            brand.fault("logo_dark", "needs a logo beside it")
        if profile.issuer and not fits_in_a_key_uri(issuer=profile.issuer, account_name="a" * 20):
            reader.fault("issuer", "holds a colon or is too long for a QR code")
        if profile.languages and profile.default_language not in profile.languages:
            reader.fault("default_language", "is not one of the languages")
        if profile.passwords == "portal" and profile.sign_in_url is None:
            reader.fault("sign_in_url", "is needed where the portal holds the passwords")
        if profile.clients and not profile.return_urls:
            reader.fault("return_urls", "need at least one address for the clients' users")
        if reader.faults:
            raise ProfileError("; ".join(reader.faults))
        return profile

    def client(self, name: str) -> Client | None:
        """Return the client of that name, or None."""
        return next((client for client in self.clients if client.name == name), None)

    def as_public_json(self) -> dict[str, Any]:
        """Return what anybody may know of the tenant: what the page needs before sign-in."""
        deadline = self.policy.deadline
        return {
            "id": self.tenant_id,
            "portal_name": self.portal_name,
            "issuer": self.issuer,
            "brand": {
                "colour": self.brand.colour,
                "logo": self.brand.logo,
                "logo_dark": self.brand.logo_dark,
            },
            "support": {
                "mail": self.support.mail,
                "phone": self.support.phone,
                "hours": dict(self.support.hours) if self.support.hours else None,
            },
            "languages": list(self.languages),
            "default_language": self.default_language,
            "methods": list(self.methods),
            "policy": {
                "second_factor": self.policy.second_factor,
                "deadline": deadline.isoformat() if deadline else None,
                "remember_days": self.policy.remember_days or None,
            },
            "return_url": self.return_urls[0] if self.return_urls else None,
            "passwords": self.passwords,
            "sign_in_url": self.sign_in_url,
            "reauthentication_url": self.reauthentication_url or self.sign_in_url,
            "forgotten_password_url": self.forgotten_password_url,
            "neutral_password_errors": self.neutral_password_errors,
        }


class _Reader:
    """Reads one JSON object field by field and keeps a list of what is wrong."""

    def __init__(
        self, source: object, *, path: str = "", faults: list[str] | None = None, local: bool = False
    ) -> None:
        self._path = path
        self._local = local
        self.faults: list[str] = [] if faults is None else faults
        self._known: set[str] = set()
        self._source: Mapping[str, Any] = {}
        if isinstance(source, dict):
            self._source = source
        else:
            self.faults.append(f"{path.removesuffix('.') or 'the profile'}: is not a JSON object")

    def fault(self, name: str, problem: str) -> None:
        self.faults.append(f"{self._path}{name}: {problem}")

    def section(self, name: str) -> _Reader:
        path = f"{self._path}{name}."
        return _Reader(self._take(name), path=path, faults=self.faults, local=self._local)

    def text(self, name: str, *, longest: int = 200, pattern: re.Pattern[str] | None = None) -> str:
        return self._checked_text(name, self._take(name), longest=longest, pattern=pattern)

    def optional_text(self, name: str, *, pattern: re.Pattern[str] | None = None) -> str | None:
        value = self._take(name)
        if value is None:
            return None
        return self._checked_text(name, value, longest=200, pattern=pattern)

    def optional_sentences(self, name: str) -> Mapping[str, str] | None:
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, dict) or not value:
            self.fault(name, "is not an object of language and sentence")
            return None
        for language, sentence in value.items():
            if language not in LANGUAGES:
                self.fault(f"{name}.{language}", "is not a language we speak")
            self._checked_text(f"{name}.{language}", sentence, longest=200, pattern=None)
        return value

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
        value = self._take(name)
        if value is None and default is not None:
            return default
        if value not in allowed:
            self.fault(name, f"is not one of {', '.join(allowed)}")
            return ""
        return str(value)

    def choices(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        values = self._take(name)
        if not isinstance(values, list) or not values:
            self.fault(name, "is not a list with at least one entry")
            return ()
        if any(value not in allowed for value in values) or len(set(values)) != len(values):
            self.fault(name, f"holds something twice or other than {', '.join(allowed)}")
            return ()
        return tuple(values)

    def switch(self, name: str, *, default: bool = False) -> bool:
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.fault(name, "is neither true nor false")
        return value is True

    def optional_day(self, name: str) -> date | None:
        value = self._take(name)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            self.fault(name, "is not a day such as 2027-01-31")
            return None

    def optional_count(self, name: str, *, most: int) -> int | None:
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.fault(name, f"is not a whole number from 0 to {most}")
            return None
        return value

    def https_urls(self, name: str) -> tuple[str, ...]:
        return tuple(url for url in self._optional_list(name) if self._is_https_url(name, url))

    def hosts(self, name: str) -> tuple[str, ...]:
        values = self._optional_list(name)
        if len(values) > MOST_HOSTS:
            self.fault(name, f"are more than {MOST_HOSTS}")
        for value in values:
            self._checked_text(name, value, longest=253, pattern=_HOST)
        if len({str(value) for value in values}) != len(values):
            self.fault(name, "names a host twice")
        return tuple(value for value in values if isinstance(value, str))

    def clients(self, name: str) -> tuple[Client, ...]:
        values = self._optional_list(name)
        if len(values) > MOST_CLIENTS:
            self.fault(name, f"are more than {MOST_CLIENTS}")
        faults = [(place, fault) for place, value in enumerate(values) for fault in faults_of_client(value)]
        for place, fault in faults:
            self.fault(f"{name}.{place}", fault)
        if faults:
            return ()
        clients = tuple(client_of(value) for value in values)
        if len({client.name for client in clients}) != len(clients):
            self.fault(name, "hold a name twice")
        return clients

    def _optional_list(self, name: str) -> list[Any]:
        values = self._take(name)
        if values is not None and not isinstance(values, list):
            self.fault(name, "is not a list")
            return []
        return values or []

    def optional_https_url(self, name: str) -> str | None:
        value = self._take(name)
        return value if value is not None and self._is_https_url(name, value) else None

    def refuse_unknown(self) -> None:
        for name in sorted(set(self._source) - self._known):
            self.fault(name, "is not known")

    def _take(self, name: str) -> Any:  # noqa: ANN401 - JSON, checked by the caller
        self._known.add(name)
        return self._source.get(name)

    def _checked_text(
        self, name: str, value: object, *, longest: int, pattern: re.Pattern[str] | None
    ) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.fault(name, "is missing or not a line of text")
            return ""
        if len(value) > longest:
            self.fault(name, f"is longer than {longest} characters")
        elif pattern is not None and not pattern.fullmatch(value):
            self.fault(name, f"does not look like {pattern.pattern}")
        return value

    def _is_https_url(self, name: str, value: object) -> bool:
        if isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value:
            try:
                parts = urlsplit(value)
                exact = self._is_safe(parts) and bool(parts.hostname) and parts.username is None
                exact = (
                    exact
                    and (parts.port is None or parts.port > 0)
                    and len(value) <= LONGEST_URL_CHARACTERS
                )
            except ValueError:
                exact = False
            if exact and "\\" not in value and not parts.fragment:
                return True
        self.fault(name, "is not an exact https address")
        return False

    def _is_safe(self, parts: SplitResult) -> bool:
        return parts.scheme == "https" or (
            self._local and parts.scheme == "http" and parts.hostname in _LOOPBACK_NAMES
        )
