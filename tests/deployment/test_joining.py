"""Scripts joined for sending do what the modules do; a form that is not known stops the deploy."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from chalicelib.deployment.errors import DeploymentError
from chalicelib.deployment.joining import joined
from tests.support.static_site import STATIC_FOLDER

PAGE = '<script type="module" src="js/app.js"></script>'

# A page with a part, a module that all of them share, and one that is found by its own address.
MODULES = {
    "index.html": PAGE,
    "js/app.js": """
import * as count from './count.js';
import {
  hello as greet,
  Greeting,
} from '../words/words.js';

count.add();
const told = [greet('Anna'), new Greeting().text, count.counted()];
const later = await_();

function await_() {
  return import('./later/later.js');
}

later.then(async ({ SCREENS, begin }) => {
  await begin();
  console.log(JSON.stringify([...told, SCREENS.first, count.counted()]));
});
""",
    "js/count.js": """
let counted_ = 0;
export const counted = () => counted_;
export function add() {
  counted_ += 1;
}
""",
    "js/later/later.js": """
import { add, counted } from '../count.js';
import * as screens from './screens.js';

export const { SCREENS } = screens;
export async function begin() {
  add();
  const { end } = await import('./last/last.js');
  end(SCREENS);
}
""",
    "js/later/screens.js": "export const SCREENS = { first: 'begun' };\n",
    "js/later/last/last.js": """
import { SCREENS } from '../screens.js';
import { add } from '../../count.js';

export function end(screens) {
  if (screens === SCREENS) add();
}
""",
    "js/nobodys.js": "export const UNUSED = 1;\n",
    "words/words.js": """
/** import and export are words, too:
 * export const NOTHING = 1;
 */
export const hello = (name) => `Hello ${name}, from ${import.meta.url.split('/').slice(-2).join('/')}`;
export class Greeting {
  text = 'Hej';
}
""",
}


def join(**changed: str) -> dict[str, str]:
    """Return what is sent in place of `MODULES` with some *changed*, by name without folder and ending."""
    contents = {path: changed.get(Path(path).stem, text).encode() for path, text in MODULES.items()}
    return {path: content.decode() for path, content in joined(contents).items()}


def run(files: dict[str, str], folder: Path) -> str:
    """Return what the page's script prints, run as a browser runs it."""
    for path, text in {**files, "package.json": '{"type": "module"}'}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    node, _ = compute_driver_executable()
    finished = subprocess.run(
        [node, folder / "js/app.js"], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_a_page_has_one_script_and_one_for_each_part() -> None:
    """And what no page comes to is not sent."""
    scripts = {path for path in join() if path.endswith(".js")}
    assert scripts == {"js/app.js", "js/later/later.js", "js/later/last/last.js"}


def test_joined_scripts_do_what_the_modules_do(tmp_path: Path) -> None:
    """Names, state, addresses: one counter is counted up by a page, its part and a part of that."""
    as_modules = run(MODULES, tmp_path / "modules")
    assert json.loads(as_modules) == ["Hello Anna, from words/words.js", "Hej", 1, "begun", 3]
    assert run(join(), tmp_path / "joined") == as_modules


def test_our_own_scripts_are_joined_whole() -> None:
    """Every source is in a file that is sent, and only parts ask for another: their page's."""
    contents = {
        path.relative_to(STATIC_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(STATIC_FOLDER.rglob("*"))
        if path.is_file()
    }
    sent = {path: content.decode() for path, content in joined(contents).items() if path.endswith(".js")}
    sources = {path: content.decode() for path, content in contents.items() if path.endswith(".js")}
    for path in sources:
        name = "$" + re.sub(r"\W", "_", path.removesuffix(".js"))
        assert any(f"const {name} = (() => {{\n" in text for text in sent.values()), path
    parts = {path for path, text in sent.items() if re.search(r"^import ", text, re.MULTILINE)}
    assert parts == {"js/account/account.js", "js/setup/setup.js"}


UNKNOWN_FORMS = [
    "import './count.js';",
    "import count from './count.js';",
    "import { add } from 'elsewhere';",
    'import { add } from "./count.js";',
    "export default 1;",
    "export let told = 1;",
    "export { told };",
    "export * from './count.js';",
    "export function* each() {}",
]


@pytest.mark.parametrize("form", UNKNOWN_FORMS)
def test_an_unknown_form_stops_the_deploy_and_is_named(form: str) -> None:
    """Rather than that it goes out wrong."""
    with pytest.raises(
        DeploymentError, match=r"^js/app\.js has a form that is not known here: "
    ) as refused:
        join(app=f"const told = 1;\n{form}\n")
    assert form.removesuffix(";") in str(refused.value)


def test_a_name_that_nobody_exports_stops_the_deploy() -> None:
    """A browser would stop the page."""
    with pytest.raises(
        DeploymentError, match=r"^js/app\.js imports gone, which js/count\.js does not export"
    ):
        join(app="import { gone } from './count.js';\n")


def test_a_module_that_is_not_there_stops_the_deploy() -> None:
    """Named by the module that needs it, or by the page."""
    with pytest.raises(
        DeploymentError, match=r"^js/app\.js names js/gone\.js, and static/ has no such file"
    ):
        join(app="import { gone } from './gone.js';\n")
    with pytest.raises(
        DeploymentError, match=r"^index\.html names js/gone\.js, and static/ has no such file"
    ):
        join(index=PAGE.replace("app.js", "gone.js"))


def test_a_circle_stops_the_deploy() -> None:
    """There would be no order to run them in. Who only leads to it is not told."""
    with pytest.raises(
        DeploymentError, match=r"^These need each other in a circle: js/app\.js, js/count\.js\.$"
    ):
        join(count="import { told } from './app.js';\n")
    with pytest.raises(
        DeploymentError, match=r"^These need each other in a circle: js/count\.js, words/words\.js\.$"
    ):
        join(
            count="import { hello } from '../words/words.js';\n",
            words="import { add } from '../js/count.js';\n",
        )


def test_a_part_of_two_scripts_stops_the_deploy() -> None:
    """It could take what it shares from one of them only."""
    contents = {
        **{path: text.encode() for path, text in MODULES.items()},
        "desk/index.html": b'<script type="module" src="desk.js"></script>',
        "desk/desk.js": b"import('../js/later/later.js');\n",
    }
    with pytest.raises(DeploymentError, match=r"^js/later/later\.js cannot be a part of two scripts"):
        joined(contents)


JOINED_WRONGLY = {
    "another quote": ('import("./later/later.js");', "import() of something else than"),
    "a name put together": ("import(`./${told}.js`);", "import() of something else than"),
    "another line": ("import(\n  './later/later.js'\n);", "import() of something else than"),
    "a word of import.meta": ("import.meta.resolve('./x.json');", "import.meta with something else"),
    "import.meta taken apart": ("const { url } = import.meta;", "import.meta with something else"),
    "waiting at once": ("await (told());", "an await outside of functions"),
    "a value waited for": ("const told = await [1];", "an await outside of functions"),
    "waiting in the middle of a line": ("if (true) await (told());", "an await of something without a"),
    "a value waited for later": ("let told;\ntold = await [1];", "an await of something without a"),
    "an import too late": (
        "told();\nimport { add } from './count.js';",
        "imports after its first statement",
    ),
    "what is not exported": (
        "import * as count from './count.js';\ncount.gone();",
        "uses gone, which js/count.js does not export",
    ),
    "what is not exported, behind an address": (
        "import * as count from './count.js';\ncount.add('https://x', count.gone);",
        "uses gone, which js/count.js does not export",
    ),
    "another thing of an import's name": (
        "import * as count from './count.js';\nexport const of = (count) => count.length;",
        "or has another thing of the name count",
    ),
}


@pytest.mark.parametrize(("text", "told"), JOINED_WRONGLY.values(), ids=JOINED_WRONGLY)
def test_what_would_be_joined_wrongly_stops_the_deploy(text: str, told: str) -> None:
    """A browser would find nothing, or something else, and only there."""
    with pytest.raises(DeploymentError) as refused:
        join(app=f"{text}\n")
    assert str(refused.value).startswith("js/app.js ")
    assert told in str(refused.value)


def test_what_only_a_comment_or_a_text_says_is_nothing() -> None:
    """Neither a type nor an example loads a part, or uses what nobody exports."""
    app = (
        "import * as count from './count.js';\n"
        "/** @type {import('./gone.js').State} */\n"
        "const state = ['it\\'s count.gone', \"count.lost\"]; // await (state), import(state)\n"
        "count.add(state);\n"
    )
    assert {path for path in join(app=app) if path.endswith(".js")} == {"js/app.js"}


def test_a_page_with_two_scripts_stops_the_deploy() -> None:
    """Each would have its own of what both need."""
    page = PAGE + PAGE.replace("app.js", "count.js")
    with pytest.raises(DeploymentError, match=r"^index\.html has more than one script: let one import"):
        join(index=page)


def test_what_two_parts_need_has_to_be_needed_by_their_page() -> None:
    """Else each would have its own."""
    app = "import('./later/later.js');\nimport('./other.js');\n"
    contents = {path: text.encode() for path, text in MODULES.items()} | {
        "js/app.js": app.encode(),
        "js/other.js": b"import { add } from './count.js';\nadd();\n",
    }
    with pytest.raises(
        DeploymentError, match=r"^js/count\.js is needed by .*: let js/app\.js need it, too"
    ):
        joined(contents)


def test_what_is_there_from_the_start_is_not_loaded_later() -> None:
    with pytest.raises(DeploymentError, match=r"^js/app\.js loads js/count\.js later"):
        join(app="import { add } from './count.js';\nadd();\nimport('./count.js');\n")


def test_two_modules_of_one_name_stop_the_deploy() -> None:
    contents = {path: text.encode() for path, text in MODULES.items()} | {"js/later-last.js": b""}
    contents |= {"js/later/last.js": b""}
    with pytest.raises(DeploymentError, match="have the same name here"):
        joined(contents)


@pytest.mark.parametrize(
    "tag",
    [
        "<script type='module' src='js/app.js'></script>",
        '<script src="js/app.js" type="module"></script>',
        '<script async type="module" src="js/app.js"></script>',
    ],
)
def test_a_script_that_would_not_be_found_stops_the_deploy(tag: str) -> None:
    with pytest.raises(DeploymentError, match=r"^index\.html has a script that is not written as"):
        join(index=tag)
