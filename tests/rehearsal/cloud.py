"""An account of our own for the rehearsal: the operator's commands, and what they leave behind."""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from tests.support.browser import PROJECT
from tests.support.cloud_front import cloud_front
from tests.support.ministack import ATTEMPTS, lost_its_worker, ministack
from tests.support.portal import ClientKey, Portal
from tests.support.wizard import Answer, Phone, Transport, Wizard

STAGE = "dev"
TENANT = "cozone"
REGION = "eu-north-1"
PATIENCE_SECONDS = 300
TIME_STEP_SECONDS = 30

# What a release is made of.
_SHIPPED = ("app.py", "chalicelib", "static", ".chalice", "requirements.txt")
# MiniStack takes these for the account's root.
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account."""

    username: str
    password: str


@dataclass(kw_only=True)
class CarefulPhone:
    """A phone in real time that never shows a code twice: it waits for the next one."""

    phone: Phone
    _last_step: int = 0

    def otp(self) -> str:
        """Return a code that has not been used and is right for another half minute at least."""
        step = max(self._now(), self._last_step + 1)
        while step > self._now() + 1:  # one step ahead is accepted: a phone's clock may be ahead
            time.sleep(0.2)
        self._last_step = step
        return self.phone.otp(steps=step - self._now())

    def _now(self) -> int:
        return int(self.phone.clock() // TIME_STEP_SECONDS)


@dataclass(kw_only=True)
class Cloud:
    """An emulated account that enforces its policies, and a working tree to deploy into it."""

    endpoint_url: str
    project: Path
    folder: Path
    operators_credentials: dict[str, str] = field(default_factory=dict)
    session: boto3.Session = field(
        default_factory=lambda: boto3.Session(
            aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
    )

    def client(self, service: str) -> Any:
        """Return a client of *service* for the tests themselves, with every right."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    def as_operator(self, service: str) -> Any:
        """Return a client of *service* for the operator, who has the rights of the README and no other."""
        names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
        credentials = {names[name]: value for name, value in self.operators_credentials.items()}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint_url, **credentials)

    def administrators_keys(self) -> Any:
        """Return a client of KMS for somebody whose own policy allows everything."""
        iam = self.client("iam")
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.create_user(UserName="administrator")
        iam.put_user_policy(UserName="administrator", PolicyName="everything", PolicyDocument=document)
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        return boto3.client(
            "kms",
            region_name=REGION,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    def operator(
        self, command: str, *options: str, stdin: str = "", expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run the operator's *command* as they do, from the working tree; *expect* is its exit code."""
        polling = ("--poll-seconds", "0.2") if command in {"deploy", "destroy", "rotate"} else ()
        waiting = ("--settle-seconds", "1") if command == "erase" else ()
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "chalicelib.deployment", command, "--stage", STAGE),
                *(*polling, *waiting, *options),
            ],
            cwd=self.project,
            env=_environment(self.endpoint_url, self.operators_credentials),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert finished.returncode == expect, finished.stdout + finished.stderr
        return finished

    def deploy(self, *options: str) -> str:
        """Deploy the working tree, and return what the operator reads."""
        return self.operator("deploy", *options).stdout

    def adds(self, username: str) -> Person:
        """Add a user by the operator's command."""
        person = Person(username=username, password=f"sju lugna sommarmoln över {username}")
        self.operator("user", "--tenant", TENANT, "--username", username, stdin=f"{person.password}\n")
        return person

    def edit(self, path: str, old: str, new: str) -> None:
        """Change *old* to *new* in a file of the working tree."""
        file = self.project / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def outputs(self, stack: str) -> dict[str, str]:
        """Return what ``data`` or ``app`` says of itself."""
        described = self.client("cloudformation").describe_stacks(StackName=f"tvasteg-{STAGE}-{stack}")
        return {entry["OutputKey"]: entry["OutputValue"] for entry in described["Stacks"][0]["Outputs"]}

    @contextmanager
    def front(self) -> Iterator[Front]:
        """Yield the deployed service as viewers reach it."""
        distribution_id = self.outputs("app")["DistributionId"]
        with cloud_front(
            self.client("cloudfront"), distribution_id, endpoint_url=self.endpoint_url, folder=self.folder
        ) as url:
            yield Front(url=url)

    def origin_secrets(self) -> list[str]:
        """Return the secrets that the function accepts now, the newest first."""
        function = self.client("lambda").get_function_configuration(
            FunctionName=self.outputs("app")["ApiFunctionName"]
        )
        secrets: str = function["Environment"]["Variables"]["ORIGIN_SECRETS"]
        return secrets.split(",")

    def ask_api_directly(self, path: str, *, secret: str | None = None) -> Answer:
        """Ask API Gateway, past CloudFront, as somebody who found its address."""
        endpoint = urlsplit(self.endpoint_url)
        headers = {"Host": f"{self.outputs('app')['ApiId']}.execute-api.localhost:{endpoint.port}"}
        if secret is not None:
            headers["X-Origin-Secret"] = secret
        for _ in range(ATTEMPTS):
            connection = http.client.HTTPConnection(endpoint.netloc, timeout=PATIENCE_SECONDS)
            answer = _answer(connection, "GET", f"/live{path}", headers, b"")
            if not lost_its_worker(answer.status):
                break
        return answer

    def ask_bucket_directly(self, key: str) -> int:
        """Ask S3, past CloudFront and unsigned; return the status."""
        connection = http.client.HTTPConnection(
            urlsplit(self.endpoint_url).netloc, timeout=PATIENCE_SECONDS
        )
        connection.request("GET", f"/{self.outputs('app')['SiteBucketName']}/{key}")
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    def events(self) -> list[dict[str, Any]]:
        """Return all that is written down of what happened."""
        return self._rows("EventsTableName")

    def state(self) -> list[dict[str, Any]]:
        """Return all rows of tenants and users."""
        return self._rows("StateTableName")

    def _rows(self, table: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.client("dynamodb").scan(
            TableName=self.outputs("data")[table], ConsistentRead=True
        )["Items"]
        return items


@dataclass(frozen=True, kw_only=True)
class Front:
    """The service at its public address."""

    url: str

    def get(self, path: str) -> Answer:
        """Ask for a file or a route, as a browser does that has never been here."""
        return self._transport()("GET", path, {}, b"")

    def wizard(self, person: Person) -> Wizard:
        """Return *person* at the page, without the page."""
        return Wizard(
            self._transport(),
            tenant=TENANT,
            username=person.username,
            password=person.password,
            clock=time.time,
        )

    def portal(self, client_id: str, key: ClientKey) -> Portal:
        """Return the server of a portal, whose client has *key*."""
        return Portal(
            transport=self._transport(), clock=time.time, client_id=client_id, key=key, url=self.url
        )

    def _transport(self) -> Transport:
        address = urlsplit(self.url).netloc
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE  # its certificate is of our own making

        def send(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
            connection = http.client.HTTPSConnection(address, timeout=PATIENCE_SECONDS, context=trusting)
            ours = {"host": address} | ({"origin": self.url} if "origin" in headers else {})
            return _answer(connection, method, path, {**headers, **ours}, body)

        return send


@contextmanager
def new_cloud(folder: Path) -> Iterator[Cloud]:
    """Yield an empty account, and a copy of the working tree that a test may edit."""
    project = folder / "project"
    project.mkdir()
    for name in _SHIPPED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, project / name)
    with ministack(folder, enforces_iam=True) as endpoint_url:
        cloud = Cloud(endpoint_url=endpoint_url, project=project, folder=folder)
        cloud.operators_credentials = _new_operator(cloud.client("iam"))
        yield cloud


def this_machines_architecture() -> str:
    """Return Lambda's name of it: MiniStack runs functions right here."""
    return _ARCHITECTURES[platform.machine()]


def wait_for(look: Callable[[], Any], what: str) -> Any:
    """Return what *look* finds, once it finds something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} never came")


def _environment(endpoint_url: str, credentials: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | credentials | {"AWS_ENDPOINT_URL": endpoint_url, "AWS_DEFAULT_REGION": REGION}


def _new_operator(iam: Any) -> dict[str, str]:
    """Return the credentials of somebody with the rights that the README asks for, and no other."""
    document = (PROJECT / "docs/deployer-policy.json").read_text("utf-8")
    policy = iam.create_policy(PolicyName="deployer", PolicyDocument=document)["Policy"]
    iam.create_user(UserName="operator")
    iam.attach_user_policy(UserName="operator", PolicyArn=policy["Arn"])
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Answer:
    try:
        connection.request(method, path, body=body or None, headers=dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    told = {name.lower(): value for name, value in response.getheaders()}
    is_json = "json" in told.get("content-type", "")
    return Answer(
        status=response.status, headers=told, body=json.loads(text) if is_json and text else None, text=text
    )
