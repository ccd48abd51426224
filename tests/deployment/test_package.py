"""What `make package` makes: everything that a request can reach, nothing else, always the same bytes."""

from __future__ import annotations

import ast
import importlib.util
import json
import marshal
import platform
import re
import shutil
import ssl
import struct
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from types import CodeType
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.session import Session

from chalicelib.deployment import PROJECT
from chalicelib.deployment import package as packaging
from chalicelib.deployment.aws_operations import CALLED_OPERATIONS
from chalicelib.deployment.botocore_data import AMAZON_ROOTS
from chalicelib.deployment.package import ARCHITECTURES, PackageError, build
from tests.support.packages import NATIVE, Packaged, Unpacked

LARGEST_ZIP_BYTES = 8_000_000
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
WHAT_SHIPS = {
    *("app.pyc", "chalicelib", "chalice"),
    *("botocore", "dateutil", "jmespath", "urllib3"),
    *("argon2", "_argon2_cffi_bindings", "_cffi_backend", "pynamodb", "pyotp", "segno"),
    *("joserfc", "cryptography"),
}
# What the C library of Lambda's machines knows: Amazon Linux 2 up to Python 3.11, 2023 from then on.
GLIBC = (2, 26) if sys.version_info < (3, 12) else (2, 34)
# One region of each partition.
REGIONS = ("eu-north-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1")


@pytest.fixture(scope="module")
def native(packaged: Packaged) -> Unpacked:
    """The package for this machine."""
    return packaged(NATIVE)


def names_in(zip_path: Path) -> list[PurePosixPath]:
    with zipfile.ZipFile(zip_path) as packed:
        return [PurePosixPath(name) for name in packed.namelist()]


def test_the_zip_holds_the_product_and_what_it_imports(native: Unpacked) -> None:
    names = names_in(native.package.zip_path)

    assert {name.parts[0].split(".cpython")[0] for name in names} == WHAT_SHIPS
    assert {name.name for name in names if name.parts[0] == "chalice"} >= {"app.pyc", "__init__.pyc"}


def test_nothing_of_the_operators_machine_is_in_the_zip(native: Unpacked) -> None:
    names = names_in(native.package.zip_path)
    parts = {part for name in names for part in name.parts}
    suffixes = {name.suffix for name in names}

    assert not parts & {"local", "deployment", "static", "tests", "bin", ".chalice", "requirements.txt"}
    assert not {part for part in parts if part.endswith((".dist-info", ".data"))}
    assert suffixes == {".pyc", ".so", ".json", ".txt", ".pem"}
    # Ours is what the commit holds, nothing more.
    ours = {name for name in names if name.parts[0] == "chalicelib"}
    sources = {name.with_suffix(".py") if name.suffix == ".pyc" else name for name in ours}
    assert sources <= {PurePosixPath(path.relative_to(PROJECT)) for path in PROJECT.glob("chalicelib/**/*")}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_compiled_libraries_are_for_the_functions_processor(packaged: Packaged, architecture: str) -> None:
    folder = packaged(architecture).folder
    libraries = list(folder.rglob("*.so"))

    assert libraries
    for library in libraries:
        header = library.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert struct.unpack("<H", header[18:20]) == (ELF_MACHINES[architecture],), library


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_compiled_libraries_need_no_newer_system_than_lambdas(
    packaged: Packaged, architecture: str
) -> None:
    """Each names the versions of the C library whose functions it calls."""
    for library in packaged(architecture).folder.rglob("*.so"):
        needed = re.findall(rb"GLIBC_([0-9]+)\.([0-9]+)", library.read_bytes())
        assert needed, library
        assert max((int(major), int(minor)) for major, minor in needed) <= GLIBC, library


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_zip_is_small_for_either_processor(packaged: Packaged, architecture: str) -> None:
    assert packaged(architecture).package.zip_path.stat().st_size <= LARGEST_ZIP_BYTES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_template_says_the_same_as_the_package(packaged: Packaged, architecture: str) -> None:
    package = packaged(architecture).package
    resources = json.loads(package.template_path.read_bytes())["Resources"].values()
    functions = [r["Properties"] for r in resources if r["Type"] == "AWS::Serverless::Function"]

    assert len(functions) == 6
    for function in functions:
        assert function["CodeUri"] == "./deployment.zip"
        assert function["Runtime"] == package.runtime == "python{}.{}".format(*sys.version_info)
        assert function["Architectures"] == [package.architecture] == [architecture]


def test_the_same_sources_give_the_same_bytes_in_another_folder_and_shell(
    native: Unpacked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where tests have run before, and files are of another day."""
    for name, value in {"STAGE": "local", "DEFAULT_TENANT": "No Tenant", "ORIGIN_SECRETS": "a,b,c"}.items():
        monkeypatch.setenv(name, value)
    project = copied_project(tmp_path)
    for stale in ("left_over.pyc", "__pycache__/left_over.cpython-311.pyc"):
        (project / "chalicelib" / stale).parent.mkdir(exist_ok=True)
        (project / "chalicelib" / stale).write_bytes(b"left over")

    again = build("prod", tmp_path / "out", architecture=NATIVE, project=project)

    assert again.sha256 == native.package.sha256
    assert again.template_path.read_bytes() == native.package.template_path.read_bytes()


def test_every_module_is_compiled_for_good_for_the_functions_python(native: Unpacked) -> None:
    """Unchecked: Python takes the byte-code and misses no source."""
    modules = list(native.folder.rglob("*.pyc"))

    assert modules
    for module in modules:
        octets = module.read_bytes()
        assert octets[:4] == importlib.util.MAGIC_NUMBER
        assert int.from_bytes(octets[4:8], "little") == 0b01, module
        code: CodeType = marshal.loads(octets[16:])  # noqa: S302 - made by the build above
        assert code.co_filename == f"/var/task/{module.relative_to(native.folder).with_suffix('.py')}"


def test_operations_are_those_that_the_code_calls() -> None:
    called = {name for path in product_sources() for name in client_methods_in(path)}

    assert called == {xform_name(name) for names in CALLED_OPERATIONS.values() for name in names}


def product_sources() -> Iterator[Path]:
    yield PROJECT / "app.py"
    for path in (PROJECT / "chalicelib").rglob("*.py"):
        if path.relative_to(PROJECT).parts[1] not in {"local", "deployment"}:
            yield path


def client_methods_in(path: Path) -> Iterator[str]:
    """Yield what the code calls on anything named client."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            # A portal's machine is a client too, and nothing of it is called like an operation.
            if name.lstrip("_") in {"client", "dynamodb", "kms"} and node.attr in every_operation():
                yield node.attr


@cache
def every_operation() -> frozenset[str]:
    """Return all that clients of our services can be asked for."""
    models = [Session().get_service_model(service) for service in CALLED_OPERATIONS]
    return frozenset(xform_name(name) for model in models for name in model.operation_names)


def test_botocore_knows_our_operations_whole_and_nothing_else(native: Unpacked) -> None:
    whole, trimmed = Session(), trimmed_session(native)

    assert set(trimmed.get_available_services()) == set(CALLED_OPERATIONS)
    for service, operations in CALLED_OPERATIONS.items():
        full, cut = whole.get_service_model(service), trimmed.get_service_model(service)
        assert set(cut.operation_names) == set(operations)
        assert cut.metadata == full.metadata
        for name in operations:
            ours, theirs = cut.operation_model(name), full.operation_model(name)
            assert ours.http == theirs.http
            assert described(ours.input_shape) == described(theirs.input_shape)
            assert described(ours.output_shape) == described(theirs.output_shape)
            assert [described(error) for error in ours.error_shapes] == [
                described(error) for error in theirs.error_shapes
            ]
    text = (native.folder / "botocore/data/dynamodb/2012-08-10/service-2.json").read_text("utf-8")
    assert '"documentation"' not in text


def described(shape: Any, above: tuple[str, ...] = ()) -> Any:
    """Return all that botocore goes by in *shape*; a shape within itself is told by its name."""
    if shape is None or shape.name in above:
        return shape and shape.name
    parts: dict[str, Any] = {}
    match shape.type_name:
        case "structure":
            parts = dict(shape.members)
        case "list":
            parts = {"member": shape.member}
        case "map":
            parts = {"key": shape.key, "value": shape.value}
    below = {name: described(part, (*above, shape.name)) for name, part in parts.items()}
    return shape.name, shape.type_name, shape.serialization, shape.metadata, below


@pytest.mark.parametrize("region", REGIONS)
def test_endpoints_are_botocores_own_in_every_partition(native: Unpacked, region: str) -> None:
    for service in CALLED_OPERATIONS:
        ours, theirs = (
            session.create_client(service, region_name=region)
            for session in (trimmed_session(native), Session())
        )
        assert ours.meta.endpoint_url == theirs.meta.endpoint_url
        assert ours.meta.partition == theirs.meta.partition


def test_every_region_of_every_partition_is_known(native: Unpacked) -> None:
    whole, trimmed = Session(), trimmed_session(native)

    for partition in whole.get_available_partitions():
        for service in CALLED_OPERATIONS:
            assert trimmed.get_available_regions(service, partition) == whole.get_available_regions(
                service, partition
            )


def test_only_amazons_roots_are_trusted(native: Unpacked) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(native.folder / "botocore/cacert.pem")
    roots: list[Any] = context.get_ca_certs()
    names = [value for root in roots for ((what, value),) in root["subject"] if what == "commonName"]

    assert sorted(names) == sorted(AMAZON_ROOTS)


def trimmed_session(unpacked: Unpacked) -> Session:
    session = Session()
    data = str(unpacked.folder / "botocore/data")
    session.register_component(
        "data_loader", Loader(extra_search_paths=[data], include_default_search_paths=False)
    )
    return session


@pytest.mark.parametrize("stage", ["", "local", "production"])
def test_an_unknown_stage_is_refused(stage: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=rf"^The stage must be dev or prod, not '{stage}'\.$"):
        build(stage, tmp_path)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"^The architecture must be arm64 or x86_64, not 'i386'\.$"):
        build("dev", tmp_path, architecture="i386")


def test_a_python_that_lambda_does_not_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "_NEWEST_PYTHON", (3, 10))

    with pytest.raises(
        PackageError, match=r"^Lambda runs Python 3\.11 to 3\.10 for us, and this is 3\.\d+\.$"
    ):
        build("dev", tmp_path)


def test_chalices_own_last_words_are_told(tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    (project / "app.py").write_text("import nothing_of_that_name\n")

    with pytest.raises(
        PackageError, match=r"^`chalice package` failed: .*'nothing_of_that_name'"
    ) as raised:
        build("dev", tmp_path / "out", project=project)
    assert "\n" not in str(raised.value)


def test_an_index_out_of_reach_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(PackageError, match=r"^What requirements\.txt names cannot be fetched: does pip"):
        build("dev", tmp_path)


def test_what_has_no_wheel_for_the_function_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chalice itself would go on without it."""
    project = copied_project(tmp_path)
    (project / "requirements.txt").write_text("for-this-machine-only==1.0\n")
    name, version = "for_this_machine_only", "1.0"
    info = f"{name}-{version}.dist-info"
    tag = f"py3-none-linux_{platform.machine()}"
    with zipfile.ZipFile(tmp_path / f"{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    (foreign,) = {*ARCHITECTURES} - {NATIVE}

    with pytest.raises(PackageError, match=r"^No wheel runs .* for for-this-machine-only\.$"):
        build("dev", tmp_path / "out", architecture=foreign, project=project)


def copied_project(folder: Path) -> Path:
    """Return another folder with all that a package is made from."""
    project = folder / "elsewhere"
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(PROJECT / name, project / name, copy_function=shutil.copyfile)
    for name in ("app.py", "requirements.txt"):
        shutil.copyfile(PROJECT / name, project / name)
    return project
