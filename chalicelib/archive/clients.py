"""How the functions of the archive call AWS: nobody waits for them, so they try again by themselves."""

from __future__ import annotations

from botocore.config import Config

CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent="tvasteg",
)
