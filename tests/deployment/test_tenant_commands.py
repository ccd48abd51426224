"""`make tenant`, `make suspend`, `make resume`: what is said, what is written, and what is refused."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import boto3
import pytest

from chalicelib.accounts.record import user_id_of
from chalicelib.deployment import PROJECT, tenants
from chalicelib.deployment.account import Account
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.site import Site
from chalicelib.deployment.tenant_files import LEFT_ALONE_SECONDS, TenantFiles
from chalicelib.tenants.dynamodb import DynamoTenants
from chalicelib.tenants.logo import address_of
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import HostTakenError, Tenant, TenantChangedError
from tests.deployment.operating import SITE, Operator
from tests.support.iam import Call, allowed
from tests.support.logos import logo
from tests.support.portal import ClientKey, client_of
from tests.support.world import COZONE

OPERATOR = "arn:aws:sts::123456789012:user/moto"


class TestApplying:
    """A profile that is applied says what it changes, and each one is kept."""

    def test_a_new_tenant_is_told_to_be_new(self, operator: Operator) -> None:
        said = operator.applies()

        assert said.status == 0
        assert said.out.startswith("cozone is a new tenant.\n")
        assert "Azets Cozone: version 1 of its profile holds in dev." in said.out
        assert "Next: make user STAGE=dev TENANT=cozone USERNAME=..." in said.out

    def test_every_changed_field_is_told_and_no_other(self, operator: Operator) -> None:
        operator.applies()

        said = operator.applies(
            portal_name="Kontoret",
            policy=COZONE["policy"] | {"deadline": "2027-01-31"},
            languages=["sv"],
        )

        assert "Kontoret: version 2 of its profile holds in dev." in said.out
        assert [line for line in said.out.splitlines() if line.startswith("  ")] == [
            '  portal_name: "Azets Cozone" -> "Kontoret"',
            '  languages: ["sv", "en"] -> ["sv"]',
            '  policy.deadline: null -> "2027-01-31"',
        ]

    def test_a_clients_keys_are_told_one_by_one(self, operator: Operator) -> None:
        """So that whoever exchanges one sees that the other stays."""
        old, new = ClientKey(kid="2026"), ClientKey(kid="2027")
        operator.applies(clients=[client_of(old)])

        both = operator.applies(clients=[client_of(old, new)])
        one = operator.applies(clients=[client_of(new)])

        (added,) = [line for line in both.out.splitlines() if line.startswith("  ")]
        assert added.startswith('  clients.web.keys.2027: nothing -> {"crv": "P-256", "kid": "2027", ')
        (removed,) = [line for line in one.out.splitlines() if line.startswith("  ")]
        assert removed.startswith("  clients.web.keys.2026: {")
        assert removed.endswith(" -> nothing")

    def test_the_same_profile_writes_nothing_and_says_so(self, operator: Operator) -> None:
        """Neither does one that only says what holds anyway."""
        operator.applies()
        before = operator.rows()

        again = operator.applies()
        (operator.folder / "short.json").write_text(
            json.dumps({name: value for name, value in COZONE.items() if name not in {"hosts", "own_key"}})
        )
        shorter = operator.does("tenant", "--profile", str(operator.folder / "short.json"))

        for said in (again, shorter):
            assert said.out == "Nothing changes: version 1 of cozone's profile is the same.\n"
            assert said.status == 0
        assert operator.rows() == before

    def test_a_tenant_whose_portal_has_the_passwords_needs_no_user_of_ours(
        self, operator: Operator
    ) -> None:
        said = operator.applies(passwords="portal", sign_in_url="https://portal.example/in")
        assert "make user" not in said.out
        refused = operator.adds("anna@firma.se")
        assert refused.err.startswith("The portal of cozone holds the passwords: ")

    @pytest.mark.requirement("M1")
    def test_another_tenants_host_is_refused_and_named(self, operator: Operator) -> None:
        operator.applies(hosts=["tva.firma.se"])
        before = operator.rows()

        said = operator.applies(id="byra", hosts=["byra.firma.se", "tva.firma.se"], own_key=True)

        assert said.err == "Nothing was changed: the host tva.firma.se is the tenant cozone's.\n"
        assert (said.status, operator.rows()) == (1, before)
        assert len(operator.keys()) == 4

    @pytest.mark.parametrize(
        ("error", "sentence"),
        [
            (HostTakenError, "Nothing was changed: one of the hosts has just become another tenant's.\n"),
            (TenantChangedError, "Nothing was changed: others apply profiles of this tenant right now. "),
        ],
    )
    def test_what_others_do_at_the_same_moment_is_told(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch, error: type[Exception], sentence: str
    ) -> None:
        def apply(*_: object, **__: object) -> Tenant:
            raise error

        monkeypatch.setattr("chalicelib.tenants.dynamodb.DynamoTenants.apply", apply)
        said = operator.applies()
        assert said.err.startswith(sentence)
        assert said.status == 1

    def test_an_earlier_release_of_the_tables_is_told(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        outputs = dict(operator.stage.data)
        del outputs["SigningKeyArn"]
        monkeypatch.setattr("chalicelib.deployment.stacks.Stacks.outputs", lambda *_: outputs)
        said = operator.applies()
        assert said.err == "What is deployed is an earlier release: make deploy STAGE=dev first.\n"


class TestColour:
    """A portal's colour is looked at before it is taken, and what the page makes of it is told."""

    def test_the_contrasts_are_told(self, operator: Operator) -> None:
        assert operator.applies().out.splitlines()[2:4] == [
            "Contrasts of #005f86: white text on it 7.04, links 6.37 in light and 6.51 in dark,",
            "buttons on their ground 6.37 in light and 2.20 in dark, so in dark buttons get an edge.",
        ]
        told = operator.applies(brand={"colour": "#fff200", "logo": None}).out
        assert (
            "Contrasts of #fff200: black text on it 17.95, links 4.85 in light and 13.25 in dark,\n" in told
        )
        assert (
            "buttons on their ground 1.05 in light and 13.25 in dark, so in light buttons get an edge.\n"
            in told
        )
        almost = operator.applies(brand={"colour": "#0067e4", "logo": None}).out
        assert "in light and 2.99 in dark, so in dark buttons get an edge.\n" in almost
        assert "edge" not in operator.applies(brand={"colour": "#808080", "logo": None}).out

    @pytest.mark.requirement("W5")
    def test_a_colour_that_is_the_pages_own_changes_nothing(self, operator: Operator) -> None:
        operator.applies()
        before = operator.rows()

        said = operator.applies(brand={"colour": "#fdfdfd", "logo": None}, portal_name="Kontoret")

        assert said.err == (
            f"The profile {operator.folder}/profile.json cannot be used: brand.colour: #fdfdfd is nearly "
            "the page's own ground in light, #ffffff: the contrast is 1.01, and under 1.15 buttons are "
            "seen by their edge alone\n"
        )
        assert (said.status, said.out, operator.rows()) == (1, "", before)


def brand(logo: str | None, logo_dark: str | None = None) -> dict[str, Any]:
    """Return a brand with these logos."""
    return {"colour": "#005f86", "logo": logo, "logo_dark": logo_dark}


def key_of(content: bytes, tenant_id: str = "cozone") -> str:
    """Return where a logo lies in the bucket."""
    return address_of(tenant_id, content).removeprefix("/")


RED, BLUE, GREEN = (
    logo(f'<path fill="{colour}" d="M0 0h120v40H0z"/>') for colour in ("#f00", "#00f", "#0f0")
)


class TestLogos:
    """A logo lies beside the page before a profile names it, and goes when two profiles do not."""

    @pytest.fixture(autouse=True)
    def page(self, operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A deployed page, with what is drawn for the portal on the operator's disk; all of it is old."""
        monkeypatch.setattr(tenants, "LEFT_ALONE_SECONDS", -1)
        operator.opens_the_page()
        boto3.client("s3").put_bucket_versioning(Bucket=SITE, VersioningConfiguration={"Status": "Enabled"})
        for name, content in (("red.svg", RED), ("blue.svg", BLUE), ("green.svg", GREEN)):
            operator.draws(name, content)

    @staticmethod
    def times_written() -> Counter[str]:
        """Return how often each file was written, whatever became of it."""
        versions = boto3.client("s3").list_object_versions(Bucket=SITE)
        return Counter(version["Key"] for version in versions.get("Versions", []))

    def test_it_is_kept_under_its_hash_and_the_page_is_told_where(self, operator: Operator) -> None:
        said = operator.applies(brand=brand("red.svg", "blue.svg"))

        assert said.status == 0
        assert operator.files() == {key_of(RED): RED, key_of(BLUE): BLUE}
        kept = boto3.client("s3").get_object(Bucket=SITE, Key=key_of(RED))
        assert kept["ContentType"] == "image/svg+xml; charset=utf-8"
        assert kept["CacheControl"] == "public, max-age=31536000, immutable"
        profile = operator.stage.tenant("cozone").profile
        assert profile.as_public_json()["brand"] == {
            "colour": "#005f86",
            "logo": f"/{key_of(RED)}",
            "logo_dark": f"/{key_of(BLUE)}",
        }

    def test_what_changes_is_told_by_where_it_will_lie(self, operator: Operator) -> None:
        operator.applies()
        assert [
            line
            for line in operator.applies(brand=brand("red.svg")).out.splitlines()
            if line.startswith("  ")
        ] == [f'  brand.logo: null -> "/{key_of(RED)}"']

    def test_it_is_there_before_the_profile_names_it(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there: list[bool] = []
        apply = DynamoTenants.apply

        def looking(tenants: DynamoTenants, *profile: Profile, **how: Any) -> Tenant:
            there.append(key_of(RED) in operator.files())
            return apply(tenants, *profile, **how)

        monkeypatch.setattr(DynamoTenants, "apply", looking)
        operator.applies(brand=brand("red.svg"))
        assert there == [True]

    @pytest.mark.requirement("S7")
    def test_one_that_is_more_than_a_drawing_changes_nothing(self, operator: Operator) -> None:
        """Each is named, with all that is wrong with it."""
        operator.applies()
        before = operator.rows()
        operator.draws("bad.svg", logo("<script/>", box="0 0 100 1"))

        said = operator.applies(brand=brand("red.svg", "bad.svg"), portal_name="Kontoret")

        assert said.err == (
            f"The profile {operator.folder}/profile.json cannot be used: brand.logo_dark: bad.svg: line 1: "
            "<script> is not taken: only shapes, groups, gradients, clips and masks are taken; "
            "brand.logo_dark: bad.svg: is 100 wide and 1 high: up to 6 times as wide as high is taken, "
            "and up to 2 times as high as wide\n"
        )
        assert (said.status, operator.rows(), operator.files()) == (1, before, {})

    def test_the_same_files_again_write_nothing(self, operator: Operator) -> None:
        operator.applies(brand=brand("red.svg", "blue.svg"))
        rows, files = operator.rows(), self.times_written()

        said = operator.applies(brand=brand("red.svg", "blue.svg"))

        assert said.out == "Nothing changes: version 1 of cozone's profile is the same.\n"
        assert (operator.rows(), self.times_written()) == (rows, files)
        assert set(files.values()) == {1}

    def test_an_attempt_that_broke_off_is_taken_up(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def apply(*_: object, **__: object) -> Tenant:
            raise TenantChangedError

        operator.applies()
        with monkeypatch.context() as patching:
            patching.setattr(DynamoTenants, "apply", apply)
            assert operator.applies(brand=brand("red.svg")).status == 1
        assert operator.stage.tenant("cozone").profile.brand.logo is None
        assert operator.applies(brand=brand("red.svg")).status == 0
        assert operator.stage.tenant("cozone").profile.brand.logo == f"/{key_of(RED)}"
        assert self.times_written() == {key_of(RED): 1}

    def test_it_goes_when_two_profiles_do_not_name_it(self, operator: Operator) -> None:
        """Open pages show the one before; nothing of others is touched."""
        others = {"v/1/app.css": b"", "index.html": b"", key_of(RED, "cozone-nord"): RED}
        for key, content in others.items():
            boto3.client("s3").put_object(Bucket=SITE, Key=key, Body=content)
        left: list[set[str]] = []
        for named in ("red.svg", "blue.svg", "green.svg", None, None):
            operator.applies(brand=brand(named), portal_name=f"Kontoret {len(left)}")
            left.append(operator.files().keys() - others.keys())
        assert left == [
            {key_of(RED)},
            {key_of(RED), key_of(BLUE)},
            {key_of(BLUE), key_of(GREEN)},
            {key_of(GREEN)},
            set(),
        ]
        assert operator.files() == others

    def test_a_removal_that_broke_off_is_made_up_for(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the same command again, which has nothing else to do."""

        def remove(*_: object, **__: object) -> None:
            raise DeploymentError("It could not be removed.")

        operator.applies(brand=brand("red.svg"))
        operator.applies()
        with monkeypatch.context() as patching:
            patching.setattr(TenantFiles, "remove", remove)
            said = operator.applies(portal_name="Kontoret")
        assert (said.status, said.err) == (1, "It could not be removed.\n")
        assert "Kontoret: version 3 of its profile holds in dev.\n" in said.out
        assert said.out.endswith("The profile holds. Repeat the command to remove its former logos.\n")
        assert operator.files().keys() == {key_of(RED)}
        assert operator.applies(portal_name="Kontoret").out.startswith("Nothing changes: version 3 ")
        assert operator.files() == {}

    def test_the_profile_before_is_shown_and_applied_again_with_its_logo(self, operator: Operator) -> None:
        operator.applies(brand=brand("red.svg"))
        operator.applies(brand=brand("blue.svg"))
        shown = json.loads(operator.does("tenant", "--tenant", "cozone", "--version", "1").out)
        assert shown["brand"]["logo"] == f"/{key_of(RED)}"

        said = operator.applies(**shown)

        assert f'  brand.logo: "/{key_of(BLUE)}" -> "/{key_of(RED)}"' in said.out
        assert operator.files().keys() == {key_of(RED), key_of(BLUE)}
        assert operator.applies(**shown).out.startswith("Nothing changes: ")

    def test_one_from_before_that_must_come_with_its_file(self, operator: Operator) -> None:
        for name in ("red.svg", "blue.svg", "green.svg"):
            operator.applies(brand=brand(name))
        shown = json.loads(operator.does("tenant", "--tenant", "cozone", "--version", "1").out)
        before = operator.rows()

        said = operator.applies(**shown)

        assert said.err == (
            f"Nothing was changed: /{key_of(RED)} is not kept any more. Put the SVG beside the profile, "
            "and name that file in it.\n"
        )
        assert (said.status, operator.rows()) == (1, before)

    def test_after_the_page_was_taken_away_the_same_profile_brings_it_back(
        self, operator: Operator
    ) -> None:
        operator.applies(brand=brand("red.svg"))
        before = operator.rows()
        Site(boto3.client("s3"), bucket=SITE, artifacts_bucket=SITE).empty()

        said = operator.applies(brand=brand("red.svg"))

        assert said.out.splitlines() == [
            "Its logo was missing beside the page, and is there again.",
            "Nothing changes: version 1 of cozone's profile is the same.",
        ]
        assert (operator.files(), operator.rows()) == ({key_of(RED): RED}, before)

    @pytest.mark.parametrize(
        ("content", "kind"), [(b"<html/>", "image/svg+xml; charset=utf-8"), (RED, "text/html")]
    )
    def test_what_somebody_else_put_in_its_place_does_not_stay(
        self, operator: Operator, content: bytes, kind: str
    ) -> None:
        boto3.client("s3").put_object(Bucket=SITE, Key=key_of(RED), Body=content, ContentType=kind)
        operator.applies(brand=brand("red.svg"))
        kept = boto3.client("s3").get_object(Bucket=SITE, Key=key_of(RED))
        assert (kept["Body"].read(), kept["ContentType"]) == (RED, "image/svg+xml; charset=utf-8")

    def test_who_applies_another_profile_meanwhile_takes_no_logo_away(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even one that no profile names yet."""
        apply = DynamoTenants.apply

        def and_somebody_else(tenants: DynamoTenants, *profile: Profile, **how: Any) -> Tenant:
            monkeypatch.setattr(DynamoTenants, "apply", apply)
            operator.applies(portal_name="Kontoret", brand=brand("blue.svg"))
            return apply(tenants, *profile, **how)

        monkeypatch.setattr(DynamoTenants, "apply", and_somebody_else)
        operator.applies(brand=brand("red.svg"))
        assert operator.stage.tenant("cozone").profile.brand.logo == f"/{key_of(RED)}"
        assert operator.files().keys() == {key_of(RED), key_of(BLUE)}

    def test_what_is_brought_for_the_profile_to_come_stays(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody brings it; we see which logos there are; their profile names it; we remove others."""

        def breaks_off(*_: object, **__: object) -> Tenant:
            raise TenantChangedError

        remove = TenantFiles.remove

        def and_somebody_else(files: TenantFiles, *keys: Any, **but: Any) -> int:
            monkeypatch.setattr(TenantFiles, "remove", remove)
            assert operator.applies(portal_name="Kontoret", brand=brand("red.svg")).status == 0
            return remove(files, *keys, **but)

        monkeypatch.setattr(tenants, "LEFT_ALONE_SECONDS", LEFT_ALONE_SECONDS)
        operator.applies()
        with monkeypatch.context() as patching:
            patching.setattr(DynamoTenants, "apply", breaks_off)
            operator.applies(portal_name="Kontoret", brand=brand("red.svg"))
        monkeypatch.setattr(TenantFiles, "remove", and_somebody_else)
        assert operator.applies(brand=brand("blue.svg")).status == 0
        assert operator.stage.tenant("cozone").profile.brand.logo == f"/{key_of(RED)}"
        assert operator.files().keys() == {key_of(RED), key_of(BLUE)}

    def test_all_of_it_is_within_the_deployers_rights(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And asks nothing of a bucket that is not this account's."""
        policy = json.loads((PROJECT / "docs/deployer-policy.json").read_text())["Statement"]
        asked: list[str] = []
        client_of_account = Account.client

        def watched(account: Account, service: str, **how: Any) -> Any:
            client = client_of_account(account, service, **how)
            if service == "s3":
                client.meta.events.register("provide-client-params.s3", note)
            return client

        def note(params: dict[str, Any], model: Any, **_: Any) -> None:
            asked.append(model.name)
            bucket = f"arn:aws:s3:::{params['Bucket']}"
            for one in params.get("Delete", {"Objects": [params]})["Objects"]:
                resource = f"{bucket}/{one['Key']}" if "Key" in one else bucket
                assert allowed(Call(f"s3:{ACTIONS[model.name]}", resource), identity=policy)
            assert params["ExpectedBucketOwner"] == operator.stage.account.number

        monkeypatch.setattr(Account, "client", watched)
        for name in ("red.svg", "blue.svg", "green.svg"):
            assert operator.applies(brand=brand(name)).status == 0
        assert set(asked) == set(ACTIONS)


ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "GetObject": "GetObject",
    "PutObject": "PutObject",
    "DeleteObjects": "DeleteObject",
}


class TestWithoutAPage:
    """Before the first deploy, and after the service was destroyed, a logo has no place."""

    def test_a_profile_with_a_logo_has_to_wait(self, operator: Operator) -> None:
        operator.draws("red.svg", RED)
        operator.applies()
        before = operator.rows()

        for named in ("red.svg", f"/{key_of(RED)}"):
            said = operator.applies(brand=brand(named))
            assert said.err == (
                "Nothing was changed: dev has no page yet where a logo could lie. "
                "make deploy STAGE=dev first.\n"
            )
            assert (said.status, operator.rows()) == (1, before)


class TestKeyOfItsOwn:
    """A tenant may have a key that seals its secrets alone."""

    @pytest.mark.requirement("K4")
    def test_it_is_made_with_the_policy_of_the_key_of_all(self, operator: Operator) -> None:
        said = operator.applies(own_key=True)
        stage = operator.stage
        arn = stage.tenant("cozone").secret_key_arn

        assert arn is not None
        assert f"Its own key is {arn}. It costs 1 dollar a month." in said.out
        assert "those sealed before stay under the key of all" in said.out
        policies = [
            operator.kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
            for key in (arn, stage.data["SecretKeyArn"])
        ]
        assert json.loads(policies[0]) == json.loads(policies[1])
        assert operator.kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"] is True

    @pytest.mark.requirement("K4")
    def test_one_that_an_earlier_release_made_gets_the_policy_of_this_one(self, operator: Operator) -> None:
        """Which lets the operators' function seal, and is no change of the profile."""
        operator.applies(own_key=True)
        arn = operator.stage.tenant("cozone").secret_key_arn
        theirs = operator.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        earlier = json.loads(theirs)
        earlier["Statement"] = [one for one in earlier["Statement"] if one["Sid"] != "OurAdminSeals"]
        operator.kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps(earlier))

        said = operator.applies(own_key=True)

        now = operator.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        assert json.loads(now) == json.loads(theirs)
        assert said.out.splitlines() == [
            "cozone's own key has the policy of this release now.",
            "Nothing changes: version 1 of cozone's profile is the same.",
        ]
        tags = operator.kms.list_resource_tags(KeyId=arn)["Tags"]
        assert {tag["TagKey"]: tag["TagValue"] for tag in tags} == {
            "application": "tvasteg",
            "stage": "dev",
            "tenant": "cozone",
        }
        named = operator.kms.describe_key(KeyId="alias/tvasteg-dev-tenant-cozone")["KeyMetadata"]
        assert named["Arn"] == arn

    def test_a_tenant_that_is_there_gets_it_by_another_profile_and_once(self, operator: Operator) -> None:
        operator.applies()
        said = operator.applies(own_key=True)
        arn = operator.stage.tenant("cozone").secret_key_arn
        assert "  own_key: false -> true" in said.out
        operator.applies(own_key=True, portal_name="Kontoret")
        assert operator.stage.tenant("cozone").secret_key_arn == arn
        assert len(operator.keys()) == 5

    def test_an_attempt_that_broke_off_leaves_no_second_key(
        self, operator: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def apply(*_: object, **__: object) -> Tenant:
            raise TenantChangedError

        with monkeypatch.context() as patching:
            patching.setattr("chalicelib.tenants.dynamodb.DynamoTenants.apply", apply)
            assert operator.applies(own_key=True).status == 1
        assert operator.applies(own_key=True).status == 0
        assert len(operator.keys()) == 5

    @pytest.mark.requirement("K4")
    def test_a_key_that_somebody_else_put_there_is_not_taken_up(self, operator: Operator) -> None:
        """Its policy could be theirs, too."""
        operator.applies()
        before = operator.rows()
        foreign = operator.kms.create_key(Tags=[{"TagKey": "application", "TagValue": "tvasteg"}])
        arn = foreign["KeyMetadata"]["Arn"]
        operator.kms.create_alias(AliasName="alias/tvasteg-dev-tenant-cozone", TargetKeyId=arn)

        said = operator.applies(own_key=True)

        assert said.err.startswith(
            f"Nothing was changed: alias/tvasteg-dev-tenant-cozone leads to {arn}, which was not made "
            "for this tenant: it is not tagged application=tvasteg, stage=dev, tenant=cozone. "
        )
        assert (said.status, operator.rows()) == (1, before)
        assert len(operator.keys()) == 5

    @pytest.mark.requirement("K8")
    def test_while_it_does_not_open_anything_the_tenant_stays_as_it_is(self, operator: Operator) -> None:
        """Somebody began to erase it; a month later all that was sealed since would be lost."""
        operator.applies(own_key=True)
        arn = operator.stage.tenant("cozone").secret_key_arn
        operator.does("suspend", "--tenant", "cozone")
        before = operator.rows()
        cancel = f"  aws kms cancel-key-deletion --key-id {arn} --region eu-north-1\n"
        enable = f"  aws kms enable-key --key-id {arn} --region eu-north-1\n"

        for shut, state, ways_back in (
            (operator.kms.disable_key, "Disabled", enable),
            (operator.kms.schedule_key_deletion, "PendingDeletion", cancel + enable),
        ):
            shut(KeyId=str(arn).rpartition("/")[2])
            for said in (
                operator.does("resume", "--tenant", "cozone"),
                operator.applies(own_key=True, portal_name="Kontoret"),
            ):
                assert said.status == 1
                assert said.err.startswith(f"Nothing was changed: the tenant's own key is {state}, ")
                assert said.err.endswith(f" takes it back with\n{ways_back}")
        assert operator.rows() == before

        for take_back in (operator.kms.cancel_key_deletion, operator.kms.enable_key):
            take_back(KeyId=str(arn).rpartition("/")[2])
        assert operator.does("resume", "--tenant", "cozone").status == 0

    def test_without_its_key_it_can_only_be_erased(self, operator: Operator) -> None:
        operator.applies(own_key=True)
        arn = str(operator.stage.tenant("cozone").secret_key_arn)
        operator.loses(arn)

        for said in (
            operator.does("resume", "--tenant", "cozone"),
            operator.applies(own_key=True, portal_name="Kontoret"),
        ):
            assert said.err.startswith(f"Nothing was changed: the tenant's own key, {arn}, is gone, ")
            assert said.status == 1

    def test_a_key_once_had_stays(self, operator: Operator) -> None:
        """What is sealed under it opens with no other."""
        operator.applies(own_key=True)
        before = operator.rows()
        said = operator.applies(own_key=False)
        assert said.err.startswith("Nothing was changed: cozone has a key of its own, ")
        assert (said.status, operator.rows()) == (1, before)


class TestShowing:
    """The profile in force is given back as a file, and so is every earlier one."""

    def test_what_is_shown_can_be_applied_again(self, operator: Operator) -> None:
        operator.applies(portal_name="Kontoret")
        said = operator.does("tenant", "--tenant", "cozone")

        shown = json.loads(said.out)
        assert shown == COZONE | {"portal_name": "Kontoret"}
        assert list(shown)[:3] == ["id", "portal_name", "issuer"]
        assert operator.applies(**shown).out.startswith("Nothing changes: ")

    def test_an_earlier_version_comes_with_who_and_when(self, operator: Operator) -> None:
        operator.applies()
        operator.applies(portal_name="Kontoret")

        said = operator.does("tenant", "--tenant", "cozone", "--version", "1")
        assert json.loads(said.out)["portal_name"] == "Azets Cozone"
        today = time.strftime("%Y-%m-%d", time.gmtime())
        assert said.err.startswith(f"Version 1 of cozone's profile was applied on {today} ")
        assert said.err.endswith(f" by {OPERATOR}; 2 holds now.\n")
        assert operator.does("tenant", "--tenant", "cozone").err.endswith("; it holds now.\n")

    def test_a_profile_of_a_release_that_kept_no_versions_is_shown_too(self, operator: Operator) -> None:
        operator.applies()
        (version,) = [row for row in operator.rows() if row["sk"]["S"] == "PROFILE#000001"]
        stage = operator.stage
        stage.account.client("dynamodb").delete_item(
            TableName=stage.data["StateTableName"], Key={name: version[name] for name in ("pk", "sk")}
        )

        said = operator.does("tenant", "--tenant", "cozone")
        assert json.loads(said.out) == COZONE
        assert "by an earlier release, which did not keep by whom" in said.err

    def test_what_cannot_be_shown(self, operator: Operator) -> None:
        operator.applies()
        nothing_said = "Say which profile to apply: PROFILE=file.json, or which to see: TENANT=..."
        both_said = "Say either PROFILE=..., to apply it, or TENANT=..., to see the one in force."
        nobody = "There is no tenant 'byra' in dev: make tenant STAGE=dev PROFILE=..."
        for options, sentence in (
            ((), nothing_said),
            (("--profile", ""), "Say which profile to apply: PROFILE=file.json"),
            (("--tenant", ""), "Say which tenant: TENANT=..."),
            (("--tenant", "byra"), nobody),
            (("--tenant", "cozone", "--profile", "x.json"), both_said),
            (("--version", "1", "--profile", "x.json"), both_said),
            (("--tenant", "cozone", "--version", "x"), "VERSION must be a number, not 'x'."),
            (
                ("--tenant", "cozone", "--version", "2"),
                "cozone has no version 2 that was kept; 1 holds now.",
            ),
        ):
            said = operator.does("tenant", *options)
            assert (said.status, said.out, said.err) == (1, "", f"{sentence}\n")


class TestSuspending:
    """Nobody of a suspended tenant gets in, until it is resumed."""

    def test_it_is_suspended_and_resumed(self, operator: Operator) -> None:
        operator.applies()

        said = operator.does("suspend", "--tenant", "cozone")
        assert said.out.startswith(
            "cozone is suspended: nobody signs in, and its portals are refused, from now"
        )
        assert "Pages that are open are refused within 60 seconds." in said.out
        assert operator.stage.tenant("cozone").suspended_at is not None
        assert "cozone is suspended since " in operator.does("tenant", "--tenant", "cozone").err

        said = operator.does("resume", "--tenant", "cozone")
        assert said.out.startswith(
            "cozone is open: people sign in, and its portals are answered, from now on."
        )
        assert operator.stage.tenant("cozone").suspended_at is None

    def test_a_profile_does_not_resume_it(self, operator: Operator) -> None:
        operator.applies()
        operator.does("suspend", "--tenant", "cozone")
        said = operator.applies(portal_name="Kontoret")
        assert "It stays suspended: make resume STAGE=dev TENANT=cozone" in said.out
        assert operator.stage.tenant("cozone").suspended_at is not None

    def test_an_unknown_tenant_is_neither(self, operator: Operator) -> None:
        for command in ("suspend", "resume"):
            for tenant, sentence in (
                ("", "Say which tenant: TENANT=...\n"),
                ("byra", "There is no tenant 'byra' in dev: make tenant STAGE=dev PROFILE=...\n"),
            ):
                said = operator.does(command, "--tenant", tenant)
                assert (said.status, said.err) == (1, sentence)
        assert operator.rows() == []


class TestUsersOfPortals:
    """Somebody whom our directory knows may be known to the portal, too."""

    def test_both_mean_the_same_person(self, operator: Operator) -> None:
        operator.applies()
        assert operator.adds("anna@firma.se", "--portal-user", "4711").status == 0

        stage = operator.stage
        tenant = stage.tenant("cozone")
        user = stage.stores.accounts.get("cozone", user_id_of(tenant.lookup_key, "4711"))
        assert user is not None
        assert (user.username, user.portal_user) == ("anna@firma.se", "4711")

    def test_one_portal_user_is_one_person(self, operator: Operator) -> None:
        operator.applies()
        operator.adds("anna@firma.se", "--portal-user", "4711")
        said = operator.adds("berit@firma.se", "--portal-user", "4711")
        assert said.err == "berit@firma.se exists already in cozone, or the portal's 4711 does.\n"

    def test_what_no_portal_could_say_is_refused(self, operator: Operator) -> None:
        operator.applies()
        for portal_user in ("", "a\nb", "x" * 257):
            said = operator.adds("anna@firma.se", "--portal-user", portal_user)
            assert said.err == "PORTAL_USER must have 1 to 256 characters that can be shown.\n"
