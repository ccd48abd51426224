"""`make tenant`, `make suspend`, `make resume`: what is said, what is written, and what is refused."""

from __future__ import annotations

import json
import time

import pytest

from chalicelib.accounts.record import user_id_of
from chalicelib.tenants.store import HostTakenError, Tenant, TenantChangedError
from tests.deployment.operating import Operator
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
