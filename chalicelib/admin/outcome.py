"""What became of one row of an import, as the operator reads it."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.admin.refusals import RowRefusedError

ADDED = "added"
IMPORTED = "imported"
UNCHANGED = "unchanged"
REFUSED = "refused"
OUTCOMES = (ADDED, IMPORTED, UNCHANGED, REFUSED)


@dataclass(frozen=True, kw_only=True)
class RowOutcome:
    """The *kind* of outcome, and why a row was refused."""

    kind: str
    reason: str | None = None

    @classmethod
    def done(cls, kind: str) -> RowOutcome:
        """Return that the row took effect, or would but for a dry run, which is told as a whole."""
        return cls(kind=kind)

    @classmethod
    def unchanged(cls) -> RowOutcome:
        """Return that everything was so before."""
        return cls(kind=UNCHANGED)

    @classmethod
    def refused(cls, error: RowRefusedError) -> RowOutcome:
        """Return that the row was refused, and why."""
        return cls(kind=REFUSED, reason=str(error))

    def as_json(self) -> dict[str, str]:
        """Return it as the commands read it."""
        return {"outcome": self.kind} | ({"reason": self.reason} if self.reason else {})
