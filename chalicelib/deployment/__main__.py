"""`python -m chalicelib.deployment`: the operator's commands, behind the targets of the Makefile."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.accounts.record import HELP_DESK, USER
from chalicelib.deployment import PROJECT
from chalicelib.deployment.deploy import Options, deploy
from chalicelib.deployment.destroy import destroy
from chalicelib.deployment.erasure import SETTLE_SECONDS, erase_tenant
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.imports import ImportOrder, import_secrets, import_users
from chalicelib.deployment.package import ARCHITECTURES, DEPLOYED_STAGES, build
from chalicelib.deployment.people import (
    FORMATS,
    About,
    add_or_list_staff,
    erase_user,
    export_user,
    export_users,
    finish_erasure,
    remove_staff,
    role_named,
)
from chalicelib.deployment.people import SETTLE_SECONDS as PERSON_SETTLE_SECONDS
from chalicelib.deployment.rotate import rotate
from chalicelib.deployment.signing_key import rotate_signing_key
from chalicelib.deployment.stacks import POLL_SECONDS
from chalicelib.deployment.tenants import apply_tenant, resume_tenant, show_tenant, suspend_tenant
from chalicelib.deployment.users import add_user
from chalicelib.deployment.verify_events import verify_events

LOCAL_PORT = 8000
_ABOUT_PEOPLE = {"import-users", "import-secrets", "staff", "export-users", "export-user", "erase-user"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code. Every failure is a sentence, no traceback."""
    said = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # progress is read as it comes, through pipes too
    try:
        return _run(said)
    except DeploymentError as error:
        return _give_up(str(error))
    except ClientError as error:
        answer = error.response["Error"]
        return _give_up(
            f"AWS refuses {error.operation_name}: {answer.get('Message') or answer['Code']}\n"
            "The rights that are needed stand in the README, section Deploy."
        )
    except BotoCoreError as error:
        return _give_up(f"AWS cannot be reached: {error}")
    except KeyboardInterrupt:
        return _give_up("Stopped. What AWS had begun goes on there; repeat the command to take it up.")


def _give_up(sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return 1


def _run(said: argparse.Namespace) -> int:
    match said.command:
        case "import-users":
            return import_users(_import_order(said))
        case "import-secrets":
            return import_secrets(_import_order(said))
        case "package":
            package = build(said.stage, said.out, architecture=said.architecture)
            size_mb = package.zip_path.stat().st_size / 1e6
            print(f"{package.zip_path}: {size_mb:.2f} MB for {package.runtime} on {package.architecture}")
            print(f"sha256 {package.sha256}")
        case "deploy":
            deploy(said.stage, _options(said), poll_seconds=said.poll_seconds)
        case "destroy":
            destroy(said.stage, confirmation=said.yes, poll_seconds=said.poll_seconds)
        case "rotate":
            rotate(said.stage, poll_seconds=said.poll_seconds)
        case "rotate-signing-key":
            rotate_signing_key(said.stage)
        case "staff" | "export-users" | "export-user" | "erase-user":
            _care_for_people(said)
        case _:
            _administer(said)
    return 0


def _import_order(said: argparse.Namespace) -> ImportOrder:
    return ImportOrder(
        stage=said.stage,
        tenant=said.tenant,
        path=said.file,
        port=said.port,
        dry_run=bool(said.dry_run),
        as_json=said.json,
    )


def _care_for_people(said: argparse.Namespace) -> None:
    about = About(
        stage=said.stage,
        tenant=said.tenant,
        port=said.port,
        username=said.username or "",
        portal_user=said.portal_user or "",
        role=role_named(said.role),
        as_json=said.json,
    )
    match said.command:
        case "staff" if said.remove:
            remove_staff(about)
        case "staff":
            add_or_list_staff(about, language=said.language, addresses=said.addresses)
        case "export-users":
            export_users(about, form="jsonl" if said.json else said.format, out=said.out)
        case "export-user":
            export_user(about, out=said.out)
        case "erase-user" if said.user_id is not None:
            finish_erasure(about, said.user_id, settle_seconds=said.settle_seconds)
        case "erase-user":
            erase_user(about, confirmation=said.yes, settle_seconds=said.settle_seconds)


def _administer(said: argparse.Namespace) -> None:
    match said.command:
        case "verify-events":
            verify_events(
                said.stage, begin=said.begin, end=said.end, key_files=said.public_key, as_json=said.json
            )
        case "tenant":
            _apply_or_show(said)
        case "suspend":
            suspend_tenant(said.stage, said.tenant)
        case "resume":
            resume_tenant(said.stage, said.tenant)
        case "erase":
            erase_tenant(said.stage, said.tenant, confirmation=said.yes, settle_seconds=said.settle_seconds)
        case "user":
            add_user(
                said.stage,
                tenant_id=said.tenant,
                username=said.username,
                language=said.language,
                portal_user=said.portal_user,
            )


def _options(said: argparse.Namespace) -> Options:
    return Options(
        domain=said.domain,
        more_domains=said.more_domains,
        hosted_zone_id=said.hosted_zone_id,
        certificate_arn=said.certificate_arn,
        alarm_mail=said.alarm_mail,
        mail_from=said.mail_from,
        default_tenant=said.default_tenant,
        web_acl_arn=said.web_acl_arn,
        architecture=said.architecture,
    )


def _apply_or_show(said: argparse.Namespace) -> None:
    if said.profile is not None and (said.tenant is not None or said.version is not None):
        raise DeploymentError(
            "Say either PROFILE=..., to apply it, or TENANT=..., to see the one in force."
        )
    if said.profile is not None:
        apply_tenant(said.stage, said.profile)
    elif said.tenant is not None:
        show_tenant(said.stage, said.tenant, number=said.version)
    else:
        raise DeploymentError("Say which profile to apply: PROFILE=file.json, or which to see: TENANT=...")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.deployment", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what, allow_abbrev=False)
        made.add_argument("--stage", required=True, help=" or ".join(DEPLOYED_STAGES))
        if name in _ABOUT_PEOPLE:
            made.add_argument("--tenant", required=True)
            made.add_argument("--port", type=int, default=LOCAL_PORT, help="of `make run`, in stage local")
            made.add_argument("--json", action="store_true", help="for programs: JSON, a line each")
        if name in {"deploy", "destroy", "rotate"}:
            made.add_argument("--poll-seconds", type=float, default=POLL_SECONDS, help=argparse.SUPPRESS)
        return made

    package = command("package", "Write the zip and the template")
    package.add_argument("--out", type=Path, default=PROJECT / "out")
    deploying = command("deploy", "Bring the stage up to date with this working tree")
    for name, what in {
        "domain": "a domain of your own",
        "more-domains": "further ones for tenants, set apart by commas",
        "hosted-zone-id": "its zone in Route 53",
        "certificate-arn": "its certificate in us-east-1, where Route 53 does not serve it",
        "alarm-mail": "who is told of alarms",
        "mail-from": "what mails to users come from, verified in SES",
        "default-tenant": "the tenant that the page opens without one in its address",
        "web-acl-arn": "a web ACL of AWS WAF in us-east-1, to limit each address",
    }.items():
        deploying.add_argument(f"--{name}", help=what)
    for each in (package, deploying):
        each.add_argument("--architecture", choices=ARCHITECTURES)
    command("destroy", "Remove the service, keep tables and keys").add_argument(
        "--yes", metavar="STAGE", help="the stage's name once more, instead of being asked for it"
    )
    command("rotate", "Exchange the secret between CloudFront and the API")
    command("rotate-signing-key", "Make the next key that signs for portals")
    tenant = command("tenant", "Apply a tenant's profile, or show it")
    tenant.add_argument("--profile", type=Path, help="the file to apply")
    tenant.add_argument("--tenant", help="whose to show")
    tenant.add_argument("--version", metavar="NUMBER", help="an earlier one of it")
    for name, what in {"suspend": "Let nobody of a tenant in", "resume": "Let them in again"}.items():
        command(name, what).add_argument("--tenant", required=True)
    erasing = command("erase", "Remove a tenant for good")
    erasing.add_argument("--tenant", required=True)
    erasing.add_argument("--yes", metavar="TENANT", help="its id once more, instead of being asked for it")
    erasing.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS, help=argparse.SUPPRESS)
    verifying = command("verify-events", "Prove that no event was changed or removed, or name it")
    verifying.add_argument("--from", dest="begin", metavar="DAY", help="the first day, as 2026-11-25; UTC")
    verifying.add_argument("--to", dest="end", metavar="DAY", help="the last day")
    verifying.add_argument(
        "--public-key", type=Path, action="append", default=[], metavar="FILE", help="instead of asking KMS"
    )
    verifying.add_argument("--json", action="store_true", help="write a report for programs")
    user = command("user", "Add a user; the password is read from the terminal or from stdin")
    user.add_argument("--tenant", required=True)
    user.add_argument("--username", required=True)
    user.add_argument("--language")
    user.add_argument("--portal-user", help="what the tenant's portal calls them")
    _add_commands_about_people(command)
    return parser


def _add_commands_about_people(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    for name, what in {
        "import-users": "Add the users of a CSV file",
        "import-secrets": "Bind authenticators of another system: CSV, or otpauth URIs one a line",
    }.items():
        importing = command(name, what)
        importing.add_argument("--file", type=Path, required=True)
        importing.add_argument("--dry-run", metavar="1", help="say what would be, and write nothing")
    staff = command("staff", "Add somebody to a tenant's help desk, or list who is there")
    staff.add_argument("--remove", metavar="1", help="take them off it instead")
    staff.add_argument("--language")
    staff.add_argument(
        "--addresses", help="where their notices go, by semicolons; else the name if it is an address"
    )
    staff.set_defaults(role=HELP_DESK)
    listing = command("export-users", "Write a tenant's users")
    listing.add_argument("--format", default=FORMATS[0], help=" or ".join(FORMATS))
    exporting = command("export-user", "Write all that is kept of one person")
    erasing = command("erase-user", "Remove one person for good")
    erasing.add_argument("--yes", metavar="NAME", help="the name once more, instead of being asked for it")
    erasing.add_argument(
        "--user-id", metavar="ID", help="go on with the erasure of whoever had this id, which was stopped"
    )
    erasing.add_argument(
        "--settle-seconds", type=float, default=PERSON_SETTLE_SECONDS, help=argparse.SUPPRESS
    )
    for each in (listing, exporting):
        each.add_argument("--out", type=Path, help="the file to write, instead of stdout")
    for each in (staff, exporting, erasing):
        each.add_argument("--username")
        each.add_argument("--portal-user", help="what the tenant's portal calls them")
    for each in (exporting, erasing):
        each.add_argument("--role", default=USER, help=f"{HELP_DESK} for its staff")
    listing.set_defaults(username="", portal_user="", role=USER)


if __name__ == "__main__":
    sys.exit(main())
