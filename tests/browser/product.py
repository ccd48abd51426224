"""The product as one web server: the real stores over an emulated AWS, the real files, a clock of ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from itertools import count
from typing import Any

from botocore.config import Config as ClientConfig
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session as AwsSession
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalDevServer, create_local_server

from chalicelib.accounts.record import User
from chalicelib.bootstrap import stores_on
from chalicelib.local import server as local_server
from chalicelib.local import static_files
from chalicelib.local.resources import create_missing
from chalicelib.storage.dynamodb import CLIENT_CONFIG, AwsClient
from tests.support.aws import SETTINGS
from tests.support.clock import ManualClock
from tests.support.embedded_backend import embedded_backend
from tests.support.world import ANNAS_PASSWORD, World

# A machine that is busy with six other things is no outage.
_PATIENT = CLIENT_CONFIG.merge(ClientConfig(connect_timeout=60, read_timeout=60))


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account; *password* is what they know."""

    user: User
    password: str

    @property
    def username(self) -> str:
        """The name they sign in with."""
        return self.user.username


@dataclass(kw_only=True)
class Product:
    """Where it is served, and a hand on its clock and on AWS below it."""

    url: str
    world: World
    is_cut_off: bool = False
    mute_at: str | None = None
    """The path whose answers get lost on their way."""
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def clock(self) -> ManualClock:
        """The clock of the server, which also tells browsers the time."""
        return self.world.clock

    def new_person(self) -> Person:
        """Return a user that no other test knows."""
        number = next(self._numbers)
        password = f"sju-lugna-sommarmoln-{number}"
        return Person(
            user=self.world.add_user(username=f"anna.{number}@firma.se", password=password),
            password=password,
        )

    @property
    def anna(self) -> Person:
        """The user of the pictures; whoever meets her, meets what others did to her."""
        return Person(user=self.world.user, password=ANNAS_PASSWORD)

    @contextmanager
    def loses_answers(self, path: str) -> Iterator[None]:
        """Do what requests to *path* ask for, and break the line instead of answering."""
        self.mute_at = path
        try:
            yield
        finally:
            self.mute_at = None

    @contextmanager
    def outage_of_aws(self) -> Iterator[None]:
        """Let no call to AWS go through."""
        self.is_cut_off = True
        try:
            yield
        finally:
            self.is_cut_off = False


@contextmanager
def served_product() -> Iterator[Product]:
    """Yield the product, served until the block ends."""
    with embedded_backend() as endpoint_url:
        dynamodb, kms = (_client(name, endpoint_url) for name in ("dynamodb", "kms"))
        create_missing(SETTINGS, dynamodb=dynamodb, kms=kms)
        world = World(stores_on(SETTINGS, dynamodb=dynamodb, kms=kms))
        static_files.serve(world.app)
        local_server.mend()
        server = create_local_server(world.app, Config(), "127.0.0.1", 0)
        product = Product(url=f"http://127.0.0.1:{server.server.server_address[1]}", world=world)
        _let_aws_fail(product, dynamodb, kms)
        _let_answers_obey(product, server)
        thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield product
        finally:
            server.shutdown()
            thread.join()
            server.server.server_close()


def _client(name: str, endpoint_url: str) -> AwsClient:
    session = AwsSession()
    session.set_credentials("local", "local")
    return session.create_client(
        name, region_name=SETTINGS.region, endpoint_url=endpoint_url, config=_PATIENT
    )


def _let_aws_fail(product: Product, *clients: AwsClient) -> None:
    def before_send(request: Any, **_: Any) -> None:
        if product.is_cut_off:
            raise EndpointConnectionError(endpoint_url=request.url)

    for client in clients:
        client.meta.events.register("before-send", before_send)


def _let_answers_obey(product: Product, server: LocalDevServer) -> None:
    """Let answers be dated by our clock (pages count on the server's date), and get lost at will."""

    class Handler(ChaliceRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(product.clock() if timestamp is None else timestamp, usegmt=True)

        def _send_http_response(self, *answer: Any) -> None:
            if self.path == product.mute_at:
                self.close_connection = True
            else:
                super()._send_http_response(*answer)

        def log_message(self, *_arguments: Any) -> None:
            """Tests speak for themselves."""

    server.server.RequestHandlerClass = partial(Handler, app_object=server.app_object, config=Config())
