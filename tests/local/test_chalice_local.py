"""Plain `chalice local`, against any backend that `AWS_ENDPOINT_URL` names."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chalice.local import ChaliceRequestHandler, ThreadedHTTPServer

from chalicelib.local import server
from tests.local.product import PROJECT, Run, chalice_local, clean_environment, free_port, started
from tests.support.embedded_backend import embedded_backend

SECURITY_HEADERS = json.loads((PROJECT / "chalicelib/web/security_headers.json").read_text())


@pytest.fixture(scope="module")
def backend_url() -> Iterator[str]:
    """A moto server that somebody else started."""
    with embedded_backend(environment=clean_environment()) as url:
        yield url


@pytest.fixture(scope="module")
def product(backend_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The product, served by `chalice local` on that backend."""
    port = free_port()
    folder = tmp_path_factory.mktemp("product")
    with started(chalice_local(port), port=port, folder=folder, AWS_ENDPOINT_URL=backend_url) as run:
        run.wait_until_ready()
        yield run


def test_the_page_is_at_the_root_with_every_security_header(product: Run) -> None:
    """The local page is guarded like the deployed one, by the same file of headers."""
    answer = product.get("/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert answer.body == (PROJECT / "static/index.html").read_text()


@pytest.mark.parametrize("path", ["/help-desk/", "/help-desk/?tenant=cozone", "/help-desk/index.html"])
def test_a_page_in_a_folder_is_at_the_folder(path: str, product: Run) -> None:
    answer = product.get(path)
    assert (answer.status, answer.body) == (200, (PROJECT / "static/help-desk/index.html").read_text())
    assert dict(answer.headers).items() >= SECURITY_HEADERS.items()


def test_without_its_slash_a_folder_leads_to_itself(product: Run) -> None:
    """Else the page's own links would lead to the wizard's files."""
    answer = product.get("/help-desk?tenant=cozone&lang=en")
    assert answer.status == 308
    assert answer.headers["Location"] == "/help-desk/?tenant=cozone&lang=en"


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [
        (".css", "text/css"),
        (".js", "text/javascript"),
        (".json", "application/json"),
        (".svg", "image/svg+xml"),
    ],
)
def test_every_static_file_is_served_as_what_it_is(suffix: str, content_type: str, product: Run) -> None:
    """With nosniff a wrong type would stop the page; the guards are on every file."""
    for path in (PROJECT / "static").rglob(f"*{suffix}"):
        answer = product.get(f"/{path.relative_to(PROJECT / 'static').as_posix()}")
        assert (answer.status, answer.body) == (200, path.read_text())
        assert answer.headers["Content-Type"] == f"{content_type}; charset=utf-8"
        assert dict(answer.headers).items() >= SECURITY_HEADERS.items()


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/js/../../app.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "/js/..%2f..%2fapp.py",
        "/..\\app.py",
        "//etc/passwd",
        "/js/",
        "/app.py",
        "/.chalice/config.json",
        "/index.html%00.js",
    ],
)
def test_no_path_leads_out_of_the_static_folder(path: str, product: Run) -> None:
    """A request can only name what was listed at the start."""
    assert product.get(path).status == 403


def test_a_burst_of_connections_is_answered(product: Run) -> None:
    """Sixteen at once; how soon, `make bench` may tell on a quiet machine, no test on a busy one."""
    with ThreadPoolExecutor(16) as browsers:
        statuses = [answer.status for answer in browsers.map(product.get, ["/"] * 16)]
    assert statuses == [200] * 16


def test_a_kept_connection_serves_many_requests(product: Run) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=10)
    for _ in range(50):
        connection.request("GET", "/")
        assert connection.getresponse().read()
    connection.close()


def test_the_server_is_mended_where_chalice_made_it_wait() -> None:
    """A backlog of five holds a sixth tab up for a second, Nagle's algorithm each request for 44 ms."""
    server.mend()
    assert ThreadedHTTPServer.request_queue_size == 128
    assert ChaliceRequestHandler.disable_nagle_algorithm
    assert ChaliceRequestHandler.wbufsize == -1


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example:5000"}]
)
def test_no_page_in_a_browser_can_ask_the_backend(backend_url: str, headers: dict[str, str]) -> None:
    """moto itself answers any page that finds its port, and would show it every table."""
    assert ask_backend(backend_url, headers) == 403
    assert ask_backend(backend_url, {}) == 200


def ask_backend(url: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/moto-api/data.json", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_api_is_on_the_same_origin(product: Run) -> None:
    """The demo tenant was put into the backend at the server's start."""
    answer = product.get("/api/tenant")
    assert answer.status == 200
    assert json.loads(answer.body)["portal_name"] == "Azets Cozone"


def test_a_second_server_finds_the_resources_of_the_first(
    product: Run, backend_url: str, tmp_path: Path
) -> None:
    """Tables, key, tenant and user are made only where they are missing."""
    assert product.process.poll() is None
    port = free_port()
    with started(chalice_local(port), port=port, folder=tmp_path, AWS_ENDPOINT_URL=backend_url) as run:
        run.wait_until_ready()
        assert run.get("/api/tenant").status == 200


@pytest.mark.parametrize("arguments", [[], ["--no-autoreload"]])
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "The stage local never uses AWS: run `make run`, which brings its own backend"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "The backend at http://127.0.0.1:9 cannot be used"),
    ],
)
def test_without_a_backend_there_is_one_clear_sentence(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    """Real credentials change nothing: in this stage AWS itself is never called."""
    credentials = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example"}
    _assert_refused([*chalice_local(free_port()), *arguments], credentials | environment, sentence)


def test_a_port_in_use_is_one_clear_sentence(backend_url: str) -> None:
    """Chalice's own reloader would go on watching files without a server."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _assert_refused(chalice_local(port), {"AWS_ENDPOINT_URL": backend_url}, f"Port {port} is in use: ")


def _assert_refused(command: Sequence[str], environment: dict[str, str], sentence: str) -> None:
    finished = subprocess.run(
        command,
        cwd=PROJECT,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert finished.returncode != 0
    assert finished.stderr.startswith(sentence)
    assert finished.stderr.count("\n") == 1
