"""One user with a browser at the portal, while Tvåsteg is played behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http.cookiejar import Cookie
from urllib.parse import urlencode

from browser import Browser, Page
from stand_in import Play

CODE = "123456"


@dataclass(frozen=True, kw_only=True)
class Portal:
    """The portal to test: where its forms are, what they are filled with, and what nobody else sees."""

    url: str
    sign_in_path: str
    username_field: str
    password_field: str
    code_field: str | None
    username: str
    password: str
    protected_path: str
    protected_text: str


class Visit:
    """What a user does at *portal*, and what it lets them see."""

    def __init__(self, portal: Portal, play: Play) -> None:
        self._portal = portal
        self._shown: Page | None = None
        self.play = play
        self.browser = Browser(portal.url)

    def takes_new_browser(self, *, cookies: Iterable[Cookie] = ()) -> None:
        """Be somebody who has never been here before, but may have come by *cookies*."""
        self.browser = Browser(self._portal.url)
        for cookie in cookies:
            self.browser.cookies.set_cookie(cookie)

    def opens_sign_in(self) -> list[Cookie]:
        """Look at the form for user name and password; return the cookies that the browser has then."""
        self.browser.open(self._portal.sign_in_path)
        return list(self.browser.cookies)

    def goes_the_whole_way(self) -> None:
        """Prove the password, then do whatever the portal asks for."""
        self.gives_password()
        if self.play.hand_off is not None:
            self.comes_back()
        elif self.play.next == "verify":
            self.gives_code()

    def gives_password(self) -> None:
        """Fill in the form for user name and password."""
        self.play.hand_off = None
        portal = self._portal
        form = self.browser.open(portal.sign_in_path).form_with(
            portal.username_field, portal.password_field
        )
        if form is None:
            raise LookupError(f"no form with {portal.username_field} and {portal.password_field} is there")
        typed = {portal.username_field: portal.username, portal.password_field: portal.password}
        self._shown = self.browser.send(form, **typed)

    def gives_code(self) -> None:
        """Fill in the field for the code, if it is shown."""
        form = self._shown.form_with(self._portal.code_field or "") if self._shown else None
        if form is not None:
            self.browser.send(form, **{self._portal.code_field or "": CODE})

    def return_address(self, **changes: str | None) -> str:
        """Return where Tvåsteg sends the user at the end, with *changes*; None leaves a part out."""
        if self.play.hand_off is None:
            raise LookupError("the portal asked for no hand-off, though the user is to enrol")
        query = {"code": "played-by-the-kit", "state": self.play.hand_off["state"], **changes}
        kept = {name: value for name, value in query.items() if value is not None}
        return f"{self.play.hand_off['return_url']}?{urlencode(kept)}"

    def comes_back(self, **changes: str | None) -> None:
        """Come back from Tvåsteg."""
        self.browser.open(self.return_address(**changes))

    def is_in(self) -> bool:
        """Say whether this browser is shown what only signed-in users see."""
        page = self.browser.open(self._portal.protected_path)
        was_sent_away = not page.url.endswith(self._portal.protected_path)
        return page.status == 200 and not was_sent_away and self._portal.protected_text in page.text  # noqa: PLR2004
