"""Settings come whole or not at all, and say everything that is missing at once."""

from __future__ import annotations

import pytest

from chalicelib.settings import OutboxSettings, Settings, SettingsError

WHOLE = {
    "STAGE": "prod",
    "STATE_TABLE": "state",
    "EVENTS_TABLE": "events",
    "SECRET_KEY_ID": "alias/secrets",
    "SIGNING_KEY_ID": "alias/assertions",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "ORIGIN_SECRETS": "new,old",
    "DEFAULT_TENANT": "cozone",
}


def test_a_whole_environment_is_read() -> None:
    settings = Settings.from_env(WHOLE)
    assert settings == Settings(
        stage="prod",
        region="eu-north-1",
        state_table="state",
        events_table="events",
        secret_key_id="alias/secrets",
        signing_key_id="alias/assertions",
        default_tenant="cozone",
        origin_secrets=("new", "old"),
    )
    assert not settings.is_local


def test_an_empty_environment_names_all_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({})
    for name in (
        "STAGE",
        "STATE_TABLE",
        "EVENTS_TABLE",
        "SECRET_KEY_ID",
        "SIGNING_KEY_ID",
        "AWS_DEFAULT_REGION",
    ):
        assert f"{name} is not set" in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(WHOLE) - {"DEFAULT_TENANT"}))
@pytest.mark.parametrize("lacking", [{}, {"": ""}])
def test_each_name_is_needed_and_an_empty_value_is_none(name: str, lacking: dict[str, str]) -> None:
    environ = {**WHOLE, name: ""} if lacking else {key: WHOLE[key] for key in WHOLE if key != name}
    with pytest.raises(SettingsError, match=name):
        Settings.from_env(environ)


@pytest.mark.requirement("S11", "B63")
@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("value", ["", ",", ",,"])
def test_no_deployed_stage_starts_without_its_origin_secret(stage: str, value: str) -> None:
    with pytest.raises(SettingsError, match="ORIGIN_SECRETS"):
        Settings.from_env({**WHOLE, "STAGE": stage, "ORIGIN_SECRETS": value})


def test_stage_local_has_no_front_door() -> None:
    assert Settings.from_env({**WHOLE, "STAGE": "local", "ORIGIN_SECRETS": ""}).is_local


@pytest.mark.requirement("B63")
@pytest.mark.parametrize("stage", ["Local", "test", "production", "dev "])
def test_other_stages_do_not_exist(stage: str) -> None:
    with pytest.raises(SettingsError, match="STAGE must be one of"):
        Settings.from_env({**WHOLE, "STAGE": stage})


def test_lambdas_own_name_for_the_region_is_enough() -> None:
    environ = {key: value for key, value in WHOLE.items() if key != "AWS_DEFAULT_REGION"}
    assert Settings.from_env({**environ, "AWS_REGION": "eu-west-1"}).region == "eu-west-1"


def test_the_default_tenant_may_be_left_out() -> None:
    assert Settings.from_env({**WHOLE, "DEFAULT_TENANT": ""}).default_tenant is None


def test_origin_secrets_are_not_shown() -> None:
    assert "old" not in repr(Settings.from_env(WHOLE))


@pytest.mark.parametrize(
    ("name", "value"), [("ORIGIN_SECRETS", "a,b,c"), ("DEFAULT_TENANT", "Not a slug!"), ("STAGE", "test")]
)
def test_a_wrong_value_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_env({**WHOLE, name: value})


OUTBOX = {"STAGE": "prod", "EVENTS_TABLE": "events", "AWS_REGION": "eu-north-1"}


def test_the_outbox_reads_its_own_few() -> None:
    settings = OutboxSettings.from_env(OUTBOX)
    assert settings == OutboxSettings(stage="prod", region="eu-north-1", events_table="events")


@pytest.mark.parametrize("name", sorted(OUTBOX))
def test_the_outbox_needs_each_of_them(name: str) -> None:
    with pytest.raises(SettingsError, match=name.replace("AWS_REGION", "AWS_DEFAULT_REGION")):
        OutboxSettings.from_env({**OUTBOX, name: ""})


def test_the_outbox_too_names_all_that_is_missing_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        OutboxSettings.from_env({})
    assert str(caught.value) == "STAGE is not set; AWS_DEFAULT_REGION is not set; EVENTS_TABLE is not set"


def test_the_environment_is_that_of_the_call_and_not_of_the_first_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.environ", dict(OUTBOX))  # as Chalice's test client exchanges it
    assert OutboxSettings.from_env().events_table == "events"
