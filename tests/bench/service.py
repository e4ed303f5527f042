"""Measures of the service: what one request costs it, beside the bare framework on the same server.

Processor time of the server is compared, not requests a second: on a machine that also runs the client, and other
things, it is what stays the same. One worker on one core does 1 / cost requests a second at most.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import postgres_server
from served_prompts import entry, write_bundle

from catalog_tool.backends.base import Backend
from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.server.access import Guard
from catalog_tool.server.app import App
from catalog_tool.server.metrics import Board
from catalog_tool.server.origin import BundleOrigin
from catalog_tool.server.routes import NAMES
from catalog_tool.server.service import Parts, Service
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import done, held

from .bare_starlette import application
from .measure import REPOSITORY, CommandError, environment
from .rows import Row
from .setting import Setting

CONNECTIONS = 8
SECONDS = 0.1
"""How long one round of one server lasts: many short ones find a quiet moment on a busy machine."""
_ROUNDS = 16
"""Rounds for each run that was asked for."""
_LONG_SECONDS, _LONG_ROUNDS = 0.8, 4
"""Of the service over stores: every round has to hold looks for news, which come two to five times a second."""
_CALLS = 2000
_TEXT = "You are a support agent. " * 50 + "{{name}}"
_MICRO = 1_000_000
_NANO = 1_000_000_000


class Cost(NamedTuple):
    """Of one round: seconds of processor time a request, requests a second, and how long one took, in seconds."""

    cpu: float
    rate: float
    p99: float


class Served(NamedTuple):
    """A server that answers, and the request that is sent to it."""

    process: subprocess.Popen[bytes]
    port: int
    request: bytes


def service(setting: Setting) -> list[Row]:
    """A 2 KB prompt against the bare framework; 304 against 200; two workers against one; Postgres against SQLite."""
    folder = setting.scratch / "service"
    folder.mkdir(exist_ok=True)
    write_bundle(
        folder / "bundle.json", {"support_agent": {"production": "v1"}}, {"support_agent": {"v1": entry(_TEXT)}}
    )
    with ExitStack() as stack:
        ours = stack.enter_context(_ours(folder, "--bundle", "bundle.json"))
        two = stack.enter_context(_ours(folder, "--bundle", "bundle.json", "--workers", "2"))
        head, body = _asked(ours)
        (folder / "body.json").write_bytes(body)
        tag = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"etag: "))[6:]
        same = ours._replace(request=_request(b"If-None-Match: " + tag + b"\r\n"))
        unchanged = sum(map(len, _asked(same)))
        bare = stack.enter_context(_bare(folder))
        costs = _rounds({"ours": ours, "same": same, "two": two, "bare": bare}, _ROUNDS * setting.runs)
    found = {name: _best(told) for name, told in costs.items()}
    _tell(found, len(body))
    return [
        _apart(folder, body),
        _row("service: GET of a 2 KB prompt, cpu", found["ours"].cpu, "starlette on granian", found["bare"].cpu, 1.25),
        # A 200 is one copy of bytes here, so in processor time the two differ by less than this bench can tell.
        _row("service: 304, cpu", found["same"].cpu, "200 of the service", found["ours"].cpu, 1.05),
        Row("service: 304, bytes sent", unchanged, "200 of the service", len(head) + len(body), "B", 0.2),
        _row("service: GET of a 2 KB prompt, p99", found["ours"].p99, "starlette on granian", found["bare"].p99, 2.0),
        _row("service: two workers, p99", found["two"].p99, "one worker", found["ours"].p99, 2.0),
        *_stores(setting),
    ]


def _stores(setting: Setting) -> list[Row]:
    """The same prompt out of two stores: all that a store may cost is the watching."""
    binaries = postgres_server.binaries()
    if binaries is None:
        print("!!! POSTGRES IS NOT THERE, the service over it was not measured", file=sys.stderr)
        return []
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server.running(binaries))
        url = server.url(stack.enter_context(server.database()))
        path = setting.scratch / "service" / "store.db"
        _fill(lambda prefix="": connect_postgres({"url": url, "prefix": prefix}))
        _fill(lambda prefix="": connect_sqlite({"path": str(path), "prefix": prefix}))
        stores = {"sqlite": f"path: {json.dumps(str(path))}", "postgres": f"url: {json.dumps(url)}"}
        served = {}
        for name, where in stores.items():
            folder = setting.scratch / "service" / name
            (folder / "prompts").mkdir(parents=True, exist_ok=True)
            target = f"format: 1\ncatalog: bench\ntargets:\n  only: {{backend: {name}, {where}}}\n"
            (folder / "catalog.yaml").write_text(target, "utf-8")
            served[name] = stack.enter_context(_ours(folder, "--target", "only"))
        size = len(_asked(served["postgres"])[1])
        costs = _rounds(served, _LONG_ROUNDS * setting.runs, _LONG_SECONDS)
    found = {name: _middle(told) for name, told in costs.items()}
    _tell(found, size)
    # Rounds that ran one after the other had the same neighbours on the machine: their ratios say more than medians do.
    over = median(here.cpu / there.cpu for here, there in zip(costs["postgres"], costs["sqlite"], strict=True))
    under = found["sqlite"].cpu
    return [_row("service: GET of a 2 KB prompt over Postgres, cpu", over * under, "over SQLite", under, 1.1)]


def _fill(connect: Callable[..., Backend]) -> None:
    backend = held(connect)
    done(backend, put_version("support_agent", text=_TEXT), put_label("v1", name="support_agent"))
    backend.drop_lease("token-1")
    backend.close()


def _tell(found: dict[str, Cost], size: int) -> None:
    for name, cost in found.items():
        told = f"{cost.cpu * _MICRO:.1f} us cpu, {cost.rate:.0f}/s, p99 {cost.p99 * 1000:.2f} ms"
        print(f"  {name}: {told} ({CONNECTIONS} connections, {size} bytes)", file=sys.stderr)


def _row(what: str, measured: float, floor: str, of_floor: float, target: float) -> Row:
    return Row(what, measured * _MICRO, floor, of_floor * _MICRO, "µs", target)


def _request(more: bytes = b"") -> bytes:
    return b"GET /v1/prompts/support_agent?label=production HTTP/1.1\r\nHost: localhost\r\n" + more + b"\r\n"


@contextmanager
def _started(command: Sequence[str], cwd: Path, port: int) -> Iterator[Served]:
    process = subprocess.Popen(
        command, cwd=cwd, env=environment({"PYTHONPATH": str(REPOSITORY)}), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    served = Served(process, port, _request())
    try:
        for _ in range(200):
            with suppress(OSError):
                if b" 200 " in _asked(served)[0]:
                    break
            time.sleep(0.1)
        else:
            raise CommandError(f"{' '.join(command)} never answered")
        yield served
    finally:
        process.terminate()
        process.wait()


def _ours(folder: Path, *options: str) -> AbstractContextManager[Served]:
    port = _free_port()
    options = ("serve", "--port", str(port), "--drain", "0", *options)
    return _started([sys.executable, "-m", "catalog_tool", *options], folder, port)


def _bare(folder: Path) -> AbstractContextManager[Served]:
    port = _free_port()
    command = [sys.executable, "-m", "tests.bench.bare_starlette", str(port), str(folder / "body.json")]
    return _started(command, REPOSITORY, port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _asked(served: Served) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(served.request)
        head, _, body = line.recv(1 << 16).partition(b"\r\n\r\n")
        length = next(
            (int(part[16:]) for part in head.lower().split(b"\r\n") if part.startswith(b"content-length: ")), 0
        )
        while len(body) < length:
            body += line.recv(1 << 16)
        return head, body


def _rounds(servers: dict[str, Served], rounds: int, seconds: float = SECONDS) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in servers}
    for number in range(rounds):
        names = list(servers)
        for name in names if number % 2 == 0 else reversed(names):
            costs[name].append(_round(servers[name], seconds))
    return costs


def _best(told: Sequence[Cost]) -> Cost:
    return Cost(min(each.cpu for each in told), max(each.rate for each in told), min(each.p99 for each in told))


def _middle(told: Sequence[Cost]) -> Cost:
    return Cost(*map(median, zip(*told, strict=True)))


def _round(served: Served, seconds: float) -> Cost:
    """Every connection asks again as soon as it was answered."""
    size = sum(map(len, _asked(served))) + 4
    before = _spent(served.process.pid)
    took_each: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        for _ in range(CONNECTIONS):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", served.port)))
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(line, selectors.EVENT_READ, [size, time.perf_counter()])
            line.sendall(served.request)
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            for key, _ in ready.select(1.0):
                waiting = key.data
                waiting[0] -= len(key.fileobj.recv(1 << 16))  # type: ignore[union-attr]  # a socket
                if waiting[0] <= 0:
                    took_each.append(now - waiting[1])
                    waiting[:] = [size, now]
                    key.fileobj.sendall(served.request)  # type: ignore[union-attr]  # a socket
        took = time.perf_counter() - started
    cpu = _spent(served.process.pid) - before
    return Cost(cpu / len(took_each), len(took_each) / took, quantiles(took_each, n=100)[98])


def _spent(pid: int) -> float:
    """Seconds of processor time of a process's children, with all their threads."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    times = [
        file.read_text("ascii").split()[0]
        for child in children
        for file in Path(f"/proc/{child}/task").glob("*/schedstat")
    ]
    return sum(map(int, times)) / _NANO


def _apart(folder: Path, body: bytes) -> Row:
    """What the two applications do themselves, called without a server: the fastest of many short rounds."""
    board = Board(folder / "board", NAMES)
    origin = BundleOrigin(folder / "bundle.json")
    app = App(Service(Parts(origin, None, origin.contents, Guard(None), board)))
    loop = asyncio.new_event_loop()
    try:
        app.service.keeper.start()
        app.service.keeper.refresh()
        calls = {"ours": _calls(app), "bare": _calls(application(body))}
        best = dict.fromkeys(calls, float("inf"))
        for _ in range(60):
            for name, work in calls.items():
                best[name] = min(best[name], loop.run_until_complete(work()))
    finally:
        app.service.keeper.close()
        loop.close()
    return _row(
        "service: GET of a 2 KB prompt, the application's part", best["ours"], "starlette's part", best["bare"], 1.0
    )


def _calls(app: Any) -> Callable[[], Awaitable[float]]:
    """Seconds of one call, over ``_CALLS`` of them."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        pass

    def scope() -> dict[str, Any]:
        path = "/v1/prompts/support_agent"
        found = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": ""}
        return found | {
            "query_string": b"label=production",
            "headers": [(b"host", b"localhost")],
            "http_version": "1.1",
        }

    async def work() -> float:
        scopes = [scope() for _ in range(_CALLS)]
        started = time.perf_counter()
        for each in scopes:
            await app(each, receive, send)
        return (time.perf_counter() - started) / _CALLS

    return work
