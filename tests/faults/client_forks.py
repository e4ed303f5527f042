"""Run as a process: forks while a client of it is in some state, and looks after the children."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback

from catalog_tool.client import PromptClient

NAME = "support/agent"
WINDOW = 0.2 + 2 * 1.0


def child(client: PromptClient, *, is_cold: bool) -> None:
    """What a worker does: serve at once, and be refreshed."""
    started = time.monotonic()
    assert client.get(NAME).id == NAME
    served = time.monotonic() - started
    assert served < (1.5 if is_cold else 0.25), f"served after {served} s"
    before = client.counters()
    while client.counters()["fetches"] == before["fetches"]:
        client.get(NAME)
        assert time.monotonic() - started < WINDOW, f"never refreshed: {client.status()}"
        time.sleep(0.005)
    assert before["forks"] == 1


def fork(client: PromptClient, *, is_cold: bool) -> int:
    """One child; it ends as a worker does, through the interpreter's own end."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        child(client, is_cold=is_cold)
        code = 0
    except AssertionError:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        if code:
            os._exit(code)
    sys.exit(0)


def reap(pid: int) -> None:
    """Wait for the child; it has the window and two seconds to end."""
    end = time.monotonic() + WINDOW + 2
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0, status
            return
        time.sleep(0.005)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    raise AssertionError("a child did not end")


def main(url: str, kind: str, forks: int) -> None:
    """``kind``: what the parent's threads do while it forks."""
    client = PromptClient(url, cache_dir=False, refresh_seconds=0.2, timeout_seconds=1)
    if kind != "cold":
        client.get(NAME)
    stop = threading.Event()
    if kind == "lock held":
        threading.Thread(target=hold, args=(client, stop), daemon=True).start()
    if kind == "refreshing":
        threading.Thread(target=hurry, args=(client, stop), daemon=True).start()
    waiting: list[int] = []
    for _ in range(forks):
        waiting.append(fork(client, is_cold=kind == "cold"))
        if len(waiting) >= 4:
            reap(waiting.pop(0))
    for pid in waiting:
        reap(pid)
    stop.set()
    print(f"children {forks} fine")
    client.close()


def hold(client: PromptClient, stop: threading.Event) -> None:
    """Keep every lock of the client nearly all the time."""
    keeper = client._keeper
    while not stop.is_set():
        with keeper._lock, keeper.setting.counters._lock, keeper._written:
            time.sleep(0.02)
        time.sleep(0.0001)


def hurry(client: PromptClient, stop: threading.Event) -> None:
    """Tell the client of changes all the time, so that a fetch is always under way."""
    while not stop.is_set():
        client._keeper.heard(None, None)
        time.sleep(0.002)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
