"""The password step: it lets its owner in, tells strangers nothing and locks nobody out."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher

from tests.support.wizard import Answer, Wizard
from tests.support.world import ANNAS_PASSWORD, World

LADDER_SECONDS = {5: 30, 6: 60, 7: 120, 8: 240, 9: 480, 10: 900, 11: 900, 24: 900}


def _without_reference(answer: Answer) -> tuple[int, Any, dict[str, str]]:
    return answer.status, answer.body, dict(answer.headers)


def _with_failures(world: World, sort_key: str, failures: int) -> None:
    rows = [row for row in world.aws.state() if row["sk"]["S"] == sort_key]
    assert len(rows) == 1
    now = {"N": str(int(world.clock()))}
    world.aws.write(rows[0] | {"consecutive_failures": {"N": str(failures)}, "last_attempt_at": now})


class TestUnknownUsers:
    """Whether a name is known cannot be told from outside."""

    @pytest.mark.doubles
    @pytest.mark.requirement("L11", "P5", "B57")
    def test_known_and_unknown_names_look_the_same_at_every_try(self, world: World) -> None:
        known, unknown = world.wizard(), world.wizard(username="nobody@firma.se")
        for attempt in range(1, 26):
            seen = []
            for wizard in (known, unknown):
                answer = wizard.sign_in(password="not-the-password-at-all")
                seen.append((_without_reference(answer), world.aws_calls(), world.last_line["outcome"]))
            assert seen[0] == seen[1], attempt
            assert seen[0][0][0] == (422 if attempt <= 5 else 429)

    @pytest.mark.requirement("L11", "P5")
    @pytest.mark.parametrize("failures", LADDER_SECONDS)
    def test_they_wait_alike(self, failures: int, world: World) -> None:
        """At delay - 1 second refused, at the delay looked at; never disabled."""
        for username in ("anna@firma.se", "nobody@firma.se"):
            wizard = world.wizard(username=username)
            before = world.aws.state()
            wizard.sign_in(password="not-the-password-at-all")
            _with_failures(world, "PASSWORD", failures)
            world.clock.advance(LADDER_SECONDS[failures] - 1)
            refused = wizard.sign_in(password="not-the-password-at-all")
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
            world.clock.advance(1)
            assert wizard.sign_in(password="not-the-password-at-all").problem == "password_mismatch"
            world.aws.restore(before)

    @pytest.mark.requirement("P5")
    def test_they_cost_the_same_hashing(self, world: World) -> None:
        """One Argon2 verification each, at the same cost: see the store's calls and unit tests."""
        costs = []
        for username in ("anna@firma.se", "nobody@firma.se"):
            world.wizard(username=username).sign_in(password="not-the-password-at-all")
            costs.append(world.aws_calls())
        assert costs[0] == costs[1] == {"DynamoDB.GetItem": 3, "DynamoDB.UpdateItem": 1}

    @pytest.mark.doubles
    @pytest.mark.requirement("B57")
    def test_the_second_factor_shows_only_after_the_password(self, world: World) -> None:
        before = _without_reference(world.wizard().sign_in(password="not-the-password-at-all"))
        world.wizard().enrolled()
        after = _without_reference(world.wizard().sign_in(password="not-the-password-at-all"))
        assert before == after


class TestWaits:
    """Waits only, so that a stranger locks nobody out for good."""

    @pytest.mark.requirement("L11")
    def test_the_right_password_waits_too_and_then_forgives(self, world: World, wizard: Wizard) -> None:
        for _ in range(5):
            assert wizard.sign_in(password="not-the-password-at-all").problem == "password_mismatch"
        assert wizard.sign_in().problem == "too_many_attempts"
        world.clock.advance(30)
        assert wizard.sign_in().status == 200
        assert not [row for row in world.aws.state() if row["sk"]["S"] == "PASSWORD"]

    @pytest.mark.doubles
    @pytest.mark.requirement("L11")
    def test_a_strangers_guesses_stop_nobody_who_is_signed_in(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        stranger = world.wizard()
        for _ in range(6):
            stranger.sign_in(password="not-the-password-at-all")
        assert wizard.prove_again().status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("L11")
    def test_the_second_proof_is_limited_likewise(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        for _ in range(5):
            assert wizard.prove_again(password="not-the-password-at-all").problem == "password_mismatch"
        refused = wizard.prove_again()
        assert (refused.problem, refused.headers["retry-after"]) == ("too_many_attempts", "30")
        world.clock.advance(30)
        assert wizard.prove_again().status == 200

    @pytest.mark.doubles
    @pytest.mark.requirement("L11", "B21")
    def test_signing_in_forgives_no_failed_second_proof(self, world: World, wizard: Wizard) -> None:
        wizard.sign_in()
        for _ in range(5):
            wizard.prove_again(password="not-the-password-at-all")
        again = world.wizard()
        again.sign_in()
        assert again.prove_again().problem == "too_many_attempts"


class TestNames:
    """A name is found however its owner's keyboard writes it."""

    @pytest.mark.doubles
    @pytest.mark.parametrize(
        "typed",
        ["anna@firma.se", "  Anna@Firma.SE ", "ＡＮＮＡ@firma.se"],  # noqa: RUF001 - full-width letters
    )
    def test_case_and_width_do_not_matter(self, typed: str, world: World) -> None:
        assert world.wizard(username=typed).sign_in().body["username"] == "anna@firma.se"

    @pytest.mark.doubles
    @pytest.mark.requirement("L11")
    def test_other_spellings_are_no_new_tries(self, world: World) -> None:
        for typed in ("anna@firma.se", "ANNA@firma.se", " anna@firma.se", "Anna@Firma.se", "anna@FIRMA.SE"):
            world.wizard(username=typed).sign_in(password="not-the-password-at-all")
        assert world.wizard().sign_in().problem == "too_many_attempts"


class TestHash:
    """Hashes follow today's cost."""

    @pytest.mark.full_cost
    @pytest.mark.requirement("P4")
    def test_a_hash_of_lower_cost_is_renewed_at_sign_in(self, world: World, wizard: Wizard) -> None:
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(ANNAS_PASSWORD)
        row = world.row("USER")
        assert row is not None
        world.aws.write(row | {"password_hash": {"S": weak}})
        assert wizard.sign_in(password="not-the-password-at-all").status == 422
        unchanged = world.row("USER")
        assert unchanged is not None
        assert unchanged["password_hash"] == {"S": weak}
        assert wizard.sign_in().status == 200
        renewed = world.row("USER")
        assert renewed is not None
        assert renewed["password_hash"]["S"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert renewed == row | {"password_hash": renewed["password_hash"]}
        assert world.wizard().sign_in().status == 200
