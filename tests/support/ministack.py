"""
MiniStack: an emulated AWS in one process, where parallel writes meet as they do on DynamoDB.

It lives in a virtual environment of its own, because it pins another botocore.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PROGRAM = PROJECT / ".venv-ministack/bin/ministack"
# -P: else its folder, with this module in it, would come before the real MiniStack.
ENFORCING_PROGRAM = (PROGRAM.with_name("python"), "-P", Path(__file__).with_name("enforcing_ministack.py"))
PATIENCE_SECONDS = 60
ATTEMPTS = 10


@contextmanager
def ministack(folder: Path, *, enforces_iam: bool = False) -> Iterator[str]:
    """
    Yield the URL of a fresh MiniStack that writes its output to *folder* and ends with the block.

    *enforces_iam*: functions act as their roles, and policies are held against every call.
    """
    assert PROGRAM.exists(), "MiniStack is not installed: `make test` and `make bench` do it first."
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # It would listen on all addresses, and serve MQTT and SFTP too.
    environment |= {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AUTH": "true" if enforces_iam else "false",
        "TMPDIR": str(folder),  # it unpacks functions and leaves them there
    }
    with (folder / "ministack.txt").open("wb") as output:
        process = subprocess.Popen(
            ENFORCING_PROGRAM if enforces_iam else [PROGRAM],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "MiniStack ended by itself; its output is in ministack.txt"
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
        ):
            connection.request("GET", "/_ministack/health")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.1)
    raise AssertionError("MiniStack did not answer in time")


def lost_its_worker(status: int) -> bool:
    """
    Say whether a process of a function ended instead of answering; wait a moment if so.

    When a function is updated, MiniStack takes the code away from processes that are
    just starting. AWS does not, and nothing of ours answers 502: so ask again.
    """
    is_lost = status == http.client.BAD_GATEWAY
    if is_lost:
        time.sleep(0.5)
    return is_lost
