"""The stage `local`: the whole product on one URL, against anything but AWS."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session
from chalice.app import Chalice

from chalicelib.audit.attempts import ATTEMPT_ROWS
from chalicelib.bootstrap import Services, Stores, assemble, stores_on
from chalicelib.errors import TwoFactorError
from chalicelib.local import PROJECT, admin, demo, mails, resources, server, static_files
from chalicelib.local.lifeline import ENVIRONMENT_NAME, end_with_parent
from chalicelib.local.static_files import STATIC
from chalicelib.local.stopping import stop
from chalicelib.local.stream import Followed, LocalStreams, Record
from chalicelib.notices.choice import TOLD
from chalicelib.notices.dynamodb import DynamoRecipients, DynamoSentMails
from chalicelib.notices.notifier import Notifier
from chalicelib.outbox.outbox import Outbox
from chalicelib.settings import Settings
from chalicelib.storage.dynamodb import AwsClient, Database, make_client
from chalicelib.storage.rows import STATE
from chalicelib.web.request_log import write_to_stdout

REGION = "eu-north-1"
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")

# An emulator on a busy laptop may take its time; in the cloud nobody would wait so long.
_CLIENT_CONFIG = Config(
    connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 1}, max_pool_connections=50
)


def local_app(create_app: Callable[[Services], Chalice]) -> Chalice:
    """
    Return the app of *create_app* with all that the stage ``local`` adds.

    That is the files of `static/`, a server that is mended, and at its start
    tables, key, demo tenant and demo user in whatever `AWS_ENDPOINT_URL` names.
    Importing is harmless: nothing is called before the server starts.
    """
    if ENVIRONMENT_NAME in os.environ:
        end_with_parent()
    logging.getLogger("botocore").setLevel(logging.WARNING)  # `chalice local` shows INFO of everybody
    fill_in_environment(os.environ)
    settings = Settings.from_env()
    session = Session()
    dynamodb, kms = (
        make_client(session, name, region=settings.region, config=_CLIENT_CONFIG)
        for name in ("dynamodb", "kms")
    )
    stores = stores_on(settings, dynamodb=dynamodb, kms=kms)
    printed = mails.PrintedMails(write_to_stdout)
    stream = _streams(settings, stores, session, dynamodb, printed)

    def write_line(line: str) -> None:
        write_to_stdout(line)
        stream.look()  # a request has ended, and may have changed something

    services = assemble(settings, stores, clock=time.time, write_line=write_line)
    app = create_app(services)
    static_files.serve(app)
    logos: dict[str, bytes] = {}
    static_files.serve_logos(app, logos)
    mails.serve(app, printed)
    admin.serve(app, stores.transactions, stores.cipher, write_line=write_line)
    server.mend()
    server.reload_only_for(
        (PROJECT / "app.py", PROJECT / "chalicelib", PROJECT / ".chalice/config.json"), names_in=STATIC
    )

    def prepare() -> None:
        logos.update(_prepare(settings, services, dynamodb=dynamodb, kms=kms))
        stream.follow()

    server.at_server_start(
        prepare,
        announce=lambda url: print(demo.how_to_sign_in(url), flush=True),
    )
    return app


def fill_in_environment(environ: MutableMapping[str, str]) -> None:
    """
    Give *environ* the region and, where the endpoint is this machine, the credentials it lacks.

    A local backend takes any credentials, but botocore sends none without some.
    """
    environ.setdefault("AWS_DEFAULT_REGION", environ.get("AWS_REGION", REGION))
    endpoint = environ.get("AWS_ENDPOINT_URL", "")
    given = {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & environ.keys()
    if not given and urlsplit(endpoint).hostname in LOOPBACK_HOSTS:
        environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")


def _streams(
    settings: Settings, stores: Stores, session: Session, dynamodb: AwsClient, printed: mails.PrintedMails
) -> LocalStreams:
    outbox = Outbox(events=stores.events, transactions=stores.transactions, write_line=write_to_stdout)
    database = Database(dynamodb, {STATE: settings.state_table})
    notifier = Notifier(
        recipients=DynamoRecipients(database),
        sent=DynamoSentMails(database),
        sender=printed,
        clock=time.time,
        write_line=write_to_stdout,
        stage=settings.stage,
    )
    # At the tables' own endpoint: one that was named for DynamoDB alone must not leave this one to AWS.
    streams = session.create_client(
        "dynamodbstreams",
        region_name=settings.region,
        endpoint_url=dynamodb.meta.endpoint_url,
        config=_CLIENT_CONFIG,
    )
    # In this order: what the outbox appends is an event that somebody may be told of.
    return LocalStreams(
        Followed(table=settings.state_table, concerns=_is_of_attempts, to=outbox),
        Followed(table=settings.events_table, concerns=_is_told, to=notifier),
        dynamodb=dynamodb,
        streams=streams,
    )


def _is_of_attempts(record: Record) -> bool:
    return record["dynamodb"]["Keys"]["sk"]["S"] in ATTEMPT_ROWS


def _is_told(record: Record) -> bool:
    return record["eventName"] == "INSERT" and record["dynamodb"]["NewImage"]["kind"]["S"] in TOLD


def _prepare(
    settings: Settings, services: Services, *, dynamodb: AwsClient, kms: AwsClient
) -> Mapping[str, bytes]:
    """Let tables, keys and tenants be there; return the tenants' logos by address."""
    _refuse_aws(dynamodb, kms)
    try:
        resources.create_missing(settings, dynamodb=dynamodb, kms=kms)
        return demo.seed(services)
    except (BotoCoreError, ClientError, TwoFactorError) as error:
        reason = str(error) or "it does not answer as DynamoDB and KMS do."
        stop(f"The backend at {dynamodb.meta.endpoint_url} cannot be used: {reason}")


def _refuse_aws(*clients: AwsClient) -> None:
    """End the process if a client would talk to AWS itself, whatever the reason."""
    for client in clients:
        host = urlsplit(client.meta.endpoint_url).hostname or ""
        if host.endswith(AWS_DOMAINS):
            stop(
                "The stage local never uses AWS: run `make run`, which brings its own backend, "
                "or set AWS_ENDPOINT_URL to one such as http://127.0.0.1:5000."
            )
