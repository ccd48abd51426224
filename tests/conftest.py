"""What every test stands on: no AWS but emulated AWS, an atomic moto, patient Hypothesis."""

from __future__ import annotations

import gc
import os

import hypothesis

from chalicelib.local.backend import make_moto_atomic, make_moto_quick
from tests.support import botocore_data

pytest_plugins = ["tests.support.browser"]  # its Chromium is shared by all

for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]  # neither a developer's account nor a running backend may be reached
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

make_moto_atomic()
make_moto_quick()
botocore_data.read_once()

# A slow machine is no failing test, and the same commit gives the same answer twice;
# `--hypothesis-profile=search` looks for what nobody has found yet.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=5_000, print_blob=True)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_finish() -> None:
    """Let garbage be looked for among what tests make: what was imported stays, and is most of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
