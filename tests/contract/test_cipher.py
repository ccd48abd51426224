"""The port `SecretCipher`: what was sealed opens where it belongs, and nowhere else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from chalicelib.bootstrap import Stores
from chalicelib.errors import SecretIntegrityError, ServiceUnavailableError
from chalicelib.keys.cipher import SealContext, SealedSecret, SecretCipher
from chalicelib.totp import SharedSecret, draw_shared_secret

CONTEXT = SealContext(tenant_id="cozone", user_id="7f" * 16, authenticator_id="3a" * 16)
SECRET = SharedSecret(b"\x00twenty octets long\xff")


@pytest.fixture
def cipher(stores: Stores) -> SecretCipher:
    return stores.cipher


def another_key(stores: Stores) -> str:
    """Return the ARN of a key that is not the one of all, made as an operator makes one."""
    client = getattr(stores.cipher, "_client", None)
    return client.create_key()["KeyMetadata"]["Arn"] if client else "memory of one tenant"


@pytest.mark.requirement("K1")
def test_a_sealed_secret_opens_where_it_belongs(cipher: SecretCipher) -> None:
    for secret in (SECRET, draw_shared_secret(), SharedSecret(bytes(20))):
        assert cipher.open(cipher.seal(secret, CONTEXT), CONTEXT) == secret


@pytest.mark.requirement("K1", "B48")
@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(CONTEXT, tenant_id="byra"),
        replace(CONTEXT, user_id="80" * 16),
        replace(CONTEXT, authenticator_id="3b" * 16),
        replace(CONTEXT, version=2),
        replace(CONTEXT, user_id=CONTEXT.authenticator_id, authenticator_id=CONTEXT.user_id),
    ],
    ids=["tenant", "user", "authenticator", "version", "swapped"],
)
def test_it_opens_nowhere_else(cipher: SecretCipher, elsewhere: SealContext) -> None:
    sealed = cipher.seal(SECRET, CONTEXT)
    with pytest.raises(SecretIntegrityError):
        cipher.open(sealed, elsewhere)
    assert cipher.open(sealed, CONTEXT) == SECRET


@pytest.mark.requirement("K1")
@pytest.mark.parametrize("position", [-1, -20, -40])
def test_a_changed_octet_is_noticed(cipher: SecretCipher, position: int) -> None:
    sealed = cipher.seal(SECRET, CONTEXT)
    octets = bytearray(sealed.ciphertext)
    octets[position] ^= 1
    with pytest.raises(SecretIntegrityError):
        cipher.open(replace(sealed, ciphertext=bytes(octets)), CONTEXT)


@pytest.mark.requirement("K1")
def test_a_cut_ciphertext_is_noticed(cipher: SecretCipher) -> None:
    sealed = cipher.seal(SECRET, CONTEXT)
    with pytest.raises(SecretIntegrityError):
        cipher.open(replace(sealed, ciphertext=sealed.ciphertext[:-1]), CONTEXT)


@pytest.mark.requirement("K1")
def test_equal_secrets_are_sealed_differently(cipher: SecretCipher) -> None:
    sealed = [cipher.seal(SECRET, CONTEXT).ciphertext for _ in range(20)]
    assert len(set(sealed)) == 20
    assert not any(SECRET.octets in ciphertext for ciphertext in sealed)


@pytest.mark.requirement("K3")
def test_the_row_will_know_key_and_version(cipher: SecretCipher) -> None:
    sealed = cipher.seal(SECRET, CONTEXT)
    assert isinstance(sealed, SealedSecret)
    assert sealed.key_arn
    assert not sealed.key_arn.startswith("alias/"), "an alias may point elsewhere tomorrow"
    assert sealed.version == CONTEXT.version == 1


@pytest.mark.requirement("K3")
def test_a_tenants_own_key_seals_and_what_is_stored_says_which_opens(
    stores: Stores, cipher: SecretCipher
) -> None:
    own = another_key(stores)
    under_own, under_common = cipher.seal(SECRET, CONTEXT, key_arn=own), cipher.seal(SECRET, CONTEXT)
    assert under_own.key_arn == own != under_common.key_arn
    for sealed in (under_own, under_common):
        assert cipher.open(sealed, CONTEXT) == SECRET
    for sealed, key_arn in ((under_own, under_common.key_arn), (under_common, own)):
        # KMS says that the key is the wrong one; moto that it is nobody's business here.
        with pytest.raises((SecretIntegrityError, ServiceUnavailableError)):
            cipher.open(replace(sealed, key_arn=key_arn), CONTEXT)


@pytest.mark.requirement("K2")
def test_the_context_says_what_for_and_holds_opaque_ids_only() -> None:
    """CloudTrail writes it down in clear."""
    context = CONTEXT.as_encryption_context()
    assert context == {
        "purpose": "otp",
        "tenant": "cozone",
        "user": "7f" * 16,
        "authenticator": "3a" * 16,
        "version": "1",
    }
    assert not any(re.search(r"[@ ]", value) for value in context.values())
