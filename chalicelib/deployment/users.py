"""`make user`: somebody who signs in with a password that our own directory checks."""

from __future__ import annotations

import getpass
import sys

from chalicelib.accounts.authority import UsernameRefusedError
from chalicelib.accounts.passwords import PasswordRefusedError
from chalicelib.accounts.record import LONGEST_PORTAL_USER_CHARACTERS, LONGEST_USERNAME_CHARACTERS
from chalicelib.accounts.store import UserExistsError
from chalicelib.deployment.administration import open_administration, told_in_sentences
from chalicelib.deployment.errors import DeploymentError


def add_user(
    stage: str, *, tenant_id: str, username: str, language: str | None, portal_user: str | None
) -> None:
    """
    Add somebody who signs in with *username*; the password is read from the terminal or from stdin.

    *portal_user* is what the tenant's portal calls them, so that both know the same person.

    Raises:
        DeploymentError: Name or password are refused, or the tenant is not there.
    """
    if not tenant_id or not username:
        raise DeploymentError("Say who it is: TENANT=... USERNAME=...")
    if portal_user is not None and not _is_taken_by_portals(portal_user):
        raise DeploymentError(
            f"PORTAL_USER must have 1 to {LONGEST_PORTAL_USER_CHARACTERS} characters that can be shown."
        )
    administration = open_administration(stage)
    with told_in_sentences():
        tenant = administration.tenant(tenant_id)
        languages = tenant.profile.languages
        if language is not None and language not in languages:
            raise DeploymentError(f"LANGUAGE must be one of the tenant's: {', '.join(languages)}.")
        if tenant.profile.passwords == "portal":
            raise DeploymentError(
                f"The portal of {tenant_id} holds the passwords: it hands its users over, and nobody "
                "is added here."
            )
        password = read_password(username)
        try:
            user = administration.services.directory.create_user(
                tenant,
                username=username,
                password=password,
                language=language or tenant.profile.default_language,
                portal_user=portal_user,
            )
        except UsernameRefusedError as error:
            raise DeploymentError(
                f"USERNAME must have 1 to {LONGEST_USERNAME_CHARACTERS} characters that can be shown;"
                " a mail address takes no ß or the like."
            ) from error
        except PasswordRefusedError as error:
            raise DeploymentError(f"The password is refused: {error}") from error
        except UserExistsError as error:
            either = "" if portal_user is None else f", or the portal's {portal_user} does"
            raise DeploymentError(f"{username} exists already in {tenant_id}{either}.") from error
    url = administration.output_of_the_app("Url")
    if url is None:
        print(f"{user.username} is added, and can sign in after make deploy STAGE={stage}")
    else:
        print(f"{user.username} can sign in at {url}/?tenant={tenant_id}")


def _is_taken_by_portals(portal_user: str) -> bool:
    return portal_user.isprintable() and 0 < len(portal_user) <= LONGEST_PORTAL_USER_CHARACTERS


def read_password(username: str) -> str:
    """
    Return the password typed twice at the terminal; without one, the first line of stdin.

    Raises:
        DeploymentError: It was not typed, or not twice the same.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    try:
        password = getpass.getpass(f"Password of {username}: ")
        repeated = getpass.getpass("Once more: ")
    except (EOFError, KeyboardInterrupt) as error:
        raise DeploymentError("\nNobody was added.") from error
    if repeated != password:
        raise DeploymentError("The two are not the same. Nobody was added.")
    return password
