"""
Scripts as they are sent: all that a page's script needs from the start is one file with it.

In `static/` every module is a file of its own, and so it is in `make run`. On a slow line a
dozen small files cost more than their bytes, because each is asked for and compressed by itself.
A part that a script loads later stays a file of its own, and takes from the page's script
what that has already: there is one of everything, as among modules.

No bundler can be had as a Python package. This knows the few forms in which our modules
import and export, and refuses every other.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.deployment.errors import DeploymentError

_PAGE = ".html"
_SCRIPT = ".js"
_PAGE_SCRIPT = re.compile(r'<script type="module" src="([^"]+)">')
_IMPORT = re.compile(
    r"^import\s+(?:\*\s+as\s+(?P<whole>\w+)|\{(?P<some>[\w\s,]+)\})\s+from\s+'(?P<target>\.[^']+)';$",
    re.MULTILINE,
)
_EXPORT = re.compile(
    r"^export (?=(?:(?:async )?function|class|const) (?:(?P<one>\w+)(?![\w$])|\{(?P<some>[\w\s,]+)\} =))",
    re.MULTILINE,
)
_IMPORT_LATER = re.compile(r"\bimport\('(\.[^']+)'\)")
_OTHER_FORM = re.compile(r"^\s*(?:import|export)\b(?!\s*[.(]).*", re.MULTILINE)
_OWN_ADDRESS = "import.meta.url"
# What would be joined wrongly in silence, or is sent as it stands and finds nothing there.
_NOT_TO_BE_JOINED = {
    "an import() of something else than './a/file.js'": re.compile(r"\bimport\s*\((?!'\.[^']+'\))"),
    "import.meta with something else than .url": re.compile(r"\bimport\s*\.\s*meta\b(?!\.url\b)"),
    "an await outside of functions": re.compile(
        r"^(?:(?:export )?(?:const|let|var)\b[^;\n]*=\s*)?await\b", re.MULTILINE
    ),
    # Outside of functions the minifier would take it for a call, and the like, of something named await.
    "an await of something without a name": re.compile(r"\bawait\s*[(\[`/+-]"),
}
_COMMENT_OR_TEXT = re.compile(
    r"""
    (?P<comment> /\*.*?\*/ | //[^\n]* )
    | (?P<string> '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" )
    | `(?:\\.|[^`\\])*`  # with code within
    """,
    re.DOTALL | re.VERBOSE,
)
_SCRIPT_TAG = re.compile(r"<script\b", re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r"\W")


@dataclass(frozen=True, kw_only=True)
class _Module:
    """One source, by its path in `static/`."""

    path: str
    text: str

    @property
    def name(self) -> str:
        """What its exports together are called in a joined file."""
        return "$" + _NOT_IN_A_NAME.sub("_", self.path.removesuffix(_SCRIPT))

    @cached_property
    def needs(self) -> list[str]:
        """The modules that it imports, in their order."""
        return [self._path_of(found["target"]) for found in _IMPORT.finditer(self.text)]

    @property
    def loads_later(self) -> list[str]:
        """The parts that it may load."""
        return [self._path_of(target) for target in _IMPORT_LATER.findall(_without_comments(self.text))]

    @cached_property
    def exports(self) -> list[str]:
        """The names that others may import."""
        return [
            name
            for found in _EXPORT.finditer(self.text)
            for name in ([found["one"]] if found["one"] else _names(found["some"]))
        ]

    def enclosed(self, modules: Mapping[str, _Module], *, into: str) -> str:
        """Return it as a statement for the file *into*, where all that it needs comes before it."""

        def given(found: re.Match[str]) -> str:
            source = modules[self._path_of(found["target"])]
            if found["whole"]:
                return f"const {found['whole']} = {source.name};"
            wanted = _names(found["some"])
            unknown = [name for name in wanted if name.split()[0] not in source.exports]
            if unknown:
                raise DeploymentError(
                    f"{self.path} imports {unknown[0]}, which {source.path} does not export."
                )
            return (
                f"const {{ {', '.join(name.replace(' as ', ': ') for name in wanted)} }} = {source.name};"
            )

        def there(target: str) -> str:
            return _from(into, self._path_of(target))

        self._refuse_what_is_not_known(modules)
        text = _EXPORT.sub("", _IMPORT.sub(given, self.text))
        text = _IMPORT_LATER.sub(lambda found: f"import('{there(found[1])}')", text)
        if other := _OTHER_FORM.search(text):
            raise DeploymentError(f"{self.path} has a form that is not known here: {other[0].strip()}")
        if posixpath.dirname(into) != posixpath.dirname(self.path):
            # What it names lies beside itself, wherever it is joined into.
            text = text.replace(_OWN_ADDRESS, f"new URL('{_from(into, self.path)}', {_OWN_ADDRESS}).href")
        return f"const {self.name} = (() => {{\n{text}\nreturn {{ {', '.join(self.exports)} }};\n}})();\n"

    def _refuse_what_is_not_known(self, modules: Mapping[str, _Module]) -> None:
        code = _without_comments(self.text)
        for form, pattern in _NOT_TO_BE_JOINED.items():
            if pattern.search(code):
                raise DeploymentError(f"{self.path} has {form}, which is not known here.")
        imports = list(_IMPORT.finditer(self.text))
        if imports and _without_comments(_IMPORT.sub("", self.text[: imports[-1].end()])).strip():
            raise DeploymentError(f"{self.path} imports after its first statement.")
        for found in imports:
            source = modules[self._path_of(found["target"])]
            name = found["whole"]
            used = re.findall(rf"(?<![\w.$]){name}\.(\w+)", _without_strings(code)) if name else []
            unknown = sorted({*used} - {*source.exports})
            if unknown:
                raise DeploymentError(
                    f"{self.path} uses {unknown[0]}, which {source.path} does not export, "
                    f"or has another thing of the name {name}."
                )

    def _path_of(self, target: str) -> str:
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.path), target))


@dataclass(frozen=True, kw_only=True)
class _File:
    """One file to send: a script with what it needs, beside what its hosts have already."""

    path: str
    modules: tuple[_Module, ...]
    """In the order in which they run; the last is the script itself."""
    hosts: tuple[_File, ...] = ()
    """Whose part it is: the page's script, then the part of it that loads this one, and so on."""

    @property
    def loads_later(self) -> list[str]:
        """The parts that it may load."""
        return [path for module in self.modules for path in module.loads_later]

    def content(self, modules: Mapping[str, _Module]) -> str:
        """Return what is sent."""
        own = [module.enclosed(modules, into=self.path) for module in self.modules]
        return "".join([*self._from_hosts(), *own, *self._exports()])

    def _exports(self) -> Iterator[str]:
        script = self.modules[-1]
        if script.exports:
            yield f"export const {{ {', '.join(script.exports)} }} = {script.name};\n"
        if self.loads_later:
            yield f"export {{ {', '.join(module.name for module in self.modules)} }};\n"

    def _from_hosts(self) -> Iterator[str]:
        needed = {path for module in self.modules for path in module.needs}
        for host in self.hosts:
            names = [module.name for module in host.modules if module.path in needed]
            if names:
                yield f"import {{ {', '.join(names)} }} from '{_from(self.path, host.path)}';\n"


@dataclass(kw_only=True)
class _Joining:
    """Files to send, found one from another."""

    modules: Mapping[str, _Module]
    files: dict[str, _File] = field(default_factory=dict)

    def add(self, path: str, *, hosts: tuple[_File, ...] = (), named_by: str) -> None:
        """Add the file of the script at *path*, and those of the parts that it may load."""
        if path in self.files:
            if self.files[path].hosts != hosts:
                raise DeploymentError(f"{path} cannot be a part of two scripts.")
            return
        held = {module.path for host in hosts for module in host.modules}
        if path in held:
            raise DeploymentError(f"{named_by} loads {path} later, and it is there from the start.")
        order: dict[str, _Module] = {}
        self._visit(path, order, [named_by], held)
        file = _File(path=path, modules=tuple(order.values()), hosts=hosts)
        self.files[path] = file
        for other in self.files.values():
            twice = {module.path for module in file.modules} & {module.path for module in other.modules}
            if other is not file and twice and {*file.hosts} & {*other.hosts}:
                # There would be two of its classes and of what it remembers.
                raise DeploymentError(
                    f"{min(twice)} is needed by {path} and {other.path}: let {hosts[0].path} need it, too."
                )
        for part in file.loads_later:
            self.add(part, hosts=(*hosts, file), named_by=path)

    def _visit(self, path: str, order: dict[str, _Module], above: list[str], held: Iterable[str]) -> None:
        if path in order or path in held:
            return
        if path not in self.modules:
            raise DeploymentError(f"{above[-1]} names {path}, and static/ has no such file.")
        if path in above:
            raise DeploymentError(
                f"These need each other in a circle: {', '.join(above[above.index(path) :])}."
            )
        for needed in self.modules[path].needs:
            self._visit(needed, order, [*above, path], held)
        order[path] = self.modules[path]


def joined(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """
    Return the files to send in place of *contents*, by their paths: each page's script joined.

    Scripts and pages are UTF-8. A module that no page comes to is not sent.

    Raises:
        DeploymentError: A script imports or exports in a form that is not known here, or what is not there.
    """
    texts = {path: content.decode() for path, content in contents.items() if path.endswith(_SCRIPT)}
    joining = _Joining(modules={path: _Module(path=path, text=text) for path, text in texts.items()})
    by_name = {module.name: module.path for module in joining.modules.values()}
    for module in joining.modules.values():
        if by_name[module.name] != module.path:
            raise DeploymentError(f"{module.path} and {by_name[module.name]} have the same name here.")
    for page in (path for path in contents if path.endswith(_PAGE)):
        markup = contents[page].decode()
        if len(_SCRIPT_TAG.findall(markup)) != len(_PAGE_SCRIPT.findall(markup)):
            raise DeploymentError(
                f'{page} has a script that is not written as <script type="module" src="…">.'
            )
        sources = _PAGE_SCRIPT.findall(markup)
        if len(sources) > 1:
            # What both need would be there twice.
            raise DeploymentError(f"{page} has more than one script: let one import the other.")
        for source in sources:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), source))
            joining.add(path, named_by=page)
    sent = {path: content for path, content in contents.items() if path not in texts}
    return sent | {path: file.content(joining.modules).encode() for path, file in joining.files.items()}


def _without_comments(code: str) -> str:
    return _COMMENT_OR_TEXT.sub(lambda found: "" if found["comment"] else found[0], code)


def _without_strings(code: str) -> str:
    """Return *code*, which has no comments, with empty strings; those in backquotes have code within."""
    return _COMMENT_OR_TEXT.sub(lambda found: "''" if found["string"] else found[0], code)


def _names(listed: str) -> list[str]:
    return [" ".join(name.split()) for name in listed.split(",") if name.strip()]


def _from(one: str, other: str) -> str:
    """Return how the file *one* names the file *other*."""
    relative = posixpath.relpath(other, posixpath.dirname(one) or ".")
    return relative if relative.startswith(".") else f"./{relative}"
