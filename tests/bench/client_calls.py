"""Run as a process: how long one call takes, in seconds, of each thing named; prints JSON.

``python -m tests.bench.client_calls get threads label`` measures this package's client against its
floors; ``langfuse``, ``langsmith`` and ``mlflow`` measure those SDKs' cached reads beside it, in an
environment that has them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from served_prompts import entry, write_bundle

from catalog_tool.client import PromptClient
from catalog_tool.rollout import Router

NAME = "support_agent"
_ROUNDS = 15
_SHORT_ROUNDS = 150
"""Many short rounds find a quiet moment on a busy machine, where the best of few long ones does not."""
_THREADS = 8


class Floor:
    """The least that a cache with a time to live can do: one dict lookup and one clock read."""

    def __init__(self) -> None:
        self.found = {NAME: (float("inf"), object())}
        self.now = time.monotonic

    def get(self, name: str) -> object:
        """What is there, if it is still good."""
        until, found = self.found[name]
        return found if self.now() < until else None


def fastest(calls: dict[str, Callable[[], Any]], number: int = 2000) -> dict[str, float]:
    """Seconds of one call of each, the best of interleaved rounds."""
    found = {name: float("inf") for name in calls}
    for _ in range(_SHORT_ROUNDS):
        for name, call in calls.items():
            found[name] = min(found[name], timeit.timeit("call()", globals={"call": call}, number=number) / number)
    return found


def client() -> PromptClient:
    """A client with one prompt that is held."""
    folder = Path(tempfile.mkdtemp())
    split = [{"version": "v1", "weight": 95}, {"version": "v2", "weight": 5}]
    versions = {"v1": entry(), "v2": entry("Two {{name}}", "v2")}
    write_bundle(folder / "bundle.json", {NAME: {"production": "v1", "canary": split}}, {NAME: versions})
    made = PromptClient(f"file://{folder}", cache_dir=False)
    made.get(NAME)
    return made


def get() -> dict[str, float]:
    """A cached ``get`` and its floor."""
    with client() as made:
        ours, floor = made.get, Floor().get
        return fastest({"ours": lambda: ours(NAME), "floor": lambda: floor(NAME)})


def threads() -> dict[str, float]:
    """The same with eight threads that do nothing else; wall time of one call."""
    with client() as made:
        found = {"ours": float("inf"), "floor": float("inf")}
        for _ in range(_ROUNDS):
            for name, call in (("ours", made.get), ("floor", Floor().get)):
                found[name] = min(found[name], _crowd(call, 5000))
        return found


def _crowd(call: Callable[[str], Any], number: int) -> float:
    barrier = threading.Barrier(_THREADS + 1)

    def work() -> None:
        barrier.wait()
        for _ in range(number):
            call(NAME)
        barrier.wait()

    workers = [threading.Thread(target=work) for _ in range(_THREADS)]
    for worker in workers:
        worker.start()
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    took = time.perf_counter() - started
    for worker in workers:
        worker.join()
    return took / (number * _THREADS)


def label() -> dict[str, float]:
    """Who gets which version of a weighted label, and the hash that it cannot do without."""
    router = Router(NAME, [("v1", 95), ("v2", 5)])
    prefix, key = b"catalog-bucket-v1\0support_agent\0", "user-4711"
    return fastest({"ours": lambda: router.version(key), "floor": lambda: sha256(prefix + key.encode()).digest()})


def langfuse() -> dict[str, float]:
    """Langfuse's ``get_prompt`` out of its cache."""
    from langfuse import Langfuse

    told = {"type": "text", "prompt": "Hi", "name": NAME, "version": 1, "config": {}, "labels": [], "tags": []}
    with answering(told) as url:
        sdk = Langfuse(public_key="pk-lf-x", secret_key="sk-lf-x", base_url=url, tracing_enabled=False)
        return beside(lambda: sdk.get_prompt(NAME, cache_ttl_seconds=3600))


def langsmith() -> dict[str, float]:
    """LangSmith's ``pull_prompt_commit`` out of its cache."""
    from langsmith import Client

    told = {"commit_hash": "a" * 40, "manifest": {}, "examples": [], "owner": "-", "repo": NAME}
    with answering(told) as url:
        sdk = Client(api_url=url, api_key="x", auto_batch_tracing=False)
        return beside(lambda: sdk.pull_prompt_commit(f"{NAME}:{'a' * 40}"))


def mlflow() -> dict[str, float]:
    """MLflow's ``load_prompt`` as its defaults are, from a SQLite store, in a loop outside of any trace."""
    return beside(_mlflow_read(), 50)


def mlflow_traced() -> dict[str, float]:
    """The same where applications read: once in the trace of a request, to which MLflow links the prompt.

    Theirs is timed once a trace, because a second read finds the link made; ours in a loop, because a
    clock cannot see one.
    """
    theirs = _mlflow_read()
    from mlflow import start_span

    found = {"ours": float("inf"), "theirs": float("inf")}
    with client() as made:
        calls = {"ours": (lambda: made.get(NAME), 2000), "theirs": (theirs, 1)}
        for _ in range(_SHORT_ROUNDS):
            for name, (call, number) in calls.items():
                with start_span("request"):
                    found[name] = min(
                        found[name], timeit.timeit("call()", globals={"call": call}, number=number) / number
                    )
    return found


def _mlflow_read() -> Callable[[], Any]:
    from mlflow import genai, set_registry_uri, set_tracking_uri

    address = f"sqlite:///{tempfile.mkdtemp()}/mlflow.db"
    set_tracking_uri(address)
    set_registry_uri(address)
    genai.register_prompt(NAME, "Hi")
    genai.set_prompt_alias(NAME, "production", 1)
    read = partial(genai.load_prompt, f"prompts:/{NAME}@production")
    read()
    return read


def beside(theirs: Callable[[], Any], number: int = 2000) -> dict[str, float]:
    """Our cached ``get`` and theirs, in the same rounds."""
    theirs()
    with client() as made:
        ours = made.get
        return fastest({"ours": lambda: ours(NAME), "theirs": theirs}, number)


@contextmanager
def answering(told: dict[str, Any]) -> Iterator[str]:
    """A server on loopback that answers every GET with the same document."""
    body = json.dumps(told).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    measures = {f.__name__: f for f in (get, threads, label, langfuse, langsmith, mlflow, mlflow_traced)}
    print(json.dumps({name: measures[name]() for name in sys.argv[1:]}))
