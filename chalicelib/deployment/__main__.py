"""`python -m chalicelib.deployment`: the operator's commands, behind the targets of the Makefile."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.deployment import PROJECT
from chalicelib.deployment.administration import add_user, apply_tenant
from chalicelib.deployment.deploy import Options, deploy
from chalicelib.deployment.destroy import destroy
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.package import ARCHITECTURES, DEPLOYED_STAGES, build
from chalicelib.deployment.rotate import rotate
from chalicelib.deployment.stacks import POLL_SECONDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code. Every failure is a sentence, no traceback."""
    said = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # progress is read as it comes, through pipes too
    try:
        _run(said)
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
    return 0


def _give_up(sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return 1


def _run(said: argparse.Namespace) -> None:
    match said.command:
        case "package":
            package = build(said.stage, said.out, architecture=said.architecture)
            size_mb = package.zip_path.stat().st_size / 1e6
            print(f"{package.zip_path}: {size_mb:.2f} MB for {package.runtime} on {package.architecture}")
            print(f"sha256 {package.sha256}")
        case "deploy":
            options = Options(
                domain=said.domain,
                hosted_zone_id=said.hosted_zone_id,
                certificate_arn=said.certificate_arn,
                alarm_mail=said.alarm_mail,
                default_tenant=said.default_tenant,
                web_acl_arn=said.web_acl_arn,
                architecture=said.architecture,
            )
            deploy(said.stage, options, poll_seconds=said.poll_seconds)
        case "destroy":
            destroy(said.stage, confirmation=said.yes, poll_seconds=said.poll_seconds)
        case "rotate":
            rotate(said.stage, poll_seconds=said.poll_seconds)
        case "tenant":
            apply_tenant(said.stage, said.profile)
        case "user":
            add_user(said.stage, tenant_id=said.tenant, username=said.username, language=said.language)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chalicelib.deployment", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=what, allow_abbrev=False)
        made.add_argument("--stage", required=True, help=" or ".join(DEPLOYED_STAGES))
        if name in {"deploy", "destroy", "rotate"}:
            made.add_argument("--poll-seconds", type=float, default=POLL_SECONDS, help=argparse.SUPPRESS)
        return made

    package = command("package", "Write the zip and the template")
    package.add_argument("--out", type=Path, default=PROJECT / "out")
    deploying = command("deploy", "Bring the stage up to date with this working tree")
    for name, what in {
        "domain": "a domain of your own",
        "hosted-zone-id": "its zone in Route 53",
        "certificate-arn": "its certificate in us-east-1, where Route 53 does not serve it",
        "alarm-mail": "who is told of alarms",
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
    command("tenant", "Apply a tenant's profile").add_argument("--profile", type=Path, required=True)
    user = command("user", "Add a user; the password is read from the terminal or from stdin")
    user.add_argument("--tenant", required=True)
    user.add_argument("--username", required=True)
    user.add_argument("--language")
    return parser


if __name__ == "__main__":
    sys.exit(main())
