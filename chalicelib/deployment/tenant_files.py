"""
What tenants bring to the page: their logos, in its bucket below `tenants/{tenant}/`.

Each lies there by the beginning of its own hash, so that it never changes and browsers keep it for
good. A logo is there before the profile that names it, and goes with the first profile that is
applied an hour or more later while neither it nor the one before it names the logo.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from chalicelib.deployment.account import AwsClient
from chalicelib.deployment.administration import Administration
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.site import FOR_GOOD, keys_below, remove_keys
from chalicelib.tenants.logo import is_content_of
from chalicelib.tenants.profile_file import ProfileFile, logos_of
from chalicelib.web.content_types import CONTENT_TYPES

LEFT_ALONE_SECONDS = 60 * 60
"""So young a logo may be another command's, which has brought it and not yet applied its profile."""


@dataclass(frozen=True, kw_only=True)
class TenantFiles:
    """The files of one tenant, in *bucket* of the account *owner*."""

    s3: AwsClient
    bucket: str
    owner: str
    tenant_id: str

    def bring(self, logos: Mapping[str, bytes]) -> int:
        """Put *logos*, by their addresses, where they are missing; return how many these were."""
        missing = {address: content for address, content in logos.items() if not self._has(address)}
        for address, content in missing.items():
            self.s3.put_object(
                **self._place,
                Key=_key_of(address),
                Body=content,
                ContentType=CONTENT_TYPES[".svg"],
                CacheControl=FOR_GOOD,
            )
        return len(missing)

    def missing(self, addresses: Iterable[str]) -> list[str]:
        """Return those of *addresses* at which nothing lies, or something else than they say."""
        return [address for address in addresses if not self._has(address)]

    def keys(self, *, until: float = math.inf) -> list[str]:
        """
        Return the keys of the tenant's files that were written *until* then (epoch seconds).

        None is among them whose tenant's id only begins alike.
        """
        return list(keys_below(self.s3, self._place, f"tenants/{self.tenant_id}/", until=until))

    def remove(self, keys: Iterable[str], *, but: Collection[str] = ()) -> int:
        """Remove those of *keys* that lie at none of the addresses *but*; return how many these were."""
        kept = {_key_of(address) for address in but}
        old = [key for key in keys if key not in kept]
        remove_keys(self.s3, self._place, old)
        return len(old)

    @property
    def _place(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.owner}

    def _has(self, address: str) -> bool:
        try:
            found = self.s3.get_object(**self._place, Key=_key_of(address))
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return False
            raise
        # Whoever may write to the bucket could have put something else there.
        return (
            is_content_of(address, found["Body"].read()) and found["ContentType"] == CONTENT_TYPES[".svg"]
        )


def logos_in_place(files: TenantFiles | None, draft: ProfileFile, *, stage: str) -> int:
    """
    Let every logo of *draft* lie where its profile says; return how many had to be brought.

    Raises:
        DeploymentError: There is no page, or a logo is taken for kept that is not. Nothing was changed.
    """
    if not logos_of(draft.profile):
        return 0
    if files is None:
        raise DeploymentError(
            f"Nothing was changed: {stage} has no page yet where a logo could lie. "
            f"make deploy STAGE={stage} first."
        )
    missing = files.missing(draft.kept_logos)
    if missing:
        raise DeploymentError(
            f"Nothing was changed: {missing[0]} is not kept any more. Put the SVG beside the profile, "
            "and name that file in it."
        )
    return files.bring(draft.logos)


def files_of(administration: Administration, tenant_id: str) -> TenantFiles | None:
    """Return the tenant's files; None where there is no page, and so no file of anybody's."""
    bucket = administration.output_of_the_app("SiteBucketName")
    if bucket is None:
        return None
    account = administration.account
    return TenantFiles(s3=account.client("s3"), bucket=bucket, owner=account.number, tenant_id=tenant_id)


def _key_of(address: str) -> str:
    return address.removeprefix("/")
