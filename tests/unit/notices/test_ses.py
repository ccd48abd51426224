"""Mail by SES, as moto emulates it, and what its errors come to."""

from __future__ import annotations

from collections.abc import Iterator
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError
from botocore.session import Session
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.errors import ServiceUnavailableError
from chalicelib.notices.mail import Mail
from chalicelib.notices.ports import MailRefusedError
from chalicelib.notices.ses import SES_CONFIG, SesMailSender
from chalicelib.storage.dynamodb import make_client

REGION = "eu-north-1"
FROM = "notiser@firma.se"
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


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_is_wrong_with_the_mail_itself_is_not_tried_again(client: Any, code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("send_email", code, "canary")
        with pytest.raises(MailRefusedError):
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


def test_a_provider_out_of_reach_is_tried_again() -> None:
    class Away:
        def send_email(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://email.eu-north-1.amazonaws.com")

    with pytest.raises(ServiceUnavailableError):
        SesMailSender(Away(), address=FROM).send(a_mail())
