"""Minified for sending: every byte that anybody reads or runs is still there, and always the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.joining import joined
from chalicelib.deployment.minify import minified
from tests.support.static_site import ROOT, STATIC_FOLDER

_TELL_HASH = """
import hashlib, pathlib
from chalicelib.deployment.joining import joined
from chalicelib.deployment.minify import minified
files = {path.as_posix(): path.read_bytes() for path in sorted(pathlib.Path(".").rglob("*.*"))}
print(hashlib.sha256(b"".join(minified(joined(files)).values())).hexdigest())
"""


def our_files(ending: str) -> dict[str, bytes]:
    """Return our own files of that *ending*, by their paths."""
    return {
        path.relative_to(STATIC_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(STATIC_FOLDER.rglob(f"*{ending}"))
    }


def test_our_texts_and_the_description_of_the_api_say_the_same() -> None:
    """Joiners and hard spaces, numbers and order included."""
    sources = our_files(".json")
    for path, content in minified(sources).items():
        assert json.loads(content) == json.loads(sources[path]), path
        assert list(json.loads(content)) == list(json.loads(sources[path])), path
    assert b"\\u2060" in sources["i18n/sv.json"]


def test_numbers_stay_as_they_are_written() -> None:
    """An example in the description of the API is one of how it is written."""
    assert minified({"a.json": b'{ "at": [1.50, 1000000, 0.10, 1e3] }'}) == {
        "a.json": b'{"at":[1.50,1000000,0.10,1e3]}'
    }


def test_scripts_keep_what_others_know_them_by() -> None:
    """Names of exports and members, texts with joiners in them, their own address; locals become short."""
    source = """
    // A comment.
    import { helper as help } from './other.js';
    const local = new URL('x', import.meta.url);
    export const SCREENS = { 'sign-in': help(local) };
    export function takeOtp(typed) { return typed.replace(/[\\u2060\\s]/gu, ` \u2060${local}`); }
    """
    [content] = minified({"a.js": source.encode()}).values()
    text = content.decode()
    assert "A comment" not in text
    assert "takeOtp(typed)" not in text
    for kept in (
        "helper",
        "./other.js",
        "import.meta.url",
        "SCREENS",
        '"sign-in"',
        "function takeOtp(",
        " \u2060${",
    ):
        assert kept in text


def test_markup_keeps_its_shape() -> None:
    """Quotes, closing tags and the document's own stay; a space between words stays one."""
    source = (
        '<!doctype html>\n<html lang="sv">\n<head><title>T</title></head>\n<body>\n'
        '<!-- why --><input type="text" disabled="">\n'
        '<template id="s-x"><h1 tabindex="-1"><span class="step"></span> <b>word</b></h1></template>\n'
        "<p>one\n  two <b>three</b> four</p>\n<pre>a\n  b</pre>\n</body>\n</html>\n"
    )
    assert minified({"a.html": source.encode()})["a.html"].decode() == (
        '<!doctype html><html lang="sv">\n<head><title>T</title></head>\n<body>\n'
        '<input type="text" disabled>\n'
        '<template id="s-x"><h1 tabindex="-1"><span class="step"></span> <b>word</b></h1></template>\n'
        "<p>one\ntwo <b>three</b> four</p>\n<pre>a\n  b</pre>\n</body>\n</html>"
    )


BROKEN = {
    "a.js": b"let x = ;",
    "a.css": b"a{{{}",
    "a.html": b"<p",
    "a.json": b'{"a":}',
    "b.js": b"\xff",
}


@pytest.mark.parametrize(("path", "content"), BROKEN.items())
def test_what_cannot_be_read_stops_the_deploy_and_is_named(path: str, content: bytes) -> None:
    """Browsers would stop at it, or guess."""
    with pytest.raises(DeploymentError, match=f"^static/{path} cannot be minified: "):
        minified({path: content})


def test_what_has_no_such_form_is_sent_as_it_is() -> None:
    files = {"robots.txt": b"User-agent: *\n\n# all\n", "empty.txt": b""}
    assert minified(files) == files


def test_everything_becomes_smaller() -> None:
    """Of our own, which are written to be read."""
    contents = (
        our_files(".js") | our_files(".css") | our_files(".html") | our_files(".json") | our_files(".svg")
    )
    sources = joined(contents)
    for path, content in minified(sources).items():
        assert len(content) < len(sources[path]), path


def test_the_same_files_become_the_same_bytes_in_every_process() -> None:
    """A release is named after them: another name would send all of it again to every viewer."""
    told = {
        subprocess.run(
            [sys.executable, "-c", _TELL_HASH],
            cwd=STATIC_FOLDER,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "GOMAXPROCS": processors},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed, processors in (("0", "1"), ("1", "4"))
    }
    assert len(told) == 1


def test_the_bytes_are_those_that_they_were_elsewhere() -> None:
    """Whichever platform and Python this runs on: here is what came of a sample where this was written."""
    sample = """
    export const most = (first, second, ...others) => {
      const counted = new Map();
      for (const one of [first, second, ...others]) counted.set(one, (counted.get(one) ?? 0) + 1);
      return [...counted].toSorted(([, more], [, less]) => less - more)[0];
    };
    """
    assert minified({"a.js": sample.encode()})["a.js"].decode() == (
        "export const most=(e,t,...n)=>{const s=new Map;for(const o of[e,t,...n])"
        "s.set(o,(s.get(o)??0)+1);return[...s].toSorted(([,e],[,t])=>t-e)[0]}"
    )
