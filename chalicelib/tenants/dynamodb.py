"""Tenants in DynamoDB: one row ``PROFILE`` in the tenant's partition."""

from __future__ import annotations

import json
import secrets

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.errors import ConditionRefusedError, NotFoundError
from chalicelib.storage.dynamodb import Database, put, update
from chalicelib.storage.rows import StateRow, tenant_partition
from chalicelib.tenants.profile import Profile
from chalicelib.tenants.store import Tenant

_PROFILE = "PROFILE"


class _ProfileRow(StateRow):
    profile = UnicodeAttribute()
    version = NumberAttribute()
    lookup_key = BinaryAttribute(legacy_encoding=False)


class DynamoTenants:
    """The `TenantStore` of deployed and local stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, tenant_id: str) -> Tenant:
        row = self._database.get(_ProfileRow, tenant_partition(tenant_id), _PROFILE)
        if row is None:
            raise NotFoundError
        return Tenant(
            profile=Profile.from_json(json.loads(row.profile)),
            version=int(row.version),
            lookup_key=row.lookup_key,
        )

    def apply(self, profile: Profile) -> Tenant:
        key = (tenant_partition(profile.tenant_id), _PROFILE)
        text = json.dumps(profile.source, ensure_ascii=False, sort_keys=True)
        refused = ConditionRefusedError()
        row = _ProfileRow(*key, profile=text, version=1, lookup_key=secrets.token_bytes(32))
        try:
            self._database.apply(put(row, only_if=_ProfileRow.pk.does_not_exist(), refused=refused))
        except ConditionRefusedError:
            actions = [_ProfileRow.profile.set(text), _ProfileRow.version.add(1)]
            self._database.apply(
                update(_ProfileRow(*key), actions, only_if=_ProfileRow.pk.exists(), refused=refused)
            )
        return self.get(profile.tenant_id)
