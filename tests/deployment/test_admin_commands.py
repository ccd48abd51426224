"""`make staff`, imports, exports and erasures: what operators read, and what a stopped command leaves."""

from __future__ import annotations

import base64
import csv
import io
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import argon2
import boto3
import pytest

from chalicelib.admin.operations import MOST_ROWS
from chalicelib.deployment import imports, people
from chalicelib.deployment.admin_client import Answered, HttpAdmin, NobodyAnswersError, open_admin
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.import_files import FileRow, secrets_in, users_in
from chalicelib.deployment.imports import ImportOrder
from tests.deployment.operating import PASSWORD, Operator, Said
from tests.support.aws import SETTINGS
from tests.support.function_url import FunctionUrl, function_url
from tests.support.handlers import fresh_handler
from tests.support.wizard import Phone
from tests.support.world import ANNA, World

EVA = "arn:aws:sts::123456789012:assumed-role/Operations/eva"
HASH = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
_LOGGED = '{"level": "INFO", "function": "admin"'

_APP = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Nothing: { Type: AWS::SNS::Topic }
Outputs:
  AdminUrl: { Value: "%s" }
  Url: { Value: "https://tva.firma.se" }
"""


@pytest.fixture
def world(operator: Operator) -> World:
    """The stage dev with a tenant `cozone`, whose user is Anna; by the clock of the operator's function."""
    stage = operator.stage
    made = World(stage.stores, settings=replace(SETTINGS, signing_key_id=stage.data["SigningKeyArn"]))
    made.clock.advance(time.time() - made.clock())
    return made


@pytest.fixture
def admin(operator: Operator, world: World) -> Iterator[FunctionUrl]:
    """The function ``Admin`` of the stage dev behind its URL; Eva's credentials are the operator's."""
    data = operator.stage.data
    handle = fresh_handler(
        "admin.handler",
        STATE_TABLE=data["StateTableName"],
        EVENTS_TABLE=data["EventsTableName"],
        SECRET_KEY_ID=data["SecretKeyArn"],
    )
    credentials = boto3.Session().get_credentials()
    identities = {credentials.access_key: (credentials.secret_key, EVA)}
    with function_url(handle, identities=identities) as url:
        boto3.client("cloudformation").create_stack(
            StackName="tvasteg-dev-app", TemplateBody=_APP % url.url
        )
        yield url
    del world


def key_of(octets: int = 20) -> str:
    return base64.b32encode(secrets.token_bytes(octets)).decode().rstrip("=")


def does(operator: Operator, command: str, *options: str, stdin: str = "") -> Said:
    """Give a command about cozone; what the function logs, in this same process, is no part of it."""
    said = operator.does(command, "--tenant", "cozone", *options, stdin=stdin)
    lines = [line for line in said.out.splitlines(keepends=True) if not line.startswith(_LOGGED)]
    return replace(said, out="".join(lines))


def written(operator: Operator, name: str, text: str) -> Path:
    path = operator.folder / name
    path.write_text(text, encoding="utf-8")
    return path


def event_kinds(operator: Operator) -> list[str]:
    table = operator.stage.data["EventsTableName"]
    return [row["kind"]["S"] for row in boto3.client("dynamodb").scan(TableName=table)["Items"]]


def erases_anna(operator: Operator) -> Said:
    return does(operator, "erase-user", "--username", ANNA, "--yes", ANNA, "--settle-seconds", "0")


class TestImports:
    """Files are read row by row, and every row is told."""

    @pytest.mark.requirement("B41")
    def test_users_and_their_secrets_arrive_and_every_one_signs_in(
        self, operator: Operator, admin: FunctionUrl, world: World
    ) -> None:
        names = [f"user{n}@firma.se" for n in range(5)]
        keys = {name: key_of(16 + 4 * n) for n, name in enumerate(names)}
        users = written(
            operator,
            "users.csv",
            "\ufeffusername,language,password_hash\n" + "".join(f'{n},en,"{HASH}"\n' for n in names),
        )
        said = does(operator, "import-users", "--file", str(users))
        assert (said.status, said.out) == (0, "5 added, 0 there already, 0 refused.\n"), said.err
        uris = written(
            operator,
            "uris.txt",
            "\n".join(f"otpauth://totp/Gamla:{n}?secret={k}&issuer=Gamla" for n, k in keys.items()),
        )

        said = does(operator, "import-secrets", "--file", str(uris))

        assert (said.status, said.out) == (0, "5 imported, 0 there already, 0 refused.\n"), said.err
        world.clock.advance(60)
        for name, key in keys.items():
            wizard = world.wizard(username=name, password=PASSWORD)
            assert wizard.sign_in().body["second_factor"] == "active"
            assert wizard.verify(Phone(key, world.clock).otp()).status == 200
        assert len(admin.events) == 2
        assert {event["requestContext"]["authorizer"]["iam"]["userArn"] for event in admin.events} == {EVA}

    def test_refused_rows_are_told_by_line_and_reason_and_never_by_what_stood_in_them(
        self, operator: Operator, admin: FunctionUrl
    ) -> None:
        good, long = key_of(), key_of(65)
        path = written(
            operator,
            "secrets.csv",
            f"username,secret\n{ANNA},{good}\n{ANNA},{good}\nnobody,{good}\nx,{long}\nx,y,z\n",
        )

        said = does(operator, "import-secrets", "--file", str(path))

        assert said.status == imports.SOME_REFUSED
        assert said.out.splitlines() == [
            "line 3: refused: an earlier row of this file names the same user",
            "line 4: refused: there is no such user",
            "line 5: refused: the secret has more than 64 bytes",
            "line 6: refused: the row has 3 fields instead of 2",
            "1 imported, 0 there already, 4 refused.",
        ]
        assert long not in admin.events[0]["body"]  # it did not even travel
        assert not list(operator.folder.glob("*.progress"))

    def test_the_same_file_again_changes_nothing(self, operator: Operator, admin: FunctionUrl) -> None:
        path = written(operator, "secrets.csv", f"username,secret\n{ANNA},{key_of()}\n")
        does(operator, "import-secrets", "--file", str(path))
        before = operator.rows()
        said = does(operator, "import-secrets", "--file", str(path))
        assert said.out == "0 imported, 1 there already, 0 refused.\n"
        assert operator.rows() == before
        assert admin.events

    def test_a_dry_run_writes_nothing(self, operator: Operator, admin: FunctionUrl) -> None:
        before = operator.rows(), event_kinds(operator), sorted(operator.folder.iterdir())
        path = written(operator, "u.csv", f'username,password_hash\nnew,"{HASH}"\n{ANNA},"{HASH}"\n')
        said = does(operator, "import-users", "--file", str(path), "--dry-run", "1")
        path.unlink()
        assert said.out == (
            "Dry run, nothing was written. It would be: 1 added, 1 there already, 0 refused.\n"
        )
        assert (operator.rows(), event_kinds(operator), sorted(operator.folder.iterdir())) == before
        assert admin.events

    def test_stopped_in_the_middle_it_goes_on_where_it_stopped(
        self, operator: Operator, admin: FunctionUrl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The third batch finds nobody; what is kept meanwhile are counts."""
        monkeypatch.setattr(imports, "MOST_ROWS", 2)
        monkeypatch.setattr(imports, "_AT_ONCE", 1)
        names = [f"user{n}" for n in range(9)]
        path = written(
            operator, "u.csv", "username,password_hash\n" + "".join(f'{n},"{HASH}"\n' for n in names)
        )
        answered = _Breaking(open_admin("dev", port=0), after=2)
        order = ImportOrder(stage="dev", tenant="cozone", path=path, port=0)
        with pytest.raises(DeploymentError, match="the line is down"):
            imports.import_users(order, admin=answered)
        (kept,) = operator.folder.glob("*.progress")
        assert kept.stat().st_mode & 0o077 == 0
        assert json.loads(kept.read_text())["rows_done"] == 4
        assert not any(name in kept.read_text() for name in [*names, HASH])
        asked_before = len(admin.events)

        said = does(operator, "import-users", "--file", str(path))

        assert said.out == (
            "4 rows were done before; going on behind them.\n9 added, 0 there already, 0 refused.\n"
        )
        assert len(admin.events) - asked_before == 3
        assert not kept.exists()
        assert event_kinds(operator).count("user.added") == 9

    def test_another_file_of_the_same_name_begins_anew(
        self, operator: Operator, admin: FunctionUrl
    ) -> None:
        path = written(operator, "u.csv", f'username,password_hash\na,"{HASH}"\n')
        written(
            operator,
            "u.csv.progress",
            json.dumps(
                {
                    "format": 1,
                    "about": {
                        "operation": "import_users",
                        "stage": "dev",
                        "tenant": "cozone",
                        "sha256": "0" * 64,
                    },
                    "rows_done": 1,
                    "outcomes": {"added": 1},
                }
            ),
        )
        said = does(operator, "import-users", "--file", str(path))
        assert said.out == "1 added, 0 there already, 0 refused.\n"
        assert admin.events

    def test_programs_read_a_line_for_each_row(self, operator: Operator, admin: FunctionUrl) -> None:
        path = written(operator, "u.csv", f'username,password_hash\na,"{HASH}"\nb,x\n')
        said = does(operator, "import-users", "--file", str(path), "--json")
        first, second, last = (json.loads(line) for line in said.out.splitlines())
        assert first == {"line": 2, "outcome": "added"}
        assert (second["line"], second["outcome"]) == (3, "refused")
        assert last == {
            "done": True,
            "dry_run": False,
            "added": 1,
            "imported": 0,
            "unchanged": 0,
            "refused": 1,
        }
        assert admin.events

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("name,password\n", "must name columns, each once, of username, language"),
            ("username,username\n", "must name columns"),
            ('username\n"a\n', "is not CSV."),
        ],
    )
    def test_a_file_that_cannot_be_used_is_told(
        self, operator: Operator, admin: FunctionUrl, text: str, sentence: str
    ) -> None:
        path = written(operator, "u.csv", text)
        said = does(operator, "import-users", "--file", str(path))
        assert said.status == 1
        assert sentence in said.err
        assert not admin.events

    def test_missing_files_and_tenants_are_told(self, operator: Operator, admin: FunctionUrl) -> None:
        said = does(operator, "import-users", "--file", str(operator.folder / "none.csv"))
        assert said.err.endswith("cannot be read: No such file or directory.\n")
        path = written(operator, "u.csv", f'username,password_hash\na,"{HASH}"\n')
        said = operator.does("import-users", "--tenant", "none", "--file", str(path))
        assert said.err == "There is no such tenant.\n"
        said = operator.does("import-users", "--tenant", "", "--file", "")
        assert said.err == "Say what to import, and where to: TENANT=... FILE=...\n"
        assert admin.events


class _Breaking:
    """Answers as *admin* does, until *after* questions were asked."""

    def __init__(self, admin: Any, *, after: int) -> None:
        self._admin = admin
        self._left = after

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        if self._left == 0:
            raise DeploymentError("the line is down")
        self._left -= 1
        answer: Mapping[str, Any] = self._admin.ask(operation, **arguments)
        return answer


class TestBoundedMemory:
    """However long a file or a list is, a few batches of it are held."""

    def test_of_a_long_file_only_what_is_on_its_way_is_held(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows, path = 5_000, tmp_path / "u.csv"
        path.write_text("username,password_hash\n" + "".join(f"u{n},x\n" for n in range(rows)))
        counting = _Counting()
        monkeypatch.setattr(imports, "users_in", counting.reading)
        order = ImportOrder(stage="dev", tenant="cozone", path=path, port=0)
        assert imports.import_users(order, admin=counting) == imports.ALL_TAKEN
        assert counting.answered == counting.read == rows
        assert counting.most_held <= (imports._AT_ONCE + 1) * MOST_ROWS

    def test_of_a_long_list_one_page_is_held(self) -> None:
        asked: list[object] = []

        class _Pages:
            def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
                assert operation == "list_users"
                asked.append(arguments["after"])
                more = None if len(asked) == 50 else {"name": str(len(asked)), "last_ids": {}}
                return {"users": [{"id": str(n)} for n in range(500)], "next": more}

        users = people.users_of(_Pages(), "cozone")
        for seen in range(1, 1_001):
            next(users)
            assert len(asked) <= 1 + seen // 500
        assert sum(1 for _ in users) == 24_000


class _Counting:
    """Takes in every row, and counts how many were read and not yet answered."""

    def __init__(self) -> None:
        self.read = self.answered = self.most_held = 0

    def reading(self, path: Path, columns: Sequence[str]) -> Iterator[FileRow]:
        for row in users_in(path, columns):
            self.read += 1
            self.most_held = max(self.most_held, self.read - self.answered)
            yield row

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        assert operation == "import_users"
        self.answered += len(arguments["rows"])
        return {"rows": [{"outcome": "added"} for _ in arguments["rows"]]}


class TestPeople:
    """Staff, exports and erasures."""

    def test_staff_come_and_go(self, operator: Operator, admin: FunctionUrl) -> None:
        said = does(operator, "staff", "--username", "eva", stdin=f"{PASSWORD}\n")
        assert said.out.startswith("eva is of the help desk of cozone.\n"), said.err
        assert said.out.endswith("the name is no mail address, so say ADDRESSES=...\n")
        assert does(operator, "staff").out.startswith("eva  not_enrolled  since ")
        (told,) = does(operator, "staff", "--json").out.splitlines()
        assert json.loads(told)["username"] == "eva"
        said = does(operator, "staff", "--username", "eva", "--remove", "1")
        assert said.out.startswith("eva is of the help desk of cozone no more")
        assert does(operator, "staff").out == ""
        said = does(operator, "staff", "--username", "eva", "--remove", "1")
        assert (said.status, said.err) == (1, "There is no such user in cozone.\n")
        assert sorted(event_kinds(operator)) == ["user.added", "user.erased"]
        said = does(operator, "staff", "--username", "eva", "--addresses", "eva", stdin=f"{PASSWORD}\n")
        assert said.err == "ADDRESSES are refused: an address is no mail address.\n"
        said = does(operator, "staff", "--username", "eva", "--addresses", "e@x.se", stdin=f"{PASSWORD}\n")
        assert said.out.endswith("set up a second factor of their own there first.\n")
        assert admin.events

    @pytest.mark.requirement("K8")
    def test_a_list_holds_no_secret_and_computes_in_no_spreadsheet(
        self, operator: Operator, admin: FunctionUrl
    ) -> None:
        path = written(
            operator, "u.csv", f'username,password_hash,addresses\n=1+1,"{HASH}",a@x.se;b@x.se\n'
        )
        does(operator, "import-users", "--file", str(path))
        said = does(operator, "export-users")
        first, second = csv.DictReader(io.StringIO(said.out))
        assert (first["username"], second["username"]) == ("'=1+1", ANNA)
        assert first["addresses"] == "a@x.se; b@x.se"
        assert "argon2" not in said.out
        out = operator.folder / "users.jsonl"
        said = does(operator, "export-users", "--out", str(out), "--format", "jsonl")
        assert said.out == f"2 users of cozone are written to {out}.\n"
        assert [json.loads(line)["username"] for line in out.read_text().splitlines()] == ["=1+1", ANNA]
        assert out.stat().st_mode & 0o077 == 0
        assert does(operator, "export-users", "--format", "xml").err == "FORMAT must be csv or jsonl.\n"
        assert admin.events

    @pytest.mark.requirement("K8")
    def test_all_that_is_kept_of_one_person_is_told(
        self, operator: Operator, admin: FunctionUrl, world: World
    ) -> None:
        world.wizard().sign_in()
        told = json.loads(does(operator, "export-user", "--username", ANNA).out)
        assert told["has_password"] is True
        assert [event["kind"] for event in told["events"]] == ["session.started"]
        assert "argon2" not in json.dumps(told)
        assert admin.events

    @pytest.mark.requirement("K8")
    def test_an_erased_person_is_gone_from_the_whole_table(
        self, operator: Operator, admin: FunctionUrl, world: World
    ) -> None:
        """Answers that ended sessions keep for a repetition hold the name, too."""
        portal = world.add_portal("example")
        wizard = world.wizard()
        wizard.sign_in()
        wizard.prove_again()
        refused = does(operator, "erase-user", "--username", ANNA, "--yes", "somebody")
        assert "Nobody was erased: 'somebody' is not" in refused.err
        assert ANNA in json.dumps(operator.rows(), default=repr)

        said = erases_anna(operator)

        assert said.status == 0, said.err
        assert f"{ANNA} is erased: " in said.out
        text = json.dumps(operator.rows(), default=repr)
        assert ANNA not in text
        assert world.user.user_id not in text
        assert wizard.session().problem == "not_signed_in"
        assert "user.erased" in event_kinds(operator)
        assert portal.status("4711").status == 200
        assert admin.events

    @pytest.mark.requirement("K8", "V3")
    def test_an_erasure_whose_answer_was_lost_ends_as_any_other(
        self, operator: Operator, admin: FunctionUrl, world: World
    ) -> None:
        """The command asks again, and what it asks for is done already."""
        admin.losing[:] = [504, 502]  # who it is, and that they are erased, is told at the second asking
        said = erases_anna(operator)
        assert (said.status, said.err) == (0, "")
        assert event_kinds(operator) == ["user.erased"]
        assert world.user.user_id not in json.dumps(operator.rows(), default=repr)

    @pytest.mark.requirement("K8")
    @pytest.mark.parametrize("stops", ["the operator", "a fault"])
    def test_an_erasure_that_was_stopped_goes_on_by_the_id(
        self,
        operator: Operator,
        admin: FunctionUrl,
        world: World,
        monkeypatch: pytest.MonkeyPatch,
        stops: str,
    ) -> None:
        """No name leads to them any more. What a request on its way left is still there."""
        world.wizard().sign_in()
        user_id = world.user.user_id

        def meanwhile(_: float) -> None:
            world.stores.accounts.grace_until("cozone", user_id, due_at=1, now=1)
            if stops == "the operator":
                raise KeyboardInterrupt
            raise DeploymentError("The function Admin does not answer: it is down")

        with monkeypatch.context() as patched:
            patched.setattr(people, "time", SimpleNamespace(sleep=meanwhile))
            said = erases_anna(operator)
        assert said.status == 1
        assert f"Erasing {ANNA} (id {user_id})" in said.out
        assert said.err.endswith(f"Go on with: make erase-user STAGE=dev TENANT=cozone USER_ID={user_id}\n")
        assert user_id in json.dumps(operator.rows(), default=repr)
        assert erases_anna(operator).err == "There is no such user in cozone.\n"

        said = does(operator, "erase-user", "--user-id", user_id, "--settle-seconds", "0")

        assert (said.status, said.err) == (0, "")
        assert f"{user_id} is erased: 2 rows are removed." in said.out
        text = json.dumps(operator.rows(), default=repr)
        assert user_id not in text
        assert ANNA not in text
        assert event_kinds(operator).count("user.erased") == 1
        assert admin.events

    @pytest.mark.requirement("K8")
    def test_by_an_id_nobody_is_erased_who_is_there(
        self, operator: Operator, admin: FunctionUrl, world: World
    ) -> None:
        world.wizard().sign_in()
        before = operator.rows()
        user_id = world.user.user_id
        said = does(operator, "erase-user", "--user-id", user_id, "--settle-seconds", "0")
        assert said.status == 1
        assert said.err.startswith(f"There is a user of the id {user_id} in cozone: nothing")
        said = does(operator, "erase-user", "--user-id", user_id, "--username", ANNA)
        assert said.err.startswith("Say either whom to erase")
        assert does(operator, "erase-user", "--user-id", "x").err == "user is not what it must be.\n"
        assert operator.rows() == before
        assert admin.events

    @pytest.mark.requirement("K8")
    def test_whoever_is_sent_anew_meanwhile_is_erased_all_the_same_and_the_new_account_stays(
        self, operator: Operator, admin: FunctionUrl, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        portal = world.add_portal("cozone")
        portal.hand_off("4711")

        def meanwhile(_: float) -> None:
            world.clock.advance(1)
            assert portal.hand_off("4711").status == 201

        monkeypatch.setattr(people, "time", SimpleNamespace(sleep=meanwhile))
        options = ("--portal-user", "4711", "--yes", "4711")
        said = does(operator, "erase-user", *options, "--json")
        assert (said.status, said.err) == (0, "")
        before, after = (json.loads(line) for line in said.out.splitlines())
        assert (before["done"], after["done"], after["sent_anew"]) == (False, True, True)
        assert portal.status("4711").body["next"] == "enrol"
        assert after["erased"] in json.dumps(operator.rows(), default=repr)
        world.clock.advance(1)
        said = does(operator, "erase-user", *options)
        assert said.out.endswith("that is a new account, under the same id.\n")
        assert admin.events

    @pytest.mark.requirement("V3")
    def test_staff_whose_addition_was_not_answered_are_added_once(
        self, operator: Operator, admin: FunctionUrl
    ) -> None:
        admin.losing[:] = [502]
        said = does(operator, "staff", "--username", "eva", stdin=f"{PASSWORD}\n")
        assert said.out.startswith("eva is of the help desk of cozone.\n"), said.err
        assert event_kinds(operator) == ["user.added"]
        said = does(operator, "staff", "--username", "eva", stdin=f"{PASSWORD}\n")
        assert said.err == "The help desk of cozone has somebody of that name already.\n"

    def test_without_a_name_nobody_is_meant(self, operator: Operator, admin: FunctionUrl) -> None:
        assert does(operator, "erase-user").err == "Say who it is: USER=..., or PORTAL_USER=...\n"
        assert does(operator, "export-user", "--role", "x", "--username", "a").err == (
            "ROLE must be user or help_desk.\n"
        )
        assert not admin.events


class TestWhoAsks:
    """Requests are signed, and only whose signature IAM knows is believed."""

    @pytest.mark.requirement("K4")
    def test_another_operator_is_refused_before_the_function_is_asked(
        self, operator: Operator, admin: FunctionUrl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stranger")
        said = does(operator, "staff")
        assert said.err.startswith("The function Admin refuses: Forbidden.")
        assert "docs/operator-policy.json has both." in said.err
        assert not admin.events

    @pytest.mark.requirement("K4")
    def test_a_wrong_key_signs_nothing(
        self, operator: Operator, admin: FunctionUrl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
        assert does(operator, "staff").err.startswith("The function Admin refuses: Forbidden.")
        assert not admin.events

    def test_a_function_that_is_busy_is_asked_again(self, operator: Operator, admin: FunctionUrl) -> None:
        admin.failing[:] = [502, 503]
        client = open_admin("dev", port=0)
        assert isinstance(client, HttpAdmin)
        waits: list[float] = []
        again = HttpAdmin(send=client.send, where=client.where, sleep=waits.append)
        assert again.ask("list_staff", tenant="cozone") == {"staff": []}
        assert waits == [1.0, 2.0]
        del operator

    def test_whoever_does_not_answer_is_told(self) -> None:
        def nobody(_: bytes) -> Answered:
            raise NobodyAnswersError("refused")

        silent = HttpAdmin(send=nobody, where="make run (port 9)", sleep=lambda _: None)
        with pytest.raises(DeploymentError, match=r"^make run \(port 9\) does not answer: refused$"):
            silent.ask("list_staff", tenant="cozone")
        garbled = HttpAdmin(send=lambda _: Answered(status=200, text=b"<html>"), where="It")
        with pytest.raises(DeploymentError, match=r"^It answers 200, and nothing that can be read"):
            garbled.ask("list_staff", tenant="cozone")

    def test_a_stage_without_the_function_is_told(self, operator: Operator) -> None:
        assert does(operator, "staff").err == "dev is not deployed yet: make deploy STAGE=dev\n"
        boto3.client("cloudformation").create_stack(
            StackName="tvasteg-dev-app", TemplateBody=_APP.replace("AdminUrl", "OtherUrl") % "x"
        )
        assert does(operator, "staff").err == (
            "What is deployed is an earlier release: make deploy STAGE=dev first.\n"
        )


def test_files_are_read_in_either_form(tmp_path: Path) -> None:
    columns = ("username", "portal_user", "secret")
    path = tmp_path / "f"
    path.write_text('Secret, Username\r\nAAAA,anna\r\n\r\n"B\nB",berit\r\n')
    assert [(row.line, row.values["username"]) for row in secrets_in(path, columns)] == [
        (2, "anna"),
        (5, "berit"),
    ]
    path.write_text("otpauth://totp/a?secret=A\n\nOTPAUTH://totp/b?secret=B")
    assert [(row.line, row.values) for row in secrets_in(path, columns)] == [
        (1, {"secret": "otpauth://totp/a?secret=A"}),
        (3, {"secret": "OTPAUTH://totp/b?secret=B"}),
    ]
    path.write_bytes(b"username\n\xff\n")
    with pytest.raises(DeploymentError, match=r"is not UTF-8\.$"):
        list(users_in(path, ("username",)))
