"""A browser at the help desk's page: somebody of the staff, who signs in at an entrance of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.support.wizard import Answer, Phone, Wizard

# What the help desk says of the one it helps, and why.
SAID: Mapping[str, str] = {"reason": "The phone fell into the lake", "ticket": "INC-4711"}


class HelpDesk(Wizard):
    """One browser of one of the staff, whose own second factor goes by the wizard's routes."""

    phone: Phone

    def sign_in(self, *, password: str | None = None, **how: Any) -> Answer:
        """Send user name and password to the staff's entrance."""
        body = {
            "tenant": self.tenant,
            "username": self.username,
            "password": self.password if password is None else password,
        }
        return self.call("POST", "/api/help-desk/session", body, **how)

    def begins_work(self) -> HelpDesk:
        """Sign in and bind an authenticator, whose code is fresh from now on."""
        self.phone = self.enrolled()
        return self

    def users(self, **query: str) -> Answer:
        """Ask for a page of the list."""
        return self.call("GET", f"/api/help-desk/users?{urlencode(query)}")

    def counts(self) -> Answer:
        """Ask how many there are of each status."""
        return self.call("GET", "/api/help-desk/counts")

    def user(self, user_id: str) -> Answer:
        """Ask where a user stands."""
        return self.call("GET", f"/api/help-desk/user?{urlencode({'user': user_id})}")

    def user_of_reference(self, reference: str) -> Answer:
        """Ask who shows that reference."""
        return self.call("GET", f"/api/help-desk/user?{urlencode({'reference': reference})}")

    def reset(self, user_id: str, *, said: Mapping[str, Any] | None = None, **how: Any) -> Answer:
        """Reset a user whom the staff called back."""
        body = {"user": user_id, "identity_check": "call_back", **SAID, **(said or {})}
        return self.call("POST", "/api/help-desk/reset", body, **how)

    def unlock(self, user_id: str, *, said: Mapping[str, Any] | None = None, **how: Any) -> Answer:
        """Let a user try again at once."""
        return self.call("POST", "/api/help-desk/unlock", {"user": user_id, **SAID, **(said or {})}, **how)
