"""The zip, and nothing else, serves the whole journey under Lambda's own runtime."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session as AwsSession

from chalicelib.bootstrap import assemble, stores_on
from chalicelib.local.resources import create_missing
from chalicelib.settings import Settings
from chalicelib.tenants.profile import Profile
from tests.support.admin import ARN as OPERATOR
from tests.support.admin import PASSWORD, key_of_length, user_row
from tests.support.api_gateway import VIEWER_HOST, api_gateway_transport
from tests.support.function_url import request_event
from tests.support.lambda_runtime import FunctionError, LambdaFunction, running
from tests.support.ministack import ministack
from tests.support.packages import NATIVE, Packaged
from tests.support.portal import RETURN_URL, ClientKey, Portal, brought_back, client_of
from tests.support.wizard import Phone, Wizard
from tests.support.world import ANNA, ANNAS_PASSWORD, COZONE

ORIGIN_SECRET = "the-secret-that-cloudfront-adds-to-requests"
PREVIOUS_SECRET = "the-one-that-it-added-before"
SETTINGS = Settings(
    stage="prod",
    region="eu-north-1",
    state_table="tvasteg-prod-state",
    events_table="tvasteg-prod-events",
    secret_key_id="alias/tvasteg-prod-secrets",
    signing_key_id="alias/tvasteg-prod-assertions",
    default_tenant="cozone",
    origin_secrets=(ORIGIN_SECRET,),
)
PORTALS_KEY = ClientKey()
EXAMPLE = COZONE | {
    "id": "example",
    "return_urls": [RETURN_URL],
    "clients": [client_of(PORTALS_KEY)],
    "passwords": "portal",
    "sign_in_url": "https://portal.example/sign-in",
}
API_HANDLER = "app.app"
OUTBOX_HANDLER = "chalicelib.outbox.handler.handle"
ADMIN_HANDLER = "chalicelib.admin.handler.handle"
NOTICES_HANDLER = "chalicelib.notices.handler.handle"
ARCHIVE_HANDLER = "chalicelib.archive.handler.handle"
DIGEST_HANDLER = "chalicelib.archive.digest_handler.handle"
ARCHIVE_BUCKET = "tvasteg-prod-archive"


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """An AWS with tables, key, tenant and Anna, and functions of the package within it."""

    url: str
    package: Path
    folder: Path

    def client(self, service: str) -> Any:
        session = AwsSession()
        session.set_credentials("test", "test")
        return session.create_client(service, region_name=SETTINGS.region, endpoint_url=self.url)

    def api(self, package: Path | None = None) -> AbstractContextManager[LambdaFunction]:
        """Start the API, as the template configures it."""
        environment = {
            "STAGE": SETTINGS.stage,
            "STATE_TABLE": SETTINGS.state_table,
            "EVENTS_TABLE": SETTINGS.events_table,
            "SECRET_KEY_ID": SETTINGS.secret_key_id,
            "SIGNING_KEY_ID": SETTINGS.signing_key_id,
            "ORIGIN_SECRETS": f"{ORIGIN_SECRET},{PREVIOUS_SECRET}",
            "DEFAULT_TENANT": "cozone",
        }
        return self._running(API_HANDLER, environment, package)

    def outbox(self) -> AbstractContextManager[LambdaFunction]:
        """Start the outbox, as the template configures it."""
        return self._running(
            OUTBOX_HANDLER, {"STAGE": SETTINGS.stage, "EVENTS_TABLE": SETTINGS.events_table}
        )

    def _running(
        self, handler: str, environment: dict[str, str], package: Path | None = None
    ) -> AbstractContextManager[LambdaFunction]:
        return running(
            package or self.package,
            handler,
            output=self.folder / f"{handler}.txt",
            environment=environment | {"AWS_ENDPOINT_URL": self.url},
        )

    def event_kinds(self) -> list[str]:
        """Return the kinds of all events."""
        rows = self.client("dynamodb").scan(TableName=SETTINGS.events_table, ConsistentRead=True)["Items"]
        return sorted(row["kind"]["S"] for row in rows)

    def stream_records(self, table: str = SETTINGS.state_table) -> list[dict[str, Any]]:
        """Return what a table has streamed, ``state`` unless another, as Lambda would hand it over."""
        streams = self.client("dynamodbstreams")
        (stream,) = streams.list_streams(TableName=table)["Streams"]
        description = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
        iterators = [
            streams.get_shard_iterator(
                StreamArn=stream["StreamArn"],
                ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
            for shard in description["Shards"]
        ]
        records = [
            record
            for iterator in iterators
            for record in streams.get_records(ShardIterator=iterator)["Records"]
        ]
        found: list[dict[str, Any]] = json.loads(json.dumps(records, default=_as_lambda_writes))
        return found


def _as_lambda_writes(value: Any) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value.timestamp()


@pytest.fixture(scope="module")
def cloud(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for all tests here: the journey comes first, and leaves Anna enrolled."""
    folder = tmp_path_factory.mktemp("cloud")
    package = packaged(NATIVE).folder
    with ministack(folder) as url:
        cloud = Cloud(url=url, package=package, folder=folder)
        dynamodb, kms = cloud.client("dynamodb"), cloud.client("kms")
        create_missing(SETTINGS, dynamodb=dynamodb, kms=kms)
        services = assemble(
            SETTINGS, stores_on(SETTINGS, dynamodb=dynamodb, kms=kms), clock=time.time, write_line=print
        )
        tenant = services.tenants.apply(Profile.from_json(COZONE))
        services.directory.create_user(tenant, username=ANNA, password=ANNAS_PASSWORD, language="sv")
        services.tenants.apply(Profile.from_json(EXAMPLE))
        yield cloud


def annas_wizard(function: LambdaFunction, *, origin_secret: str | None = ORIGIN_SECRET) -> Wizard:
    return Wizard(
        api_gateway_transport(function.invoke, origin_secret=origin_secret),
        tenant="cozone",
        username=ANNA,
        password=ANNAS_PASSWORD,
        clock=time.time,
    )


def portal_at(function: LambdaFunction) -> Portal:
    return Portal(
        transport=api_gateway_transport(function.invoke, origin_secret=ORIGIN_SECRET),
        clock=time.time,
        client_id="example.web",
        key=PORTALS_KEY,
        url=f"https://{VIEWER_HOST}",
    )


def test_the_whole_journey(cloud: Cloud) -> None:
    with cloud.api() as api:
        anna = annas_wizard(api)
        assert anna.call("GET", "/api/tenant?tenant=cozone").body["portal_name"] == "Azets Cozone"
        assert anna.sign_in(password="fel-lösenord-igen").problem == "password_mismatch"
        assert anna.sign_in().body["second_factor"] == "none"
        assert anna.prove_again().body["password_fresh_until"]
        assert anna.begin().body["qr"]["path"]
        phone = anna.scan()
        assert anna.confirm(phone.wrong_otp()).problem == "otp_mismatch"
        confirming = phone.otp()
        assert anna.confirm(confirming).body["verified"] is True
        assert anna.sign_out().status == 204

        assert anna.sign_in().body["verified"] is False
        assert anna.verify(confirming).problem == "otp_already_used"
        next_one = phone.otp(steps=1)
        verified = anna.verify(next_one)
        assert verified.body["verified"] is True
        assert verified.headers["cache-control"] == "no-store"

        anna.sign_out()
        anna.sign_in()
        assert anna.verify(next_one).problem == "otp_already_used"
        assert anna.session().body["verified"] is False

    output = (cloud.folder / f"{API_HANDLER}.txt").read_text()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines if line.get("route") == "/api/verification"] == [409, 200, 409]
    assert not any(form in output for form in [*phone.forms_of_key(), confirming, next_one, ORIGIN_SECRET])


def test_the_whole_way_of_a_portal(cloud: Cloud) -> None:
    """There is nobody yet, hand-off, enrolment, the way back, and a code in the portal's own field."""
    with cloud.api() as api:
        portal = portal_at(api)
        assert portal.status("4711").body["next"] == "enrol"
        wizard = annas_wizard(api)
        assert wizard.arrive(portal.token_for("4711")).status == 200
        wizard.begin()
        phone = wizard.scan()
        assert wizard.confirm(phone.otp()).body["verified"] is True
        code = brought_back(wizard.return_to_portal())["code"]
        claims = portal.checked(portal.redeem(code).body["assertion"])
        assert (claims["sub"], claims["aud"]) == ("4711", "example.web")
        assert claims["iss"] == f"https://{VIEWER_HOST}"
        assert portal.status("4711").body["next"] == "verify"
        assert portal.verify("4711", phone.otp(steps=1)).status == 200


@pytest.mark.requirement("S11")
def test_the_apis_own_address_is_closed(cloud: Cloud) -> None:
    with cloud.api() as api:
        for origin_secret in (
            None,
            "",
            "guessed",
            f"{ORIGIN_SECRET} ",
            f"{ORIGIN_SECRET},{PREVIOUS_SECRET}",
        ):
            answer = annas_wizard(api, origin_secret=origin_secret).sign_in()
            assert (answer.status, answer.problem, answer.cookie) == (403, "edge_bypassed", None)


def test_both_secrets_open_the_front_door_while_one_is_exchanged(cloud: Cloud) -> None:
    with cloud.api() as api:
        assert annas_wizard(api, origin_secret=PREVIOUS_SECRET).sign_in().status == 200


def test_the_outbox_tells_of_attempts(cloud: Cloud) -> None:
    batch = {"Records": cloud.stream_records()}
    with cloud.outbox() as outbox:
        assert outbox.invoke(batch) == {"batchItemFailures": []}
        kinds = cloud.event_kinds()
        assert outbox.invoke(batch) == {"batchItemFailures": []}

    assert {"attempt.counted", "attempt.accepted"} <= set(kinds)
    assert cloud.event_kinds() == kinds


@pytest.mark.requirement("E7")
def test_the_notices_send_mail_once(cloud: Cloud) -> None:
    """By the zip's own trimmed SES, which speaks otherwise than DynamoDB."""
    cloud.client("sesv2").create_email_identity(EmailIdentity="firma.se")
    environment = {
        "STAGE": SETTINGS.stage,
        "STATE_TABLE": SETTINGS.state_table,
        "MAIL_FROM": "notiser@firma.se",
    }
    batch = {"Records": cloud.stream_records(SETTINGS.events_table)}
    with cloud._running(NOTICES_HANDLER, environment) as notices:
        for _ in range(2):
            assert notices.invoke(batch) == {"batchItemFailures": []}

    output = (cloud.folder / f"{NOTICES_HANDLER}.txt").read_text()
    first, second = (json.loads(line)["outcomes"] for line in output.splitlines() if "outcomes" in line)
    assert first["sent"] > 0
    assert second["repeated"] == first["sent"]
    assert "sent" not in second


@pytest.mark.requirement("A4")
def test_the_archive_writes_and_the_digest_signs(cloud: Cloud) -> None:
    """By the zip's own trimmed S3, which says times in another way than DynamoDB."""
    s3, kms = cloud.client("s3"), cloud.client("kms")
    s3.create_bucket(
        Bucket=ARCHIVE_BUCKET, CreateBucketConfiguration={"LocationConstraint": SETTINGS.region}
    )
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    environment = {"STAGE": SETTINGS.stage, "ARCHIVE_BUCKET": ARCHIVE_BUCKET, "DIGEST_KEY_ID": key}
    batch = {"Records": cloud.stream_records(SETTINGS.events_table)}
    assert len(batch["Records"]) == len(cloud.event_kinds()) > 0
    with cloud._running(ARCHIVE_HANDLER, environment) as archive:
        for _ in range(2):
            assert archive.invoke(batch) == {"batchItemFailures": []}
    with cloud._running(DIGEST_HANDLER, environment) as digest:
        assert [digest.invoke({})["made"], digest.invoke({})["made"]] == [1, 0]

    names = [entry["Key"] for entry in s3.list_objects_v2(Bucket=ARCHIVE_BUCKET)["Contents"]]
    assert [name.partition("/")[0] for name in names] == ["digests", "digests", "manifests"]


@pytest.mark.requirement("B41")
def test_an_operator_imports_somebody_who_then_signs_in(cloud: Cloud) -> None:
    """The zip's own function seals what its API opens; afterwards the person is erased."""
    environment = {
        "STAGE": SETTINGS.stage,
        "STATE_TABLE": SETTINGS.state_table,
        "EVENTS_TABLE": SETTINGS.events_table,
        "SECRET_KEY_ID": SETTINGS.secret_key_id,
    }
    key = key_of_length(32)
    with cloud._running(ADMIN_HANDLER, environment) as admin, cloud.api() as api:

        def asks(operation: str, **arguments: Any) -> Any:
            said = {"operation": operation, "arguments": {"tenant": "cozone"} | arguments}
            reply = admin.invoke(request_event(json.dumps(said).encode(), arn=OPERATOR))
            assert reply["statusCode"] == 200, reply["body"]
            return json.loads(reply["body"])

        assert asks("import_users", rows=[user_row("gustav")]) == {"rows": [{"outcome": "added"}]}
        row = {"username": "gustav", "secret": key}
        assert asks("import_secrets", rows=[row]) == {"rows": [{"outcome": "imported"}]}
        assert asks("import_secrets", rows=[row]) == {"rows": [{"outcome": "unchanged"}]}
        gustav = Wizard(
            api_gateway_transport(api.invoke, origin_secret=ORIGIN_SECRET),
            tenant="cozone",
            username="gustav",
            password=PASSWORD,
            clock=time.time,
        )
        gustav.sign_in()
        assert gustav.verify(Phone(key, time.time).otp(steps=1)).body["verified"] is True
        assert "gustav" in [user["username"] for user in asks("list_users")["users"]]
        kept = asks("export_user", username="gustav")
        (user,) = [row for row in kept["rows"] if row["kind"] == "USER"]
        asks("erase_user", user=kept["user"], created_at=user["created_at"])
        assert asks("sweep_user", user=kept["user"]) == {"rows": 0}
        assert gustav.session().problem == "not_signed_in"
    assert key not in (cloud.folder / f"{ADMIN_HANDLER}.txt").read_text()


def test_what_the_zip_lacks_is_missing(cloud: Cloud, tmp_path: Path) -> None:
    """The other tests here can fail: no library of this machine steps in."""
    with (
        cloud.api(package_without("jmespath", cloud=cloud, folder=tmp_path)) as api,
        pytest.raises(FunctionError, match="No module named 'jmespath'"),
    ):
        annas_wizard(api).sign_in()


def test_what_only_some_routes_need_is_missing_too(cloud: Cloud, tmp_path: Path) -> None:
    with cloud.api(package_without("argon2", cloud=cloud, folder=tmp_path)) as api:
        anna = annas_wizard(api)
        assert anna.call("GET", "/api/tenant").status == 200
        assert anna.sign_in().problem == "internal_error"


def test_no_page_waits_for_what_only_portals_need(cloud: Cloud, tmp_path: Path) -> None:
    """Reading signed tokens takes large libraries; whoever signs in never imports them."""
    with cloud.api(package_without("joserfc", "cryptography", cloud=cloud, folder=tmp_path)) as api:
        anna = annas_wizard(api)
        assert anna.sign_in().status == 200
        anna.prove_again()
        assert anna.call("GET", "/api/jwks").body["keys"]
        assert portal_at(api).status("4711").problem == "internal_error"


def package_without(*libraries: str, cloud: Cloud, folder: Path) -> Path:
    return shutil.copytree(cloud.package, folder / "package", ignore=shutil.ignore_patterns(*libraries))
