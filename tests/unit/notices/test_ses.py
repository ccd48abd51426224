"""Mail by SES, as moto emulates it, and what its errors come to."""

from __future__ import annotations

from collections.abc import Iterator
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.session import Session
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.errors import ServiceUnavailableError
from chalicelib.notices.mail import Mail
from chalicelib.notices.ports import MailRefusedError, MailUnansweredError
from chalicelib.notices.ses import SES_CONFIG, SesMailSender
from chalicelib.storage.dynamodb import make_client

REGION = "eu-north-1"
FROM = "notiser@firma.se"
NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region EU-NORTH-1: {}"
)
CHECKED = SES_CONFIG.merge(Config(parameter_validation=True))


@pytest.fixture
def client() -> Iterator[Any]:
    """SES as a new account has it, with the sender's domain verified."""
    with mock_aws():
        client = make_client(Session(), "sesv2", region=REGION, config=CHECKED)
        client.create_email_identity(EmailIdentity="firma.se")
        yield client


def a_mail(**differences: Any) -> Mail:
    said = {
        "to": "anna@firma.se",
        "sender_name": "Byrå Nord",
        "reply_to": "hjalp@byra.se",
        "subject": "Byrå Nord: något",
        "text": "Hej!\n",
    }
    return Mail(**said | differences)


def test_a_mail_is_one_of_text_from_our_address(client: Any) -> None:
    SesMailSender(client, address=FROM).send(a_mail())
    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert sent.destinations == {"ToAddresses": ["anna@firma.se"]}
    assert (sent.subject, sent.body) == ("Byrå Nord: något", "Hej!\n")
    assert parseaddr(sent.source)[1] == FROM


def asked(mail: Mail) -> dict[str, Any]:
    """Return what SES is asked for *mail*."""
    requests: list[dict[str, Any]] = []

    class Listening:
        def send_email(self, **request: Any) -> None:
            requests.append(request)

    SesMailSender(Listening(), address=FROM).send(mail)
    (request,) = requests
    return request


@pytest.mark.requirement("E7")
def test_answers_go_to_the_help_desk_and_of_html_there_is_none() -> None:
    request = asked(a_mail())
    assert request["ReplyToAddresses"] == ["hjalp@byra.se"]
    assert set(request["Content"]["Simple"]["Body"]) == {"Text"}
    assert request["Content"]["Simple"]["Headers"] == [
        {"Name": "Auto-Submitted", "Value": "auto-generated"}
    ]
    assert "ReplyToAddresses" not in asked(a_mail(reply_to=None))


@pytest.mark.requirement("A2")
@pytest.mark.parametrize(
    "name",
    [
        "Azets Cozone",
        "Byrå Nord",
        'Byrå "Nord", <x@evil.example>',
        'Nord", <x@evil.example>, "',
        "Å" * 60,
        "名" * 60,
    ],
)
def test_no_portals_name_adds_a_sender(name: str) -> None:
    sender = asked(a_mail(sender_name=name))["FromEmailAddress"]
    shown, address = parseaddr(sender)
    assert address == FROM
    assert "\n" not in sender
    assert sender.isascii()
    assert str(make_header(decode_header(shown))) == name


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("BadRequestException", "Missing final '@domain'"),
        ("MessageRejected", "Message contains a virus"),
        # In the sandbox recipients have to be verified, too.
        ("MessageRejected", NOT_VERIFIED.format("anna@firma.se")),
        ("MessageRejected", NOT_VERIFIED.format(f"x/{FROM}")),
        ("MessageRejected", NOT_VERIFIED.format("firma.se@hem.example")),
    ],
)
def test_what_is_wrong_with_the_mail_itself_is_not_tried_again(
    client: Any, code: str, message: str
) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("send_email", code, message)
        with pytest.raises(MailRefusedError):
            SesMailSender(client, address=FROM).send(a_mail())


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    "named",
    [
        FROM,
        f"Byra Nord <{FROM}>, {FROM}",
        f"=?utf-8?q?Byr=C3=A5_Nord?= <{FROM}>",
        f"anna@firma.se, {FROM}",
        "Notiser@FIRMA.se",
        "firma.se",
    ],
)
def test_a_sender_that_is_not_verified_yet_costs_no_mail(client: Any, named: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("send_email", "MessageRejected", NOT_VERIFIED.format(named))
        with pytest.raises(ServiceUnavailableError):
            SesMailSender(client, address=FROM).send(a_mail())


@pytest.mark.requirement("E7")
@pytest.mark.parametrize(
    "code",
    [
        "TooManyRequestsException",
        "LimitExceededException",
        "SendingPausedException",
        "AccountSuspendedException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",
        "AccessDeniedException",
        "InternalFailure",
    ],
)
def test_what_may_be_mended_is_tried_again(client: Any, code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("send_email", code)
        with pytest.raises(ServiceUnavailableError):
            SesMailSender(client, address=FROM).send(a_mail())


class Failing:
    """SES that fails in one way."""

    def __init__(self, error: BotoCoreError) -> None:
        self._error = error

    def send_email(self, **_: Any) -> None:
        raise self._error


ENDPOINT = "https://email.eu-north-1.amazonaws.com"


@pytest.mark.parametrize("kind", [EndpointConnectionError, ConnectTimeoutError])
def test_a_provider_out_of_reach_is_tried_again(kind: type[BotoCoreError]) -> None:
    with pytest.raises(ServiceUnavailableError):
        SesMailSender(Failing(kind(endpoint_url=ENDPOINT)), address=FROM).send(a_mail())


@pytest.mark.parametrize("kind", [ReadTimeoutError, ConnectionClosedError])
def test_where_no_answer_came_the_mail_may_have_gone(kind: type[BotoCoreError]) -> None:
    with pytest.raises(MailUnansweredError):
        SesMailSender(Failing(kind(endpoint_url=ENDPOINT)), address=FROM).send(a_mail())
