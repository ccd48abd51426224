"""Whom notices are for and what was told before: the same over doubles and over DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.notices.dynamodb import MARKED_SECONDS, DynamoRecipients, DynamoSentMails
from chalicelib.notices.ports import Recipients, SentMails
from chalicelib.tenants.profile import Profile
from tests.contract.drafts import NOW, a_user
from tests.support.aws import Moto, moto
from tests.support.memory import memory_stores
from tests.support.memory.notices import MemoryRecipients, MemorySentMails
from tests.support.world import BYRA, COZONE

DAY = 24 * 60 * 60


@dataclass
class Place:
    """Stores, and the ports of notices over them."""

    stores: Stores
    recipients: Recipients
    sent: SentMails
    aws: Moto | None = None


@pytest.fixture(params=["memory", "aws"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Empty stores of either kind."""
    if request.param == "memory":
        stores = memory_stores()
        yield Place(stores, MemoryRecipients(stores), MemorySentMails())
        return
    with moto() as aws:
        database = aws.stores.transactions
        yield Place(aws.stores, DynamoRecipients(database), DynamoSentMails(database), aws)  # type: ignore[arg-type]


def add(place: Place, username: str = "anna@firma.se", *addresses: str) -> None:
    place.stores.tenants.apply(Profile.from_json(COZONE))
    place.stores.accounts.add(a_user(username=username, addresses=addresses), "lookup")


@pytest.mark.requirement("E7")
def test_notices_go_to_every_address_that_is_stored(place: Place) -> None:
    add(place, "anna@firma.se", "anna@kontor.se", "anna@hem.se")
    recipient = place.recipients.of("cozone", "anna", at=NOW)
    assert recipient is not None
    assert recipient.addresses == ("anna@kontor.se", "anna@hem.se")
    assert (recipient.language, recipient.profile.portal_name) == ("sv", "Azets Cozone")


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    ("username", "addresses"), [("anna@firma.se", ("anna@firma.se",)), ("anna.andersson", ())]
)
def test_without_any_they_go_to_the_user_name_if_it_is_one(
    place: Place, username: str, addresses: tuple[str, ...]
) -> None:
    add(place, username)
    recipient = place.recipients.of("cozone", "anna", at=NOW)
    assert recipient is not None
    assert recipient.addresses == addresses


def test_whoever_is_gone_is_told_nothing(place: Place) -> None:
    assert place.recipients.of("cozone", "anna", at=NOW) is None
    add(place)
    assert place.recipients.of("cozone", "berit", at=NOW) is None
    assert place.recipients.of("byra", "anna", at=NOW) is None


def test_a_changed_profile_counts_at_once(place: Place) -> None:
    add(place)
    place.recipients.of("cozone", "anna", at=NOW)
    place.stores.tenants.apply(Profile.from_json(BYRA | {"id": "cozone"}))
    recipient = place.recipients.of("cozone", "anna", at=NOW)
    assert recipient is not None
    assert recipient.profile.portal_name == "Byrå Nord"


@pytest.mark.requirement("E7")
def test_a_mark_is_of_one_event_and_one_address(place: Place) -> None:
    place.sent.note("event", "anna@firma.se", now=NOW)
    place.sent.note("event", "anna@firma.se", now=NOW + 1)
    assert place.sent.has("event", "anna@firma.se")
    assert not place.sent.has("event", "anna@hem.se")
    assert not place.sent.has("another", "anna@firma.se")


def test_a_lost_answer_is_counted_and_is_no_mark(place: Place) -> None:
    def lost(address: str) -> int:
        return place.sent.count_unanswered("event", address, now=NOW)

    assert [lost("anna@firma.se"), lost("anna@firma.se"), lost("anna@hem.se")] == [1, 2, 1]
    assert not place.sent.has("event", "anna@firma.se")
    place.sent.note("event", "anna@firma.se", now=NOW)
    assert place.sent.has("event", "anna@firma.se")
    assert not place.sent.has("event", "anna@hem.se")


def within(place: Place, event: int, *, at: int = NOW, user: str = "anna") -> bool:
    return place.sent.within_budget("cozone", user, event_id=f"event {event}", at=at, most=3)


@pytest.mark.requirement("E7")
def test_of_a_users_day_so_many_are_told_and_no_more(place: Place) -> None:
    assert [within(place, number) for number in range(5)] == [True, True, True, False, False]
    assert within(place, 6, user="berit")
    assert within(place, 6, at=NOW + DAY)


def test_the_same_event_counts_once_and_stays_told(place: Place) -> None:
    assert [within(place, number) for number in (1, 1, 1, 2, 3, 4, 1)] == [True] * 5 + [False, True]


def test_marks_lie_apart_from_users_and_are_swept() -> None:
    with moto() as aws:
        sent = DynamoSentMails(aws.stores.transactions)  # type: ignore[arg-type]
        sent.count_unanswered("event", "anna@firma.se", now=NOW)
        (unanswered,) = aws.state()
        sent.note("event", "anna@firma.se", now=NOW)
        sent.within_budget("cozone", "anna", event_id="event", at=NOW, most=3)
        budget, mark = aws.state()
    for row in (unanswered, mark):
        assert row["pk"]["S"] == "SENT#event"
        assert "firma" not in str(row)
        assert int(row["expires_at"]["N"]) == NOW + MARKED_SECONDS
    assert (budget["pk"]["S"], budget["sk"]["S"]) == ("SENT#T#cozone#U#anna", "DAY#20261123")
    assert int(budget["expires_at"]["N"]) == NOW + 2 * DAY


@pytest.mark.requirement("K4")
def test_of_a_user_no_more_than_a_mail_needs_leaves_the_table() -> None:
    with moto() as aws:
        stores = aws.stores
        stores.tenants.apply(Profile.from_json(COZONE))
        stores.accounts.add(a_user(), "lookup")
        seen: list[dict[str, object]] = []
        aws.dynamodb.meta.events.register(
            "after-call", lambda parsed, **_: seen.append(parsed.get("Item", {})), unique_id="seen"
        )
        try:
            DynamoRecipients(stores.transactions).of("cozone", "anna", at=NOW)  # type: ignore[arg-type]
        finally:
            aws.dynamodb.meta.events.unregister("after-call", unique_id="seen")
    assert [set(item) for item in seen] == [
        {"pk", "sk", "format_version", "profile"},
        {"pk", "sk", "format_version", "username", "language"},
    ]
