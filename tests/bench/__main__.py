"""
`make bench`: measures what the design promises, prints it, writes docs/performance.md.

`python -m tests.bench speed cold` measures these topics alone and leaves the page's
other sections as they are.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from importlib import import_module
from pathlib import Path

from tests.bench.figures import Section, missed_in
from tests.support.live_server import PROJECT

PAGE = PROJECT / "docs/performance.md"
# In the page's order; each module has a `measure` that returns its section.
TOPICS = {
    "calls": "tests.bench.aws_calls",
    "speed": "tests.bench.speed",
    "growth": "tests.bench.growth",
    "people": "tests.bench.people",
    "cold": "tests.bench.cold_start",
    "page": "tests.bench.page",
    "primitives": "tests.bench.primitives",
    "races": "tests.bench.races",
    "costs": "tests.bench.costs",
}


def main(wanted: list[str]) -> None:
    """Measure the *wanted* topics, or all of them."""
    unknown = set(wanted) - set(TOPICS)
    if unknown:
        sys.exit(f"There is no topic {', '.join(sorted(unknown))}: choose from {', '.join(TOPICS)}.")
    sections = _sections_of(PAGE)
    for topic in wanted or TOPICS:
        started = time.monotonic()
        section: Section = import_module(TOPICS[topic]).measure()
        sections[topic] = f"## {section.title}\n\n{section.text.strip()}"
        print(f"{sections[topic]}\n\n({topic}: {time.monotonic() - started:.0f} s)\n", flush=True)
        PAGE.write_text(_page(sections), encoding="utf-8")


def _sections_of(page: Path) -> dict[str, str]:
    found = re.findall(
        r"^<!-- (\w+) -->\n(.*?)\n<!-- end of \1 -->$",
        page.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return dict(found)


def _page(sections: dict[str, str]) -> str:
    present = [(topic, sections[topic]) for topic in TOPICS if topic in sections]
    missed = [line for _, text in present for line in missed_in(text)]
    told = "\n".join(f"- {line}" for line in missed) or "None."
    framed = "\n\n".join(f"<!-- {topic} -->\n{text}\n<!-- end of {topic} -->" for topic, text in present)
    return f"""# Performance

Written by `make bench`; change the bench, not this page. `python -m tests.bench TOPIC …` measures single
topics anew: {", ".join(f"`{topic}`" for topic in TOPICS)}.

Measured on {os.cpu_count()} cores, Python {platform.python_version()}. Read the ratios: milliseconds belong
to the machine and to whatever else it does. The yardstick ("bare") is one conditional UpdateItem by a plain
botocore client, taken in turns with what is compared with it.

**Targets missed:**

{told}

{framed}
"""


if __name__ == "__main__":
    main(sys.argv[1:])
