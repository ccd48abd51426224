"""`make tenant`, `make suspend` and `make resume`: tenants as their operator wrote and reviewed them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from chalicelib.deployment.administration import (
    Administration,
    open_administration,
    told_in_sentences,
    told_time,
)
from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.keys import follow_policy, key_of_its_own, require_usable
from chalicelib.deployment.tenant_files import (
    LEFT_ALONE_SECONDS,
    TenantFiles,
    files_of,
    logos_in_place,
)
from chalicelib.errors import NotFoundError
from chalicelib.tenants.cache import REMEMBERED_SECONDS
from chalicelib.tenants.colour import (
    SHAPE_CONTRAST,
    look_of,
    told_contrast,
)
from chalicelib.tenants.profile import Profile, ProfileError
from chalicelib.tenants.profile_file import ProfileFile, logos_of, read_profile_file
from chalicelib.tenants.store import HostTakenError, Tenant, TenantChangedError


def apply_tenant(stage: str, profile_path: Path) -> None:
    """
    Make the profile in *profile_path* the tenant's; make the tenant if it is new.

    Says what changes, field by field. Writes nothing if nothing does. A tenant that is to have
    a key of its own, and has none, gets it first, and so does one with new logos get these. They
    wait beside the page for the command's repetition if it fails after that. Former logos go last.

    Raises:
        DeploymentError: The file, the profile or a logo is wrong, there is nothing to write to, or
            the tenant's own key does not open what it sealed: nothing was written. Or others were
            quicker: the profile was not. Or former logos stay: the profile holds, as stdout says.
    """
    if profile_path == Path():
        raise DeploymentError("Say which profile to apply: PROFILE=file.json")
    draft = _read_profile(profile_path)
    profile = draft.profile
    administration = open_administration(stage)
    with told_in_sentences():
        before = _found(administration, profile.tenant_id)
        _bring_its_key_up_to_date(administration, before)
        files = files_of(administration, profile.tenant_id)
        needs_a_key = profile.own_key and (before is None or before.secret_key_arn is None)
        if before is not None and before.profile == profile and not needs_a_key:
            _mend_the_files(administration, files, draft)
            print(
                f"Nothing changes: version {before.version} of {profile.tenant_id}'s profile is the same."
            )
            return
        _require_that_it_fits(administration, before, profile)
        logos_in_place(files, draft, stage=stage)
        _say_what_changes(before, profile)
        tenant = _applied(administration, profile, needs_a_key=needs_a_key)
    print(f"{profile.portal_name}: version {tenant.version} of its profile holds in {stage}.")
    print("\n".join(_told_contrasts(profile)))
    print(f"A running service takes it over within {REMEMBERED_SECONDS} seconds; clients and return")
    print("addresses at once.")
    if tenant.suspended_at is not None:
        print(f"It stays suspended: make resume STAGE={stage} TENANT={profile.tenant_id}")
    elif profile.passwords == "directory":
        print(f"Next: make user STAGE={stage} TENANT={profile.tenant_id} USERNAME=...")
    try:
        with told_in_sentences():
            _remove_old_logos(administration, files, draft)
    except Exception:
        print("The profile holds. Repeat the command to remove its former logos.")
        raise


def show_tenant(stage: str, tenant_id: str, *, number: str | None) -> None:
    """
    Write a tenant's profile to stdout: the one in force, or the one that was applied as *number*.

    Who applied it, and when, goes to stderr, so that stdout is a file that can be applied again.

    Raises:
        DeploymentError: There is no such tenant, or no such version of it.
    """
    if not tenant_id:
        raise DeploymentError("Say which tenant: TENANT=...")
    if number is not None and not (number.isascii() and number.isdigit()):
        raise DeploymentError(f"VERSION must be a number, not '{number}'.")
    administration = open_administration(stage)
    with told_in_sentences():
        tenant = administration.tenant(tenant_id)
        wanted = tenant.version if number is None else int(number)
        profile, told = tenant.profile, f"Version {wanted} of {tenant_id}'s profile"
        try:
            version = administration.stores.tenants.version(tenant_id, wanted)
        except NotFoundError as error:
            if wanted != tenant.version:
                raise DeploymentError(
                    f"{tenant_id} has no version {wanted} that was kept; {tenant.version} holds now."
                ) from error
            told += " was applied by an earlier release, which did not keep by whom"  # nor any version row
        else:
            profile = version.profile
            told += f" was applied on {told_time(version.applied_at)} by {version.applied_by}"
    print(
        f"{told}; {'it holds now' if wanted == tenant.version else f'{tenant.version} holds now'}.",
        file=sys.stderr,
    )
    if tenant.suspended_at is not None:
        print(f"{tenant_id} is suspended since {told_time(tenant.suspended_at)}.", file=sys.stderr)
    print(json.dumps(_in_order(profile), ensure_ascii=False, indent=2))


def suspend_tenant(stage: str, tenant_id: str) -> None:
    """
    Let nobody of the tenant in. Suspending again changes nothing.

    Raises:
        DeploymentError: There is no such tenant.
    """
    administration = _about(stage, tenant_id)
    with told_in_sentences():
        administration.tenant(tenant_id)
        administration.stores.tenants.suspend(tenant_id, at=int(time.time()))
    print(f"{tenant_id} is suspended: nobody signs in, and its portals are refused, from now on.")
    print(f"Pages that are open are refused within {REMEMBERED_SECONDS} seconds. Nothing is removed.")
    print(f"Back: make resume STAGE={stage} TENANT={tenant_id}")


def resume_tenant(stage: str, tenant_id: str) -> None:
    """
    Let the tenant's users in again.

    Raises:
        DeploymentError: There is no such tenant, or its own key does not open what it sealed.
    """
    administration = _about(stage, tenant_id)
    with told_in_sentences():
        _require_its_key(administration, administration.tenant(tenant_id))
        administration.stores.tenants.resume(tenant_id)
    print(f"{tenant_id} is open: people sign in, and its portals are answered, from now on.")
    print(f"Pages that are open work again within {REMEMBERED_SECONDS} seconds.")


def _about(stage: str, tenant_id: str) -> Administration:
    if not tenant_id:
        raise DeploymentError("Say which tenant: TENANT=...")
    return open_administration(stage)


def _found(administration: Administration, tenant_id: str) -> Tenant | None:
    try:
        return administration.stores.tenants.get(tenant_id)
    except NotFoundError:
        return None


def _require_its_key(administration: Administration, tenant: Tenant) -> None:
    # Whoever erases it has set the key up for deletion. In a month, what is sealed now would be lost.
    if tenant.secret_key_arn is not None:
        require_usable(administration.account, tenant.secret_key_arn)


def _bring_its_key_up_to_date(administration: Administration, tenant: Tenant | None) -> None:
    if tenant is None or tenant.secret_key_arn is None:
        return
    like = administration.data["SecretKeyArn"]
    if follow_policy(administration.account, tenant.secret_key_arn, like=like):
        print(f"{tenant.tenant_id}'s own key has the policy of this release now.")


def _require_that_it_fits(administration: Administration, before: Tenant | None, profile: Profile) -> None:
    if before is not None and before.secret_key_arn is not None and not profile.own_key:
        raise DeploymentError(
            f"Nothing was changed: {profile.tenant_id} has a key of its own, and what is sealed under it "
            'opens with no other. Leave "own_key": true; the key goes when the tenant is erased.'
        )
    if before is not None:
        _require_its_key(administration, before)
    for host in profile.hosts:
        owner = administration.stores.tenants.id_at(host)
        if owner not in (None, profile.tenant_id):
            raise DeploymentError(f"Nothing was changed: the host {host} is the tenant {owner}'s.")


def _applied(administration: Administration, profile: Profile, *, needs_a_key: bool) -> Tenant:
    account, key_arn = administration.account, None
    if needs_a_key:
        key_arn = key_of_its_own(account, profile.tenant_id, like=administration.data["SecretKeyArn"])
    try:
        tenant = administration.stores.tenants.apply(
            profile, at=int(time.time()), by=account.identity, secret_key_arn=key_arn
        )
    except HostTakenError as error:  # since we looked
        raise DeploymentError(
            "Nothing was changed: one of the hosts has just become another tenant's."
        ) from error
    except TenantChangedError as error:
        raise DeploymentError(
            "Nothing was changed: others apply profiles of this tenant right now. Look, then repeat."
        ) from error
    if key_arn is not None:
        print(f"Its own key is {key_arn}. It costs 1 dollar a month.")
        print("Secrets are sealed under it from now on; those sealed before stay under the key of all")
        print("until their owners change authenticators.")
    return tenant


def _mend_the_files(administration: Administration, files: TenantFiles | None, draft: ProfileFile) -> None:
    """Do for the files what an attempt before, or a stage that was destroyed, has left to do."""
    brought = logos_in_place(files, draft, stage=administration.account.stage)
    if brought:
        print("Its logo was missing beside the page, and is there again.")
    _remove_old_logos(administration, files, draft)


def _remove_old_logos(
    administration: Administration, files: TenantFiles | None, draft: ProfileFile
) -> None:
    """
    Remove the logos that neither the profile in force names nor the one before it.

    Those of the one before stay: pages that are open show them, and it may be applied again.
    So do those that were brought just now, for a profile that somebody else is about to apply.
    """
    if files is None:
        return
    keys = files.keys(until=time.time() - LEFT_ALONE_SECONDS)
    tenant = administration.tenant(files.tenant_id)
    kept = logos_of(tenant.profile)
    with suppress(NotFoundError):  # there is none, or an earlier release applied it
        version = administration.stores.tenants.version(tenant.tenant_id, tenant.version - 1)
        kept += logos_of(version.profile)
    files.remove(keys, but=kept)
    # Somebody who applied another profile meanwhile did not know of this one, and may have removed it.
    files.bring(draft.logos)


def _told_contrasts(profile: Profile) -> Iterator[str]:
    look = look_of(profile.brand.colour)
    text = "white" if look.text == "#ffffff" else "black"
    light, dark = look.light_button_contrast, look.dark_button_contrast
    yield (
        f"Contrasts of {look.colour}: {text} text on it {told_contrast(look.text_contrast)}, links "
        f"{told_contrast(look.light_link_contrast)} in light and {told_contrast(look.dark_link_contrast)} "
        "in dark,"
    )
    yield (
        f"buttons on their ground {told_contrast(light)} in light and {told_contrast(dark)} in dark"
        f"{_edges(light, dark)}."
    )


def _edges(light: float, dark: float) -> str:
    faint = [name for name, found in (("light", light), ("dark", dark)) if found < SHAPE_CONTRAST]
    return f", so in {' and '.join(faint)} buttons get an edge" if faint else ""


def _say_what_changes(before: Tenant | None, profile: Profile) -> None:
    if before is None:
        print(f"{profile.tenant_id} is a new tenant.")
        return
    print(f"What changes against version {before.version} of {profile.tenant_id}'s profile:")
    was, will_be = dict(_told_fields(before.profile)), dict(_told_fields(profile))
    for name in {**was, **will_be}:
        old, new = was.get(name, "nothing"), will_be.get(name, "nothing")
        if old != new:
            print(f"  {name}: {old} -> {new}")


def _told_fields(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield every field with its value as JSON; of sections and clients what is in them, one by one."""
    whole = asdict(profile)
    del whole["source"], whole["clients"]
    for name, value in whole.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{part}", _json(inner)) for part, inner in value.items())
        else:
            yield name, _json(value)
    for client in profile.clients:
        yield from ((f"clients.{client.name}.keys.{kid}", _json(key)) for kid, key in client.keys.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _in_order(profile: Profile) -> dict[str, Any]:
    """Return the profile as its file says it, in the order in which profiles are described."""
    order = ["id", *(each.name for each in fields(Profile))]
    return {name: profile.source[name] for name in sorted(profile.source, key=order.index)}


def _read_profile(path: Path) -> ProfileFile:
    try:
        return read_profile_file(path)
    except OSError as error:
        raise DeploymentError(f"The profile {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DeploymentError(f"The profile {path} is not UTF-8.") from error
    except ProfileError as error:
        raise DeploymentError(f"The profile {path} cannot be used: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DeploymentError(f"The profile {path} is not JSON: {error}.") from error
