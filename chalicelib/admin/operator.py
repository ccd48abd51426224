"""Who gives a command, and on which occasion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.audit.event import Event, operator_actor


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator by their IAM *identity* (an ARN, or ``local``), at *now* (epoch seconds)."""

    identity: str
    request_id: str
    now: int

    def event(
        self,
        kind: str,
        *,
        tenant_id: str,
        user_id: str,
        subject: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Event:
        """Return the event that tells what they did about one user."""
        return Event(
            kind=kind,
            tenant_id=tenant_id,
            user_id=user_id,
            occurred_at=self.now,
            actor=operator_actor(self.identity),
            request_id=self.request_id,
            reference=None,
            subject=subject,
            details=details,
        )
