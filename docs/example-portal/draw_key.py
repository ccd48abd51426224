"""
`python draw_key.py key.json`: draw a portal's key pair.

The private key goes into that file, which only its owner can read and which
never leaves the portal. The public one is printed, for the tenant's profile.
"""

import json
import os
import sys
from secrets import token_hex

from joserfc.jwk import ECKey


def main(path: str) -> None:
    """Write the private key to the new file *path* and print the public one as a JWK."""
    key = ECKey.generate_key("P-256", {"kid": token_hex(8), "use": "sig", "alg": "ES256"})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(key.as_dict(private=True), file)
    print(json.dumps(key.as_dict(private=False)))


if __name__ == "__main__":
    main(*sys.argv[1:])
