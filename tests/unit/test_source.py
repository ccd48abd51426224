"""What the source itself promises: where chance and time come from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import chalicelib

ROOT = Path(chalicelib.__file__).parent
MODULES = sorted(
    path for path in ROOT.rglob("*.py") if not {"local", "deployment"} & set(path.relative_to(ROOT).parts)
)
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]

_CLOCKS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_scan_sees_the_product() -> None:
    assert {"totp.py", "bootstrap.py", "web/endpoints.py"} <= set(IDS)


@pytest.mark.requirement("T1")
@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_nothing_is_drawn_from_a_generator_that_can_be_predicted(path: Path) -> None:
    foreseeable = {"random", "uuid.uuid1", "numpy.random"}
    assert not {name for name in _imports(_tree(path)) if name in foreseeable or name.startswith("random.")}


@pytest.mark.requirement("T1")
@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_nothing_secret_is_drawn_at_import(path: Path) -> None:
    """A process frozen and thawed twice would draw the same twice."""
    for statement in _tree(path).body:
        for node in _run_at_import(statement):
            assert not (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in {"secrets", "os", "uuid"}
                and node.attr.startswith(("token", "rand", "uuid", "urandom", "getrandom"))
            )


def _run_at_import(statement: ast.AST) -> list[ast.AST]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []  # runs when called
    nodes = [statement]
    for child in ast.iter_child_nodes(statement):
        nodes += _run_at_import(child)
    return nodes


# Where the parts of a function are put together, and with them its clock.
_PUT_TOGETHER = {
    "bootstrap.py",
    "admin/assembly.py",
    "archive/digest_handler.py",
    "archive/handler.py",
    "notices/handler.py",
}


@pytest.mark.requirement("T5")
@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_only_bootstrap_knows_a_clock(path: Path) -> None:
    """Everywhere else the time is handed in, so a test or a request can be of one moment."""
    read = {
        (node.value.id, node.attr)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    imported = {name.replace("datetime.datetime", "datetime") for name in _imports(_tree(path))}
    clocks = {clock for clock in _CLOCKS if clock in read or ".".join(clock) in imported}
    assert clocks == ({("time", "time")} if path.relative_to(ROOT).as_posix() in _PUT_TOGETHER else set())


@pytest.mark.requirement("T5")
@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_no_header_tells_the_time(path: Path) -> None:
    text = {
        node.value.lower()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    # One module compares AWS's time with ours, for a metric. What it finds decides nothing: see below.
    told = {"date"} if path.relative_to(ROOT).as_posix() == "web/clock_drift.py" else set()
    assert text & {"date", "x-date", "x-client-time", "x-amz-date", "age"} == told


@pytest.mark.requirement("T5", "V8")
def test_the_drift_of_the_clock_is_told_and_used_for_nothing() -> None:
    """From the answer of AWS to the log line it passes through these places only."""
    seen: dict[str, set[str]] = {
        "ClockDrift": set(),
        "note_clock_drift": set(),
        "clock_drift_seconds": set(),
    }
    for path in MODULES:
        nodes = list(ast.walk(_tree(path)))
        named = {node.id for node in nodes if isinstance(node, ast.Name)}
        named |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        named |= {node.name for node in nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        for name in named & set(seen):
            seen[name].add(path.relative_to(ROOT).as_posix())
    assert seen == {
        "ClockDrift": {"web/clock_drift.py", "bootstrap.py"},
        "note_clock_drift": {"web/clock_drift.py", "web/request_log.py"},
        "clock_drift_seconds": {"web/request_log.py", "web/metrics.py"},
    }


@pytest.mark.requirement("V4")
@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_every_read_is_strong_and_none_goes_through_an_index(path: Path) -> None:
    """One place reads rows, strongly; what asks by Query makes lists, and nothing that decides."""
    called = {
        node.attr
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "_client"
    }
    if path.relative_to(ROOT).as_posix() == "storage/dynamodb.py":
        writes = {"put_item", "update_item", "delete_item", "transact_write_items"}
        assert called == {"get_item", "query"} | writes
        assert '"ConsistentRead": True' in path.read_text("utf-8")
    else:
        objects = {"kms.py": {"get_public_key"}, "s3.py": {"get_object"}}
        no_rows = objects.get(path.name, set())
        rows = {name for name in called if "get" in name or name in {"query", "scan"}}
        assert rows == no_rows


@pytest.mark.requirement("V4")
def test_only_lists_histories_and_the_operators_sweeps_ask_by_query() -> None:
    """None of these ports is known to a journey that lets somebody in."""
    asking = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "query"
        if isinstance(node.value, ast.Attribute) and node.value.attr in {"_client", "_database"}
    }
    assert asking == {
        "accounts/dynamodb.py",
        "admin/dynamodb.py",
        "audit/dynamodb.py",
        "storage/dynamodb.py",
    }
    deciding = ("sign_in", "enrolment", "recovery", "verification", "manage", "portals")
    for path in MODULES:
        if path.relative_to(ROOT).parts[0] in deciding:
            known = {node.id for node in ast.walk(_tree(path)) if isinstance(node, ast.Name)}
            assert not known & {"UserLists", "EventHistory"}, path
