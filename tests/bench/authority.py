"""A certificate authority to be thrown away: a TLS handshake here costs what it costs with AWS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

# As AWS's own endpoints have them.
_KEY_BITS, _EXPONENT = 2048, 65537


@dataclass(frozen=True, kw_only=True)
class Authority:
    """*root* is its certificate, *server* a PEM file with certificate and key of 127.0.0.1."""

    root: Path
    server: Path

    def beside(self, roots: Path) -> Path:
        """Return a file with *roots* and this authority's own, for `AWS_CA_BUNDLE`."""
        together = self.root.with_name(f"roots-{len(list(self.root.parent.iterdir()))}.pem")
        together.write_bytes(roots.read_bytes() + self.root.read_bytes())
        return together


def make_authority(folder: Path) -> Authority:
    """Return an authority that lasts a day, its files in *folder*."""
    root_key, server_key = (rsa.generate_private_key(_EXPONENT, _KEY_BITS) for _ in range(2))
    root_name, server_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("throw-away", "127.0.0.1")
    )
    root = (
        _begun(root_name, root_key)
        .issuer_name(root_name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    server = (
        _begun(server_name, server_key)
        .issuer_name(root_name)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    root_path, server_path = folder / "root.pem", folder / "server.pem"
    root_path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    server_path.write_bytes(
        server.public_bytes(serialization.Encoding.PEM)
        + server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Authority(root=root_path, server=server_path)


def _begun(name: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
