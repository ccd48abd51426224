"""A browser as far as a sign-in needs one: cookies, forms, and redirects within the portal."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPErrorProcessor, ProxyHandler, Request, build_opener

PATIENCE_SECONDS = 30
MOST_REDIRECTS = 10
_REDIRECTS = {301, 302, 303, 307, 308}
# A browser sends cookies marked Secure to this machine without TLS, too.
_SECURE_PROTOCOLS = ("https", "http")


@dataclass(kw_only=True)
class Form:
    """A form that is sent by POST to *action*, with the values its page gives to *fields*."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is shown at the end of all redirects within the portal; *sent_to* is where another leads."""

    status: int
    url: str
    text: str
    sent_to: str

    def form_with(self, *names: str) -> Form | None:
        """Return the first form that has all fields of those names, or None."""
        reader = _FormReader(self.url)
        reader.feed(self.text)
        return next((form for form in reader.forms if form.fields.keys() >= set(names)), None)


class Browser:
    """One browser, which has never been at the portal at *origin* before."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.cookies = CookieJar(DefaultCookiePolicy(secure_protocols=_SECURE_PROTOCOLS))
        self._opener = build_opener(HTTPCookieProcessor(self.cookies), ProxyHandler({}), _AnswersAsTheyAre)

    def open(self, address: str) -> Page:
        """Go to *address*, a path or a whole URL, and return what is shown."""
        return self._follow(Request(urljoin(f"{self.origin}/", address)))  # noqa: S310 - of the portal

    def send(self, form: Form, **typed: str) -> Page:
        """Fill *typed* into *form*, send it, and return what is shown."""
        content = urlencode(form.fields | typed).encode()
        return self._follow(Request(form.action, content))  # noqa: S310 - of the portal

    def _follow(self, request: Request) -> Page:
        for _ in range(MOST_REDIRECTS):
            with self._opener.open(request, timeout=PATIENCE_SECONDS) as answer:
                page = Page(
                    status=answer.status,
                    url=request.full_url,
                    text=answer.read().decode(errors="replace"),
                    sent_to=urljoin(request.full_url, answer.headers.get("Location", "")),
                )
            if page.status not in _REDIRECTS or not page.sent_to.startswith(f"{self.origin}/"):
                return page  # what is at Tvåsteg, the kit plays itself
            request = Request(page.sent_to)  # noqa: S310 - of the portal
        return page


class _AnswersAsTheyAre(HTTPErrorProcessor):
    """Neither follows redirects nor raises."""

    def http_response(self, request: Request, response: Any) -> Any:  # noqa: ANN401, ARG002 - urllib's
        return response

    https_response = http_response


class _FormReader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(action=urljoin(self._url, attributes.get("action", ""))))
        elif tag == "input" and self.forms and attributes.get("name"):
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")
