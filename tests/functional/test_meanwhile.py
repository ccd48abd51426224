"""Another tab, or the help desk, changes something while a request runs: neither undoes the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.browsers.store import BrowsersChangedError
from tests.support.meanwhile import Meanwhile
from tests.support.wizard import Answer, Phone, Wizard, new_idempotency_key
from tests.support.world import COZONE, World

pytestmark = pytest.mark.doubles
DAY = 86_400
REMEMBERING = COZONE["policy"] | {"remember_days": 30}


class Tabs:
    """
    One browser with two tabs: requests of *here* are interrupted, those of *there* are not.

    *there* is signed in, and has proven all that it takes to change something.
    """

    def __init__(self, world: World) -> None:
        world.add_tenant(policy=REMEMBERING)
        self.world = world
        self.there = world.wizard()
        self.phone: Phone = self.there.enrolled()
        self.there.prove_again()
        self.meanwhile = Meanwhile(world.stores.transactions)
        kept = world.services
        disturbed = {
            name: replace(getattr(kept, name), transactions=self.meanwhile)
            for name in ("sign_in", "enrolment", "recovery", "verification", "management")
        }
        world.use(replace(kept, **disturbed))

    @property
    def here(self) -> Wizard:
        """The tab whose requests are interrupted, with the cookies of the other."""
        tab = self.world.wizard()
        tab.session_id, tab.browser_id = self.there.session_id, self.there.browser_id
        return tab

    def while_(self, *happens: Callable[[], object]) -> Wizard:
        """Let these happen before the next transactions of the tab that is returned."""
        self.meanwhile.happens = list(happens)
        return self.here

    def told(self, kind: str) -> int:
        """Return how many events of that kind there are."""
        events = self.world.stores.events.events  # type: ignore[attr-defined]
        return [event.kind for event in events].count(kind)

    def change_the_epoch(self) -> None:
        """Let something end every sign-in of Anna's, as a reset does."""
        accounts = self.world.stores.accounts
        user = accounts.get("cozone", self.world.user.user_id)
        assert user is not None
        self.world.stores.transactions.commit(accounts.second_factor_changed(user, epoch=user.epoch))


@pytest.fixture
def tabs(world: World) -> Tabs:
    return Tabs(world)


class TestRotation:
    """A session's successor begins with what the session is at that moment, not with what was read."""

    @pytest.mark.requirement("R5", "E2")
    def test_codes_acknowledged_in_another_tab_do_not_come_due_again(self, tabs: Tabs) -> None:
        made = tabs.there.make_recovery_codes().body["set"]
        here = tabs.while_(lambda: tabs.there.acknowledge_recovery_codes(made))
        answer = here.prove_again()
        assert answer.status == 200
        assert answer.body["recovery_codes"] == {"offered": True, "made": True, "due": False}
        assert here.session().body["recovery_codes"]["due"] is False
        assert tabs.told("session.reauthenticated") == 3

    @pytest.mark.requirement("S3", "E6")
    def test_a_key_begun_in_another_tab_keeps_the_session_alive(self, tabs: Tabs) -> None:
        key = new_idempotency_key()
        here = tabs.while_(tabs.there.begin)
        answer = here.prove_again(idempotency_key=key)
        assert answer.body["enrolment"] is not None
        tabs.world.clock.advance(60)
        again = tabs.here.prove_again(idempotency_key=key)
        assert (again.body, again.cookie) == (answer.body, answer.cookie)
        tabs.world.clock.advance(1_700)
        assert here.session().status == 200

    @pytest.mark.requirement("T6", "E6")
    def test_a_code_is_accepted_once_however_often_the_session_changes(self, tabs: Tabs) -> None:
        tabs.world.clock.advance_to_next_time_step()
        otp, key = tabs.phone.otp(), new_idempotency_key()
        here = tabs.while_(tabs.there.begin, tabs.there.cancel)
        answer = here.verify(otp, idempotency_key=key)
        assert (answer.status, answer.problem) == (503, "service_unavailable")
        assert answer.headers["retry-after"] == "5"
        assert here.verify(otp, idempotency_key=key).body["verified"] is True
        assert here.verify(otp).problem == "otp_already_used"

    @pytest.mark.requirement("S12", "E2")
    def test_who_is_signed_out_meanwhile_is_not_signed_in_again(self, tabs: Tabs) -> None:
        here = tabs.while_(tabs.there.sign_out)
        assert here.prove_again().problem == "not_signed_in"
        assert here.session().problem == "not_signed_in"


def _rename(tabs: Tabs, here: Wizard) -> Answer:
    return here.rename(tabs.there.authenticator_ids()[0], "Arbetsmobil")


def _forget_one(tabs: Tabs, here: Wizard) -> Answer:
    (browser,) = tabs.there.second_factor().body["remembered_browsers"]
    return here.forget(browser["id"])


def _forget_all(tabs: Tabs, here: Wizard) -> Answer:
    del tabs
    return here.forget("all")


def _acknowledge(tabs: Tabs, here: Wizard) -> Answer:
    tabs.there.acknowledge_recovery_codes(tabs.there.make_recovery_codes().body["set"])
    made = tabs.there.make_recovery_codes().body["set"]
    return here.acknowledge_recovery_codes(made)


class TestSession:
    """What a session asks for is done while it lives, or not at all."""

    @pytest.mark.requirement("S12")
    @pytest.mark.parametrize(
        ("act", "kind"),
        [
            (_rename, "authenticator.renamed"),
            (_forget_one, "browser.forgotten"),
            (_forget_all, "browser.forgotten"),
            (_acknowledge, "recovery_codes.acknowledged"),
        ],
    )
    def test_nobody_who_has_signed_out_changes_anything(
        self, tabs: Tabs, act: Callable[[Tabs, Wizard], Answer], kind: str
    ) -> None:
        tabs.world.clock.advance_to_next_time_step()
        assert tabs.there.verify(tabs.phone.otp(), remember=True).body["remembered"] is True
        here = tabs.here

        def sign_out() -> None:
            before.append(tabs.told(kind))
            assert tabs.there.sign_out().status == 204

        before: list[int] = []
        tabs.meanwhile.happens = [sign_out]
        assert act(tabs, here).problem == "not_signed_in"
        assert [tabs.told(kind)] == before

    @pytest.mark.requirement("E8", "E11")
    @pytest.mark.parametrize("act", [lambda _, here: here.begin(), _rename])
    def test_whom_another_change_has_signed_out_is_told_so(
        self, tabs: Tabs, act: Callable[[Tabs, Wizard], Answer]
    ) -> None:
        here = tabs.while_(tabs.change_the_epoch)
        assert act(tabs, here).problem == "not_signed_in"
        assert tabs.told("authenticator.renamed") == 0
        assert tabs.told("enrolment.begun") == 1


class TestBrowsers:
    """Browsers are remembered and forgotten beside each other."""

    def remember(self, tabs: Tabs, wizard: Wizard) -> Wizard:
        tabs.world.clock.advance_to_next_time_step()
        wizard.sign_in()
        assert wizard.verify(tabs.phone.otp(), remember=True).body["remembered"] is True
        return wizard

    @pytest.mark.requirement("A1")
    def test_all_are_forgotten_and_told_of_once(self, tabs: Tabs) -> None:
        others = [self.remember(tabs, tabs.world.wizard()) for _ in range(2)]
        self.remember(tabs, tabs.there)
        here = tabs.while_(lambda: tabs.there.forget("all"))
        assert here.forget("all").status == 204
        assert tabs.told("browser.forgotten") == 1
        assert not any(one.sign_in().body["verified"] for one in others)

    @pytest.mark.requirement("A1")
    def test_of_all_those_are_told_that_counted(self, tabs: Tabs) -> None:
        self.remember(tabs, tabs.world.wizard())
        tabs.world.clock.advance(29 * DAY)
        late = self.remember(tabs, tabs.world.wizard())
        tabs.world.clock.advance(2 * DAY)
        assert late.sign_in().body["verified"] is True
        tabs.there.session_id = late.session_id
        one_more = self.remember(tabs, tabs.world.wizard())
        here = tabs.while_(lambda: one_more.forget(one_more_id))
        one_more_id = one_more.second_factor().body["remembered_browsers"][-1]["id"]
        assert here.forget("all").status == 204
        events = tabs.world.stores.events.events  # type: ignore[attr-defined]
        told = [event.details for event in events if event.kind == "browser.forgotten"]
        assert told == [None, {"count": "1"}]
        tabs.world.clock.advance(40 * DAY)
        late.sign_in()
        late.verify(tabs.phone.otp())
        assert late.forget("all").status == 204
        assert tabs.told("browser.forgotten") == 2, "where none counts any more there is nothing to tell"

    def test_all_that_never_hold_still_are_an_outage(self, tabs: Tabs) -> None:
        self.remember(tabs, tabs.there)
        here = tabs.while_(*[_lose] * 5)
        assert here.forget("all").problem == "service_unavailable"
        assert tabs.told("browser.forgotten") == 0
        assert here.forget("all").status == 204

    @pytest.mark.requirement("T6", "V1")
    def test_a_code_that_was_accepted_is_no_outage_because_of_browsers(self, tabs: Tabs) -> None:
        tabs.world.clock.advance_to_next_time_step()
        here, key = tabs.while_(*[_lose] * 5), new_idempotency_key()
        answer = here.verify(tabs.phone.otp(), remember=True, idempotency_key=key)
        assert answer.status == 200
        assert (answer.body["verified"], answer.body["remembered"]) == (True, False)
        assert answer.browser_cookie is None
        assert here.second_factor().body["remembered_browsers"] == []
        again = tabs.here.verify(tabs.phone.otp(), remember=True, idempotency_key=key)
        assert (again.body, again.cookie, again.browser_cookie) == (answer.body, answer.cookie, None)
        assert tabs.told("browser.remembered") == 0


def _lose() -> None:
    raise BrowsersChangedError
