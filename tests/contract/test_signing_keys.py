"""The ports `SigningKeyStore` and `Signer`: one ring for all, and signatures that others can check."""

from __future__ import annotations

import base64
from functools import partial

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc.jwk import ECKey

from chalicelib.assertions.signing_keys import KeyRing, SigningKey
from chalicelib.assertions.store import RingChangedError, SigningKeyStore
from chalicelib.bootstrap import Stores
from chalicelib.keys.signer import Signer
from tests.contract.drafts import NOW, outcomes_in_parallel
from tests.support.aws import SETTINGS
from tests.support.memory.keys import MemorySigner

KEY_ID = SETTINGS.signing_key_id


@pytest.fixture
def store(stores: Stores) -> SigningKeyStore:
    return stores.signing_keys


@pytest.fixture
def signer(stores: Stores) -> Signer:
    return stores.signer


def a_ring(*names: str) -> KeyRing:
    keys = [
        SigningKey(key_id=f"alias/{name}", jwk={"kid": name, "x": "å"}, signs_from=number * NOW)
        for number, name in enumerate(names)
    ]
    return KeyRing(keys=tuple(keys))


def checks(jwk: dict[str, str], signature: bytes, message: bytes) -> bool:
    """Say whether *signature* is one of *message*, by a library that we do not sign with."""
    x, y = (
        int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=" * (-len(jwk[name]) % 4)), "big")
        for name in ("x", "y")
    )
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


@pytest.mark.requirement("M5")
def test_there_is_no_ring_until_one_is_stored_and_then_it_is_read_back_as_it_was(
    store: SigningKeyStore,
) -> None:
    assert store.ring() is None
    for before, after in ((None, a_ring("one")), (a_ring("one"), a_ring("one", "two"))):
        store.replace(before, after)
        assert store.ring() == after


@pytest.mark.requirement("M5")
@pytest.mark.parametrize("before", [None, a_ring("two"), a_ring("one", "two")])
def test_a_ring_that_is_another_by_now_is_not_replaced(
    store: SigningKeyStore, before: KeyRing | None
) -> None:
    store.replace(None, a_ring("one"))
    with pytest.raises(RingChangedError):
        store.replace(before, a_ring("three"))
    assert store.ring() == a_ring("one")


def test_what_never_was_is_not_replaced(store: SigningKeyStore) -> None:
    with pytest.raises(RingChangedError):
        store.replace(a_ring("one"), a_ring("two"))
    assert store.ring() is None


@pytest.mark.requirement("M5", "V3")
@pytest.mark.parametrize("before", [None, a_ring("one")])
def test_of_parallel_replacements_one_takes_effect(store: SigningKeyStore, before: KeyRing | None) -> None:
    """Else a key would sign of which no portal was told."""
    if before is not None:
        store.replace(None, before)
    replaced: list[KeyRing] = []

    def replace(after: KeyRing) -> None:
        try:
            store.replace(before, after)
        except RingChangedError:
            return
        replaced.append(after)

    outcomes_in_parallel(partial(replace, a_ring("one", f"two-{number}")) for number in range(12))
    assert len(replaced) == 1
    assert store.ring() == replaced[0]


@pytest.mark.requirement("M4")
def test_a_signature_holds_for_its_message_and_its_key_alone(signer: Signer) -> None:
    jwk = signer.public_jwk(KEY_ID)
    for message in (b"!", b"header.claims", bytes(4_096)):  # as long as KMS takes them
        signature = signer.sign(KEY_ID, message)
        assert len(signature) == 64
        assert checks(jwk, signature, message)
        assert not checks(jwk, signature, message + b"!")
        assert not checks(jwk, signature[32:] + signature[:32], message)
    assert not checks(MemorySigner().public_jwk("another key"), signature, message)


@pytest.mark.requirement("M4")
def test_thirty_signatures_all_hold(signer: Signer) -> None:
    """One in 128 or so has a short r or s, and every other one a long one."""
    jwk = signer.public_jwk(KEY_ID)
    for number in range(30):
        message = str(number).encode()
        assert checks(jwk, signer.sign(KEY_ID, message), message)


@pytest.mark.requirement("M4", "M5")
def test_the_public_key_is_a_jwk_under_its_thumbprint(signer: Signer) -> None:
    jwk = signer.public_jwk(KEY_ID)
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert (
        ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")}).thumbprint() == jwk["kid"]
    )
    assert signer.public_jwk(KEY_ID) == jwk
