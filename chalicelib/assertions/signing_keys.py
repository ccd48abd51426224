"""
The keys that sign assertions, and which of them does so when. Pure: no clock, no storage.

KMS rotates no asymmetric key by itself. A new key is published a day before it
signs, and the one before it a day after its last signature, so that a portal
that asks for our keys once a day refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OVERLAP_SECONDS = 24 * 60 * 60
# A ring takes a while to reach every instance: the day begins when the last one publishes it.
NOTICE_SECONDS = OVERLAP_SECONDS + 5 * 60


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """One key: its ARN or alias at KMS, its public JWK, and from when on it signs (epoch seconds)."""

    key_id: str
    jwk: Mapping[str, Any]
    signs_from: int

    @property
    def kid(self) -> str:
        """The name under which portals find it."""
        return str(self.jwk["kid"])


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """All keys there are, in the order in which they sign; the first has no beginning."""

    keys: tuple[SigningKey, ...]

    def signing(self, *, now: int) -> SigningKey:
        """Return the key that signs at *now*."""
        return [key for key in self.keys if key.signs_from <= now][-1]

    def published(self, *, now: int) -> tuple[SigningKey, ...]:
        """Return the keys that a portal must know at *now*, the one that signs first."""
        signing = self.signing(now=now)
        others = [
            key
            for key, successor in zip(self.keys, (*self.keys[1:], None), strict=True)
            if key is not signing and (successor is None or now <= successor.signs_from + OVERLAP_SECONDS)
        ]
        return (signing, *others)

    def with_next(self, key_id: str, jwk: Mapping[str, Any], *, now: int) -> KeyRing:
        """
        Return the ring with one more key, published from *now* and signing a day and a little later.

        Keys that need not be published any more are left out.

        Raises:
            ValueError: A key waits to sign already.
        """
        if self.keys[-1].signs_from > now:
            raise ValueError("a key waits to sign already")
        successor = SigningKey(key_id=key_id, jwk=jwk, signs_from=now + NOTICE_SECONDS)
        needed = {key.kid for key in self.published(now=now)}
        return KeyRing(keys=(*[key for key in self.keys if key.kid in needed], successor))
