"""Reads files one by one, each in a child of its own, and tells what each one cost.

Run as a program: paths come in a line each, one JSON document a line goes out: the path, the signal that
ended the child (0: none), its seconds of CPU, its memory in MiB, and the findings.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from reading import read, schemas, usual_shared

from catalog_tool.source.registry import read_registry
from catalog_tool.source.settings import read_settings


def findings_in(path: Path) -> list[list[object]]:
    """Code, severity and line of everything that is wrong in a file, read as what its name says."""
    data = path.read_bytes()
    if path.name == "catalog.yaml":
        found = read_settings(data)[1]
    elif path.name == "registry.yaml":
        found = read_registry(path.name, data)[2]
    else:
        found = read(data, f"a/v1{path.suffix}").document.findings
    return [[each.code, each.severity, each.line] for each in found]


def in_a_child(path: Path) -> dict[str, object]:
    """Read one file in a child process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(findings_in(path), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    _, status, used = os.wait4(child, 0)
    return {
        "path": str(path),
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "seconds": used.ru_utime + used.ru_stime,
        "mebibytes": used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024),
        "findings": json.loads(told) if told else None,
    }


if __name__ == "__main__":
    # What every reading needs is there before the first is measured.
    schemas(), usual_shared()
    read("system_prompt: x\nwrong: x\n").document.findings.clear()
    for line in sys.stdin:
        print(json.dumps(in_a_child(Path(line.rstrip("\n")))), flush=True)
