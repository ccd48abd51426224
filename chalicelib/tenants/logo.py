"""
A tenant's logo: an SVG that is a drawing and nothing else.

It is only ever shown by ``<img>``, where browsers run nothing of it and fetch nothing for it. But
it lies on our own origin, so whatever could do more when it is opened by itself is refused:
what is drawn is listed here, and everything else is no logo.

Styles are refused too. Our policy goes with every file (`style-src 'self'`), so some browsers
would show the logo without its own. So is text: within ``<img>`` there is no font to rely on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

MOST_BYTES = 10 * 1024
WIDEST = 6
"""Times as wide as high: the header shows it 36 pixels high, and at most 180 wide."""
HIGHEST = 2
"""Times as high as wide."""
SMALLEST = 0.001
LARGEST = 1_000_000
"""Width and height of the viewBox: beyond, browsers reckon differently, or not at all."""
MOST_NESTED = 64
MOST_DRAWN = 5_000
"""Elements, each counted as often as others repeat it: a few lines could ask for millions."""
ADDRESS = re.compile(r"/tenants/([a-z][a-z0-9-]{1,31})/([0-9a-f]{16})\.svg", re.ASCII)
"""Where a logo lies on our origin: under its tenant, by the beginning of its SHA-256."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"
_BETWEEN = " "  # between namespace and name, as expat tells them
_EXPORT_PLAINLY = " (export it as plain SVG)"

_SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon"})
_REFERRING = frozenset({"use", "linearGradient", "radialGradient"})
_SHOWN_AS_THEY_ARE = _SHAPES | {"use"}
_SHOWN_WITH_THEIR_PARTS = frozenset({"svg", "g"})
_ELEMENTS = (
    _SHAPES | _REFERRING | {"svg", "g", "defs", "symbol", "title", "desc", "stop", "clipPath", "mask"}
)
_WHY_NOT = {
    "style": "write styles as attributes of the shapes (presentation attributes)",
    "text": "turn text into paths: no font is sure to be there",
    "tspan": "turn text into paths: no font is sure to be there",
    "image": "pictures within it are not shown",
    **dict.fromkeys(
        ("stroke-dasharray", "stroke-dashoffset", "pathLength"),
        "there could be millions of dashes; draw each as a shape",
    ),
}
_PLACING = frozenset(  # where and how large
    {
        *("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "fr"),
        *("width", "height", "d", "points", "offset"),
        *("viewBox", "preserveAspectRatio", "transform"),
        *("gradientUnits", "gradientTransform", "spreadMethod"),
        *("clipPathUnits", "maskUnits", "maskContentUnits"),
    }
)
_PAINTING = frozenset(  # how it is painted
    {
        *("fill", "fill-opacity", "fill-rule", "clip-rule", "clip-path", "mask"),
        *("stroke", "stroke-width", "stroke-opacity", "stroke-miterlimit"),
        *("stroke-linecap", "stroke-linejoin"),
        *("color", "opacity", "stop-color", "stop-opacity", "paint-order"),
        *("display", "visibility", "overflow", "enable-background"),
        *("shape-rendering", "color-interpolation", "vector-effect"),
    }
)
_NAMING = frozenset(  # what it is called
    {
        *("id", "class", "version", "baseProfile", "lang"),
        *("role", "focusable", "aria-label", "aria-labelledby", "aria-hidden", "data-name"),
    }
)
_OF_XML = frozenset({f"{_XML}{_BETWEEN}space", f"{_XML}{_BETWEEN}lang"})
_HREFS = frozenset({"href", f"{_XLINK}{_BETWEEN}href"})
_FUNCTIONS = frozenset(
    {"url", "rgb", "rgba", "hsl", "hsla", "matrix", "translate", "scale", "rotate", "skewx", "skewy"}
)
_CALL = re.compile(r"(?<![A-Za-z-])([A-Za-z-]*+)\s{0,9}\(")
# Without a percent sign: browsers decode it, and would find what is not looked for here.
_FRAGMENT = re.compile(r"#([^\s\"'()#%]+)")
_URL = re.compile(r"(?i:url)\(\s*([\"']?)#([^\s\"'()#%]+)\1\s*\)")
_LENGTH = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?)(px|pt|pc|mm|cm|in)?", re.IGNORECASE | re.ASCII)
_SEPARATOR = re.compile(r" *, *| +")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)
_SHOWN = 40  # characters of what is wrong
_SAME_SHAPE = 0.02  # the part by which width and height may differ from the shape of the viewBox


def address_of(tenant_id: str, content: bytes) -> str:
    """Return the path on our origin at which the tenant's logo of that *content* lies."""
    return f"/tenants/{tenant_id}/{hashlib.sha256(content).hexdigest()[:16]}.svg"


def is_content_of(address: str, content: bytes) -> bool:
    """Return whether *content* is what belongs at *address*."""
    named = ADDRESS.fullmatch(address)
    return named is not None and address_of(named[1], content) == address


def faults_of_logo(content: bytes) -> list[str]:
    """
    Return what is wrong with *content* as a logo, with the line where it stands at one.

    That is all of it, unless something ends the reading: what is no XML or no SVG, a DOCTYPE, or
    elements nested too deep.
    """
    if len(content) > MOST_BYTES:
        return [f"is larger than {MOST_BYTES:,} bytes"]
    # ASCII in UTF-16 is UTF-8 as well, with noughts, and expat would read it as the former.
    if b"\0" in content or not _is_utf_8(content):
        return ["is not UTF-8"]
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)  # noqa: FBT003 - expat's own
    except expat.ExpatError as error:
        reader.fault(f"is no XML: {expat.ErrorString(error.code)}", line=error.lineno)
    except _NoFurtherError:
        pass
    else:
        reader.look_at_the_whole()
    return list(reader.faults)


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class _NoFurtherError(Exception):
    """What follows must not even be read."""


@dataclass(kw_only=True)
class _Element:
    name: str
    line: int
    attributes: Mapping[str, str]
    children: list[_Element] = field(default_factory=list)
    refers_to: list[str] = field(default_factory=list)


class _Reader:
    """Reads one SVG, and keeps what is wrong with it."""

    def __init__(self) -> None:
        self.faults: dict[str, None] = {}  # in order, each once
        self._told: set[str] = set()
        self._root: _Element | None = None
        self._open: list[_Element] = []
        self._by_id: dict[str, _Element] = {}
        # Told the encoding, expat takes no other that the file says of itself.
        self.parser = expat.ParserCreate("UTF-8", _BETWEEN)
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.XmlDeclHandler = self._declared
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.parser.ProcessingInstructionHandler = self._instructed

    def fault(self, problem: str, *, line: int | None = None) -> None:
        """Note *problem*, once, with the first line at which it is."""
        # What the file says of itself must not write on the operator's terminal.
        problem = "".join(character if character.isprintable() else "?" for character in problem)
        if problem not in self._told:
            self._told.add(problem)
            self.faults[problem if line is None else f"line {line}: {problem}"] = None

    def look_at_the_whole(self) -> None:
        """Note what only the whole file tells: its shape, and what it refers to."""
        if self._root is None:
            return
        for problem in _faults_of_shape(self._root.attributes):
            self.fault(problem)
        elements = list(self._elements(self._root))
        if not self.faults and not any(each.name in _SHOWN_AS_THEY_ARE for each in _shown(self._root)):
            self.fault("draws nothing")
        missing = [(each, name) for each in elements for name in each.refers_to if name not in self._by_id]
        for element, name in missing:
            self.fault(f"refers to #{name}, which is not in it", line=element.line)
        if not missing:
            self._count_what_is_drawn(self._root)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        parent = self._open[-1] if self._open else None
        namespace, _, local = name.rpartition(_BETWEEN)
        if parent is None and (namespace, local) != (_SVG, "svg"):
            self.fault(f"is no SVG: its root is not svg of {_SVG}", line=line)
            raise _NoFurtherError
        if len(self._open) >= MOST_NESTED:
            self.fault(f"elements are nested more than {MOST_NESTED} deep", line=line)
            raise _NoFurtherError
        element = _Element(name=local, line=line, attributes=attributes)
        self._open.append(element)
        if parent is None:
            self._root = element
        else:
            parent.children.append(element)
        if self._takes_name(element, namespace):
            for attribute, value in attributes.items():
                self._look_at_attribute(element, attribute, value)
        if "id" in attributes:
            self._by_id.setdefault(attributes["id"], element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _takes_name(self, element: _Element, namespace: str) -> bool:
        name = element.name
        if namespace != _SVG:
            problem = f"<{name}> is of another language, {namespace or 'none'}{_EXPORT_PLAINLY}"
        elif name not in _ELEMENTS or (name == "svg" and element is not self._root):
            why = _WHY_NOT.get(name, "only shapes, groups, gradients, clips and masks are taken")
            problem = f"<{name}> is not taken: {why}"
        else:
            return True
        self.fault(problem, line=element.line)
        return False

    def _look_at_attribute(self, element: _Element, attribute: str, value: str) -> None:
        namespace, _, local = attribute.rpartition(_BETWEEN)
        if attribute in _HREFS:
            self._look_at_reference(element, value)
        elif local.lower().startswith("on"):
            self.fault(f"{local}= is not taken: nothing in a logo runs", line=element.line)
        elif attribute in _WHY_NOT:
            self.fault(f"{attribute}= is not taken: {_WHY_NOT[attribute]}", line=element.line)
        elif namespace and attribute not in _OF_XML:
            self.fault(f"{local}= is of another language, {namespace}{_EXPORT_PLAINLY}", line=element.line)
        elif local in _PLACING | _PAINTING:
            self._look_at_value(element, local, value)
        elif not namespace and local not in _NAMING:
            self.fault(f"{local}= is not taken: leave it out", line=element.line)

    def _look_at_reference(self, element: _Element, value: str) -> None:
        target = _FRAGMENT.fullmatch(value)
        if element.name not in _REFERRING:
            self.fault(f"href= is not taken at <{element.name}>", line=element.line)
        elif target is None:
            self.fault("href= leads out of the file: only #names within it are taken", line=element.line)
        else:
            element.refers_to.append(target[1])

    def _look_at_value(self, element: _Element, name: str, value: str) -> None:
        # A backslash could spell a name that is looked for here in another way.
        calls = [call.lower() for call in _CALL.findall(value)]
        fragments = [found[2] for found in _URL.finditer(value)]
        if "\\" in value or not _FUNCTIONS.issuperset(calls) or calls.count("url") != len(fragments):
            self.fault(f"{name}= leads out of the file, or computes: {value[:_SHOWN]!r}", line=element.line)
        element.refers_to += fragments

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            self.fault(f"says that it is {encoding}, not UTF-8", line=1)

    def _refuse_doctype(self, *_: object) -> NoReturn:
        # Entities are declared there, which could stand for anything, at any length.
        self.fault("has a DOCTYPE: take it out", line=self.parser.CurrentLineNumber)
        raise _NoFurtherError

    def _instructed(self, target: str, _data: str) -> None:
        self.fault(f"<?{target}?> is not taken: take it out", line=self.parser.CurrentLineNumber)

    def _elements(self, root: _Element) -> Iterator[_Element]:
        yield root
        for child in root.children:
            yield from self._elements(child)

    def _count_what_is_drawn(self, root: _Element) -> None:
        try:
            if self._drawn(root, {}, ())[0] > MOST_DRAWN:
                self.fault(f"repeats its parts to more than {MOST_DRAWN:,} elements")
        except _NoFurtherError:
            pass

    def _drawn(
        self, element: _Element, known: dict[int, tuple[int, int]], within: tuple[int, ...]
    ) -> tuple[int, int]:
        """Return how many elements are drawn for *element*, with what it refers to, and how deep."""
        if id(element) in within:
            self.fault("refers to itself", line=element.line)
            raise _NoFurtherError
        _, depth = known.get(id(element), (1, 1))
        if len(within) + depth > MOST_NESTED:
            self.fault(f"references are nested more than {MOST_NESTED} deep", line=element.line)
            raise _NoFurtherError
        if id(element) not in known:
            parts: Iterable[_Element] = (
                *element.children,
                *(self._by_id[name] for name in element.refers_to),
            )
            inner = (*within, id(element))
            drawn = [self._drawn(part, known, inner) for part in parts]
            known[id(element)] = (
                1 + sum(count for count, _ in drawn),
                1 + max((depth for _, depth in drawn), default=0),
            )
        return known[id(element)]


def _shown(element: _Element) -> Iterator[_Element]:
    """Yield *element* and what is shown within it, and nothing that only others show."""
    yield element
    if element.name in _SHOWN_WITH_THEIR_PARTS:
        for child in element.children:
            yield from _shown(child)


def _faults_of_shape(attributes: Mapping[str, str]) -> Iterator[str]:
    numbers = _SEPARATOR.split(attributes.get("viewBox", "").strip(" "))
    if len(numbers) != 4 or not all(map(_NUMBER.fullmatch, numbers)):  # noqa: PLR2004 - x, y, width, height
        yield "has no viewBox of four numbers, from which its shape is known"
        return
    width, height = float(numbers[2]), float(numbers[3])
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        yield f"has a viewBox whose width and height are not {SMALLEST:g} to {LARGEST:,}"
        return
    if not 1 / HIGHEST <= width / height <= WIDEST:
        yield (
            f"is {width:g} wide and {height:g} high: up to {WIDEST} times as wide as high is taken, "
            f"and up to {HIGHEST} times as high as wide"
        )
    outer = [attributes[name] for name in ("width", "height") if name in attributes]
    if outer and not _is_of_that_shape(outer, width / height):
        yield "has width= and height= of another shape than its viewBox: leave them out"


def _is_of_that_shape(outer: list[str], shape: float) -> bool:
    if outer == ["100%", "100%"]:
        return True
    lengths = [_LENGTH.fullmatch(each) for each in outer]
    try:
        (width, unit), (height, other_unit) = (
            (each[1], (each[2] or "px").lower()) for each in lengths if each is not None
        )
        found = float(width) / float(height)
    except (ValueError, ZeroDivisionError):
        return False
    return unit == other_unit and abs(found / shape - 1) <= _SAME_SHAPE
