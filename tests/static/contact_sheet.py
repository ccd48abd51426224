"""
Pictures of every state of every page, side by side, for whoever designs or translates.

`make contact-sheet` takes them while the states are looked at, into the folder TVASTEG_PICTURES, and puts
them on one page there: a row for each state and language, light and dark, wide and narrow.
"""

from __future__ import annotations

import os
import sys
from html import escape
from pathlib import Path

from playwright.sync_api import Page

WINDOWS = [(scheme, width) for width in (1280, 320) for scheme in ("light", "dark")]
_SHEET = """<!doctype html>
<meta charset="utf-8">
<title>Contact sheet</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 1rem; background: #888; }
section { display: flex; gap: 1rem; align-items: flex-start; margin: 0 0 3rem; }
img { width: 30vw; } img.narrow { width: 12vw; } h2 { margin: 0; }
</style>
"""


def take_pictures(page: Page, book: str, state: str, language: str) -> None:
    """Take pictures of what *page* shows, through each window, if pictures are wanted."""
    folder = os.environ.get("TVASTEG_PICTURES")
    if not folder:
        return
    size = page.viewport_size
    assert size is not None
    # Where the walk through the page ended nobody's eye is.
    page.evaluate("() => document.activeElement.closest('header, footer') && document.activeElement.blur()")
    for scheme, width in WINDOWS:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": 720})
        picture = _picture(Path(folder), book, state, language, scheme, width)
        picture.parent.mkdir(parents=True, exist_ok=True)
        # Playwright would hide the caret by a style of its own, which our policy has no room for.
        page.screenshot(path=picture, full_page=True, type="jpeg", quality=70, caret="initial")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(size)


def sheet_of(folder: Path) -> str:
    """Return the page that shows all pictures in *folder*."""
    rows = [_SHEET]
    for place in sorted(path for path in folder.glob("*/*/*") if path.is_dir()):
        book, state, language = place.relative_to(folder).parts
        shown = [
            f'<img class="{"narrow" if width < 600 else "wide"}" loading="lazy" alt="{scheme}, {width}" '
            f'src="{escape(picture.relative_to(folder).as_posix())}">'
            for scheme, width in WINDOWS
            if (picture := _picture(folder, book, state, language, scheme, width)).exists()
        ]
        rows.append(
            f"<h2>{escape(book)}: {escape(state)} ({language})</h2>\n<section>{''.join(shown)}</section>"
        )
    return "\n".join(rows) + "\n"


def _picture(folder: Path, book: str, state: str, language: str, scheme: str, width: int) -> Path:
    return folder / book / state / language / f"{scheme}-{width}.jpg"


if __name__ == "__main__":
    sheet = Path(sys.argv[1]) / "index.html"
    sheet.write_text(sheet_of(sheet.parent), "utf-8")
    sys.stdout.write(f"{sheet}\n")
