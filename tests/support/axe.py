"""axe-core on a page, by the standards that the product keeps."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_VIOLATIONS = """
async ({ standards, withColours }) => {
  const rules = { 'color-contrast': { enabled: withColours } };
  const options = { runOnly: standards, rules, resultTypes: ['violations'] };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
"""


def violations(page: Page, *, with_colours: bool = True) -> list[str]:
    """Return what axe finds wrong with *page* as it is now; contrasts take it longer than all the rest."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(_VIOLATIONS, {"standards": _STANDARDS, "withColours": with_colours})
    return found
