"""
A portal's machine client: its name and the public keys by which it is known.

Keys are JWKs (RFC 7517), ES256 over P-256 or EdDSA over Ed25519 (RFC 8037). To
rotate one, the next is listed beside it before it is used, and the old one is
taken off when nothing signs with it any more.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.settings import TENANT_ID

MOST_CLIENTS = 5
MOST_KEYS = 4
# How keys of each kind sign, by type and curve.
ALGORITHMS: Mapping[tuple[Any, Any], str] = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_CLIENT_ID = re.compile(rf"({TENANT_ID.pattern})\.({_NAME.pattern})", re.ASCII)
_KEY_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
_MEMBERS = frozenset({"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"})
# 32 octets in base64url without padding.
_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# FIPS 186-5 / SP 800-186: the prime and the constant of P-256, whose other constant is -3.
_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


@dataclass(frozen=True, kw_only=True)
class Client:
    """One machine client of a tenant; *keys* are its public JWKs by key id."""

    name: str
    keys: Mapping[str, Mapping[str, Any]] = field(repr=False)


def client_id_of(tenant_id: str, name: str) -> str:
    """Return the id that a client signs with: it names the tenant, whose key then proves it."""
    return f"{tenant_id}.{name}"


def split_client_id(client_id: object) -> tuple[str, str] | None:
    """Return the tenant id and the client's name within a claimed client id; None if it is none."""
    # Nothing of it is proven yet: only what can be a tenant's id may become part of a key.
    claimed = _CLIENT_ID.fullmatch(client_id) if isinstance(client_id, str) else None
    return None if claimed is None else (claimed[1], claimed[2])


def faults_of_client(source: object) -> list[str]:
    """Return all that is wrong with *source* as a profile's client."""
    if not isinstance(source, dict):
        return ["is not a JSON object"]
    faults = [f"{name}: is not known" for name in sorted(source.keys() - {"name", "keys"})]
    if not isinstance(source.get("name"), str) or not _NAME.fullmatch(source["name"]):
        faults.append(f"name: does not look like {_NAME.pattern}")
    key_set = source.get("keys")
    keys = key_set.get("keys") if isinstance(key_set, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        return [*faults, f"keys: is not a JWK set with one to {MOST_KEYS} keys"]
    faults += [f"keys.{place}: {fault}" for place, key in enumerate(keys) for fault in _faults_of_key(key)]
    ids = [key["kid"] for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)]
    if len(set(ids)) != len(ids):
        faults.append("keys: two have the same kid")
    return faults


def client_of(source: Mapping[str, Any]) -> Client:
    """Return the client that *source*, which has no faults, describes."""
    return Client(name=source["name"], keys={key["kid"]: key for key in source["keys"]["keys"]})


def _faults_of_key(key: object) -> list[str]:
    if not isinstance(key, dict):
        return ["is not a JWK"]
    if "d" in key or "k" in key:
        return ["holds a private key: take it out of this file and make a new one"]
    faults = [f"{name}: is not known" for name in sorted(key.keys() - _MEMBERS)]
    kid = key.get("kid")
    if not isinstance(kid, str) or not _KEY_ID.fullmatch(kid):
        faults.append("kid: is missing or holds other than letters, digits and . _ ~ -")
    kind = (key.get("kty"), key.get("crv"))
    algorithm = ALGORITHMS.get(kind) if all(isinstance(part, str) for part in kind) else None
    if algorithm is None:
        return [*faults, "is neither a P-256 nor an Ed25519 key"]
    if key.get("alg", algorithm) != algorithm:
        faults.append(f"alg: is not {algorithm}")
    if key.get("use", "sig") != "sig":
        faults.append("use: is not sig")
    if not _is_a_point(key):
        faults.append("is no point of its curve")
    return faults


def _is_a_point(key: Mapping[str, Any]) -> bool:
    x = _coordinate(key.get("x"))
    if key["kty"] == "OKP":
        return x is not None and "y" not in key
    y = _coordinate(key.get("y"))
    if x is None or y is None or x >= _P256_PRIME or y >= _P256_PRIME:
        return False
    return (y * y - (x * x * x - 3 * x + _P256_B)) % _P256_PRIME == 0


def _coordinate(text: object) -> int | None:
    if not isinstance(text, str) or not _COORDINATE.fullmatch(text):
        return None
    return int.from_bytes(base64.urlsafe_b64decode(text + "="), "big")
