"""
The index of users by status as DynamoDB answers it: a page costs what the page holds.

An emulator looks through its whole table for each page, a minute for one of a hundred thousand
users. So this stands before it, keeps what is written to the index, and answers queries of it by
DynamoDB's rules: sorted by bytes, `Limit` rows or a megabyte a page. All else is passed on.
"""

from __future__ import annotations

import http.client
import json
import threading
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.bench.metering import bytes_of
from tests.support.aws import Row

_INDEX = "users-by-status"
_PAGE_BYTES = 1_048_576
_PASSED_ON = ("Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization")
_Key = tuple[bytes, str]  # the name, and the partition of whose it is


class UserIndex:
    """What is in the index, and the pages of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: dict[str, list[_Key]] = defaultdict(list)
        self._items: dict[tuple[str, str], Row] = {}

    def note(self, request: Mapping[str, Any]) -> None:
        """Take in what a transaction that took effect has put."""
        with self._lock:
            for write in request["TransactItems"]:
                item = write.get("Put", {}).get("Item", {})
                if "status_key" in item:
                    status_key, partition = item["status_key"]["S"], item["pk"]["S"]
                    insort(self._order[status_key], (item["name_key"]["S"].encode(), partition))
                    self._items[status_key, partition] = item

    def page(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return DynamoDB's answer to a query of the index."""
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        with self._lock:
            status_key = values[":status"]
            order = self._order[status_key]
            first = bisect_left(order, (values.get(":first", "").encode(), ""))
            last = (
                bisect_right(order, (values[":last"].encode(), "\x7f")) if ":last" in values else len(order)
            )
            if start := request.get("ExclusiveStartKey"):
                first = bisect_right(order, (start["name_key"]["S"].encode(), start["pk"]["S"]))
            last = min(last, first + request.get("Limit", len(order)))
            items = []
            size = 0
            for _, partition in order[first:last]:
                items.append(self._items[status_key, partition])
                size += bytes_of(items[-1])
                if size >= _PAGE_BYTES:
                    break
        answer: dict[str, Any] = {"Count": len(items), "ScannedCount": len(items)}
        if request.get("Select") != "COUNT":
            answer["Items"] = items
        if size >= _PAGE_BYTES or len(items) == request.get("Limit"):
            answer["LastEvaluatedKey"] = {
                name: items[-1][name] for name in ("pk", "sk", "status_key", "name_key")
            }
        return answer


@contextmanager
def user_index_before(url: str) -> Iterator[str]:
    """Yield where to ask instead of *url*; that ends with the block."""
    index = UserIndex()
    backend = urlsplit(url).netloc

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            if operation == "Query" and json.loads(body).get("IndexName") == _INDEX:
                self._say(200, json.dumps(index.page(json.loads(body))).encode())
                return
            status, answer = self._passed_on(body)
            if operation == "TransactWriteItems" and status == http.client.OK:
                index.note(json.loads(body))
            self._say(status, answer)

        def _passed_on(self, body: bytes) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(backend, timeout=60)
            try:
                headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
                connection.request("POST", self.path, body, headers)
                response = connection.getresponse()
                return response.status, response.read()
            finally:
                connection.close()

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
