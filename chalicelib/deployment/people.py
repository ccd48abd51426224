"""`make staff`, `make export-users`, `make export-user` and `make erase-user`."""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import ClientError

from chalicelib.accounts.addresses import mail_address_of
from chalicelib.accounts.record import HELP_DESK, USER
from chalicelib.admin.export import MOST_USERS_A_PAGE
from chalicelib.deployment.admin_client import LOCAL, AdminClient, open_admin
from chalicelib.deployment.administration import open_administration, told_time
from chalicelib.deployment.confirmation import require_confirmation
from chalicelib.deployment.erasure import remove_whatever_names
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.users import read_password

# A request that was let in before may still be answered for so long, and leave a row.
SETTLE_SECONDS = 15
FORMATS = ("csv", "jsonl")
_COLUMNS = ("id", "username", "portal_user", "language", "status", "created_at", "addresses")
# What a spreadsheet would take for the beginning of a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, kw_only=True)
class About:
    """Which stage, tenant and person a command is about; *port* is that of `make run`."""

    stage: str
    tenant: str
    port: int
    username: str = ""
    portal_user: str = ""
    role: str = USER
    as_json: bool = False

    def __post_init__(self) -> None:
        """Refuse a command that leaves out what it is about."""
        if not self.tenant:
            raise DeploymentError("Say which tenant: TENANT=...")

    def opened(self) -> AdminClient:
        """Return who answers."""
        return open_admin(self.stage, port=self.port)

    @property
    def person(self) -> dict[str, str]:
        """The arguments that name the person."""
        if not self.username and not self.portal_user:
            raise DeploymentError("Say who it is: USER=..., or PORTAL_USER=...")
        named = {"username": self.username, "portal_user": self.portal_user}
        return {"tenant": self.tenant, "role": self.role} | {k: v for k, v in named.items() if v}


def add_or_list_staff(about: About, *, language: str | None, addresses: str | None = None) -> None:
    """
    Add somebody to the help desk; without a name, list who is there.

    The password is read from the terminal or from stdin. Notices of what happens to their own
    second factor go to *addresses*, by semicolons; without any to the name, if it is an address.

    Raises:
        DeploymentError: Name, password or addresses are refused.
    """
    admin = about.opened()
    if not about.username:
        for member in admin.ask("list_staff", tenant=about.tenant)["staff"]:
            since = told_time(member["created_at"])
            told = f"{member['username']}  {member['second_factor']}  since {since}"
            print(json.dumps(member, ensure_ascii=False) if about.as_json else told)
        return
    said = {"language": language, "addresses": addresses}
    arguments: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    password = read_password(about.username)
    added = admin.ask(
        "add_staff",
        tenant=about.tenant,
        user=secrets.token_hex(16),  # by which a request that is sent again is known for the same
        username=about.username,
        password=password,
        **arguments,
    )
    print(f"{added['username']} is of the help desk of {about.tenant}.")
    print("They sign in at /help-desk/ and set up a second factor of their own there first.")
    if not addresses and mail_address_of(added["username"]) is None:
        print("No mail tells them of what happens to it: the name is no mail address, so say ADDRESSES=...")


def remove_staff(about: About) -> None:
    """
    Take somebody off the help desk, at once; what they did stays on record.

    Raises:
        DeploymentError: There is nobody of that name.
    """
    admin = about.opened()
    person = _found(admin, about)
    admin.ask("erase_user", tenant=about.tenant, **person.same)
    print(f"{about.username} is of the help desk of {about.tenant} no more, and signed out everywhere.")
    print(f"Their id in events is {person.user_id}.")
    admin.ask("sweep_user", tenant=about.tenant, user=person.user_id)


def export_users(about: About, *, form: str, out: Path | None) -> int:
    """
    Write the tenant's users, page by page, to *out* or to stdout; return how many.

    Raises:
        DeploymentError: The format is unknown, or the file cannot be written.
    """
    if form not in FORMATS:
        raise DeploymentError(f"FORMAT must be {' or '.join(FORMATS)}.")
    count = 0
    with _writing(out) as file:
        writer = csv.DictWriter(file, _COLUMNS)
        if form == "csv":
            writer.writeheader()
        for user in users_of(about.opened(), about.tenant):
            count += 1
            if form == "csv":
                writer.writerow({name: _cell(user[name]) for name in _COLUMNS})
            else:
                file.write(json.dumps(user, ensure_ascii=False) + "\n")
    if out is not None:
        print(f"{count:,} users of {about.tenant} are written to {out}.")
    return count


def users_of(admin: AdminClient, tenant: str) -> Iterator[Mapping[str, Any]]:
    """Yield the tenant's users by name, a page of them held at a time."""
    after: object = None
    while True:
        page = admin.ask("list_users", tenant=tenant, after=after, limit=MOST_USERS_A_PAGE)
        yield from page["users"]
        after = page["next"]
        if after is None:
            return


def export_user(about: About, *, out: Path | None) -> None:
    """
    Write all that is kept of one person as JSON, their events included.

    Raises:
        DeploymentError: There is nobody of that name, or the file cannot be written.
    """
    admin = about.opened()
    person = _found(admin, about)
    events = list(_events(admin, about, since=person.created_at))
    told = {**person.kept, "events": events, "exported_at": int(time.time())}
    with _writing(out) as file:
        file.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    if out is not None:
        print(f"Everything that is kept of one user of {about.tenant} is written to {out}.")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Who is called so, and all that is kept of them."""

    user_id: str
    created_at: int
    kept: Mapping[str, Any]

    @property
    def same(self) -> dict[str, Any]:
        """The arguments that mean them, and nobody who has their id later."""
        return {"user": self.user_id, "created_at": self.created_at}


def _found(admin: AdminClient, about: About) -> _Found:
    kept = admin.ask("export_user", **about.person)
    (user,) = (row for row in kept["rows"] if row["kind"] == "USER")
    return _Found(user_id=kept["user"], created_at=user["created_at"], kept=kept)


def _events(admin: AdminClient, about: About, *, since: int) -> Iterator[Mapping[str, Any]]:
    day = datetime.fromtimestamp(since, UTC).date()
    today = datetime.now(UTC).date()
    while day <= today:
        after = None
        while True:
            page = admin.ask("events_of_day", **about.person, day=f"{day:%Y%m%d}", after=after)
            yield from page["events"]
            after = page["next"]
            if after is None:
                break
        day += timedelta(days=1)


def erase_user(about: About, *, confirmation: str | None, settle_seconds: float = SETTLE_SECONDS) -> None:
    """
    Remove one person for good; say what is kept.

    *confirmation* is the name once more; None asks for it at the terminal.

    Raises:
        DeploymentError: There is nobody of that name, nobody confirmed, or it was stopped on its
            way: then it says how to go on.
    """
    admin, name = about.opened(), about.username or about.portal_user
    person = _found(admin, about)
    if not about.as_json:
        print(f"Erasing {name} (id {person.user_id}) from {about.tenant} in {about.stage}, with")
        print("authenticators and sessions.")
    require_confirmation(name, confirmation, otherwise="Nobody was erased")
    rows = admin.ask("erase_user", tenant=about.tenant, **person.same)["rows"]
    _finish(about, admin, person.user_id, name=name, rows=rows, settle_seconds=settle_seconds)


def finish_erasure(about: About, user_id: str, *, settle_seconds: float = SETTLE_SECONDS) -> None:
    """
    Go on with the erasure of whoever had that id, which was stopped on its way.

    Raises:
        DeploymentError: There is a user of that id, or somebody is named besides.
    """
    if about.username or about.portal_user:
        raise DeploymentError("Say either whom to erase, or by USER_ID=... which erasure to go on with.")
    admin = about.opened()
    rows = admin.ask("sweep_user", tenant=about.tenant, user=user_id)["rows"]
    if rows is None:
        raise DeploymentError(
            f"There is a user of the id {user_id} in {about.tenant}: nothing of theirs is removed. "
            "They were not erased, or their portal has sent them anew. Say USER=... or PORTAL_USER=..."
        )
    _finish(about, admin, user_id, name=user_id, rows=rows, settle_seconds=settle_seconds)


def _finish(
    about: About, admin: AdminClient, user_id: str, *, name: str, rows: int, settle_seconds: float
) -> None:
    """Remove what was left behind, once no request can be on its way any more, and say what is kept."""
    if about.as_json:
        print(json.dumps({"erased": user_id, "done": False}))
    else:
        print(f"{name} is gone. In {settle_seconds:.0f} seconds no request can be on its way any more.")
    with _resumable(f"make erase-user STAGE={about.stage} TENANT={about.tenant} USER_ID={user_id}"):
        time.sleep(settle_seconds)
        swept = admin.ask("sweep_user", tenant=about.tenant, user=user_id)["rows"]
        rest = _sessions_removed(about, user_id)
    rows += (swept or 0) + (rest or 0)
    if about.as_json:
        told = {"erased": user_id, "done": True, "rows": rows, "sessions": rest is not None}
        print(json.dumps(told | {"sent_anew": swept is None}))
        return
    print(f"{name} is erased: {rows:,} rows are removed. Kept:")
    print(f"  events, which name nobody but the id {user_id};")
    if rest is None:
        print(
            "  ended sessions and links back to the portal, which may hold the name: DynamoDB sweeps them"
        )
        print("  within two days of their end, which comes within a day;")
    print("  the rows in the tables' backups, for up to 35 days.")
    if swept is None:
        print("Their portal has sent them anew meanwhile: that is a new account, under the same id.")


@contextmanager
def _resumable(command: str) -> Iterator[None]:
    """Say by which *command* to go on, should the block be stopped: no name leads to somebody erased."""
    try:
        yield
    except KeyboardInterrupt:
        raise DeploymentError(f"Stopped. Go on with: {command}") from None
    except DeploymentError as error:
        raise DeploymentError(f"{error}\nGo on with: {command}") from error


def _sessions_removed(about: About, user_id: str) -> int | None:
    """
    Remove what stands under no key of the person's: ended sessions, links and ways back.

    By the operator's own rights, for no function of ours may look through a table. None where
    they do not reach that far, or the stage is local.
    """
    if about.stage == LOCAL:
        return None
    administration = open_administration(about.stage)
    try:
        return remove_whatever_names(
            user_id,
            dynamodb=administration.account.client("dynamodb"),
            table_name=administration.data["StateTableName"],
            tenant_id=about.tenant,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return None
        raise


def role_named(role: str) -> str:
    """
    Return the role that the operator has said.

    Raises:
        DeploymentError: It is none.
    """
    if role not in {USER, HELP_DESK}:
        raise DeploymentError(f"ROLE must be {USER} or {HELP_DESK}.")
    return role


def _cell(value: object) -> object:
    text = "; ".join(value) if isinstance(value, list) else value
    # Whoever chose the name must not compute in the operator's spreadsheet.
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULAS) else text


@contextmanager
def _writing(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise DeploymentError(f"{out} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield file
