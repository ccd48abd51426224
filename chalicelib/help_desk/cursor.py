"""
How far a list was read, as text that only we can have written.

A cursor leads to nobody else's rows whatever is in it, for the tenant comes from the
session. It is sealed all the same: what comes back is what was given, for the same
list of the same tenant, and nothing that somebody tried.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.accounts.listing import Place
from chalicelib.errors import BodyMalformedError

_MAC_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class ListKind:
    """One list of one tenant, whose *key* nobody else has: which statuses, and which names."""

    key: bytes = field(repr=False)
    statuses: Sequence[str]
    prefix: str

    def cursor(self, place: Place) -> str:
        """Return *place* in this list as text for a query."""
        payload = json.dumps([place.name, place.last_ids], separators=(",", ":")).encode()
        return _encoded(self._mac(payload) + payload)

    def place(self, cursor: str) -> Place:
        """
        Return the place that *cursor* stands for.

        Raises:
            BodyMalformedError: It was not given for this list.
        """
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise _not_ours() from error
        mac, payload = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        # One place has one cursor: the decoder would skip whatever is not base64.
        if not hmac.compare_digest(mac, self._mac(payload)) or _encoded(sealed) != cursor:
            raise _not_ours()
        name, last_ids = json.loads(payload)
        return Place(name=name, last_ids=last_ids)

    def _mac(self, payload: bytes) -> bytes:
        which = json.dumps([*self.statuses, self.prefix]).encode()
        message = b"cursor|" + hashlib.sha256(which).digest() + payload
        return hmac.digest(self.key, message, "sha256")[:_MAC_BYTES]


def _encoded(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _not_ours() -> BodyMalformedError:
    return BodyMalformedError("after: was not given for this list", field="after")
