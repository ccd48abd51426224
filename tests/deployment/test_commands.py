"""The operator's commands where no whole deployment is needed to know what they do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chalicelib.deployment.__main__ import main
from chalicelib.deployment.commit import UNKNOWN, commit_of
from chalicelib.deployment.deploy import Options, _check_domain, _upload
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.package import Package
from tests.support.world import COZONE

PASSWORD = "sju-lugna-sommarmoln"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The demo tenant's profile, in a file."""
    path = tmp_path / "cozone.json"
    path.write_text(json.dumps(COZONE))
    return path


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let *text* come by standard input, which is no terminal."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def add_user(username: str = "anna@firma.se", tenant: str = "cozone", *more: str) -> int:
    """Run the command, and return its exit code."""
    return main(["user", "--stage", "dev", "--tenant", tenant, "--username", username, *more])


def apply(profile: Path) -> int:
    """Run the command, and return its exit code."""
    return main(["tenant", "--stage", "dev", "--profile", str(profile)])


@pytest.mark.usefixtures("account")
def test_a_user_is_added_once(
    profile: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password comes by standard input and is never said again."""
    apply(profile)
    types(monkeypatch, f"{PASSWORD}\n")
    assert add_user() == 0
    types(monkeypatch, f"{PASSWORD}\n")
    assert add_user() == 1
    said = capsys.readouterr()
    assert said.err == "anna@firma.se exists already in cozone.\n"
    assert PASSWORD not in said.out


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (("anna@firma.se", "nobodys"), PASSWORD, "There is no tenant 'nobodys' in dev: make tenant"),
        (("anna@firma.se",), "kort", "The password is refused: "),
        (("a\nb",), PASSWORD, "USERNAME must have 1 to "),
        (
            ("anna@firma.se", "cozone", "--language", "xx"),
            PASSWORD,
            "LANGUAGE must be one of the tenant's: ",
        ),
        (("",), PASSWORD, "Say who it is: TENANT=... USERNAME=..."),
    ],
)
def test_what_is_wrong_with_a_user(
    arguments: tuple[str, ...],
    password: str,
    sentence: str,
    profile: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply(profile)
    types(monkeypatch, password)
    assert add_user(*arguments) == 1
    assert capsys.readouterr().err.startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON: "),
        (b"[" * 100_000, "is not JSON: "),
        (b'{"id": ' + b"9" * 5_000 + b"}", "is not JSON: "),
        (b"{}", "cannot be used: "),
        (b'{"id": "ours", "portal_name": "Ours", "id": "theirs"}', "cannot be used: it holds a name twice"),
        (b"\xff", "is not UTF-8."),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_what_is_wrong_with_a_profile(
    content: bytes | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before AWS is asked for anything."""
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_bytes(content)
    assert apply(path) == 1
    assert sentence in capsys.readouterr().err


def test_nothing_can_be_written_to_a_stage_that_is_not_deployed(
    profile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        assert apply(profile) == 1
        assert main(["rotate", "--stage", "dev"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "dev is not deployed yet: make deploy STAGE=dev",
        "There is no service yet: make deploy STAGE=dev",
    ]


@pytest.mark.parametrize(
    ("confirmation", "sentence"),
    [
        ((), "Nothing was removed. Without a terminal, confirm with YES=dev."),
        (("--yes", "prod"), "Nothing was removed: 'prod' is not 'dev'."),
    ],
)
@pytest.mark.usefixtures("account")
def test_nothing_is_removed_unless_the_stage_is_said_twice(
    confirmation: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    types(monkeypatch, "")
    assert main(["destroy", "--stage", "dev", *confirmation]) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


def test_what_is_not_there_is_not_said_to_be_removed(capsys: pytest.CaptureFixture[str]) -> None:
    """Another region, most likely: whoever reads "gone" would look no further."""
    with mock_aws():
        assert main(["destroy", "--stage", "prod", "--yes", "prod"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("Nothing was removed: account 123456789012 has no prod in ")
    assert said.out == ""


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("key", [EOFError, KeyboardInterrupt], ids=["Ctrl-D", "Ctrl-C"])
def test_a_question_that_is_not_answered_changes_nothing(
    key: type[BaseException],
    profile: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object) -> str:
        raise key

    apply(profile)
    types(monkeypatch, "")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", stop)
    monkeypatch.setattr("getpass.getpass", stop)
    assert [main(["destroy", "--stage", "dev"]), add_user()] == [1, 1]
    assert " ".join(capsys.readouterr().err.split()) == "Nothing was removed. Nobody was added."


def test_no_deploy_begins_with_empty_tables_where_others_were_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Somebody removed the stack by hand: all that it kept is there, and no stack knows of it."""
    with mock_aws():
        kms = boto3.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName="alias/tvasteg-dev-secrets", TargetKeyId=key)
        assert main(["deploy", "--stage", "dev"]) == 1
        assert boto3.client("dynamodb").list_tables()["TableNames"] == []
    said = capsys.readouterr()
    assert said.err.startswith("Nothing was changed. alias/tvasteg-dev-secrets is there")
    assert said.out == ""


def test_what_somebody_else_put_in_the_bucket_is_not_deployed(tmp_path: Path) -> None:
    """Where it will lie can be computed by anybody: the same sources give the same zip."""
    zip_path, template_path = tmp_path / "ours.zip", tmp_path / "ours.json"
    zip_path.write_bytes(b"ours")
    template_path.write_text('{"Resources": {}}')
    package = Package(
        stage="dev",
        architecture="arm64",
        runtime="python3.11",
        zip_path=zip_path,
        template_path=template_path,
        sha256="5e1f",
    )
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="artifacts")
        first = _upload(package, s3, "artifacts", owner="123456789012")
        template_key = str(first.url).partition("/artifacts/")[2]
        for key in ("code/5e1f.zip", template_key):
            s3.put_object(Bucket="artifacts", Key=key, Body=b"theirs")
        _upload(package, s3, "artifacts", owner="123456789012")
        for key in ("code/5e1f.zip", template_key):
            assert s3.get_object(Bucket="artifacts", Key=key)["Body"].read() != b"theirs"


def test_only_options_that_were_said_reach_the_stack() -> None:
    """An empty one takes away what the stack remembers."""
    assert Options(domain="", alarm_mail="a@b.se", web_acl_arn="arn:acl").parameters() == {
        "DomainName": "",
        "AlarmMail": "a@b.se",
        "WebAclArn": "arn:acl",
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"DomainName": "id.firma.se", "HostedZoneId": "Z1"},
        {"DomainName": "id.firma.se", "CertificateArn": "arn:aws:acm:us-east-1:1:certificate/1"},
    ],
)
def test_domains_that_can_be_served(parameters: dict[str, str]) -> None:
    _check_domain({}, parameters)
    _check_domain(parameters, {})


def test_another_domain_needs_a_certificate_of_its_own() -> None:
    """The one that the stack remembers is for the domain before."""
    certificate = "arn:aws:acm:us-east-1:1:certificate/1"
    remembered = {"DomainName": "id.firma.se", "CertificateArn": certificate}
    with pytest.raises(DeploymentError, match="say also HOSTED_ZONE_ID"):
        _check_domain(remembered, {"DomainName": "tva.firma.se"})
    _check_domain(remembered, {"DomainName": "tva.firma.se", "CertificateArn": certificate})
    _check_domain(remembered, {"DomainName": ""})


@pytest.mark.parametrize(
    ("remembered", "said", "sentence"),
    [
        ({}, {"MoreDomainNames": "tva.byra.se"}, "needs a first one: DOMAIN="),
        (
            {
                "DomainName": "tva.firma.se",
                "HostedZoneId": "Z1",
                "CertificateArn": "arn:aws:acm:us-east-1:1:c/1",
            },
            {"MoreDomainNames": "tva.byra.se"},
            "a certificate that covers them and DOMAIN",
        ),
    ],
)
def test_further_domains_need_a_certificate_for_all(
    remembered: dict[str, str], said: dict[str, str], sentence: str
) -> None:
    """The one that is made here is for the first alone; CloudFront would refuse after some minutes."""
    with pytest.raises(DeploymentError, match=sentence):
        _check_domain(remembered, said)
    if remembered:
        with_certificate = said | {"CertificateArn": "arn:aws:acm:us-east-1:1:certificate/2"}
        _check_domain(remembered, with_certificate)
        _check_domain(remembered | with_certificate, {})
        _check_domain(remembered | with_certificate, {"MoreDomainNames": ""})
        with pytest.raises(DeploymentError, match=sentence):
            _check_domain(remembered | with_certificate, {"DomainName": "id.firma.se"})


def test_what_is_deployed_is_told_by_its_commit(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        author = ["-c", "user.name=Anna", "-c", "user.email=anna@firma.se"]
        command = ["git", "-C", str(tmp_path), *author, *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    assert commit_of(tmp_path) == UNKNOWN
    git("init")
    assert commit_of(tmp_path) == UNKNOWN  # nothing is committed yet
    (tmp_path / "app.py").touch()
    git("add", "app.py")
    git("commit", "-m", "Begin")
    commit = git("rev-parse", "HEAD")[:12]
    assert commit_of(tmp_path) == commit
    (tmp_path / "app.py").write_text("print()")
    assert commit_of(tmp_path) == f"{commit} with changes"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"DomainName": "id.firma.se"}, "say also HOSTED_ZONE_ID"),
        (
            {"DomainName": "id.firma.se", "CertificateArn": "arn:aws:acm:eu-north-1:1:certificate/1"},
            "us-east-1 only",
        ),
    ],
)
def test_domains_that_cannot(parameters: dict[str, str], sentence: str) -> None:
    """Told before anything is changed, not by CloudFormation after some minutes."""
    with pytest.raises(DeploymentError, match=sentence):
        _check_domain({}, parameters)
