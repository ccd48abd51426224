"""A logo is a drawing and nothing else: what is taken, and what is refused with which word."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tenants.logo import (
    ADDRESS,
    MOST_BYTES,
    MOST_NESTED,
    address_of,
    faults_of_logo,
    is_content_of,
)
from tests.support.logos import SVG, logo

BAR = '<path d="M0 0h1v1z"/>'

DRAWN = {
    "as drawing programs write it": logo(
        "<!-- Generator: a drawing program (5.0) -->",
        "<title>Byrå</title><desc>A bar and a ring</desc>",
        '<defs><linearGradient id="a" gradientTransform="rotate(90)">'
        '<stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="rgb(0 0 0)" stop-opacity=".5"/>'
        '</linearGradient><clipPath id="b"><rect width="120" height="40" rx="4"/></clipPath>'
        '<mask id="m"><circle cx="20" cy="20" r="9" fill="#fff"/></mask></defs>',
        '<g class="x" clip-path="url(#b)" data-name="Layer (1)"><path fill="url(#a) burlywood" d="M0 0h9"/>'
        "<rect mask=\"url('#m')\" width='9' height='9' transform='translate(1 2) scale(2)'/></g>",
        attributes='id="Layer_1" version="1.1" xml:space="preserve" enable-background="new 0 0 120 40" '
        'width="120px" height="40px" xmlns:xlink="http://www.w3.org/1999/xlink"',
    ),
    "with a declaration": b'<?xml version="1.0" encoding="utf-8" standalone="no"?>\n' + logo(),
    "with a mark of its encoding": b"\xef\xbb\xbf" + logo(),
    "under a prefix": (
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg" viewBox="0,0,10,10"><s:path d=""/></s:svg>'
    ),
    "repeating a part": logo(
        f'<symbol id="s" viewBox="0 0 1 1">{BAR}</symbol><use href="#s"/><use xlink:href="#s" x="9"/>',
        attributes='xmlns:xlink="http://www.w3.org/1999/xlink"',
    ),
    "a gradient from another": logo(
        '<radialGradient id="a"><stop offset="0"/></radialGradient><radialGradient id="b" href="#a"/>',
        '<circle r="9" fill="url( #b )"/>',
    ),
    "six times as wide as high": logo(box="0 0 60 10"),
    "twice as high as wide": logo(box="-5 -5 1e1 2.0e1"),
    "at its own width": logo(attributes='width="100%" height="100%"'),
    "in pixels, said once": logo(attributes='width="120" height="40PX"'),
    "in millimetres": logo(attributes='width="30mm" height="10mm"'),
    "as large as may be": logo().ljust(MOST_BYTES),
}


@pytest.mark.parametrize("content", DRAWN.values(), ids=DRAWN)
def test_a_drawing_is_taken(content: bytes) -> None:
    assert faults_of_logo(content) == []


REFUSED = [
    # Nothing that runs, moves or looks elsewhere.
    (logo("<script>alert(1)</script>"), "<script> is not taken: only shapes, groups, gradients, "),
    (logo(attributes='onload="alert(1)"'), "onload= is not taken: nothing in a logo runs"),
    (logo(BAR.replace("path", 'path onClick="a"', 1)), "onClick= is not taken: nothing in a logo runs"),
    (logo("<foreignObject/>"), "<foreignObject> is not taken: only shapes, "),
    (logo('<rect><animate attributeName="x"/></rect>'), "<animate> is not taken: only shapes, "),
    (logo('<rect><set attributeName="href" to="x"/></rect>'), "<set> is not taken: only shapes, "),
    (logo('<a href="https://elsewhere.se/"><rect/></a>'), "<a> is not taken: only shapes, "),
    (logo('<image href="data:image/png;base64,AA=="/>'), "<image> is not taken: pictures within it "),
    (logo('<filter id="f"/>', BAR), "<filter> is not taken: only shapes, "),
    (logo(f"<svg>{BAR}</svg>"), "<svg> is not taken: only shapes, "),
    (logo('<use href="https://elsewhere.se/#a"/>', BAR), "href= leads out of the file: only #names "),
    (logo('<use href="data:image/svg+xml,x#a"/>', BAR), "href= leads out of the file: only #names "),
    # Browsers decode it, and come to another part than the one that is counted here.
    (logo('<use href="#%61"/>', BAR), "href= leads out of the file: only #names "),
    (logo('<rect fill="url(#%61)"/>'), "fill= leads out of the file, or computes: "),
    # A million dashes take as long as a million shapes.
    (
        logo('<path stroke="red" stroke-dasharray=".00004" d="M0 5h40"/>'),
        "stroke-dasharray= is not taken: there could be millions of dashes; draw each as a shape",
    ),
    (logo('<path stroke="red" pathLength="999999" d="M0 5h40"/>'), "pathLength= is not taken: there "),
    (logo('<use href=""/>', BAR), "href= leads out of the file: only #names "),
    (logo('<rect href="#a"/>'), "href= is not taken at <rect>"),
    (logo('<rect fill="url(https://elsewhere.se/#a)"/>'), "fill= leads out of the file, or computes: "),
    (logo('<rect fill="url(//elsewhere.se/#a)"/>'), "fill= leads out of the file, or computes: "),
    (logo('<rect fill="URL(&#x22;x.svg#a&quot;)"/>'), "fill= leads out of the file, or computes: "),
    (logo(r'<rect fill="\75rl(x.svg)"/>'), "fill= leads out of the file, or computes: "),
    (logo(r'<rect fill="r\65 d"/>'), "fill= leads out of the file, or computes: "),
    (logo('<rect mask="image-set(x 1x)"/>'), "mask= leads out of the file, or computes: 'image-set(x 1x)'"),
    (
        logo('<linearGradient id="a"/><rect fill="url(#a) url(x)"/>'),
        "fill= leads out of the file, or computes: ",
    ),
    (logo('<rect fill="var(--x)"/>'), "fill= leads out of the file, or computes: 'var(--x)'"),
    # Nothing that looks another way with other people.
    (logo("<text>Byrå</text>"), "<text> is not taken: turn text into paths: no font is sure to be there"),
    (logo("<style>path{fill:red}</style>", BAR), "<style> is not taken: write styles as attributes "),
    (logo('<rect style="fill:url(x)"/>'), "style= is not taken: write styles as attributes "),
    # Nothing of another language, and nothing unknown.
    (
        logo('<i:view xmlns:i="urn:editor"/>', BAR),
        "<view> is of another language, urn:editor (export it as plain SVG)",
    ),
    (logo('<div xmlns="http://www.w3.org/1999/xhtml"/>', BAR), "<div> is of another language, http://"),
    (logo('<path xmlns="" d=""/>', BAR), "<path> is of another language, none (export"),
    (logo(BAR, attributes='xmlns:i="urn:editor" i:label="x"'), "label= is of another language, urn:editor"),
    (logo(BAR, attributes='xml:base="https://elsewhere.se/"'), "base= is of another language, http://"),
    (logo('<rect filter="none"/>'), "filter= is not taken: leave it out"),
    # Sound XML, and plain.
    (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + logo("&a;"), "has a DOCTYPE: take it out"),
    (b'<!DOCTYPE svg SYSTEM "file:///etc/passwd">' + logo(), "has a DOCTYPE: take it out"),
    (b'<?xml-stylesheet href="x.css"?>' + logo(), "<?xml-stylesheet?> is not taken: take it out"),
    (b'<?xml version="1.0" encoding="iso-8859-1"?>' + logo(), "says that it is iso-8859-1, not UTF-8"),
    (logo("&nbsp;", BAR), "is no XML: undefined entity"),
    (logo("<g>", BAR), "is no XML: mismatched tag"),
    (b"", "is no XML: no element found"),
    (b"GIF89a", "is no XML: syntax error"),
    # Of a shape that the header has room for.
    (f"<svg {SVG}>{BAR}</svg>".encode(), "has no viewBox of four numbers, from which its shape is known"),
    (logo(box="0 0 10"), "has no viewBox of four numbers, "),
    (logo(box="0 0 10 nan"), "has no viewBox of four numbers, "),
    (logo(box="0 0 1e-320 1e-320"), "has a viewBox whose width and height are not 0.001 to 1,000,000"),
    (logo(box="0 0 4e38 1e38"), "has a viewBox whose width and height are not 0.001 to 1,000,000"),
    (logo(box="0,,0,40,10"), "has no viewBox of four numbers"),
    (logo(box="0\u00a00 40 10"), "has no viewBox of four numbers"),
    (logo(box="0 0 0 10"), "has a viewBox whose width and height are not 0.001 to 1,000,000"),
    (logo(box="0 0 10 -10"), "has a viewBox whose width and height are not 0.001 to 1,000,000"),
    (logo(box="0 0 61 10"), "is 61 wide and 10 high: up to 6 times as wide as high is taken, "),
    (logo(box="0 0 10 20.1"), "is 10 wide and 20.1 high: "),
    (logo(box="0 0 1e999 1e999"), "has a viewBox whose width and height are not 0.001 to 1,000,000"),
    (logo(attributes='width="40" height="40"'), "has width= and height= of another shape than its viewBox"),
    (logo(attributes='width="120" height="40mm"'), "has width= and height= of another shape than "),
    (logo(attributes='width="120"'), "has width= and height= of another shape than its viewBox"),
    (logo(attributes='width="0" height="0"'), "has width= and height= of another shape than its viewBox"),
    (logo("<g/>"), "draws nothing"),
    (logo(f"<defs>{BAR}</defs>"), "draws nothing"),
    (logo(f'<clipPath id="c">{BAR}</clipPath>'), "draws nothing"),
    (logo(f"<title>{BAR}</title>"), "draws nothing"),
    (logo(f"<g><desc>{BAR}</desc></g>"), "draws nothing"),
    (logo(f"<stop>{BAR}</stop>"), "draws nothing"),
    # Whole.
    (logo('<use href="#a"/>', BAR), "refers to #a, which is not in it"),
    (logo('<rect fill="url(#a)"/>'), "refers to #a, which is not in it"),
    (logo('<g id="a"><use href="#a"/></g>', BAR), "refers to itself"),
    (
        logo('<mask id="a"><rect mask="url(#b)"/></mask><mask id="b"><rect mask="url(#a)"/></mask>', BAR),
        "refers to ",
    ),
    # No SVG at all.
    (b"<html/>", "is no SVG: its root is not svg of http://www.w3.org/2000/svg"),
    (b'<svg viewBox="0 0 1 1"/>', "is no SVG: its root is not svg of http://www.w3.org/2000/svg"),
]


@pytest.mark.requirement("S7", "S12")
@pytest.mark.parametrize(("content", "fault"), REFUSED)
def test_what_is_more_than_a_drawing_is_refused(content: bytes, fault: str) -> None:
    """Each with the line at which it stands, where it stands at one."""
    (found,) = faults_of_logo(content)
    assert found.removeprefix("line 1: ").startswith(fault)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (logo().ljust(MOST_BYTES + 1), f"is larger than {MOST_BYTES:,} bytes"),
        (logo("<title>Byrå</title>", BAR).decode().encode("latin-1"), "is not UTF-8"),
        (logo().decode().encode("utf-16"), "is not UTF-8"),
        (logo().decode().encode("utf-16-le"), "is not UTF-8"),
        (logo().decode().encode("utf-16-be"), "is not UTF-8"),
    ],
)
def test_what_cannot_even_be_read_is_refused_at_once(content: bytes, fault: str) -> None:
    assert faults_of_logo(content) == [fault]


def test_every_fault_is_told_at_once_and_each_once() -> None:
    """With the line of the first."""
    content = logo('\n<text>a</text>\n<text>b</text>\n<rect onclick="" style=""/>', box="0 0 9 0")
    assert faults_of_logo(content) == [
        "line 2: <text> is not taken: turn text into paths: no font is sure to be there",
        "line 4: onclick= is not taken: nothing in a logo runs",
        "line 4: style= is not taken: write styles as attributes of the shapes (presentation attributes)",
        "has a viewBox whose width and height are not 0.001 to 1,000,000",
    ]


def test_a_few_lines_cannot_ask_for_millions_of_shapes() -> None:
    """A browser would draw each; the count itself takes no time."""
    levels = "".join(
        f'<g id="l{level}">' + f'<use href="#l{level - 1}"/>' * 10 + "</g>" for level in range(1, 20)
    )
    (fault,) = faults_of_logo(logo(f'<g id="l0">{BAR}</g>', levels))
    assert fault == "repeats its parts to more than 5,000 elements"


@pytest.mark.parametrize(
    ("drawing", "fault"),
    [
        (lambda long: logo(f'<path d="{"a" * long}"/>'), []),
        (
            lambda long: logo(f'<path fill="a{" " * long}" d=""/>'),
            [],
        ),
        (lambda long: logo(box=f"0 0 1 {'1' * long}x"), ["has no viewBox of four numbers"]),
    ],
    ids=["letters", "spaces", "digits"],
)
def test_a_long_value_is_judged_as_a_short_one(drawing: Callable[[int], bytes], fault: list[str]) -> None:
    """Of such values, a pattern that goes back to look again makes seconds: nothing here measures them."""
    for long in (2, 9_000):
        found = [each.removeprefix("line 1: ") for each in faults_of_logo(drawing(long))]
        assert [each[: len(start)] for each, start in zip(found, fault, strict=True)] == fault


def test_a_logo_writes_nothing_on_the_terminal() -> None:
    """Names of other languages may hold whatever XML may hold."""
    content = logo('<q:x xmlns:q="urn:&#10;Applied.&#10;\u202e"/>', BAR)
    (fault,) = faults_of_logo(content)
    assert fault.isprintable()
    assert "urn:?Applied.??" in fault


def test_neither_can_masks_within_masks() -> None:
    levels = "".join(
        f'<mask id="l{level}">' + f'<rect mask="url(#l{level - 1})"/>' * 8 + "</mask>"
        for level in range(1, 20)
    )
    (fault,) = faults_of_logo(logo(BAR, f'<mask id="l0">{BAR}</mask>', levels))
    assert fault == "repeats its parts to more than 5,000 elements"


def test_nothing_is_nested_without_end() -> None:
    """There is room for hundreds."""
    deep = "<g>" * MOST_NESTED + BAR + "</g>" * MOST_NESTED
    assert faults_of_logo(logo(deep)) == [f"line 1: elements are nested more than {MOST_NESTED} deep"]


@pytest.mark.parametrize("step", [1, -1], ids=["first to last", "last to first"])
def test_neither_are_references_in_whatever_order(step: int) -> None:
    """The root is the first of them, the path the last."""
    for links, faults in (
        (MOST_NESTED - 2, []),
        (MOST_NESTED - 1, [f"line 1: references are nested more than {MOST_NESTED} deep"]),
        (200, [f"line 1: references are nested more than {MOST_NESTED} deep"]),
    ):
        chain = [f'<use id="u{at}" href="#u{at + 1}"/>' for at in range(links)]
        assert faults_of_logo(logo(*chain[::step], f'<path id="u{links}" d=""/>')) == faults


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_are_a_fault_of_ours(content: bytes) -> None:
    assert faults_of_logo(content)


@given(
    st.lists(
        st.sampled_from(
            [
                *('<g id="a">', "</g>", '<use href="#a"/>', '<mask id="b">', "</mask>", BAR, "<style/>"),
                *('<rect fill="url(#a)"/>', '<rect mask="url(#b)"/>', "<text>", "</text>", "&amp;"),
            ]
        ),
        max_size=40,
    )
)
def test_no_drawing_is_a_fault_of_ours(parts: list[str]) -> None:
    """Whatever refers to whatever."""
    faults_of_logo(logo(*parts))


def test_an_address_is_the_tenants_and_the_contents() -> None:
    """So that another logo is another address, and browsers may keep each for good."""
    address = address_of("byra-nord", logo())
    assert ADDRESS.fullmatch(address)
    assert address.startswith("/tenants/byra-nord/")
    assert address not in {address_of("byra", logo()), address_of("byra-nord", logo(BAR))}
    assert is_content_of(address, logo())
    assert not is_content_of(address, logo(BAR))
    assert not is_content_of("/logos/byra.svg", logo())
