"""What sends mail, as Lambda starts and calls it."""

from __future__ import annotations

import json

import pytest
from botocore.session import Session
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.tenants.profile import Profile
from tests.contract.drafts import a_user
from tests.support.aws import SETTINGS, moto
from tests.support.handlers import Handler, an_invocation, fresh_handler, loaded_by
from tests.support.memory.notices import record_of
from tests.support.world import COZONE
from tests.unit.notices.samples import an_event

ENVIRONMENT = {
    "STAGE": "dev",
    "STATE_TABLE": SETTINGS.state_table,
    "MAIL_FROM": "notiser@firma.se",
    "AWS_DEFAULT_REGION": SETTINGS.region,
}


def handler(**differences: str) -> Handler:
    return fresh_handler("notices.handler", **ENVIRONMENT | differences)


@pytest.mark.requirement("E7")
def test_it_sends_mail_and_answers_in_lambdas_words(capfd: pytest.CaptureFixture[str]) -> None:
    with moto() as aws:
        aws.stores.tenants.apply(Profile.from_json(COZONE))
        aws.stores.accounts.add(a_user(addresses=("anna@firma.se", "anna@hem.se")), "lookup")
        Session().create_client("sesv2", region_name=SETTINGS.region).create_email_identity(
            EmailIdentity="firma.se"
        )
        handle = handler()
        poison = record_of(an_event(), number=2)
        del poison["dynamodb"]["NewImage"]["kind"]
        newer = record_of(an_event(), number=3)
        newer["dynamodb"]["NewImage"]["format_version"] = {"N": "99"}
        batch = {"Records": [record_of(an_event(), number=1), poison, newer]}
        failed = [{"itemIdentifier": newer["dynamodb"]["SequenceNumber"]}]
        for _ in range(2):
            assert handle(batch, an_invocation()) == {"batchItemFailures": failed}
        sent = ses_backends[DEFAULT_ACCOUNT_ID][SETTINGS.region].sent_messages
        assert [message.destinations["ToAddresses"] for message in sent] == [
            ["anna@firma.se"],
            ["anna@hem.se"],
        ]
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [line["outcomes"] for line in lines if "outcomes" in line] == [
        {"sent": 2, "untold": 1, "failed": 1},
        {"repeated": 2, "untold": 1, "failed": 1},
    ]


@pytest.mark.requirement("K4")
def test_it_starts_with_its_settings_and_without_what_it_does_not_need() -> None:
    """No HTTP, no codes, no passwords, nothing that opens a secret."""
    loaded = loaded_by("chalicelib.notices.handler", **ENVIRONMENT)
    unneeded = {"chalice", "boto3", "argon2", "chalicelib.bootstrap", "chalicelib.keys.kms"}
    assert not loaded & unneeded


@pytest.mark.parametrize("name", ["STATE_TABLE", "MAIL_FROM"])
def test_without_its_settings_it_does_not_start(name: str) -> None:
    with pytest.raises(Exception, match=f"{name} is not set"):
        handler(**{name: ""})
