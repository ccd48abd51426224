"""What tests do on the pages, and what they look for there."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, Request, expect

from tests.static.fake_service import FakeService

STRUCTURE = """
() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const ids = all('[id]').map((element) => element.id);
  const references = ['for', 'aria-describedby', 'aria-labelledby', 'aria-controls'].flatMap((name) =>
    all(`[${name}]`).flatMap((element) => element.getAttribute(name).split(' ')));
  return {
    doubled: ids.filter((id, at) => ids.indexOf(id) !== at),
    dangling: references.filter((id) => document.getElementById(id) === null),
    headings: all('h1').length,
    disabled: all('[disabled], [autofocus], [required], [maxlength], body [style]').length,
    silent: all('[data-t]').filter((element) => element.textContent === '' && !element.closest('[hidden]'))
      .map((element) => element.dataset.t),
    small: all('main button, main .button, main input:not(.unseen)').filter((element) => {
      const box = (element.closest('label') ?? element).getBoundingClientRect();
      return box.height > 0 && box.height < 44;
    }).length,
    wide: document.documentElement.scrollWidth > innerWidth,
  };
}
"""
SOUND = {
    "doubled": [],
    "dangling": [],
    "headings": 1,
    "disabled": 0,
    "silent": [],
    "small": 0,
    "wide": False,
}


def press(page: Page, action: str) -> None:
    """Press the button of *action*."""
    page.click(f'main [data-action="{action}"]')


def expect_screen(page: Page, name: str) -> None:
    """Wait until the page shows that screen."""
    expect(page.locator("main")).to_have_attribute("data-screen", name)


def expect_refusal(page: Page, text: str) -> None:
    """Wait until the summary says *text* and the reader has been moved to it."""
    expect(page.locator(".summary")).to_contain_text(text)
    expect(page.locator(".summary")).to_be_focused()


def open_at(page: Page, site: str, screen: str, service: FakeService, query: str = "") -> None:
    """Open the page in the state in which it shows *screen*."""
    states: dict[str, dict[str, Any]] = {
        "method": {},
        "password": {},
        "phone": {"is_fresh": True},
        "app": {"is_fresh": True},
        "code": {"is_fresh": True},
        "verify": {"second_factor": "active"},
        "done": {"second_factor": "active", "is_verified": True},
        "account": {"second_factor": "active", "is_verified": True},
    }
    if screen in states:
        service.sign_in(**states[screen])
    if screen in {"app", "code"}:
        service.begin()
    page.goto(f"{site}/{query}#{screen}")
    expect_screen(page, screen)


def enter_code(page: Page, code: str) -> None:
    """Type a code and confirm it."""
    page.fill("#otp", code)
    press(page, "confirm")


def keys_of(requests: list[Request]) -> set[str]:
    """Return the different Idempotency-Keys of *requests*."""
    return {request.headers["idempotency-key"] for request in requests}
