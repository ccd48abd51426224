"""The journey on a line of 400 ms and 400 kbit/s, by somebody who has no patience."""

from __future__ import annotations

import pytest

from tests.browser.visitor import CONFIRMATION, Visitor

ROUND_TRIP_MILLISECONDS = 400
BITS_PER_SECOND = 400_000


def has_a_slow_line(visitor: Visitor) -> None:
    """Let everything that comes and goes take its time, as on a train between two towns."""
    visitor.page.context.new_cdp_session(visitor.page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": ROUND_TRIP_MILLISECONDS,
            "downloadThroughput": BITS_PER_SECOND / 8,
            "uploadThroughput": BITS_PER_SECOND / 8,
        },
    )


@pytest.mark.requirement("W4")
def test_three_times_enter_at_every_step_is_one_journey(visitor: Visitor) -> None:
    """Each step is taken once, and while the service is asked the page says that it works."""
    has_a_slow_line(visitor)
    visitor.open()
    visitor.sees("sign-in")
    page = visitor.page
    page.fill("#username", visitor.person.username)
    page.fill("#current-password", visitor.person.password)

    def presses_enter_three_times() -> None:
        page.evaluate("window.said.length = 0")
        for _ in range(3):
            page.keyboard.press("Enter")

    def was_told_to_wait_until(screen: str) -> None:
        visitor.sees(screen)
        assert visitor.words("status.wait") in page.evaluate("window.said"), screen

    page.evaluate("""() => {
      const live = document.querySelector('#live');
      window.said = [];
      new MutationObserver(() => window.said.push(live.textContent)).observe(live, { childList: true });
    }""")
    presses_enter_three_times()
    was_told_to_wait_until("method")
    page.focus('main [data-action="activate"]')
    presses_enter_three_times()
    visitor.sees("password")
    page.fill("#current-password", visitor.person.password)
    presses_enter_three_times()
    was_told_to_wait_until("phone")
    page.check("#phone-android")
    presses_enter_three_times()
    was_told_to_wait_until("app")
    phone = visitor.scans()
    page.focus('main [data-action="continue"]')
    presses_enter_three_times()
    visitor.sees("code")
    visitor.otp.fill(phone.otp())
    presses_enter_three_times()
    was_told_to_wait_until("recovery")
    visitor.codes()
    page.check("#kept")
    presses_enter_three_times()
    was_told_to_wait_until("done")
    changes = [request for request in visitor.requests if not request.startswith("GET")]
    assert changes == [
        "POST /api/session",
        "POST /api/session/password",
        "POST /api/enrolment",
        f"POST {CONFIRMATION}",
        "POST /api/recovery-codes",
        "POST /api/recovery-codes/acknowledgement",
    ]
