"""
Connections to AWS: open before the first request needs them, and dropped before AWS drops them.

Lambda freezes a process between requests. Meanwhile AWS closes its end of an idle
connection and nobody here hears of it; the next request would be sent into the
void. Reads are tried again, but a write that was sent may have taken effect.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

# AWS says nowhere how long it waits. S3 closes after 20 seconds, DynamoDB was seen to after 90.
LONGEST_IDLE_SECONDS = 15
_PATIENCE_SECONDS = 0.5


def open_connections(*clients: Any) -> None:  # noqa: ANN401 - botocore makes its client classes at run time
    """
    Open a connection of each client, all at once: what a handshake costs, no request then pays.

    One that does not open soon is left to the first request, whoever's fault it is.
    """
    threads = [Thread(target=_open_connection, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE_SECONDS)


def _open_connection(client: Any) -> None:  # noqa: ANN401 - as above
    # Unsigned and about nothing: whatever AWS answers, the connection stays open behind it.
    nothing = AWSRequest(method="GET", url=client.meta.endpoint_url).prepare()
    with suppress(BotoCoreError):
        client._endpoint.http_session.send(nothing)  # noqa: SLF001 - botocore shows its connections nowhere else


class IdleConnections:
    """Drops the connections of *client* if they have been idle too long, by *clock* (epoch seconds)."""

    def __init__(self, client: Any, clock: Callable[[], float]) -> None:  # noqa: ANN401 - as above
        self._client = client
        self._clock = clock
        self._used_at = clock()
        self._lock = Lock()

    def drop(self, **_: Any) -> None:  # noqa: ANN401 - botocore's event arguments
        """Look at the time before a request is sent; botocore's event ``before-send``."""
        with self._lock:  # two threads after one pause: the second must not drop what the first opened
            now = self._clock()
            if abs(now - self._used_at) > LONGEST_IDLE_SECONDS:
                self._client._endpoint.http_session.close()  # noqa: SLF001 - as above
            self._used_at = now
