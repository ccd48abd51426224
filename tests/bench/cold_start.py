"""The first verification of a fresh process: as `chalice package` ships the product, and as we do."""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from chalicelib.deployment import PROJECT
from chalicelib.deployment import package as packaging
from chalicelib.deployment.botocore_data import trim_data, trim_roots
from chalicelib.deployment.package import build
from chalicelib.deployment.slim import compile_all, unpack
from chalicelib.deployment.stand_ins import put_stand_ins
from tests.bench import bills, prices
from tests.bench.authority import Authority, make_authority
from tests.bench.canned import canned_server, set_stage
from tests.bench.figures import Figure, Section, table, table_of
from tests.bench.importing import profile
from tests.bench.journey import VERIFICATION, Ticket, Visitor
from tests.bench.processor_share import WHOLE_MEGABYTES, share_of_processor
from tests.support.api_gateway import api_gateway_transport
from tests.support.clock import ManualClock
from tests.support.lambda_runtime import PYTHON, LambdaFunction, running
from tests.support.packages import NATIVE

STAGE = "prod"
ROUNDS = 15
PROFILES = 5
MEGABYTES = (256, 512, 1_024, 1_769)
ROUNDS_OF_A_SIZE = 3
_ORIGIN_SECRET = "the-secret-that-cloudfront-adds-to-requests"
_SIGN_IN = ("POST /api/session", "later sign-in")
_ROOTS = Path("botocore/cacert.pem")
_COMPARED = ("plain", "untouched", "built")

# What is done to Chalice's own package, one upon the other.
_STEPS: Mapping[str, Callable[[Path], None]] = {
    "byte-code in the place of sources": lambda _: None,  # compiled last, whatever else is done
    "botocore's data cut to our services and operations": lambda folder: trim_data(
        folder / "botocore/data"
    ),
    "Amazon's own root certificates alone": lambda folder: trim_roots(folder / _ROOTS),
    "stand-ins for what every start imports and nobody uses": put_stand_ins,
}
# What the sources do, undone one by one: file, text, text instead.
_UNDONE: Mapping[str, tuple[str, str, str]] = {
    "the garbage collector waits until all is made": ("app.py", "gc.disable()\n", "\n"),
    "connections are opened at the start, both at once": (
        "app.py",
        "connected=on_lambda",
        "connected=False",
    ),
    "one botocore session for both clients": (
        "chalicelib/bootstrap.py",
        "make_client(session, ",
        "make_client(AwsSession(), ",
    ),
    "argon2 and segno are imported when needed": (
        "app.py",
        "import gc\n",
        "import gc\nimport argon2.exceptions\nimport segno\n",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Start:
    """What one fresh process took until it had answered a verification."""

    init_ms: float
    first_answer_ms: float
    processor_ms: float
    peak_megabytes: float


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An unpacked package, and the root certificates that it goes by beside the throw-away one."""

    folder: Path
    roots: Path


class Cloud:
    """An AWS behind TLS that answers at once, and visitors who stand before a verification."""

    def __init__(self, url: str, tickets: Mapping[tuple[str, str], Ticket], folder: Path) -> None:
        self._url = url
        self._tickets = tickets
        self._folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """The function's, but for its certificates."""
        return {
            "STAGE": STAGE,
            "STATE_TABLE": "tvasteg-prod-state",
            "EVENTS_TABLE": "tvasteg-prod-events",
            "SECRET_KEY_ID": "alias/tvasteg-prod-secrets",
            "SIGNING_KEY_ID": "alias/tvasteg-prod-assertions",
            "ORIGIN_SECRETS": _ORIGIN_SECRET,
            "DEFAULT_TENANT": "cozone",
            "AWS_REGION": "eu-north-1",
            "AWS_ENDPOINT_URL": self._url,
        }

    @contextmanager
    def function(self, variant: Variant) -> Iterator[LambdaFunction]:
        """Start the function; its answers come as soon as it can give them."""
        environment = self.environment | {"AWS_CA_BUNDLE": str(variant.roots)}
        output = self._folder / "output.txt"
        with running(variant.folder, "app.app", output=output, environment=environment) as function:
            yield function

    def visitor(self, function: LambdaFunction, step: tuple[str, str] = VERIFICATION) -> Visitor:
        """Return who stands before *step*; the same request can be made again and again."""
        transport = api_gateway_transport(function.invoke, origin_secret=_ORIGIN_SECRET)
        return Visitor(self._tickets[step], transport, ManualClock(time.time()))

    def start(self, variant: Variant) -> Start:
        """Let a fresh process answer one verification."""
        processor_before = _processor_seconds_of_ended_children()
        with self.function(variant) as function:
            _verify(self.visitor(function))
            peak = _peak_megabytes(function.process_id)
        return Start(
            init_ms=function.init_seconds * 1_000,
            first_answer_ms=function.first_answer_seconds * 1_000,
            processor_ms=(_processor_seconds_of_ended_children() - processor_before) * 1_000,
            peak_megabytes=peak,
        )


def _verify(visitor: Visitor) -> None:
    answer = visitor.wizard.verify(visitor.right_code)
    assert answer.status == 200, answer.text


def _sign_in(visitor: Visitor) -> None:
    answer = visitor.sign_in_anew()
    assert answer.status == 200, answer.text


def measure() -> Section:
    """Build both packages and start each again and again, in turns."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        authority = make_authority(folder)
        built = build(STAGE, folder / "out", architecture=NATIVE)
        plain_zip = _chalice_package(folder / "chalice")
        variants = _variants(folder, authority, plain_zip=plain_zip, built_zip=built.zip_path)
        stage = set_stage(at=int(time.time()))
        with canned_server(stage.rows, tls=authority.server) as url:
            cloud = Cloud(url, stage.tickets, folder)
            starts = _starts(cloud, variants)
            sizes = {size: _at_size(cloud, variants["built"], size) for size in MEGABYTES}
            profiles = profile(
                {name: variants[name].folder for name in ("plain", "built")},
                cloud.environment,
                rounds=PROFILES,
            )
        megabytes = {"plain": plain_zip.stat().st_size / 1e6, "built": built.zip_path.stat().st_size / 1e6}
    return Section(title="Cold start", text=_text(starts, sizes, profiles, zip_megabytes=megabytes))


def _chalice_package(folder: Path) -> Path:
    """Return the zip of plain `chalice package`: the same sources, the same requirements."""
    folder.mkdir()
    packaging._copy_what_ships(PROJECT, folder / "project")
    packaging._settle_architecture(folder / "project/.chalice/config.json", STAGE, NATIVE)
    packaging._run_chalice(folder / "project", folder / "made", STAGE, {})
    return folder / "made/deployment.zip"


def _variants(
    folder: Path, authority: Authority, *, plain_zip: Path, built_zip: Path
) -> dict[str, Variant]:
    def unpacked(name: str, package: Path) -> Path:
        target = folder / name
        with zipfile.ZipFile(package) as packed:
            packed.extractall(target)
        return target

    def variant(target: Path) -> Variant:
        return Variant(folder=target, roots=authority.beside(target / _ROOTS))

    plain = unpacked("plain", plain_zip)
    variants = {"plain": variant(plain), "built": variant(unpacked("built", built_zip))}
    for number, step in enumerate(_STEPS, start=1):
        target = folder / f"step-{number}"
        shutil.copytree(plain, target)
        for do in list(_STEPS.values())[:number]:
            do(target)
        compile_all(target)
        variants[step] = variant(target)
    for number, trick in enumerate(_UNDONE):
        target = folder / f"undone-{number}"
        unpack(plain_zip, target)
        _undo(trick, target)
        compile_all(target)
        variants[trick] = variant(target)
    untouched = unpacked("untouched", plain_zip)
    for trick in _UNDONE:
        _undo(trick, untouched)
    return variants | {"untouched": variant(untouched)}


def _undo(trick: str, folder: Path) -> None:
    name, text, instead = _UNDONE[trick]
    source = (folder / name).read_text(encoding="utf-8")
    assert source.count(text) == 1, f"{name} says no more: {text}"
    (folder / name).write_text(source.replace(text, instead), encoding="utf-8")


def _starts(cloud: Cloud, variants: Mapping[str, Variant]) -> dict[str, Start]:
    starts: dict[str, list[Start]] = {name: [] for name in variants}
    for turn in range(ROUNDS):
        # What is compared with the target comes twice as often, one beside the other.
        names = list(variants) if turn % 2 else list(_COMPARED)
        for name in names:
            starts[name].append(cloud.start(variants[name]))
    return {name: _median(taken) for name, taken in starts.items()}


def _median(starts: Sequence[Start]) -> Start:
    return Start(
        init_ms=statistics.median(start.init_ms for start in starts),
        first_answer_ms=statistics.median(start.first_answer_ms for start in starts),
        processor_ms=statistics.median(start.processor_ms for start in starts),
        peak_megabytes=statistics.median(start.peak_megabytes for start in starts),
    )


@dataclass(frozen=True, kw_only=True)
class AtSize:
    """What users wait for, where Lambda gives a function so many megabytes, and what one of them costs."""

    cold_start_ms: float
    verification_ms: float
    sign_in_ms: float


def _at_size(cloud: Cloud, variant: Variant, megabytes: int) -> AtSize:
    share = megabytes / WHOLE_MEGABYTES
    cold, verifications, sign_ins = [], [], []
    for _ in range(ROUNDS_OF_A_SIZE):
        with cloud.function(variant) as function, share_of_processor(function.process_id, share):
            _verify(cloud.visitor(function))
            cold.append(function.first_answer_seconds * 1_000)
            verifications += [_milliseconds(_verify, cloud.visitor(function)) for _ in range(10)]
            _sign_in(cloud.visitor(function, _SIGN_IN))  # which also imports argon2
            sign_ins += [_milliseconds(_sign_in, cloud.visitor(function, _SIGN_IN)) for _ in range(3)]
    return AtSize(
        cold_start_ms=statistics.median(cold),
        verification_ms=statistics.median(verifications),
        sign_in_ms=statistics.median(sign_ins),
    )


def _milliseconds(act: Callable[[Visitor], None], visitor: Visitor) -> float:
    started = time.perf_counter()
    act(visitor)
    return (time.perf_counter() - started) * 1_000


def _processor_seconds_of_ended_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_megabytes(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1_024


def _text(
    starts: Mapping[str, Start],
    sizes: Mapping[int, AtSize],
    profiles: Mapping[str, Mapping[str, tuple[float, int]]],
    *,
    zip_megabytes: Mapping[str, float],
) -> str:
    gigabyte_second = f"{prices.GIGABYTE_SECOND.dollars:.10f}"
    request = prices.LAMBDA_REQUEST.of(1_000_000)
    return f"""{table_of(_figures(starts, zip_megabytes))}

From the start of the process to its first answer, under Lambda's own runtime client and a Runtime API of
ours: medians of {ROUNDS} fresh processes each, taken in turns. AWS is a local server behind TLS that
answers at once. "Plain" is what `chalice package` makes of the same sources and requirements. All files
are read from memory, where a large package costs nothing; on Lambda fetching it comes on top.
What is left of our start is imports (the table below): Python's own library, which botocore and urllib3 ask
for, their regular expressions, and our frozen data classes, which Python writes and compiles at each start.
To make these plain classes would save the most; they stay, for nothing may change what was read or decided.

### What each trick is worth

{_tricks_of_packaging(starts)}

Processor time. One is done upon the other; the last line is what `make package` builds. What the sources
do, each undone by itself (it helps the plain package too):

{_tricks_of_sources(starts)}

### What is imported, before and after

{_import_table(profiles)}

Milliseconds and modules by Python's own profile (`-X importtime`, which itself takes time), medians of
{PROFILES}. Before: plain, after: built. Without Python's own start, and without the first request.

### How much memory

{_size_table(sizes)}

Lambda gives a function processor time by its memory, one whole processor at {WHOLE_MEGABYTES:,} MB. Here
signals halt the process as soon as it has used its part of every 20 ms; so also during the start, for
which Lambda is said to give more. The price is Lambda's alone, for warm verifications: what was measured
here and {_waited_ms():.0f} ms of waiting for AWS, as [costs](costs.md) assumes, at {gigabyte_second} $ a
GB-second (arm64) and {request:.2f} $ a million requests ({prices.REGION}, {prices.LOOKED_UP}).

`.chalice/config.json` sets **{bills.api_megabytes():,} MB**. Where few people sign in, most of them meet a
cold start: with less memory they wait noticeably longer, with more the price rises and little is won.
"""


def _figures(starts: Mapping[str, Start], zip_megabytes: Mapping[str, float]) -> Iterator[Figure]:
    plain, built = starts["plain"], starts["built"]
    ratio = built.first_answer_ms / plain.first_answer_ms
    yield Figure(
        what="process start to first verification answered, by the built zip",
        measured=f"{ratio:.3f} x plain ({built.first_answer_ms:.0f} and {plain.first_answer_ms:.0f} ms)",
        target="at most 0.33 x",
        met=ratio <= 0.33,
        remark=f"processor time: {built.processor_ms / plain.processor_ms:.3f} x "
        f"({built.processor_ms:.0f} and {plain.processor_ms:.0f} ms)",
    )
    runtime_ms = _runtime_alone_ms()
    ours_ms, plains_ms = built.first_answer_ms - runtime_ms, plain.first_answer_ms - runtime_ms
    yield Figure(
        what="the same without what Python and the runtime client take in both",
        measured=f"{ours_ms / plains_ms:.3f} x ({ours_ms:.0f} and {plains_ms:.0f} ms)",
        remark=f"these alone: {runtime_ms:.0f} ms",
    )
    untouched = starts["untouched"]
    yield Figure(
        what="the same beside plain without what the sources do for it either",
        measured=f"{built.first_answer_ms / untouched.first_answer_ms:.3f} x "
        f"({untouched.first_answer_ms:.0f} ms)",
        remark=f"processor time: {built.processor_ms / untouched.processor_ms:.3f} x",
    )
    yield Figure(
        what="of it, until the runtime asks for the first event",
        measured=f"{built.init_ms:.0f} ms (plain: {plain.init_ms:.0f})",
        remark="imports, AWS clients, two TLS connections",
    )
    yield Figure(
        what="of it, the first verification itself",
        measured=f"{built.first_answer_ms - built.init_ms:.0f} ms "
        f"(plain: {plain.first_answer_ms - plain.init_ms:.0f})",
    )
    yield Figure(
        what="size of the zip",
        measured=f"{zip_megabytes['built']:.2f} MB (plain: {zip_megabytes['plain']:.1f})",
        target="at most 8 MB",
        met=zip_megabytes["built"] <= 8,
    )
    yield Figure(
        what="peak memory after the first verification",
        measured=f"{built.peak_megabytes:.0f} MB (plain: {plain.peak_megabytes:.0f})",
    )


def _runtime_alone_ms() -> float:
    """Return how long a process takes that only loads Lambda's runtime client."""

    def start() -> float:
        started = time.perf_counter()
        subprocess.run([PYTHON, "-c", "import awslambdaric.bootstrap"], check=True)
        return (time.perf_counter() - started) * 1_000

    return statistics.median(start() for _ in range(ROUNDS))


def _tricks_of_packaging(starts: Mapping[str, Start]) -> str:
    plain = starts["plain"].processor_ms
    rows, before = [("as `chalice package` makes it", f"{plain:.0f} ms", "1", "-")], plain
    for step in _STEPS:
        taken = starts[step].processor_ms
        rows.append((f"+ {step}", f"{taken:.0f} ms", f"{taken / plain:.2f}", f"{taken - before:+.0f} ms"))
        before = taken
    return table(("package", "until the first answer", "x plain", "effect"), rows)


def _tricks_of_sources(starts: Mapping[str, Start]) -> str:
    columns = ("what is done", "until the first answer", "of it, the first verification")
    rows = [("everything", *_two_times(starts["built"]))]
    rows += [(f"all but: {trick}", *_two_times(starts[trick])) for trick in _UNDONE]
    return table(columns, rows)


def _two_times(start: Start) -> tuple[str, str]:
    return f"{start.processor_ms:.0f} ms", f"{start.first_answer_ms - start.init_ms:.0f} ms by the clock"


def _import_table(profiles: Mapping[str, Mapping[str, tuple[float, int]]]) -> str:
    before, after = profiles["plain"], profiles["built"]
    nothing = (0.0, 0)
    parts = sorted(before.keys() | after.keys(), key=lambda part: -before.get(part, nothing)[0])
    rows = [
        (part, *(f"{ms:.1f} ms, {count}" for ms, count in (p.get(part, nothing) for p in (before, after))))
        for part in parts
        if before.get(part, nothing)[0] >= 1
    ]
    rows.append(
        (
            "everything",
            *(
                f"{sum(ms for ms, _ in p.values()):.0f} ms, {sum(count for _, count in p.values())}"
                for p in (before, after)
            ),
        )
    )
    return table(("what", "before", "after"), rows)


def _size_table(sizes: Mapping[int, AtSize]) -> str:
    return table(
        ("memory", "cold start", "verification, warm", "sign-in with password", "a million verifications"),
        [
            (
                f"{megabytes:,} MB",
                f"{at.cold_start_ms:.0f} ms",
                f"{at.verification_ms:.0f} ms",
                f"{at.sign_in_ms:.0f} ms",
                f"{_dollars_a_million(megabytes, at):.2f} $",
            )
            for megabytes, at in sizes.items()
        ],
    )


def _dollars_a_million(megabytes: int, at: AtSize) -> float:
    gigabyte_seconds = (at.verification_ms + _waited_ms()) / 1_000 * megabytes / 1_024
    return 1_000_000 * (prices.GIGABYTE_SECOND.of(gigabyte_seconds) + prices.LAMBDA_REQUEST.of(1))


def _waited_ms() -> float:
    calls = ("GetItem", "GetItem", "UpdateItem", "Decrypt", "UpdateItem", "TransactWriteItems")
    return float(sum(bills.WAITS_MS[call] for call in calls))
