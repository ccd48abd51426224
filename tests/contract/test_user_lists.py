"""The port `UserLists`: a tenant's users by name, page by page, across statuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from chalicelib.accounts.listing import Count, Place, name_key_of
from chalicelib.accounts.record import BEGUN, DISABLED, ENROLLED, HELP_DESK, NOT_ENROLLED, STATUSES, User
from chalicelib.bootstrap import Stores
from tests.contract.drafts import a_user

_numbers = count()


def add(stores: Stores, *names: str, **differences: str) -> list[User]:
    users = [a_user(user_id=f"{next(_numbers):032x}", username=name, **differences) for name in names]
    for user in users:
        stores.transactions.commit(stores.accounts.enlisted(user))
    return users


def all_pages(
    stores: Stores,
    *,
    statuses: tuple[str, ...] = STATUSES,
    prefix: str = "",
    limit: int = 2,
    tenant_id: str = "cozone",
) -> list[list[User]]:
    pages, after = [], None
    while True:
        page = stores.user_lists.page(tenant_id, statuses=statuses, prefix=prefix, after=after, limit=limit)
        pages.append(list(page.users))
        after = page.next
        if after is None:
            return pages


def names_in(pages: list[list[User]]) -> list[str]:
    return [user.username for page in pages for user in page]


def counted(stores: Stores, status: str, *, tenant_id: str = "cozone") -> int:
    count = stores.user_lists.count(tenant_id, status, most=99)
    assert not count.is_more
    return count.number


def test_all_statuses_are_merged_into_one_list_by_name(stores: Stores) -> None:
    add(stores, "adam", "david", "frida", status=NOT_ENROLLED)
    add(stores, "bo", "cecilia", "gun", status=ENROLLED)
    add(stores, "erik", status=DISABLED)
    pages = all_pages(stores)
    assert [[user.username for user in page] for page in pages] == [
        ["adam", "bo"],
        ["cecilia", "david"],
        ["erik", "frida"],
        ["gun"],
    ]
    assert {user.username: user.status for page in pages for user in page}["erik"] == DISABLED
    assert names_in(all_pages(stores, statuses=(ENROLLED,))) == ["bo", "cecilia", "gun"]
    assert names_in(all_pages(stores, statuses=(BEGUN,))) == []


def test_users_come_whole(stores: Stores) -> None:
    (user,) = add(stores, "anna@firma.se", portal_user="u|å#7")
    assert all_pages(stores) == [[user]]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_of_many_with_one_name_each_is_shown_once(stores: Stores, limit: int) -> None:
    """Portals may call several users alike, in several statuses; a page may end among them."""
    users = [
        *add(stores, "adam", *["same"] * 4, status=NOT_ENROLLED),
        *add(stores, *["same"] * 3, status=ENROLLED),
        *add(stores, "same", "tage", status=BEGUN),
    ]
    shown = [user for page in all_pages(stores, limit=limit) for user in page]
    assert sorted(shown, key=lambda user: user.user_id) == sorted(users, key=lambda user: user.user_id)
    assert [user.username for user in shown] == ["adam", *["same"] * 8, "tage"]


def test_a_page_that_ends_the_list_says_so(stores: Stores) -> None:
    add(stores, "adam", "bo")
    assert [len(page) for page in all_pages(stores, limit=2)] == [2]
    assert [len(page) for page in all_pages(stores, limit=1)] == [1, 1]


def test_a_search_goes_by_the_beginning_of_the_name_however_it_is_written(stores: Stores) -> None:
    add(stores, "Ånna Berg", "ånna ceder", "anna", "ANNIKA", "Bo", "ﬁona")
    assert names_in(all_pages(stores, prefix="ÅNNA")) == ["Ånna Berg", "ånna ceder"]
    assert names_in(all_pages(stores, prefix="ann")) == ["anna", "ANNIKA"]
    assert names_in(all_pages(stores, prefix="fi")) == ["ﬁona"]
    assert names_in(all_pages(stores, prefix="\uff41nnika")) == ["ANNIKA"]
    assert names_in(all_pages(stores, prefix="nna")) == []
    assert names_in(all_pages(stores, prefix="annikas")) == []


def test_a_search_goes_on_where_its_page_ended(stores: Stores) -> None:
    add(stores, *[f"anna {number}" for number in range(5)], "annb", "ann", status=NOT_ENROLLED)
    add(stores, *[f"anna {number}" for number in range(3)], status=ENROLLED)
    assert sorted(names_in(all_pages(stores, prefix="anna", limit=2))) == sorted(
        [f"anna {number}" for number in range(5)] + [f"anna {number}" for number in range(3)]
    )


@pytest.mark.requirement("M1", "B57")
def test_no_other_tenants_user_is_listed_or_counted_whatever_the_place(stores: Stores) -> None:
    add(stores, "adam", "bo", tenant_id="byra")
    (theirs,) = add(stores, "cecilia", tenant_id="byra", status=ENROLLED)
    add(stores, "adam", "bo")
    place = Place(name="bo", last_ids={ENROLLED: theirs.user_id})
    for after in (None, place):
        page = stores.user_lists.page("cozone", statuses=STATUSES, prefix="", after=after, limit=50)
        assert {user.tenant_id for user in page.users} == {"cozone"}
    assert counted(stores, NOT_ENROLLED) == 2
    assert counted(stores, ENROLLED) == 0
    assert counted(stores, ENROLLED, tenant_id="byra") == 1


def test_staff_are_never_listed_or_counted(stores: Stores) -> None:
    (boss,) = add(stores, "chef", role=HELP_DESK)
    stores.transactions.commit(stores.accounts.second_factor_changed(boss, epoch=0))
    assert all_pages(stores) == [[]]
    assert sum(counted(stores, status) for status in STATUSES) == 0


def test_a_user_is_counted_where_they_are_now(stores: Stores) -> None:
    (user, other) = add(stores, "adam", "bo")
    stores.transactions.commit(stores.accounts.status_noted(user, BEGUN))
    stores.transactions.commit(stores.accounts.second_factor_changed(other, epoch=0))
    found = {status: counted(stores, status) for status in STATUSES}
    assert found == dict.fromkeys(STATUSES, 0) | {BEGUN: 1, ENROLLED: 1}


@pytest.mark.requirement("V2")
def test_a_count_goes_no_further_than_asked(stores: Stores) -> None:
    add(stores, "adam", "bo", "cecilia")
    counts = [stores.user_lists.count("cozone", NOT_ENROLLED, most=most) for most in (1, 2, 3, 4)]
    assert counts == [
        Count(number=1, is_more=True),
        Count(number=2, is_more=True),
        Count(number=3),
        Count(number=3),
    ]


def test_a_new_name_is_found_at_once(stores: Stores) -> None:
    (user,) = add(stores, "adam")
    stores.transactions.commit(stores.accounts.renamed(user, username="Örjan", language="sv"))
    assert names_in(all_pages(stores, prefix="örj")) == ["Örjan"]
    assert names_in(all_pages(stores, prefix="adam")) == []


def test_a_name_that_folding_makes_longer_than_a_key_is_stored_and_found(stores: Stores) -> None:
    """DynamoDB takes 1,024 bytes; a portal may call a user by 254 letters that fold to three each."""
    long_name = "\u0390" * 254
    assert len(name_key_of(long_name).encode()) <= 1_024
    (user,) = add(stores, long_name)
    assert all_pages(stores, prefix=long_name) == [[user]]
    stores.transactions.commit(stores.accounts.renamed(user, username="\U0001d400" * 254, language="sv"))
    assert all_pages(stores) == [[replace(user, username="\U0001d400" * 254)]]
