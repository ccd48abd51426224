"""A command that takes something away is confirmed by the name of what it takes, said once more."""

from __future__ import annotations

import sys

from chalicelib.deployment.errors import DeploymentError


def require_confirmation(name: str, said: str | None, *, otherwise: str) -> None:
    """
    Return once *name* is confirmed: by *said*, or at the terminal if that is None.

    Raises:
        DeploymentError: It is not; *otherwise* begins the sentence and says what did not happen.
    """
    if said is None:
        if not sys.stdin.isatty():
            raise DeploymentError(f"{otherwise}. Without a terminal, confirm with YES={name}.")
        try:
            said = input(f"Type {name} to go on: ").strip()
        except (EOFError, KeyboardInterrupt) as error:
            raise DeploymentError(f"\n{otherwise}.") from error
    if said != name:
        raise DeploymentError(f"{otherwise}: '{said}' is not '{name}'.")
