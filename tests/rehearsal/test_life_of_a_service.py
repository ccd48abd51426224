"""
A service from its first deploy to its last: the operator's own commands into an emulated account.

The chapters build on each other, as they do in life: run the whole file.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import Browser

from chalicelib.tenants.logo import address_of
from tests.rehearsal.cloud import (
    STAGE,
    TENANT,
    CarefulPhone,
    Cloud,
    Front,
    Person,
    this_machines_architecture,
    wait_for,
)
from tests.support.browser import Guard
from tests.support.logos import logo
from tests.support.portal import RETURN_URL, ClientKey, Portal, brought_back, client_of
from tests.support.visitor import Visitor

_SECOND_FUNCTION_OF_THE_SAME_NAME = """
Resources:
  SecondFunction:
    Type: AWS::CloudFront::Function
    DependsOn: ViewerRequest
    Properties:
      Name: !Sub "${AWS::StackName}-${AWS::Region}-viewer-request"
      AutoPublish: true
      FunctionCode: function handler(event) { return event.request; }
      FunctionConfig: { Comment: "", Runtime: cloudfront-js-2.0 }
"""


@pytest.fixture(scope="module")
def story(cloud: Cloud) -> Story:
    """What the chapters hand on."""
    return Story(cloud)


class Story:
    """Who is who, and what was where before."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.anna: Person
        self.annas_phone: CarefulPhone
        self.first_release: str
        self.portals_key = ClientKey()


def release_of(front: Front) -> str:
    """Return the directory into which the page leads."""
    leads_to: set[str] = set(re.findall(r'"/(v/[0-9a-f]{16})/', front.get("/").text))
    assert len(leads_to) == 1
    return leads_to.pop()


def test_an_empty_account_becomes_a_service_by_three_commands(story: Story) -> None:
    """Deploy, a tenant, a user; each says what comes next, and none says a secret."""
    cloud = story.cloud
    said = cloud.deploy("--architecture", this_machines_architecture(), "--default-tenant", TENANT)
    assert f"Ready: {cloud.outputs('app')['Url']}" in said
    assert f"make tenant STAGE={STAGE} PROFILE=" in said
    profile = cloud.project / "chalicelib/local/demo-tenant.json"
    said += cloud.operator("tenant", "--profile", str(profile)).stdout
    story.anna = cloud.adds("anna@firma.se")
    assert cloud.origin_secrets()[0] not in said


@pytest.mark.requirement("S6", "S7")
def test_the_whole_journey_in_a_browser(chromium: Browser, story: Story) -> None:
    """The page through CloudFront's behaviours and function, the API through its gateway."""
    with story.cloud.front() as front:
        story.first_release = release_of(front)
        context = chromium.new_context(
            locale="sv-SE", timezone_id="Europe/Stockholm", ignore_https_errors=True
        )
        guard = Guard(context, front.url)
        visitor = Visitor(
            page=context.new_page(), person=story.anna, url=front.url, clock=time.time, guard=guard
        )
        visitor.open()
        visitor.sees("sign-in", "sign_in.heading")
        visitor.signs_in()
        visitor.sees("method", "method.heading")
        visitor.press("activate")
        visitor.sees("password", "password.heading")
        visitor.gives_password()
        visitor.sees("phone", "phone.heading")
        visitor.chooses("android")
        visitor.sees("app", "setup.heading")
        story.annas_phone = CarefulPhone(phone=visitor.scans())
        visitor.press("continue")
        visitor.sees("code", "setup.heading")
        otp = story.annas_phone.otp()
        visitor.enters(otp)
        visitor.finishes()
        assert visitor.calls("DELETE", "/api/session")[0] == 204
        visitor.open()
        visitor.signs_in()
        visitor.sees("verify", "verify.heading")
        visitor.enters(otp)
        visitor.is_told_about_the_code(visitor.words("problem.otp_already_used"))
        visitor.enters(story.annas_phone.otp())
        visitor.sees("account", "account.heading")
        guard.check()
        context.close()


@pytest.mark.requirement("S7")
def test_every_kind_of_answer_wears_the_security_headers(story: Story) -> None:
    """The page, a file, a missing file, the API and its refusals."""
    with story.cloud.front() as front:
        answers = {
            path: front.get(path)
            for path in ("/", f"/{story.first_release}/app.css", "/missing", "/api/tenant", "/api/session")
        }
    statuses = [answer.status for path, answer in answers.items() if path != "/missing"]
    assert statuses == [200, 200, 200, 401]
    # 404 on AWS, where the policy lets CloudFront know what is missing; MiniStack does not look at that.
    assert answers["/missing"].status in {403, 404}
    for path, answer in answers.items():
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), path
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert answers["/"].headers["cache-control"] == "no-cache"
    lasting = answers[f"/{story.first_release}/app.css"].headers
    assert lasting["cache-control"] == "public, max-age=31536000, immutable"
    assert answers["/api/session"].headers["cache-control"] == "no-store"


@pytest.mark.requirement("S11")
def test_there_is_no_way_past_the_front_door(story: Story) -> None:
    """Neither to the API, without the secret or with another, nor to the bucket."""
    for secret in (None, "x" * 43):
        answer = story.cloud.ask_api_directly("/api/tenant", secret=secret)
        assert (answer.status, answer.problem) == (403, "edge_bypassed")
    assert story.cloud.ask_bucket_directly("index.html") == 403


def test_attempts_come_from_the_stream_into_the_events(story: Story) -> None:
    """Counted before each code was looked at, accepted once; by the function that may do only that."""
    kinds = wait_for(lambda: _recorded(story.cloud), "the attempts at the sign-in")
    assert kinds["attempt.counted"] == 2
    assert kinds["attempt.accepted"] == 1


def _recorded(cloud: Cloud) -> Counter[str] | None:
    kinds = Counter(event["kind"]["S"] for event in cloud.events())
    return kinds if kinds["attempt.accepted"] and kinds["attempt.counted"] >= 2 else None


@pytest.mark.requirement("A4")
def test_the_events_are_written_down_signed_and_proven(story: Story) -> None:
    """By functions that may do only that; not even the operator puts anything beside it."""
    cloud = story.cloud
    s3, bucket = cloud.client("s3"), cloud.outputs("data")["ArchiveBucketName"]

    def manifests() -> Any:
        return s3.list_objects_v2(Bucket=bucket, Prefix="manifests/").get("Contents")

    wait_for(manifests, "a manifest")
    made = cloud.client("lambda").invoke(FunctionName=cloud.outputs("app")["DigestFunctionName"])
    # Ten minutes past the hour the emulator's own schedule may have been quicker.
    assert json.loads(made["Payload"].read()) in ({"made": 1}, {"made": 0})
    said = cloud.operator("verify-events").stdout
    assert "1 digests, 0 manifests" in said  # of the last hour, before there was a service
    assert "Every event is as it was written, and none is missing." in said
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.as_operator("s3").put_object(Bucket=bucket, Key="digests/forged.json", Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        cloud.as_operator("s3").delete_object(Bucket=bucket, Key=manifests()[0]["Key"])


def test_a_deploy_that_fails_leaves_the_service_as_it_is_and_says_why(story: Story) -> None:
    """A resource that cannot be made: CloudFormation goes back, the page is not touched."""
    cloud = story.cloud
    fragment = cloud.project / ".chalice/stacks/app/broken.yaml"
    fragment.write_text(_SECOND_FUNCTION_OF_THE_SAME_NAME)
    cloud.edit("static/app.css", ":root", ":root { --release: never-seen; }\n:root")
    refused = cloud.operator("deploy", expect=1)
    assert "SecondFunction (AWS::CloudFront::Function): " in refused.stderr
    assert "Everything runs as before." in refused.stderr
    fragment.unlink()
    with cloud.front() as front:
        assert release_of(front) == story.first_release
        assert front.wizard(story.anna).sign_in().body["second_factor"] == "active"


def test_an_update_keeps_sessions_and_enrolments(story: Story) -> None:
    """Changed code and a changed page: whoever is signed in stays so, and old pages find their files."""
    cloud = story.cloud
    with cloud.front() as front:
        wizard = front.wizard(story.anna)
        wizard.sign_in()
        cloud.edit("chalicelib/web/problems.py", "Use the public address", "Come in by the front door")
        cloud.edit("static/app.css", "never-seen", "another")
        said = cloud.deploy()
        assert f"tvasteg-{STAGE}-data is up to date." in said
        assert cloud.ask_api_directly("/api/tenant").body["title"] == "Come in by the front door"
        assert release_of(front) != story.first_release
        assert "--release:another" in front.get(f"/{release_of(front)}/app.css").text
        assert front.get(f"/{story.first_release}/app.css").status == 200
        assert front.get("/api/tenant").body["id"] == TENANT  # the option was remembered
        answer = wizard.verify(story.annas_phone.otp())
        assert (answer.status, answer.body["verified"]) == (200, True)


def test_a_rotated_secret_refuses_nobody(story: Story) -> None:
    """Requests go on all the while; the old secret opens until the next rotation, and then no more."""
    cloud = story.cloud
    leaked = cloud.origin_secrets()[0]
    with cloud.front() as front, _asking_all_the_while(front) as statuses:
        said = cloud.operator("rotate").stdout
        assert said.index(" APIHandler (") < said.index(" Distribution (")
        assert cloud.ask_api_directly("/api/tenant", secret=leaked).status == 200
        cloud.operator("rotate")
    assert set(statuses) == {200}
    assert statuses.total() >= 10
    assert leaked not in cloud.origin_secrets()
    assert cloud.ask_api_directly("/api/tenant", secret=leaked).problem == "edge_bypassed"


class _asking_all_the_while:  # noqa: N801 - reads as what it does
    """Ask for something from several sides until the block ends; yields the statuses so far."""

    def __init__(self, front: Front, path: str = "/api/tenant") -> None:
        self._front = front
        self._path = path
        self._statuses: Counter[int] = Counter()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def __enter__(self) -> Counter[int]:
        for thread in self._threads:
            thread.start()
        return self._statuses

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._is_over.is_set():
            self._statuses[self._front.get(self._path).status] += 1


PORTAL = "example"
PORTALS_LOGO = address_of(PORTAL, logo())


def portal_of(front: Front, story: Story) -> Portal:
    return front.portal(f"{PORTAL}.web", story.portals_key)


@pytest.mark.requirement("M4", "K4")
def test_a_portal_with_a_key_of_its_own_sends_a_user_and_believes_what_comes_back(story: Story) -> None:
    """The function opens and signs with keys that its role does not name: their policies let it."""
    cloud = story.cloud
    demo = json.loads((cloud.project / "chalicelib/local/demo-tenant.json").read_text("utf-8"))
    profile = cloud.folder / "example.json"
    differences = {
        "id": PORTAL,
        "return_urls": [RETURN_URL],
        "clients": [client_of(story.portals_key)],
        "passwords": "portal",
        "sign_in_url": "https://portal.example/sign-in",
        "own_key": True,
        "brand": {"colour": "#5b3a8c", "logo": "example.svg"},
    }
    profile.write_text(json.dumps(demo | differences))
    (cloud.folder / "example.svg").write_bytes(logo())
    said = cloud.operator("tenant", "--profile", str(profile)).stdout
    assert f"{PORTAL} is a new tenant." in said
    (own_key,) = re.findall(r"Its own key is (\S+)\. It costs 1 dollar a month", said)
    with cloud.front() as front:
        portal = portal_of(front, story)
        assert portal.status("4711").body["next"] == "enrol"
        wizard = front.wizard(story.anna)
        assert wizard.arrive(portal.token_for("4711")).status == 200
        assert wizard.begin().status == 200
        phone = CarefulPhone(phone=wizard.scan())
        assert wizard.confirm(phone.otp()).status == 200
        came_back = brought_back(wizard.return_to_portal())
        assert came_back["state"] == "state-of-the-portal"
        claims = portal.checked(portal.redeem(came_back["code"]).body["assertion"])
        assert (claims["iss"], claims["aud"], claims["sub"]) == (front.url, f"{PORTAL}.web", "4711")
        assert (claims["nonce"], claims["amr"]) == ("nonce-of-the-portal", ["otp"])
        assert portal.redeem(came_back["code"]).problem == "return_code_used"
        assert portal.verify("4711", phone.otp()).status == 200
    (row,) = [row for row in cloud.state() if row["sk"]["S"] == "TOTP" and f"T#{PORTAL}#" in row["pk"]["S"]]
    assert own_key in json.dumps(row, default=str)
    shown = cloud.operator("tenant", "--tenant", PORTAL)
    kept = differences | {"brand": {"colour": "#5b3a8c", "logo": PORTALS_LOGO}}
    assert json.loads(shown.stdout) == demo | kept
    assert ":user/operator" in shown.stderr


@pytest.mark.requirement("S7")
def test_its_logo_is_a_file_of_our_origin(story: Story) -> None:
    """With every header of the page, and for good; the bucket itself gives it to nobody."""
    with story.cloud.front() as front:
        assert front.get(f"/api/tenant?tenant={PORTAL}").body["brand"]["logo"] == PORTALS_LOGO
        answer, page = front.get(PORTALS_LOGO), front.get("/")
    assert (answer.status, answer.text) == (200, logo().decode())
    assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    for name in ("content-security-policy", "x-content-type-options", "strict-transport-security"):
        assert answer.headers[name] == page.headers[name]
    assert story.cloud.ask_bucket_directly(PORTALS_LOGO.removeprefix("/")) == 403


def test_nobody_but_the_function_uses_the_keys(story: Story) -> None:
    """Not even somebody who may do everything, unless they change the keys' policies first."""
    cloud = story.cloud
    keys = {
        "key of all": cloud.outputs("data")["SecretKeyArn"],
        "its own": cloud.client("kms").describe_key(KeyId=f"alias/tvasteg-{STAGE}-tenant-{PORTAL}")[
            "KeyMetadata"
        ]["Arn"],
    }
    administrator = cloud.administrators_keys()
    for key in keys.values():
        with pytest.raises(ClientError, match="AccessDenied"):
            administrator.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"purpose": "otp"})
    with pytest.raises(ClientError, match="AccessDenied"):
        administrator.sign(
            KeyId=cloud.outputs("data")["SigningKeyArn"],
            Message=b"x",
            SigningAlgorithm="ECDSA_SHA_256",
        )


def test_a_suspended_portal_is_refused_until_it_is_resumed(story: Story) -> None:
    cloud = story.cloud
    with cloud.front() as front:
        portal = portal_of(front, story)
        cloud.operator("suspend", "--tenant", PORTAL)
        assert portal.status("4711").problem == "tenant_suspended"
        assert portal.hand_off("4711").problem == "tenant_suspended"
        assert front.wizard(story.anna).sign_in().status == 200
        cloud.operator("resume", "--tenant", PORTAL)
        assert portal.status("4711").body["next"] == "verify"


@pytest.mark.requirement("M5")
def test_the_next_signing_key_is_published_before_it_signs(story: Story) -> None:
    """After a minute at most: for so long a process remembers which keys there are. Nobody is refused."""
    cloud = story.cloud
    with cloud.front() as front, _asking_all_the_while(front, "/api/jwks") as statuses:
        said = cloud.operator("rotate-signing-key").stdout
    assert set(statuses) == {200}
    (waiting,) = re.findall(r"whose kid is (\S+)\. ", said)
    assert "belongs to the stack tvasteg-dev-data and stays." in said
    refused = cloud.operator("rotate-signing-key", expect=1).stderr
    assert refused.startswith("Nothing was changed: a key waits already. ")
    cloud.operator("rotate")  # processes of its own, as after a minute
    with cloud.front() as front:
        known = [key["kid"] for key in front.get("/api/jwks").body["keys"]]
    assert len(known) == 2
    assert known[1] == waiting


@pytest.mark.requirement("K8")
def test_an_erased_portal_is_gone_and_the_other_goes_on(story: Story) -> None:
    cloud = story.cloud
    key = f"alias/tvasteg-{STAGE}-tenant-{PORTAL}"
    before = cloud.state()
    refused = cloud.operator("erase", "--tenant", PORTAL, "--yes", TENANT, expect=1)
    assert "Nothing was erased" in refused.stderr
    said = cloud.operator("erase", "--tenant", PORTAL, "--yes", PORTAL).stdout
    assert f"{PORTAL} is erased: " in said
    assert "aws kms cancel-key-deletion --key-id arn:aws:kms:" in said
    assert cloud.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    left = cloud.state()
    assert PORTAL not in json.dumps(left, default=str)
    assert {row["pk"]["S"] for row in before if TENANT in str(row)} == {
        row["pk"]["S"] for row in left if TENANT in str(row)
    }
    with cloud.front() as front:
        assert front.get(PORTALS_LOGO).status in {403, 404}
        assert portal_of(front, story).status("4711").problem == "client_not_authenticated"
        wizard = front.wizard(story.anna)
        wizard.sign_in()
        assert wizard.verify(story.annas_phone.otp()).body["verified"] is True


def test_destroyed_the_data_is_kept_and_a_later_deploy_finds_it(story: Story) -> None:
    """The operator is told how to be rid of it; at another address Anna's phone goes on working."""
    cloud = story.cloud
    data = cloud.outputs("data")
    refused = cloud.operator("destroy", "--yes", "prod", expect=1)
    assert "Nothing was removed" in refused.stderr
    said = cloud.operator("destroy", "--yes", STAGE).stdout
    for kept in (
        *("StateTableName", "EventsTableName", "ArtifactsBucketName", "ArchiveBucketName"),
        *("SecretKeyArn", "SigningKeyArn", "DigestKeyArn", "TableKeyArn"),
    ):
        assert data[kept] in said
    assert f"aws cloudformation delete-stack --stack-name tvasteg-{STAGE}-data" in said
    stacks = cloud.client("cloudformation").list_stacks()["StackSummaries"]
    alive = {stack["StackName"] for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"}
    assert alive == {f"tvasteg-{STAGE}-data"}
    assert not cloud.client("s3").list_buckets(Prefix=f"tvasteg-{STAGE}-app")["Buckets"]

    zone = cloud.client("route53").create_hosted_zone(Name="firma.se", CallerReference="ours")
    domain = ("--domain", "tva.firma.se", "--hosted-zone-id", zone["HostedZone"]["Id"].rpartition("/")[2])
    cloud.deploy("--architecture", this_machines_architecture(), "--default-tenant", TENANT, *domain)
    assert cloud.outputs("data") == data
    assert cloud.outputs("app")["Url"] == "https://tva.firma.se"
    with cloud.front() as front:
        wizard = front.wizard(story.anna)
        wizard.sign_in()
        answer = wizard.verify(story.annas_phone.otp())
        assert (answer.status, answer.body["verified"]) == (200, True)
