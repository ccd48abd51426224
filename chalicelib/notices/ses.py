"""
Mail by Amazon SES, of which the operator has verified the sender's domain or address.

IAM: ses:SendEmail on that identity, from that address.
"""

from __future__ import annotations

import re
from email.header import Header
from email.utils import formataddr
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.errors import ServiceUnavailableError
from chalicelib.notices.mail import Mail
from chalicelib.notices.ports import MailRefusedError, MailUnansweredError
from chalicelib.storage.dynamodb import CLIENT_CONFIG

# No retries: SES knows no idempotency, and a mail whose answer was lost has often gone.
SES_CONFIG = CLIENT_CONFIG.merge(Config(read_timeout=10))

# About this mail alone, but for a sender that is not verified. All else, such as a quota, may be mended.
_NEVER_TAKEN = frozenset({"MessageRejected", "BadRequestException"})
# What parts the identities that a message names. None of it stands in an address that we take.
_BETWEEN_IDENTITIES = re.compile(r'[\s,:;<>"]+')


class SesMailSender:
    """The `MailSender` of deployed stages; *address* is what mails come from."""

    def __init__(self, client: Any, *, address: str) -> None:  # noqa: ANN401 - botocore makes its client classes at run time
        self._client = client
        self._address = address

    def send(self, mail: Mail) -> None:
        request: dict[str, Any] = {
            "FromEmailAddress": _named(mail.sender_name, self._address),
            "Destination": {"ToAddresses": [mail.to]},
            "Content": {
                "Simple": {
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": mail.text, "Charset": "UTF-8"}},
                    # RFC 3834: nobody's absence is answered to the help desk.
                    "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
                }
            },
        }
        if mail.reply_to is not None:
            request["ReplyToAddresses"] = [mail.reply_to]
        try:
            self._client.send_email(**request)
        except ClientError as error:
            code, message = (error.response["Error"].get(part, "") for part in ("Code", "Message"))
            if code in _NEVER_TAKEN and not self._lacks_verification(message):
                raise MailRefusedError from error
            raise ServiceUnavailableError from error
        except HTTPClientError as error:
            raise MailUnansweredError from error
        except BotoCoreError as error:
            raise ServiceUnavailableError from error

    def _lacks_verification(self, message: str) -> bool:
        """Say whether it is our own address, or its domain, that SES names as not verified."""
        # In the sandbox it names readers: their mail alone is refused.
        address = self._address.casefold()
        named = {name.strip(".") for name in _BETWEEN_IDENTITIES.split(message.casefold())}
        return "not verified" in message and not named.isdisjoint({address, address.partition("@")[2]})


def _named(name: str, address: str) -> str:
    """Return the sender as a header has it: *name* quoted, or encoded where it is more than ASCII."""
    if name.isascii():
        return formataddr((name, address))
    return f"{Header(name, 'utf-8').encode(linesep='')} <{address}>"
