"""Beginning and ending: safe defaults, SIGTERM under load, workers that die, and what is never said."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from running_service import Running, catalog_of, end, free_port, is_there, running
from scratch import COMMAND, CatalogCommand, isolated_environment
from served_prompts import entry, until, write_bundle
from soak import SOAK

from catalog_tool.backends.file import connect as connect_file
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import done, held

STOPS = 50 if SOAK else 2
ROLLS = 10 if SOAK else 1
CANARY = "Kanarienvogel im Prompt"
NAME = "support/greet"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder with a bundle."""
    folder = tmp_path / "served"
    folder.mkdir()
    write_bundle(folder / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry(f"Say {CANARY}.")}})
    return folder


class Load:
    """Fifty requests a second on kept connections, as a load balancer sends them: it looks at /readyz, and stops."""

    def __init__(self, service: Running) -> None:
        self.failed: list[str] = []
        self.answered = 0
        self.after_drop = 0
        self._service = service
        self._dropped = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(5)]
        self._threads.append(threading.Thread(target=self._look))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._dropped.wait(20)
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        while self._service.get("/readyz").status_code == 200:
            time.sleep(0.05)
        self._dropped.set()

    def _ask(self) -> None:
        ending = None
        with httpx.Client(trust_env=False, timeout=5) as client:
            while ending is None or time.monotonic() < ending:
                if ending is None and self._dropped.is_set():
                    ending = time.monotonic() + 0.3  # what was on its way when readiness dropped
                try:
                    found = client.get(f"{self._service.url}/v1/prompts/{NAME}")
                    self.answered += 1
                    self.after_drop += ending is not None
                    if found.status_code != 200:
                        self.failed.append(str(found.status_code))
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                time.sleep(0.1)


def test_sigterm_under_load_fails_no_request(bundle: Path) -> None:
    answered = after = 0
    for _ in range(STOPS):
        with (
            running(bundle, "--bundle", "bundle.json", "--drain", "1", "--workers", "2") as service,
            Load(service) as load,
        ):
            time.sleep(0.3)
            service.process.send_signal(signal.SIGTERM)
        assert load.failed == []
        assert service.process.wait(20) == 0
        answered, after = answered + load.answered, after + load.after_drop
    print(f"{STOPS} stops under load: {answered} requests, {after} of them after readiness dropped, none failed")
    assert after > 0


class Balanced:
    """The same load on whichever replicas said last that they are ready, asked twenty times a second."""

    def __init__(self, replicas: list[Running]) -> None:
        self.failed: list[str] = []
        self.answered = 0
        self._replicas = replicas
        self._ready = list(replicas)
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(5)]
        self._threads.append(threading.Thread(target=self._look))

    def __enter__(self) -> Balanced:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    @property
    def all_ready(self) -> bool:
        """Whether every replica was ready at the last look."""
        return [one.port for one in self._ready] == [one.port for one in self._replicas]

    def _look(self) -> None:
        while not self._ending.wait(0.05):
            self._ready = [replica for replica in list(self._replicas) if _is_ready(replica)]

    def _ask(self, number: int) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            while not self._ending.wait(0.1):
                number += 1
                ready = self._ready
                try:
                    found = client.get(f"{ready[number % len(ready)].url}/v1/prompts/{NAME}")
                    self.answered += found.status_code == 200
                    if found.status_code != 200:
                        self.failed.append(str(found.status_code))
                except (httpx.HTTPError, ZeroDivisionError) as error:
                    self.failed.append(repr(error))


def _is_ready(replica: Running) -> bool:
    try:
        return replica.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def test_a_rolling_restart_fails_no_request(bundle: Path) -> None:
    """One replica after the other ends and is started anew; there is always one to ask."""
    arguments = ("--bundle", "bundle.json", "--drain", "1")
    with ExitStack() as stack:
        replicas = [stack.enter_context(running(bundle, *arguments)) for _ in range(2)]
        with Balanced(replicas) as load:
            for number in range(2 * ROLLS):
                place = number % 2
                ending = replicas[place].process
                ending.send_signal(signal.SIGTERM)
                assert ending.wait(30) == 0
                replicas[place] = stack.enter_context(running(bundle, *arguments))
                assert until(lambda: load.all_ready, 10)
    print(f"{2 * ROLLS} restarts one after the other: {load.answered} requests, none failed")
    assert load.failed == []
    assert load.answered > 0


def test_a_stream_of_events_ends_with_the_service(bundle: Path) -> None:
    with running(bundle, "--bundle", "bundle.json") as service:
        with httpx.stream("GET", f"{service.url}/v1/events", trust_env=False, timeout=10) as stream:
            lines = stream.iter_lines()
            assert next(lines) == ": open"
            write_bundle(
                bundle / "bundle.json", {NAME: {"production": "v2"}}, {NAME: {"v2": entry("Hi", version="v2")}}
            )
            assert next(line for line in lines if line.startswith("data:")) == f'data: {{"id":"{NAME}","generation":0}}'
            started = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert [line for line in lines if line.startswith("data:")] == []
        assert service.process.wait(10) == 0
        assert time.monotonic() - started < 8


def test_a_worker_that_dies_is_started_again(bundle: Path) -> None:
    with running(bundle, "--bundle", "bundle.json", "--workers", "2") as service:
        assert until(lambda: "\ncatalog_ready_workers 2\n" in service.get("/metrics").text, 20)
        children = _children(service.process.pid)
        os.kill(children[0], signal.SIGKILL)
        assert until(lambda: len(set(_children(service.process.pid)) - {children[0]}) == 2, 20)
        assert until(lambda: service.get(f"/v1/prompts/{NAME}").status_code == 200, 5)


def test_a_large_bundle_that_is_replaced_cuts_no_stream_and_tells_only_what_changed(bundle: Path) -> None:
    names = [f"p{number}" for number in range(1200)]
    first, second = entry("One"), entry("Two", version="v2")

    def publish(value: str, **others: str) -> None:
        labels = {name: {"production": others.get(name, value)} for name in names}
        write_bundle(bundle / "bundle.json", labels, {name: {"v1": first, "v2": second} for name in names})

    publish("v1")
    with (
        running(bundle, "--bundle", "bundle.json") as service,
        httpx.stream("GET", f"{service.url}/v1/events", trust_env=False, timeout=10) as stream,
    ):
        told = (json.loads(line[5:])["id"] for line in stream.iter_lines() if line.startswith("data:"))
        publish("v2")
        assert {next(told) for _ in names} == set(names)
        publish("v2", p7="v1")
        assert next(told) == "p7"
        publish("v2", p8="v1")
        assert {next(told), next(told)} == {"p7", "p8"}


def test_a_token_that_is_revoked_loses_its_stream_of_events(bundle: Path) -> None:
    tokens = TokenFile(bundle / "tokens.json")
    secret, _ = tokens.create(Wish(name="a", scopes=["read"]), 0)
    bearer = {"Authorization": f"Bearer {secret}"}
    with (
        running(bundle, "--bundle", "bundle.json", "--tokens", "tokens.json") as service,
        httpx.stream("GET", f"{service.url}/v1/events", headers=bearer, trust_env=False, timeout=5) as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == ": open"
        tokens.revoke("a", 1)
        assert [line for line in lines if line] == []


def _replaced(service: Running) -> bool:
    """Kill one of two workers; whether there are two again, and the service is as it was."""
    assert until(lambda: len(_children(service.process.pid)) == 2, 20)
    first = _children(service.process.pid)[0]
    os.kill(first, signal.SIGKILL)
    return until(lambda: len(set(_children(service.process.pid)) - {first}) == 2, 20)


def test_a_worker_is_replaced_after_temporary_files_were_swept(bundle: Path) -> None:
    """What lies in the folder for them is removed where nobody touched it for days; the counters must not lie there."""
    swept = bundle / "tmp"
    swept.mkdir()
    with running(bundle, "--bundle", "bundle.json", "--workers", "2", env={"TMPDIR": str(swept)}) as service:
        assert until(lambda: "\ncatalog_ready_workers 2\n" in service.get("/metrics").text, 20)
        assert service.get(f"/v1/prompts/{NAME}").status_code == 200
        shutil.rmtree(swept)
        assert _replaced(service)
        assert until(lambda: "\ncatalog_ready_workers 2\n" in service.get("/metrics").text, 20)
        counted = 'catalog_requests_total{route="prompt",status="2xx"} 1'
        assert {counted in service.get("/metrics").text for _ in range(10)} == {True}, "one board for all"


def test_a_worker_is_replaced_while_the_file_of_tokens_is_broken(bundle: Path) -> None:
    tokens = TokenFile(bundle / "tokens.json")
    secret, _ = tokens.create(Wish(name="a", scopes=["read"]), 0)
    bearer = {"Authorization": f"Bearer {secret}"}
    arguments = ("--bundle", "bundle.json", "--workers", "2", "--tokens", "tokens.json")
    with running(bundle, *arguments) as service:
        kept = tokens.path.read_bytes()
        tokens.path.write_bytes(kept[:40])
        assert _replaced(service)
        answers = {service.get(f"/v1/prompts/{NAME}", headers=bearer).status_code for _ in range(20)}
        assert answers <= {200, 503}, "nobody is told that a good token is none"
        tokens.path.write_bytes(kept)
        assert until(lambda: {_is_ready(service) for _ in range(20)} == {True}, 10)
        assert {service.get(f"/v1/prompts/{NAME}", headers=bearer).status_code for _ in range(20)} == {200}
        assert "Traceback" not in service.said()


def test_workers_do_not_outlive_a_parent_that_was_killed(bundle: Path) -> None:
    with running(bundle, "--bundle", "bundle.json") as service:
        [worker] = _children(service.process.pid)
        service.process.kill()
        assert until(lambda: not is_there(worker), 10)


def _children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def test_several_workers_answer_at_once_on_kept_connections(bundle: Path) -> None:
    """No stall of about 40 ms between two requests of one connection."""
    with (
        running(bundle, "--bundle", "bundle.json", "--workers", "2") as service,
        httpx.Client(trust_env=False) as client,
    ):
        seconds = []
        for _ in range(200):
            started = time.monotonic()
            client.get(f"{service.url}/v1/prompts/{NAME}")
            seconds.append(time.monotonic() - started)
        assert sorted(seconds)[100] < 0.02


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--host", "0.0.0.0"), "no tokens are configured"),
        (("--host", "::"), "no tokens are configured"),
        (("--host", "example.org"), "no tokens are configured"),
        (("--host", "0.0.0.0", "--tokens", "tokens.json"), "unencrypted"),
        (("--tls-cert", "bundle.json"), "go together"),
        (("--tokens", "missing.json"), "no such file"),
        (("--target", "only"), "cannot both be meant"),
    ],
)
def test_what_would_open_a_catalog_to_strangers_is_refused(
    bundle: Path, catalog_command: CatalogCommand, arguments: tuple[str, ...], words: str
) -> None:
    TokenFile(bundle / "tokens.json").create(Wish(name="a", scopes=["read"]), 0)
    found = catalog_command("serve", "--bundle", "bundle.json", "--port", str(free_port()), *arguments, cwd=bundle)
    assert (found.code, found.out) == (2, "")
    assert words in found.err


def test_without_settings_only_this_machine_is_listened_to(bundle: Path) -> None:
    with running(bundle, "--bundle", "bundle.json") as service:
        listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        assert [place for place in listening if place.endswith(f":{service.port:04X}") and place.startswith("0100007F")]
        assert not [place for place in listening if place == f"00000000:{service.port:04X}"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="NO OPENSSL ON THIS MACHINE: TLS was not tested")
def test_with_tokens_and_tls_it_listens_beyond_this_machine(bundle: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        cwd=bundle, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    secret, _ = TokenFile(bundle / "tokens.json").create(Wish(name="a", scopes=["read"]), 0)
    port = free_port()
    tls = ("--host", "0.0.0.0", "--tokens", "tokens.json", "--tls-cert", "c.pem", "--tls-key", "k.pem")
    process = subprocess.Popen(
        [*COMMAND, "serve", "--bundle", "bundle.json", "--port", str(port), "--drain", "0", *tls],
        cwd=bundle, env=isolated_environment(bundle / "home"), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    context = ssl.create_default_context(cafile=bundle / "c.pem")
    try:
        with httpx.Client(base_url=f"https://localhost:{port}", verify=context, trust_env=False, timeout=10) as client:
            assert until(lambda: _answers(client, "/readyz"), 60)
            bearer = {"Authorization": f"Bearer {secret}"}
            assert client.get(f"/v1/prompts/{NAME}", headers=bearer).json()["version"] == "v1"
            assert client.get(f"/v1/prompts/{NAME}").status_code == 401
    finally:
        end(process)


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.ConnectError:
        return False


def test_neither_tokens_nor_texts_are_ever_said(tmp_path: Path, catalog_command: CatalogCommand) -> None:
    folder = catalog_of(tmp_path / "served", "backend: sqlite, path: store.db")
    backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
    done(backend, put_version(text=f"Say {CANARY}."), put_label("v1"))
    backend.drop_lease("token-1")
    made = catalog_command("token", "create", "web", "--scope", "sync", "--tokens", "tokens.json", cwd=folder)
    secret = made.out.strip()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert secret not in made.err
    with running(folder, "--tokens", "tokens.json") as service:
        said = [service.get(f"/v1/prompts/{NAME}/labels?x={secret}", headers=bearer).text]
        said += [
            service.get(path, headers=bearer).text for path in ("/metrics", "/nowhere", "/readyz", "/openapi.json")
        ]
        said += [service.get("/v1/prompts", headers={"Authorization": f"Bearer {secret}x"}).text]
        url = f"{service.url}/v1/prompts/{NAME}"
        for kind, path, body in (
            ("POST", "/versions", {"system_prompt": f"{CANARY} {{{{#open}}}}", CANARY: secret}),
            ("PUT", "/labels", {"labels": {"production": CANARY}, "generation": 1, "reason": secret}),
            ("PUT", "/labels", {"labels": {CANARY: "v1"}, "generation": 1}),
        ):
            said.append(httpx.request(kind, f"{url}{path}", json=body, headers=bearer, trust_env=False).text)
        httpx.put(f"{url}/labels", json={"labels": {"a": "v1"}, "generation": 1}, headers=bearer, trust_env=False)
        end(service.process)
        log = service.said()
    backend.close()
    listed = [catalog_command("token", *words, cwd=folder) for words in (("list", "--tokens", "tokens.json"),)]
    said += [log, *(f"{answer.out}{answer.err}" for answer in listed)]
    everything = "\n".join(said)
    assert secret not in everything
    assert secret[16:] not in everything
    # A finding names an unknown key to who sent it; nobody else is told.
    assert [text for text in said if CANARY in text and '"findings"' not in text] == []
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {"serving", "store_read", "labels_moved", "ended"} <= {event["event"] for event in events}
    assert all(re.fullmatch(r"[0-9-]+T[0-9:]+Z", event["at"]) for event in events)


def test_a_service_whose_store_is_not_there_yet_waits_for_it(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "served", "backend: sqlite, path: store.db")
    with running(folder, wait_for="/healthz") as service:
        assert service.get("/readyz").status_code == 503
        missing = service.get(f"/v1/prompts/{NAME}")
        assert (missing.status_code, missing.headers["retry-after"]) == (503, "1")
        backend = held(lambda prefix="": connect_sqlite({"path": str(folder / "store.db"), "prefix": prefix}))
        done(backend, put_version(), put_label("v1"))
        backend.close()
        assert until(lambda: service.get("/readyz").status_code == 200, 3)
        # It may have been ready as soon as the version was there, without its label.
        assert until(lambda: service.get(f"/v1/prompts/{NAME}").json().get("version") == "v1", 3)


def test_a_store_that_is_not_mounted_any_more_is_lost_and_served_on(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path / "served", "backend: file, path: store")
    with closing(held(lambda prefix="": connect_file({"path": str(folder / "store"), "prefix": prefix}))) as backend:
        done(backend, put_version(), put_label("v1"))
        backend.drop_lease("token-1")
    with running(folder) as service:
        (folder / "store").rename(folder / "elsewhere")
        assert until(lambda: service.get("/readyz").status_code == 503, 3)
        assert service.get(f"/v1/prompts/{NAME}").json()["version"] == "v1"
        assert "store_lost" in service.said()
        (folder / "elsewhere").rename(folder / "store")
        assert until(lambda: service.get("/readyz").status_code == 200, 3)


def test_a_port_that_is_taken_is_an_error(bundle: Path) -> None:
    with running(bundle, "--bundle", "bundle.json") as service:
        found = subprocess.run(
            [*COMMAND, "serve", "--bundle", "bundle.json", "--port", str(service.port)],
            cwd=bundle, env=isolated_environment(bundle / "home"), capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert found.returncode == 2
        assert b"cannot listen" in found.stderr
