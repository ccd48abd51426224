"""A batch of records becomes mails: each once, whatever is wrong with the others or with the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.audit import event as audit
from chalicelib.audit.event import Event
from chalicelib.errors import ServiceUnavailableError
from chalicelib.notices.choice import ALWAYS_TOLD, MOST_WITHIN_BUDGET_A_DAY, TOLD
from chalicelib.notices.notifier import MOST_UNANSWERED
from chalicelib.notices.ports import MailRefusedError, MailUnansweredError, Recipients
from chalicelib.tenants.profile import Profile, ProfileError
from chalicelib.web.function_log import MAILS_GIVEN_UP
from tests.contract.drafts import a_user
from tests.support.embedded_metrics import sent_by
from tests.support.memory import MemoryStores, memory_stores
from tests.support.memory.notices import MemorySentMails, Told, record_of, records_of
from tests.support.stream import FIRST_SEQUENCE_NUMBER, Record
from tests.support.world import COZONE
from tests.unit.notices.samples import KINDS, an_event, every_event_told

WARNING = {"failures": "5", "of": "totp"}


@pytest.fixture
def stores() -> MemoryStores:
    """Stores that know Anna, who has two addresses."""
    stores = memory_stores()
    stores.tenants.apply(Profile.from_json(COZONE))
    stores.accounts.add(a_user(addresses=("anna@firma.se", "anna@hem.se")), "lookup")
    return stores


def numbered(*events: Event) -> list[Record]:
    """Return the stream that adds *events*, each with an id of its own."""
    return records_of(
        audit.Event(**{**vars(event), "event_id": f"event-{number}"}) for number, event in enumerate(events)
    )


def number(place: int) -> str:
    return str(FIRST_SEQUENCE_NUMBER + place)


def outcomes(told: Told) -> dict[str, int]:
    counted: dict[str, int] = json.loads(told.lines[-1])["outcomes"]
    return counted


@pytest.mark.requirement("E7")
def test_both_addresses_get_the_notice(stores: MemoryStores) -> None:
    told = Told(stores)
    assert told.of(record_of(an_event())) == []
    assert [mail.to for mail in told.mails] == ["anna@firma.se", "anna@hem.se"]
    assert json.loads(told.lines[-1]) == {
        "level": "INFO",
        "function": "notices",
        "request_id": "an invocation",
        "records": 1,
        "outcomes": {"sent": 2},
    }


@pytest.mark.requirement("E7")
def test_each_kind_becomes_a_mail_or_none(stores: MemoryStores) -> None:
    told = Told(stores)
    assert told.of(*numbered(*every_event_told(TOLD))) == []
    assert outcomes(told) == {"sent": 2 * len(every_event_told(TOLD))}
    assert told.of(*records_of(an_event(kind) for kind in sorted(KINDS - TOLD))) == []
    assert outcomes(told) == {"ignored": len(KINDS - TOLD)}


def test_an_event_that_expires_is_no_news(stores: MemoryStores) -> None:
    told = Told(stores)
    told.of(record_of(an_event()) | {"eventName": "REMOVE"})
    assert told.mails == []


@pytest.mark.requirement("E7")
def test_while_the_provider_is_down_mails_wait_and_then_come_once(stores: MemoryStores) -> None:
    told = Told(stores)
    told.fake.fails = [ServiceUnavailableError()] * 4
    records = numbered(an_event(), an_event(audit.RECOVERY_CODES_MADE))
    assert told.of(*records) == [number(0), number(1)]
    assert told.mails == []
    assert told.of(*records) == []
    assert told.of(*records) == []
    assert len(told.mails) == 4
    assert outcomes(told) == {"repeated": 4}


@pytest.mark.requirement("E7")
def test_one_address_does_not_keep_back_the_other(stores: MemoryStores) -> None:
    told = Told(stores)
    told.fake.fails = [ServiceUnavailableError()]
    record = record_of(an_event())
    assert told.of(record) == [number(0)]
    assert [mail.to for mail in told.mails] == ["anna@hem.se"]
    assert told.of(record) == []
    assert sorted(mail.to for mail in told.mails) == ["anna@firma.se", "anna@hem.se"]


class _Crash(BaseException):
    """The process ends here, and catches nothing."""


class _CrashingMarks(MemorySentMails):
    """Marks at whose first the process crashes."""

    has_crashed = False

    def note(self, event_id: str, address: str, *, now: int) -> None:
        if not self.has_crashed:
            self.has_crashed = True
            raise _Crash
        super().note(event_id, address, now=now)


@pytest.mark.requirement("E7")
def test_a_crash_between_mail_and_mark_loses_no_mail_and_repeats_one(stores: MemoryStores) -> None:
    told = Told(stores, sent=_CrashingMarks())
    records = numbered(an_event(), an_event(audit.RECOVERY_CODES_MADE))
    with pytest.raises(_Crash):
        told.of(*records)
    assert told.of(*records) == []
    assert [mail.to for mail in told.mails].count("anna@firma.se") == 3
    assert [mail.to for mail in told.mails].count("anna@hem.se") == 2
    twice = [mail for mail in told.mails if "event-0" in mail.text and mail.to == "anna@firma.se"]
    assert len(twice) == 2
    assert twice[0] == twice[1]


class _FullMarks(MemorySentMails):
    """Marks that cannot be written now."""

    def note(self, event_id: str, address: str, *, now: int) -> None:
        del event_id, address, now
        raise ServiceUnavailableError


def test_a_mail_that_went_out_is_no_failure_for_want_of_its_mark(stores: MemoryStores) -> None:
    """Lambda would bring the record again, and the mail would surely come twice."""
    told = Told(stores, sent=_FullMarks())
    assert told.of(record_of(an_event())) == []
    assert outcomes(told) == {"sent": 2, "unmarked": 2}


@pytest.mark.requirement("E7")
def test_a_mail_that_is_never_taken_holds_up_nobody_and_alarms(stores: MemoryStores) -> None:
    told = Told(stores)
    told.fake.fails = [MailRefusedError("canary: anna@firma.se is unknown")]
    assert told.of(*numbered(an_event(), an_event(audit.RECOVERY_CODES_MADE))) == []
    refusal, batch = (json.loads(line) for line in told.lines)
    assert (refusal["outcome"], refusal["level"]) == ("refused", "ERROR")
    assert refusal["key"]["sk"]["S"].endswith("#event-0")
    assert batch["outcomes"] == {"refused": 1, "sent": 3}
    assert batch["level"] == "ERROR"
    assert sent_by(told.lines[-1]).values == {MAILS_GIVEN_UP: 1}
    assert "canary" not in "".join(told.lines)
    assert "firma" not in "".join(told.lines)


def test_a_mail_whose_answers_are_lost_comes_three_times_at_most(stores: MemoryStores) -> None:
    """Each time it may have gone, so nobody gets the same one for a day; and one lost answer loses none."""
    told = Told(stores)
    record = record_of(an_event())
    for _ in range(MOST_UNANSWERED - 1):
        told.fake.fails = [MailUnansweredError("canary")]
        assert told.of(record) == [number(0)]
        assert "_aws" not in json.loads(told.lines[-1])
    told.fake.fails = [MailUnansweredError("canary")]
    assert told.of(record) == []
    line, batch = (json.loads(line) for line in told.lines[-2:])
    assert (line["outcome"], line["key"]) == ("unanswered", record["dynamodb"]["Keys"])
    assert batch["outcomes"] == {"unanswered": 1, "repeated": 1}
    assert sent_by(told.lines[-1]).values == {MAILS_GIVEN_UP: 1}
    assert told.of(record) == []
    assert outcomes(told) == {"repeated": 2}
    assert [mail.to for mail in told.mails] == ["anna@hem.se"]
    assert "canary" not in "".join(told.lines)


@pytest.mark.requirement("E7")
def test_after_a_lost_answer_the_next_try_counts(stores: MemoryStores) -> None:
    told = Told(stores)
    record = record_of(an_event())
    told.fake.fails = [MailUnansweredError()]
    assert told.of(record) == [number(0)]
    assert told.of(record) == []
    assert sorted(mail.to for mail in told.mails) == ["anna@firma.se", "anna@hem.se"]


def warnings(count: int) -> list[Record]:
    return numbered(*[an_event(audit.ATTEMPTS_WARNED, details=WARNING)] * count)


@pytest.mark.requirement("E7", "L9")
def test_warnings_of_a_day_are_limited_and_repetitions_cost_nothing(stores: MemoryStores) -> None:
    told = Told(stores)
    flood = warnings(MOST_WITHIN_BUDGET_A_DAY + 5)
    for _ in range(2):
        assert told.of(*flood) == []
        assert len(told.mails) == 2 * MOST_WITHIN_BUDGET_A_DAY
    assert outcomes(told) == {"repeated": 2 * MOST_WITHIN_BUDGET_A_DAY, "over_budget": 5}


@pytest.mark.requirement("E7")
@pytest.mark.parametrize("kind", sorted(ALWAYS_TOLD))
def test_no_flood_hides_a_change_of_the_second_factor(stores: MemoryStores, kind: str) -> None:
    told = Told(stores)
    told.of(*warnings(MOST_WITHIN_BUDGET_A_DAY + 5))
    before = len(told.mails)
    details = {"left": "6"} if kind == audit.RECOVERY_CODE_USED else None
    told.of(record_of(an_event(kind, event_id="f" * 32, details=details)))
    assert len(told.mails) == before + 2


def test_a_provider_that_was_down_uses_up_no_budget(stores: MemoryStores) -> None:
    told = Told(stores)
    (warning,) = warnings(1)
    for _ in range(MOST_WITHIN_BUDGET_A_DAY + 5):
        told.fake.fails = [ServiceUnavailableError()] * 2
        told.of(warning)
    assert told.of(warning) == []
    assert len(told.mails) == 2


def poison(place: int) -> Record:
    record: dict[str, Any] = json.loads(json.dumps(record_of(an_event(), number=place)))
    record["dynamodb"]["NewImage"]["occurred_at"] = {"S": "canary-of-poison"}
    return record


@pytest.mark.requirement("A2")
def test_what_can_never_be_told_is_passed_over_and_named_by_its_key_alone(stores: MemoryStores) -> None:
    """To wait for it would hold up a lane of the stream for a day, and change nothing."""
    told = Told(stores)
    assert told.of(poison(7), record_of(an_event(), number=9), {}) == []
    assert len(told.mails) == 2
    first, second, batch = (json.loads(line) for line in told.lines)
    assert (first["level"], first["outcome"]) == ("ERROR", "untold")
    assert first["key"] == poison(7)["dynamodb"]["Keys"]
    assert (second["outcome"], second["key"]) == ("untold", None)
    assert (batch["level"], batch["outcomes"]) == ("ERROR", {"untold": 2, "sent": 2})
    assert sent_by(told.lines[-1]).values == {MAILS_GIVEN_UP: 2}
    assert "canary" not in "".join(told.lines)
    assert "firma" not in "".join(told.lines)


class _BrokenProfile:
    """A tenant whose stored profile this release cannot read."""

    def of(self, tenant_id: str, user_id: str, *, at: int) -> None:
        del tenant_id, user_id, at
        raise ProfileError("canary")


@pytest.mark.parametrize("recipients", [None, _BrokenProfile()], ids=["event", "profile"])
def test_neither_an_event_nor_a_profile_that_is_broken_holds_up_the_stream(
    stores: MemoryStores, recipients: Recipients | None
) -> None:
    told = Told(stores, recipients=recipients)
    says_too_little = an_event(audit.RECOVERY_CODE_USED, details=None)
    assert told.of(record_of(says_too_little)) == []
    assert outcomes(told) == {"untold": 1}


@pytest.mark.requirement("E7")
def test_what_a_newer_release_wrote_waits_for_that_release(stores: MemoryStores) -> None:
    told = Told(stores)
    newer: dict[str, Any] = json.loads(json.dumps(record_of(an_event(), number=8)))
    newer["dynamodb"]["NewImage"]["format_version"] = {"N": "99"}
    assert told.of(newer, record_of(an_event(), number=9)) == [number(8)]
    assert outcomes(told) == {"failed": 1, "sent": 2}


def test_a_user_who_is_gone_or_has_no_address_is_passed_over() -> None:
    stores = memory_stores()
    told = Told(stores)
    told.of(record_of(an_event()))
    assert outcomes(told) == {"nobody": 1}
    stores.tenants.apply(Profile.from_json(COZONE))
    stores.accounts.add(a_user(username="anna.andersson"), "lookup")
    told.of(record_of(an_event()))
    assert outcomes(told) == {"no_address": 1}
