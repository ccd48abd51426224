"""Why an operator's request or one row of it is refused: sentences that hold no value of the row."""

from __future__ import annotations


class AdminRefusedError(Exception):
    """The request as a whole is refused; the message says why, in a sentence for the operator."""


class RowRefusedError(ValueError):
    """One row is refused; the message says why. It never holds what stood in the row."""
