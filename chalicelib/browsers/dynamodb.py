"""
Remembered browsers in DynamoDB: the row ``BROWSERS`` of the user's partition, a map of at most ten.

IAM: dynamodb:GetItem, PutItem, UpdateItem, DeleteItem on partitions ``T#*``.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.authenticators.record import Owner
from chalicelib.browsers.record import MOST_BROWSERS, Binding, RememberedBrowser
from chalicelib.browsers.store import BrowsersChangedError
from chalicelib.errors import ConditionRefusedError
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Database, Item
from chalicelib.storage.rows import FORMAT_VERSION, STATE, key_of, number, user_partition

_BROWSERS = "BROWSERS"


class DynamoRememberedBrowsers:
    """The `RememberedBrowserStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, owner: Owner) -> tuple[RememberedBrowser, ...]:
        item = self._database.get_item(_partition(owner), _BROWSERS)
        if item is None:
            return ()
        return tuple(_browser(key, value["M"]) for key, value in item["browsers"]["M"].items())

    def remembered(
        self,
        owner: Owner,
        browser: RememberedBrowser,
        *,
        known: Collection[RememberedBrowser],
        in_place_of: Collection[RememberedBrowser],
    ) -> Change:
        sweep_at = max(one.expires_at for one in (browser, *known))
        if not known:
            return self._first(owner, browser)
        leaving = {f"#old{at}": old.browser_key for at, old in enumerate(in_place_of)}
        conditions = [f"attribute_exists(browsers.{name})" for name in leaving]
        remove = ", ".join(f"browsers.{name}" for name in leaving)
        request: Item = {
            **_request(owner),
            "UpdateExpression": "SET browsers.#new = :new, expires_at = :sweep"
            + (f" REMOVE {remove}" if leaving else ""),
            # With those that leave all there, what stays cannot be more than there may be.
            "ConditionExpression": " AND ".join(["size(browsers) <= :most", *conditions]),
            "ExpressionAttributeNames": {"#new": browser.browser_key, **leaving},
            "ExpressionAttributeValues": {
                ":new": _entry(browser),
                ":sweep": number(sweep_at),
                ":most": number(MOST_BROWSERS - 1 + len(leaving)),
            },
        }
        return Change(("Update", request), BrowsersChangedError())

    @staticmethod
    def _first(owner: Owner, browser: RememberedBrowser) -> Change:
        request: Item = {
            "TableName": STATE,
            "Item": {
                **key_of(_partition(owner), _BROWSERS),
                "format_version": number(FORMAT_VERSION),
                "browsers": {"M": {browser.browser_key: _entry(browser)}},
                "expires_at": number(browser.expires_at),
            },
            "ConditionExpression": "(attribute_not_exists(pk) OR size(browsers) = :none)",
            "ExpressionAttributeValues": {":none": number(0)},
        }
        return Change(("Put", request), BrowsersChangedError())

    def used(
        self, owner: Owner, browser_key: str, *, binding: Binding, remembered_since: int, now: int
    ) -> Change:
        request: Item = {
            **_request(owner),
            "UpdateExpression": "SET browsers.#key.last_used_at = :now",
            "ConditionExpression": (
                "browsers.#key.epoch = :epoch AND browsers.#key.password = :password"
                " AND browsers.#key.expires_at >= :now AND browsers.#key.remembered_at >= :since"
            ),
            "ExpressionAttributeNames": {"#key": browser_key},
            "ExpressionAttributeValues": {
                ":epoch": number(binding.epoch),
                ":password": {"S": binding.password},
                ":now": number(now),
                ":since": number(remembered_since),
            },
        }
        return Change(("Update", request), BrowsersChangedError())

    def forgotten(self, owner: Owner, browser_key: str) -> Change:
        request: Item = {
            **_request(owner),
            "UpdateExpression": "REMOVE browsers.#key",
            "ConditionExpression": "attribute_exists(browsers.#key)",
            "ExpressionAttributeNames": {"#key": browser_key},
        }
        return Change(("Update", request), BrowsersChangedError())

    def all_forgotten(self, owner: Owner, *, known: Collection[RememberedBrowser]) -> Change:
        names = {f"#known{at}": one.browser_key for at, one in enumerate(known)}
        request: Item = {
            **_request(owner),
            "ConditionExpression": " AND ".join(
                [*(f"attribute_exists(browsers.{name})" for name in names), "size(browsers) = :count"]
            ),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {":count": number(len(known))},
        }
        return Change(("Delete", request), BrowsersChangedError())

    def voided(self, owner: Owner) -> Change:
        return Change(("Delete", _request(owner)), ConditionRefusedError())


def _partition(owner: Owner) -> str:
    return user_partition(owner.tenant_id, owner.user_id)


def _request(owner: Owner) -> Item:
    return {"TableName": STATE, "Key": key_of(_partition(owner), _BROWSERS)}


def _entry(browser: RememberedBrowser) -> Item:
    fields = {
        "epoch": number(browser.binding.epoch),
        "password": {"S": browser.binding.password},
        "remembered_at": number(browser.remembered_at),
        "expires_at": number(browser.expires_at),
    }
    if browser.last_used_at is not None:
        fields["last_used_at"] = number(browser.last_used_at)
    return {"M": fields}


def _browser(key: str, fields: Item) -> RememberedBrowser:
    return RememberedBrowser(
        browser_key=key,
        binding=Binding(epoch=int(fields["epoch"]["N"]), password=fields["password"]["S"]),
        remembered_at=int(fields["remembered_at"]["N"]),
        expires_at=int(fields["expires_at"]["N"]),
        last_used_at=int(fields["last_used_at"]["N"]) if "last_used_at" in fields else None,
    )
