"""docs/data-schema.md lists every row there is, as the code declares it and as a journey writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from pynamodb.models import Model

from chalicelib.audit import event
from chalicelib.audit.event import ATTEMPT_ACCEPTED, ATTEMPT_COUNTED
from chalicelib.caller import Occasion
from chalicelib.keys.cipher import SealContext
from chalicelib.notices.dynamodb import DynamoSentMails
from chalicelib.sessions.session import start_session
from chalicelib.storage.rows import Row, StateRow
from tests.docs.pages import DOCS, code_in, tables
from tests.support.admin import Desk, key_of_length
from tests.support.portal import brought_back
from tests.support.stream import deliver_all, recorded_stream
from tests.support.wizard import wrong_recovery_code
from tests.support.world import World, moto_world

COMMON = {"pk": "S", "sk": "S", "format_version": "N"}
SECTION_OF_CLASS = {
    "_ProfileRow": "Tenant",
    "_UserRow": "User",
    "_LookupRow": "Name",
    "_PasswordRow": "Password attempts",
    "_PendingRow": "Pending authenticator",
    "_VersionRow": "Version",
    "_HostRow": "Host",
    "_GraceRow": "Grace",
    "_ImportRow": "Import",
    "_HandOffRow": "Hand-off",
    "_JwtRow": "JWT",
    "_ReturnRow": "Return code",
    "_SigningRow": "Signing keys",
    "_ResetRow": "Reset",
    "_SentRow": "Sent mail",
    "_EventRow": "Event",
}
PLACEHOLDERS = {
    "{tenant}": "[a-z][a-z0-9-]*",
    "{user}": "[0-9a-f]{32}",
    "{hash}": "[0-9a-f]{64}",
    "{day}": "[0-9]{8}",
    "{shard}": "[0-7]",
    "{time}": "[0-9]{12}",
    "{event}": "(?:[0-9a-f]{32}|[0-9]{21,40}(?:-warned-[0-9]+)?)",
    "{month}": "[0-9]{4}_[0-9]{2}",
    "{version}": "[0-9]{6}",
    "{host}": "[a-z0-9.-]+",
}


@dataclass
class Section:
    """One row of the page: its keys, and its attributes with type and whether they are always there."""

    title: str
    keys: list[re.Pattern[str]]
    types: dict[str, str]
    always: set[str]
    entry_types: dict[str, str] = field(default_factory=dict)

    def type_of(self, name: str) -> str | None:
        """Return the documented type of the stored attribute *name*."""
        for documented, kind in (self.types | COMMON).items():
            if _pattern(documented).fullmatch(name):
                return kind
        return None


def _pattern(documented: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z]+\})", documented)
    return re.compile("".join(PLACEHOLDERS.get(part, re.escape(part)) for part in parts))


def _sections() -> dict[str, Section]:
    found = {}
    page = (DOCS / "data-schema.md").read_text(encoding="utf-8")
    for heading, text in re.findall(r"^## ([^\n]+`)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL):
        title = heading.partition(":")[0]
        *partitions, sort_key = code_in(heading)
        rows, *entry_rows = tables(text)
        found[title] = Section(
            title=title,
            keys=[_pattern(f"{partition} / {sort_key}") for partition in partitions],
            types={code_in(row["attribute"])[0]: row["type"] for row in rows},
            always={code_in(row["attribute"])[0] for row in rows if row["when"] == "always"},
            entry_types={code_in(row["attribute"])[0]: row["type"] for row in chain(*entry_rows)},
        )
    return found


SECTIONS = _sections()


def _row_classes(base: type[Model] = Row) -> Iterator[type[Model]]:
    for row_class in base.__subclasses__():
        if row_class is not StateRow:
            yield row_class
        yield from _row_classes(row_class)


def test_every_row_class_has_its_section() -> None:
    assert {row_class.__name__ for row_class in _row_classes()} == set(SECTION_OF_CLASS)
    # These are written out by hand; the journey below holds them to the page.
    assert {
        *SECTION_OF_CLASS.values(),
        "Session",
        "Authenticators",
        "Remembered browsers",
        "Recovery codes",
        "Mails of a day",
    } == set(SECTIONS)


def test_sections_list_the_attributes_of_the_row_classes() -> None:
    for row_class in _row_classes():
        section = SECTIONS[SECTION_OF_CLASS[row_class.__name__]]
        declared = {
            name: attribute.attr_type
            for name, attribute in row_class.get_attributes().items()
            if name not in {*COMMON, "expires_at"}
        }
        # Counts by day have no attribute of their own; the journey below holds them to the page.
        documented = {
            name: kind for name, kind in section.types.items() if name != "expires_at" and "{" not in name
        }
        needed = {name for name in declared if not row_class.get_attributes()[name].null}

        assert documented == declared, section.title
        assert section.always - {"expires_at"} == needed, section.title


def _lived_in(world: World) -> None:
    """Leave every kind of row behind, with every attribute that it can have."""
    world.add_tenant(policy=world.tenant.profile.source["policy"] | {"remember_days": 30})
    wizard = world.wizard()
    phone = wizard.enrolled()
    world.clock.advance(61)  # for which the tenant was remembered without
    wizard.verify(phone.otp(), remember=True)
    wizard.sign_in()
    world.clock.advance(30)
    wizard.verify(phone.otp())
    wizard.prove_again()
    wizard.begin()
    world.wizard().sign_in(password="a wrong one")
    wizard.prove_again(password="a wrong one")
    world.add_user(username="fia@firma.se")
    fia = world.wizard(username="fia@firma.se")
    fia.enrolled()
    fia.prove_again()
    fia.begin_replacement()
    _recovered(world)
    _handed_over(world)
    _reset(world)
    _imported(world)


def _imported(world: World) -> None:
    """Let an operator take over somebody's authenticator."""
    user = world.add_user(username="disa@firma.se")
    row = {"username": user.username, "secret": key_of_length(20)}
    assert Desk(world=world).imports(row) == [("imported", None)]


def _recovered(world: World) -> None:
    """Let somebody have lost the phone, and mistype the first recovery code."""
    user = world.add_user(username="eva@firma.se")
    _, codes = world.wizard(username=user.username).enrolled_with_codes()
    wizard = world.wizard(username=user.username)
    wizard.sign_in()
    wizard.recover(wrong_recovery_code(codes[0]))
    assert wizard.recover(codes[0]).status == 200


def _reset(world: World) -> None:
    """Let the help desk reset somebody, who has given the code and bound nothing yet."""
    user = world.add_user(username="bo@firma.se")
    wizard = world.wizard(username=user.username)
    wizard.enrolled()
    world.add_staff()
    desk = world.help_desk().begins_work()
    fia = desk.users(search="fia").body["users"][0]["id"]
    assert desk.unlock(fia).status == 200
    answer = desk.reset(user.user_id)
    wizard.sign_in()
    assert wizard.give_reset_code(answer.body["reset_code"]).status == 200


def _handed_over(world: World) -> None:
    """Let a portal's user come, return and be redeemed; rotate the signing key; close the service."""
    portal = world.add_portal(
        hosts=["example.firma.se"],
        policy={"second_factor": "required", "deadline": None, "grace_days": 14},
    )
    user = world.wizard()
    portal.token_for("u-1", addresses=["former@firma.se"])
    user.arrive(portal.token_for("u-1", addresses=["u-1@firma.se"]))
    user.begin()
    user.confirm(user.scan().otp())
    portal.redeem(brought_back(user.return_to_portal())["code"])
    world.wizard().arrive(portal.token_for("u-2", addresses=["u-2@firma.se"]))  # and gets no further
    before = world.services.portals.signer.ring()
    after = before.with_next("another", before.keys[0].jwk, now=int(world.clock()))
    world.stores.signing_keys.replace(None, after)
    tenant = world.stores.tenants.get("example")
    world.stores.tenants.apply(tenant.profile, secret_key_arn="arn:aws:kms:own")
    world.stores.tenants.suspend("example", at=int(world.clock()))


def _told(world: World) -> None:
    """Leave what is kept of mails: an address that was told, a lost answer, and a day's warnings."""
    sent = DynamoSentMails(world.stores.transactions)  # type: ignore[arg-type]  # moto's world stands on it
    sent.note("0" * 32, "anna@firma.se", now=int(world.clock()))
    sent.count_unanswered("0" * 32, "anna@hem.se", now=int(world.clock()))
    user = world.user
    sent.within_budget(user.tenant_id, user.user_id, event_id="0" * 32, at=int(world.clock()), most=1)


def _come_through_the_front_door(world: World) -> None:
    """Leave an event of a request whose network the front door told."""
    occasion = Occasion(now=int(world.clock()), request_id="r", request_hash="h", source="203.0.113.0/24")
    opened = start_session(tenant_id="cozone", user_id="u", epoch=0, now=occasion.now)
    world.stores.transactions.commit(
        world.stores.events.recorded(occasion.event("session.started", opened.session))
    )


def test_every_row_of_a_journey_is_as_the_page_says() -> None:
    seen: dict[str, set[str]] = {title: set() for title in SECTIONS}
    with moto_world() as world:
        with recorded_stream(world.aws) as stream:
            _lived_in(world)
        deliver_all(world.stores, stream.records)
        _told(world)
        _come_through_the_front_door(world)
        assert {ATTEMPT_COUNTED, ATTEMPT_ACCEPTED} <= set(world.event_kinds())
        for item in [*world.aws.state(), *world.aws.events()]:
            key = f"{item['pk']['S']} / {item['sk']['S']}"
            (section,) = [s for s in SECTIONS.values() if any(k.fullmatch(key) for k in s.keys)]
            for name, value in item.items():
                assert {section.type_of(name)} == set(value), f"{key}: {name}"
            assert section.always <= set(item), key
            for entry in item.get("entries", {"M": {}})["M"].values():
                kinds = {name: next(iter(value)) for name, value in entry["M"].items()}
                # Of one that was taken over no code has been accepted yet.
                assert kinds == section.entry_types or kinds | {"last_used_at": "N"} == section.entry_types
            for browser in item.get("browsers", {"M": {}})["M"].values():
                kinds = {name: next(iter(value)) for name, value in browser["M"].items()}
                assert kinds.items() <= section.entry_types.items(), key
            codes = item.get("codes", {"M": {}})["M"].values()
            kinds_of_codes = {
                name: next(iter(value)) for code in codes for name, value in code["M"].items()
            }
            assert not codes or kinds_of_codes == section.entry_types, key
            seen[section.title] |= {
                documented
                for documented in section.types
                if any(_pattern(documented).fullmatch(name) for name in item)
            }

    for title, section in SECTIONS.items():
        assert seen[title] == set(section.types), title


def test_the_page_lists_every_kind_of_event_and_the_whole_context() -> None:
    page = (DOCS / "data-schema.md").read_text(encoding="utf-8")
    kinds = {value for name, value in vars(event).items() if name.isupper() and isinstance(value, str)}
    (listed,) = re.findall(r"^Kinds: (.*)\.$", page, re.MULTILINE)
    context = SealContext(tenant_id="t", user_id="u", authenticator_id="a").as_encryption_context()

    assert set(code_in(listed)) == kinds
    assert set(context) <= set(code_in(page.partition("## The sealed secret")[2]))
