"""
The operator's side of the function ``Admin``: each request signed by the operator's own credentials.

In the stage `local` it is the running `make run` instead, which takes requests of this machine.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from chalicelib.admin.front import LOCAL_PATH
from chalicelib.deployment.account import Account, open_account
from chalicelib.deployment.administration import stacks_of
from chalicelib.deployment.errors import DeploymentError

LOCAL = "local"
LOCAL_HOST = "127.0.0.1"
_PATIENCE_SECONDS = 75  # the function itself gives up after 60
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.5
_OK = 200
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})


class AdminClient(Protocol):
    """Whoever answers operators."""

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON in, JSON out
        """
        Return what came of *operation*. Every operation may be asked for again.

        Raises:
            DeploymentError: It was refused, or nobody answers; says why.
        """


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An HTTP answer: its status and its text."""

    status: int
    text: bytes


Send = Callable[[bytes], Answered]


class NobodyAnswersError(Exception):
    """The request got no answer; the message says why."""


@dataclass(frozen=True, kw_only=True)
class HttpAdmin:
    """Asks by *send*, again where that may help."""

    send: Send
    where: str
    sleep: Callable[[float], None] = time.sleep

    def ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as above
        """See `AdminClient.ask`."""
        body = json.dumps({"operation": operation, "arguments": arguments}).encode()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answered = self.send(body)
            except NobodyAnswersError as error:
                if attempt == _ATTEMPTS:
                    raise DeploymentError(f"{self.where} does not answer: {error}") from error
            else:
                if answered.status not in _TRY_AGAIN or attempt == _ATTEMPTS:
                    return self._read(answered)
            self.sleep(_PAUSE_SECONDS * 2**attempt)
        raise AssertionError  # pragma: no cover - the loop always returns or raises

    def _read(self, answered: Answered) -> Mapping[str, Any]:
        try:
            content = json.loads(answered.text)
        except ValueError:
            content = None
        if answered.status == _OK and isinstance(content, dict):
            return content
        match content:
            case {"refused": str(sentence)}:
                raise DeploymentError(sentence)
            case {"Message": str(sentence)}:  # IAM's own answer, before the function is asked
                raise DeploymentError(
                    f"{self.where} refuses: {sentence}\nIt takes lambda:InvokeFunctionUrl and "
                    "lambda:InvokeFunction; docs/operator-policy.json has both."
                )
        raise DeploymentError(f"{self.where} answers {answered.status}, and nothing that can be read.")


def open_admin(stage: str, *, port: int) -> AdminClient:
    """
    Return who answers operators of *stage*; *port* is that of `make run`.

    Raises:
        DeploymentError: The stage is unknown, or its service is not deployed or an earlier release's.
    """
    if stage == LOCAL:
        return HttpAdmin(send=_to_this_machine(port), where=f"make run (port {port})")
    account = open_account(stage)
    outputs = stacks_of(account).outputs(account.app_stack)
    if not outputs:
        raise DeploymentError(f"{stage} is not deployed yet: make deploy STAGE={stage}")
    if "AdminUrl" not in outputs:
        raise DeploymentError(f"What is deployed is an earlier release: make deploy STAGE={stage} first.")
    return HttpAdmin(send=signed(account, outputs["AdminUrl"]), where="The function Admin")


def signed(account: Account, url: str) -> Send:
    """Return how requests to the function's *url* are sent: signed for Lambda in the account's region."""
    session = URLLib3Session(timeout=_PATIENCE_SECONDS)

    def send(body: bytes) -> Answered:
        # Anew for each: credentials of a role change while a long import runs.
        credentials = account.session.get_credentials().get_frozen_credentials()
        request = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=body)
        SigV4Auth(credentials, "lambda", account.region).add_auth(request)
        try:
            response = session.send(request.prepare())
        except HTTPClientError as error:
            raise NobodyAnswersError(str(error)) from error
        return Answered(status=response.status_code, text=response.content)

    return send


def _to_this_machine(port: int) -> Send:
    def send(body: bytes) -> Answered:
        connection = http.client.HTTPConnection(LOCAL_HOST, port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("POST", LOCAL_PATH, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answered(status=response.status, text=response.read())
        except (OSError, http.client.HTTPException) as error:
            raise NobodyAnswersError(f"{error}. Is `make run` running?") from error
        finally:
            connection.close()

    return send
