"""The operators' object graph, put together by the function and by `make run`, and never by the API."""

from __future__ import annotations

import time
from collections.abc import Callable

from chalicelib.accounts.authority import Directory
from chalicelib.accounts.dynamodb import DynamoAccounts, DynamoUserLists
from chalicelib.admin.dynamodb import DynamoPersonRows
from chalicelib.admin.erasure import PersonErasure
from chalicelib.admin.export import Export
from chalicelib.admin.operations import Admin
from chalicelib.admin.secret_import import SecretImport
from chalicelib.admin.staff import Staff
from chalicelib.admin.user_import import UserImport
from chalicelib.audit.dynamodb import DynamoEventLog
from chalicelib.authenticators.dynamodb import DynamoAuthenticators
from chalicelib.keys.cipher import SecretCipher
from chalicelib.methods import METHODS
from chalicelib.storage.dynamodb import Database
from chalicelib.tenants.dynamodb import DynamoTenants


def admin_over(
    database: Database, cipher: SecretCipher, *, clock: Callable[[], float] = time.time
) -> Admin:
    """Return the operations over *database*, sealing by *cipher*; calls nothing."""
    accounts, people, events = DynamoAccounts(database), DynamoPersonRows(database), DynamoEventLog()
    return Admin(
        tenants=DynamoTenants(database),
        accounts=accounts,
        user_import=UserImport(accounts=accounts, events=events, transactions=database),
        secret_import=SecretImport(
            accounts=accounts,
            authenticators=DynamoAuthenticators(database),
            people=people,
            events=events,
            transactions=database,
            cipher=cipher,
            method=METHODS["totp"],
        ),
        staff=Staff(
            directory=Directory(accounts, database, clock=clock),
            accounts=accounts,
            events=events,
            transactions=database,
        ),
        export=Export(lists=DynamoUserLists(database), people=people),
        erasure=PersonErasure(accounts=accounts, people=people, events=events, transactions=database),
        clock=clock,
    )
