#!/usr/bin/env python3
"""A hook that notes which skills ran and what came of them. Python 3.8 or newer, nothing else; copy it anywhere.

The agent's telemetry says that a skill was loaded and that its tools ran; a test run that found ten
failures ran well in that sense. So a skill says itself what came of its work, in one line of output of any
shell command it runs:

    echo "skill-result: dep-auditor failure 3 vulnerable packages"

The hook sees that line after the command, adds session and time, and sends it on. It never stops
or changes anything: whatever goes wrong, it ends with exit code 0 and without output.

Register it for the events PostToolUse (matcher ``Bash|Skill``) and UserPromptSubmit. Where things go:

    CATALOG_OTLP_ENDPOINT  an OTLP/HTTP endpoint, such as http://localhost:4318; results are sent there. It is asked
                           for by this name because agents do not hand OTEL_* on to hooks.
    CATALOG_OTLP_HEADERS   name=value,name=value for that endpoint
    CATALOG_HOOK_FILE      a file that results and activations are appended to, as JSON lines
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

INPUT_BYTES = 4 * 1024 * 1024
SECONDS = 2.0
NAME = r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"
MARK = re.compile(rf"^skill-result: ({NAME}) (success|failure)(?:[ \t]+([^\r\n]{{1,200}}))?[ \t]*$", re.MULTILINE)
TYPED = re.compile(rf"\A\s*/({NAME})(?:\s|\Z)")
RESULTS_AT_ONCE = 20


def main() -> None:
    """Read the payload of one event from stdin; write what it says."""
    payload = json.loads(sys.stdin.buffer.read(INPUT_BYTES))
    lines = list(events(payload, time.time_ns(), os.environ))
    path = os.environ.get("CATALOG_HOOK_FILE")
    if path and lines:
        append(path, lines)
    endpoint = os.environ.get("CATALOG_OTLP_ENDPOINT")
    results = [line for line in lines if line["event"] == "skill_result"]
    if endpoint and results:
        send(endpoint, os.environ.get("CATALOG_OTLP_HEADERS", ""), results)


def events(payload: Mapping[str, Any], now: int, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The lines that a payload makes: activations, and results of skills."""
    session = str(payload.get("session_id") or "")
    base = {"time": now, "session_id": session, "id": str(payload.get("tool_use_id") or "")}
    event, tool = payload.get("hook_event_name"), payload.get("tool_name")
    if event == "UserPromptSubmit":
        typed = TYPED.match(str(payload.get("prompt") or ""))
        if typed and is_skill(typed.group(1), str(payload.get("cwd") or "."), environ):
            yield dict(base, event="skill_activated", skill=typed.group(1), trigger="user-slash")
    elif event == "PostToolUse" and tool == "Skill":
        name = loaded(payload.get("tool_input"))
        if re.fullmatch(NAME, name):
            yield dict(base, event="skill_activated", skill=name, trigger="claude-proactive")
    elif event == "PostToolUse" and tool == "Bash":
        yield from results(base, output(payload))


def results(base: Mapping[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """What skills said of themselves in a command's output."""
    for number, found in zip(range(RESULTS_AT_ONCE), MARK.finditer(text)):  # noqa: B905 - strict= needs Python 3.10
        reason = {"reason": found.group(3)} if found.group(3) else {}
        identity = f"{base['id']}-{number}"
        yield dict(base, id=identity, event="skill_result", skill=found.group(1), outcome=found.group(2), **reason)


def loaded(given: object) -> str:
    """The skill that the tool was asked for."""
    name = (given.get("skill") or given.get("command")) if isinstance(given, dict) else None
    return str(name or "").lstrip("/")


def output(payload: Mapping[str, Any]) -> str:
    """What a shell command wrote."""
    answer = payload.get("tool_response")
    if isinstance(answer, dict):
        answer = answer.get("stdout")
    return answer if isinstance(answer, str) else ""


def is_skill(name: str, folder: str, environ: Mapping[str, str]) -> bool:
    """Whether ``/name`` is a skill here, and not a command of the agent."""
    if ":" in name:
        return True
    homes = (environ.get("CLAUDE_PROJECT_DIR") or folder, environ.get("HOME") or folder)
    return any(Path(home, ".claude", "skills", name, "SKILL.md").is_file() for home in homes)


def append(path: str, lines: list[dict[str, Any]]) -> None:
    """Append whole lines with one write, so that sessions at the same time do not mix them."""
    data = "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines).encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)


def send(endpoint: str, headers: str, lines: list[dict[str, Any]]) -> None:
    """Send results as OTLP log records."""
    if not endpoint.startswith(("http://", "https://")):
        return
    scope = {"scope": {"name": "catalog-tool.hook"}, "logRecords": [record(line) for line in lines]}
    resource = {"attributes": [attribute("service.name", "claude-code-hooks")]}
    body = json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}).encode()
    address = f"{endpoint.rstrip('/')}/v1/logs"
    request = urllib.request.Request(address, data=body, method="POST")  # noqa: S310 - looked at above
    request.add_header("Content-Type", "application/json")
    for item in filter(None, headers.split(",")):
        name, _, value = item.partition("=")
        request.add_header(name.strip(), value.strip())
    urllib.request.urlopen(request, timeout=SECONDS).close()  # noqa: S310 - looked at above


def record(line: Mapping[str, Any]) -> dict[str, Any]:
    """One result as a log record."""
    known = {
        "event.name": "skill_result",
        "event.sequence": line["id"],
        "session.id": line["session_id"],
        "skill.name": line["skill"],
        "skill.outcome": line["outcome"],
        "error.message": line.get("reason", ""),
    }
    return {
        "timeUnixNano": str(line["time"]),
        "severityNumber": 9 if line["outcome"] == "success" else 17,
        "body": {"stringValue": "claude_code.skill_result"},
        "attributes": [attribute(key, value) for key, value in known.items() if value],
    }


def attribute(key: str, value: str) -> dict[str, Any]:
    """One attribute."""
    return {"key": key, "value": {"stringValue": value}}


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - a hook that fails would stand in the way of somebody's work
        sys.exit(0)
