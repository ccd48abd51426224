"""`make erase`: a tenant goes with all that is its, no other is touched, and it may stop anywhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.deployment import erasure
from chalicelib.deployment.erasure import SETTLE_SECONDS, TenantRows
from chalicelib.tenants.cache import REMEMBERED_SECONDS
from chalicelib.tenants.logo import address_of
from tests.deployment.operating import SITE, Operator, Row, Said
from tests.support.aws import SETTINGS
from tests.support.logos import logo
from tests.support.portal import brought_back
from tests.support.world import ANNA, ANNAS_PASSWORD, World

# What a tenant leaves in the table, by partition and sort key.
ALL_KINDS = {
    *("T/PROFILE", "T/PROFILE#", "HOST/TENANT", "LOOKUP/USER", "LOOKUP/PASSWORD"),
    *("U/USER", "U/PASSWORD", "U/PENDING", "U/TOTP", "U/GRACE"),
    *("S/SESSION", "HANDOFF/HANDOFF", "JWT/JWT", "RETURN/RETURN"),
}


@pytest.fixture
def world(operator: Operator) -> World:
    """The stage dev with a tenant `cozone`, whose user is Anna."""
    stage = operator.stage
    return World(stage.stores, settings=replace(SETTINGS, signing_key_id=stage.data["SigningKeyArn"]))


def lives(world: World, tenant_id: str) -> None:
    """Let users of *tenant_id* do everything that leaves a row."""
    portal = world.add_portal(
        tenant_id,
        hosts=[f"{tenant_id}.firma.se"],
        policy={"second_factor": "required", "deadline": None, "grace_days": 30},
        passwords="directory",
    )
    phone = world.enrolled_at(portal, "4711")
    world.clock.advance(60)
    wizard = world.arrived(portal, "4711")
    assert wizard.verify(phone.otp()).status == 200
    code = brought_back(wizard.call("POST", "/api/session/return"))["code"]
    assert portal.redeem(code).status == 200
    world.arrived(portal, "4712").begin()
    world.add_user(world.services.tenants.get(tenant_id))
    anna = world.wizard(tenant=tenant_id, username=ANNA, password=ANNAS_PASSWORD)
    anna.sign_in(password="fel-lösenord-igen")
    second = world.wizard(tenant=tenant_id, username=ANNA, password=ANNAS_PASSWORD)
    second.sign_in()
    second.prove_again(password="fel-lösenord-igen")
    world.wizard(tenant=tenant_id, username=ANNA, password="fel-lösenord-igen").sign_in()


def kind(row: Row) -> str:
    """Return what *row* is, without whose."""
    place = row["pk"]["S"].partition("#")[0]
    if place == "T" and "#U#" in row["pk"]["S"]:
        place = "U"
    before, number, _ = row["sk"]["S"].partition("#")
    return f"{place}/{before}{number}"


def erase(operator: Operator, tenant_id: str, *options: str) -> Said:
    """Run the command, which need not wait for open pages."""
    said = ("--tenant", tenant_id, "--yes", tenant_id, "--settle-seconds", "0")
    return operator.does("erase", *said, *options)


@pytest.mark.requirement("K8", "M1")
def test_everything_of_it_is_gone_and_nothing_of_anybody_else(operator: Operator, world: World) -> None:
    """Also of one whose id begins like its own."""
    lives(world, "byra-nord")
    others = operator.rows()
    lives(world, "byra")
    own = [row for row in operator.rows() if row not in others]
    assert {kind(row) for row in own} >= ALL_KINDS

    said = erase(operator, "byra")

    assert said.status == 0
    assert operator.rows() == others
    assert "byra is erased: " in said.out
    assert "the table's backups, until " in said.out
    assert (
        "It had no key of its own: until then its secrets in backups open under the key of all." in said.out
    )


@pytest.mark.requirement("K8", "M1")
def test_its_logos_go_with_it_and_no_other_tenants(operator: Operator) -> None:
    """Nor what else lies beside the page."""
    operator.opens_the_page()
    operator.draws("logo.svg", logo())
    for tenant_id in ("byra", "byra-nord"):
        operator.applies(id=tenant_id, brand={"colour": "#005f86", "logo": "logo.svg"})
    boto3.client("s3").put_object(Bucket=SITE, Key="index.html", Body=b"")
    others = operator.files()
    del others[address_of("byra", logo()).removeprefix("/")]

    said = erase(operator, "byra")

    assert said.status == 0
    assert operator.files() == others
    assert "  copies of its logo with CloudFront and browsers, a year at most.\n" in said.out
    operator.applies(id="byra")
    assert "copies of its logo" not in erase(operator, "byra").out


def test_a_run_that_goes_on_behind_the_logos_still_tells_of_copies(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that leaves the profile, that what it names is gone."""
    operator.opens_the_page()
    operator.draws("logo.svg", logo())
    operator.applies(brand={"colour": "#005f86", "logo": "logo.svg"})
    with monkeypatch.context() as patching:
        patching.setattr(TenantRows, "remove_profile", lambda _: False)
        said = erase(operator, "cozone")
    assert said.err.startswith("Somebody resumed cozone or applied a profile to it meanwhile. ")
    assert said.err.endswith(" Its logos are gone: apply a profile with them if it is to stay.\n")
    assert operator.files() == {}
    assert "  copies of its logo with CloudFront and browsers, a year at most.\n" in (
        erase(operator, "cozone").out
    )


@pytest.mark.requirement("K8")
def test_the_help_desks_names_go_with_it(operator: Operator, world: World) -> None:
    """They are found apart from users' names."""
    tenant = world.add_tenant(id="byra")
    before = {row["pk"]["S"] for row in operator.rows()}
    world.add_staff(tenant)
    assert any(
        row["pk"]["S"].startswith("LOOKUP#") for row in operator.rows() if row["pk"]["S"] not in before
    )
    assert erase(operator, "byra").status == 0
    assert {row["pk"]["S"] for row in operator.rows()} == before - {"T#byra"}


@pytest.mark.requirement("K8")
def test_its_events_stay_and_name_nobody(operator: Operator, world: World) -> None:
    lives(world, "byra")
    table = operator.stage.data["EventsTableName"]
    before = boto3.client("dynamodb").scan(TableName=table)["Items"]

    said = erase(operator, "byra")

    assert boto3.client("dynamodb").scan(TableName=table)["Items"] == before
    assert "  its events. They name nobody: " in said.out
    assert not any(ANNA in str(event) or "4711" in str(event) for event in before)


@pytest.mark.requirement("K8", "K6")
def test_its_own_key_can_be_called_back_for_thirty_days(operator: Operator, world: World) -> None:
    operator.applies(id="byra", own_key=True)
    arn = world.services.tenants.get("byra").secret_key_arn

    said = erase(operator, "byra")

    described = operator.kms.describe_key(KeyId=arn)["KeyMetadata"]
    assert described["KeyState"] == "PendingDeletion"
    assert described["DeletionDate"].timestamp() - time.time() > 29 * 24 * 60 * 60
    until = described["DeletionDate"].strftime("%Y-%m-%d")
    assert f"Its own key is deleted on {until} " in said.out
    assert f"  aws kms cancel-key-deletion --key-id {arn} --region eu-north-1" in said.out
    assert [state for key, state in operator.keys().items() if key != arn] == ["Enabled"] * 4


def test_a_tenant_of_the_same_id_later_gets_another_key(operator: Operator) -> None:
    operator.applies(own_key=True)
    first = operator.stage.tenant("cozone").secret_key_arn
    erase(operator, "cozone")

    assert operator.applies(own_key=True).status == 0

    second = operator.stage.tenant("cozone").secret_key_arn
    assert second not in (None, first)
    named = operator.kms.describe_key(KeyId="alias/tvasteg-dev-tenant-cozone")["KeyMetadata"]["Arn"]
    assert named == second


@dataclass
class Breaking:
    """A DynamoDB from which the operator is cut off after *calls_left* writes of rows to be removed."""

    dynamodb: Any
    calls_left: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dynamodb, name)

    def batch_write_item(self, **request: Any) -> Any:
        """Do it, until the connection breaks."""
        self._count("BatchWriteItem")
        return self.dynamodb.batch_write_item(**request)

    def delete_item(self, **request: Any) -> Any:
        """Do it, until the connection breaks."""
        self._count("DeleteItem")
        return self.dynamodb.delete_item(**request)

    def _count(self, operation: str) -> None:
        self.calls_left -= 1
        if self.calls_left < 0:
            answer = {"Error": {"Code": "Gone", "Message": "The connection broke"}}
            raise ClientError(answer, operation)


@pytest.mark.requirement("K8")
def test_it_goes_on_where_it_broke_off(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one write, then after two, and so on, until an attempt comes to its end."""
    others = operator.rows()
    lives(world, "byra")
    operator.applies(**dict(world.services.tenants.get("byra").profile.source) | {"own_key": True})
    arn = world.services.tenants.get("byra").secret_key_arn
    whole = TenantRows
    for breaks in range(30):
        with monkeypatch.context() as patching:
            patching.setattr(
                erasure,
                "TenantRows",
                lambda dynamodb, *rest, left=breaks: whole(Breaking(dynamodb, left), *rest),
            )
            said = erase(operator, "byra")
        if said.status == 0:
            break
        assert said.err.startswith("AWS refuses ")
        assert world.services.tenants.get("byra").suspended_at is not None

    assert breaks >= 2
    assert operator.rows() == others
    assert operator.keys()[str(arn)] == "PendingDeletion"
    again = erase(operator, "byra")
    assert again.err == "There is no tenant 'byra' in dev: make tenant STAGE=dev PROFILE=...\n"


def test_the_key_is_set_up_for_deletion_before_the_profile_goes(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody would know of it any more."""
    operator.applies(own_key=True)
    arn = operator.stage.tenant("cozone").secret_key_arn

    def broken(_: TenantRows) -> bool:
        raise ClientError({"Error": {"Code": "Gone", "Message": "The connection broke"}}, "DeleteItem")

    with monkeypatch.context() as patching:
        patching.setattr(TenantRows, "remove_profile", broken)
        assert erase(operator, "cozone").status == 1
    assert operator.keys()[str(arn)] == "PendingDeletion"
    said = erase(operator, "cozone")
    assert said.status == 0
    assert "Its own key is deleted on " in said.out


@dataclass
class Clock:
    """Time that passes only while somebody waits."""

    now: float = field(default_factory=time.time)
    waited: list[float] = field(default_factory=list)

    def time(self) -> float:
        """Return what time it is."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.waited.append(seconds)
        self.now += seconds


def test_it_waits_until_no_open_page_can_write_any_more(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was open is let in until its tenant's suspension is known everywhere."""
    assert SETTLE_SECONDS >= REMEMBERED_SECONDS + 15
    operator.applies()
    clock = Clock()
    monkeypatch.setattr(erasure, "time", clock)

    said = operator.does("erase", "--tenant", "cozone", "--yes", "cozone")

    assert len(clock.waited) == 1
    assert SETTLE_SECONDS - 1 <= clock.waited[0] <= SETTLE_SECONDS
    assert " seconds, until no open page can write any more." in said.out
    assert said.out.count("Nothing more is found.") == 2


def test_what_an_open_page_wrote_meanwhile_goes_too(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = world.wizard()
    anna.sign_in()
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.now += seconds
        assert world.wizard().session().problem is not None
        world.add_user(username="sen@firma.se")

    monkeypatch.setattr(clock, "sleep", sleep)
    monkeypatch.setattr(erasure, "time", clock)
    assert operator.does("erase", "--tenant", "cozone", "--yes", "cozone").status == 0
    assert operator.rows() == []


def test_a_host_that_another_tenant_took_meanwhile_stays_its(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.applies(id="byra", hosts=["tva.firma.se"])
    found = TenantRows._pages

    def pages_and_then_somebody_else(rows: TenantRows) -> Any:
        pages = list(found(rows))
        world.add_tenant(id="byra", hosts=[])
        world.add_tenant(id="cozone", hosts=["tva.firma.se"])
        return iter(pages)

    with monkeypatch.context() as patching:
        patching.setattr(TenantRows, "_pages", pages_and_then_somebody_else)
        rows = TenantRows(
            boto3.client("dynamodb"), operator.stage.data["StateTableName"], operator.stage.tenant("byra")
        )
        rows.remove_all_but_the_profile()
    assert world.services.tenants.id_at("tva.firma.se") == "cozone"


@pytest.mark.parametrize("what", ["resumed", "applied"])
def test_who_changes_it_meanwhile_keeps_the_profile_and_the_key(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    operator.applies(own_key=True)
    tenants = operator.stage.stores.tenants
    remove = TenantRows.remove_all_but_the_profile
    profile = operator.stage.tenant("cozone").profile

    def and_then_somebody_else(rows: TenantRows) -> int:
        if what == "resumed":
            tenants.resume("cozone")
        else:
            tenants.apply(profile)
            monkeypatch.setattr(TenantRows, "remove_all_but_the_profile", remove)
        return remove(rows)

    monkeypatch.setattr(TenantRows, "remove_all_but_the_profile", and_then_somebody_else)
    said = erase(operator, "cozone")

    assert said.err.startswith("Somebody resumed cozone or applied a profile to it meanwhile. ")
    assert tenants.get("cozone").profile == profile
    assert set(operator.keys().values()) == {"Enabled"}


@pytest.mark.requirement("K8")
def test_who_comes_before_a_colleague_suspends_it_again_is_not_left_behind(
    operator: Operator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the profile, nothing would lead to that user any more."""
    clock = Clock()
    tenants = operator.stage.stores.tenants
    remove = TenantRows.remove_all_but_the_profile

    def and_then_a_colleague(rows: TenantRows) -> int:
        removed = remove(rows)
        if clock.waited:  # so this was the last pass
            tenants.resume("cozone")
            world.add_user(username="sen@firma.se")
            tenants.suspend("cozone", at=int(clock.now))
        return removed

    monkeypatch.setattr(erasure, "time", clock)
    with monkeypatch.context() as patching:
        patching.setattr(TenantRows, "remove_all_but_the_profile", and_then_a_colleague)
        said = operator.does("erase", "--tenant", "cozone", "--yes", "cozone")

    assert said.err.startswith("Somebody resumed cozone or applied a profile to it meanwhile. ")
    assert {kind(row) for row in operator.rows()} >= {"T/PROFILE", "U/USER"}
    assert operator.does("erase", "--tenant", "cozone", "--yes", "cozone").status == 0
    assert operator.rows() == []


def test_the_profile_goes_under_that_suspension_only(operator: Operator) -> None:
    """Also if a colleague is quicker than the command, after it has looked."""
    operator.applies()
    stage, tenants = operator.stage, operator.stage.stores.tenants
    tenants.suspend("cozone", at=100)
    rows = TenantRows(boto3.client("dynamodb"), stage.data["StateTableName"], tenants.get("cozone"))
    tenants.resume("cozone")
    tenants.suspend("cozone", at=200)

    assert not rows.remove_profile()
    assert tenants.get("cozone").suspended_at == 200


def test_of_a_large_table_it_says_how_far_it_is(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And looks at one page at a time."""
    operator.applies(id="byra")
    stage = operator.stage
    with boto3.resource("dynamodb").Table(stage.data["StateTableName"]).batch_writer() as batch:
        for number in range(120):
            tenant = "byra" if number % 2 else "annans"
            batch.put_item(Item={"pk": f"S#{number:064x}", "sk": "SESSION", "tenant": tenant})
    monkeypatch.setattr(erasure, "_PAGE_ROWS", 25)
    monkeypatch.setattr(erasure, "PROGRESS_ROWS", 50)

    said = erase(operator, "byra")

    told = [line for line in said.out.splitlines() if "looked at" in line]
    assert told[0].startswith("  50 rows of the table looked at, ")
    assert len(told) >= 2
    assert len(operator.rows()) == 60


def test_nothing_is_erased_unless_the_tenant_is_said_twice(operator: Operator) -> None:
    operator.applies()
    before = operator.rows()

    for options, sentence in (
        (("--tenant", ""), "Say which tenant: TENANT=..."),
        (("--tenant", "byra"), "There is no tenant 'byra' in dev: make tenant STAGE=dev PROFILE=..."),
        (("--tenant", "cozone"), "Nothing was erased. Without a terminal, confirm with YES=cozone."),
        (("--tenant", "cozone", "--yes", "byra"), "Nothing was erased: 'byra' is not 'cozone'."),
    ):
        said = operator.does("erase", *options)
        assert (said.status, said.err) == (1, f"{sentence}\n")
    assert operator.rows() == before
