"""Running the service: one supervising process, and workers that each hold the catalog in memory (granian).

SIGTERM first makes ``/readyz`` answer 503; requests are still served for ``drain_seconds``, so that load balancers
look away; then workers stop taking connections, finish what they have, and end. A second signal ends the wait.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from catalog_tool.backends.base import Backend
from catalog_tool.backends.registry import connect
from catalog_tool.errors import CatalogError, UnavailableError, UsageError
from catalog_tool.server.logs import log, log_to_stderr

try:
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings
    from granian.server.mp import MPServer

    from catalog_tool.server.access import Guard
    from catalog_tool.server.app import App
    from catalog_tool.server.holdings import EMPTY
    from catalog_tool.server.judging import OUR_OWN, Rulebook
    from catalog_tool.server.metrics import Board
    from catalog_tool.server.origin import (
        COUNTED,
        FAR,
        TOLD,
        BundleOrigin,
        DataVersion,
        Listener,
        Origin,
        Pace,
        Probe,
        StoreOrigin,
    )
    from catalog_tool.server.routes import NAMES
    from catalog_tool.server.service import Parts, Service, Store
    from catalog_tool.server.tokens import TokenFile
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("catalog_tool"):
        raise
    raise UsageError(
        f"the service needs {missing.name}, which is not installed", hint="pip install 'catalog-tool[server]'"
    ) from missing

HEADER_SECONDS = 5
"""How long a request's headers may take to come, and how long a kept connection may be silent."""
HEADER_BYTES = 64 * 1024
"""All headers of a request; more is 431."""
STOP_SECONDS = 20
"""How long a worker may take to finish what it has."""
BACKLOG = 4096
_FAR_BACKENDS = frozenset({"s3", "dynamodb", "http", "langfuse", "mlflow"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """All that a service is told. Either ``backend`` with its ``options``, or ``bundle``; both can be pickled.

    ``tokens`` None: none are configured.
    """

    host: str = "127.0.0.1"
    port: int = 8484
    workers: int = 1
    backend: str = ""
    options: Mapping[str, Any] | None = None
    bundle: Path | None = None
    blocks_edits: bool = False
    rulebook: Rulebook = OUR_OWN
    tokens: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    drain_seconds: float = 5.0


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. A name is believed to be another machine's, but ``localhost``."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def checked(serving: Serving) -> Serving:
    """Refuse what would open a catalog to strangers. Raises ``UsageError``."""
    has_tls = serving.tls_cert is not None and serving.tls_key is not None
    if (serving.tls_cert is None) != (serving.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if is_loopback(serving.host):
        return serving
    if serving.tokens is None:
        raise UsageError(
            f"{serving.host} can be reached by others, and no tokens are configured",
            hint="make one with `catalog token create`, or listen on 127.0.0.1",
        )
    if not has_tls and not serving.behind_proxy:
        raise UsageError(
            f"{serving.host} can be reached by others, and tokens would cross the network unencrypted",
            hint="give --tls-cert and --tls-key, or --behind-proxy where a proxy in front does TLS",
        )
    return serving


def serve(serving: Serving) -> None:
    """Serve until a signal. Raises ``UsageError`` for what cannot be served, before anything listens."""
    checked(serving)
    _insist_on_port(serving)
    _try(serving)
    with _board_file() as board_file:
        board = Board(board_file, NAMES)
        log_to_stderr()
        log("serving", host=serving.host, port=serving.port, workers=serving.workers, tokens=serving.tokens is not None)
        server = _Server(serving, board.drain)
        try:
            server.serve(target_loader=partial(load_app, serving, board_file), wrap_loader=False)
        except SystemExit as stop:  # granian's, where workers die as soon as they are started
            raise CatalogError("the service's workers cannot live", hint="the lines above say why") from stop
        log("ended")


@contextmanager
def _board_file() -> Iterator[Path]:
    """Where the workers' board lies, also for those that are started anew after weeks.

    In memory, as an open file of this process: a folder for temporary files is swept (systemd-tmpfiles: what
    nobody touched for ten days), and a mapped file looks untouched. Where processes cannot look at each
    other's files it lies in such a folder.
    """
    here = Path(f"/proc/{os.getpid()}")
    if not hasattr(os, "memfd_create") or not here.exists() or here.stat().st_uid != os.geteuid():
        with tempfile.TemporaryDirectory(prefix="catalog-serve-") as folder:
            yield Path(folder) / "board"
        return
    handle = os.memfd_create("catalog-board")
    try:
        yield here / "fd" / str(handle)
    finally:
        os.close(handle)


class _Server(MPServer):
    """granian, with a pause between the signal and the end."""

    def __init__(self, serving: Serving, drain: Callable[[], None]) -> None:
        super().__init__(
            "catalog",
            address=serving.host,
            port=serving.port,
            workers=serving.workers,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop if find_spec("uvloop") is not None else Loops.asyncio,
            http=HTTPModes.http1,
            websockets=False,
            backlog=BACKLOG,
            backpressure=BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=HEADER_BYTES),
            log_enabled=False,
            workers_kill_timeout=STOP_SECONDS,
            respawn_failed_workers=True,
            ssl_cert=serving.tls_cert,
            ssl_key=serving.tls_key,
        )
        self._drain = drain
        self._drain_seconds = serving.drain_seconds
        self._ending: threading.Timer | None = None

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        """First not ready any more, then, ``drain_seconds`` later or at a second signal, the end.

        A worker that was forked and is not set up yet still has this handler: it holds nothing, and goes.
        """
        if os.getpid() != self.pid:
            os._exit(0)
        self._drain()
        if self._ending is not None or self._drain_seconds <= 0:
            super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]  # granian's
            return
        log("draining", seconds=self._drain_seconds)
        self._ending = threading.Timer(self._drain_seconds, super().signal_handler_interrupt)
        self._ending.daemon = True
        self._ending.start()


def _insist_on_port(serving: Serving) -> None:
    """Refuse a port that another process has: workers share theirs, so the system would let strangers share it too."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(serving.host, serving.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        hint = "choose another with --port, or end what listens there"
        raise UsageError(f"cannot listen on {serving.host}:{serving.port}: {error.strerror}", hint=hint) from error


def _try(serving: Serving) -> None:
    """Open what shall be served once, so that wrong settings are told at once. A store that is down may come back."""
    if serving.tokens is not None:
        TokenFile(serving.tokens).read()
    if serving.bundle is not None:
        BundleOrigin(serving.bundle).read(EMPTY, lambda: None)
        return
    with closing(_connected(serving, "")) as backend, suppress(UnavailableError):
        backend.load()


def _connected(serving: Serving, prefix: str) -> Backend:
    options = dict(serving.options or {})
    options["prefix"] = f"{options.get('prefix') or ''}{prefix}"
    return connect(serving.backend, options)


def _origin(serving: Serving) -> Origin:
    options = serving.options or {}
    listener: Listener | None = None
    probe: Probe | None = None
    pace = FAR if serving.backend in _FAR_BACKENDS else Pace()
    if serving.backend == "postgres":
        news = import_module("catalog_tool.backends.postgres_news")  # needs the extra `postgres`
        listener = news.LabelNews(options.get("url"))
        probe, pace = news.MoveCount(options.get("url"), str(options.get("prefix") or "")), TOLD
    elif serving.backend == "sqlite":
        probe, pace = DataVersion(Path(str(options["path"]))), COUNTED
    return StoreOrigin(_connected(serving, ""), listener, probe, pace)


def service_of(serving: Serving, board: Board) -> Service:
    """The service of one worker."""
    guard = Guard(TokenFile(serving.tokens) if serving.tokens is not None else None)
    if serving.bundle is not None:
        bundle = BundleOrigin(serving.bundle)
        return Service(Parts(bundle, None, bundle.contents, guard, board))
    store = Store(partial(_connected, serving))
    return Service(Parts(_origin(serving), store, store.contents, guard, board, serving.blocks_edits, serving.rulebook))


def load_app(serving: Serving, board_file: Path) -> App:
    """Called by granian in each worker."""
    gc.enable()  # the command line runs without
    log_to_stderr()
    return App(service_of(serving, Board(board_file, NAMES)), on_start=_live_with_the_parent)


def _live_with_the_parent() -> None:
    """End when the parent is gone; and leave Ctrl-C, which reaches every process of the terminal, to it."""
    threading.Thread(target=_end_after, args=(os.getppid(),), name="catalog-parent", daemon=True).start()
    with suppress(NotImplementedError, ValueError):
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    log("orphaned")
    os.kill(os.getpid(), signal.SIGTERM)
