"""A catalog synced to an MLflow server, read by MLflow's own SDK, edited there, and brought back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow_server import MlflowServer
from scratch import Scratch

import catalog_tool
from catalog_tool.backends.mlflow_api import MlflowApi

pytest_plugins = ["services"]

PAGE = (Path(catalog_tool.__file__).parent / "docs" / "mlflow.md").read_text(encoding="utf-8")
SETTINGS = "catalog: acme\ntargets:\n  there: {{backend: mlflow, url: '{url}', {more}}}\n"
SUPPORT = """\
id: support_agent
version: v1
model: {provider: openai, name: gpt-4o-2024-08-06}   # pinned
params: {temperature: 0.3, stop: [END]}
messages:
  - {role: system, content: "You are a support agent for {{product_name}}.\\r\\n\\tAlways answer. 😀\\n\\n"}
  - {examples: [{user: "Where is it?", assistant: "On its way."}]}
  - {role: user, content: "{{question}}"}
output_schema: {type: object, required: [reasoning], properties: {reasoning: {type: string}, answer: {type: string}}}
"""
REFUND = "id: billing/refund\nversion: v1\nmodel: m-1   # the one\nsystem_prompt: |\n  Refund {{name}} {{{literal}}}.\n"


@pytest.fixture
def catalog(scratch: Scratch, mlflow_server: MlflowServer) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS.format(url=mlflow_server.url, more="prefix: staging/"),
            "prompts/support_agent/v1.yaml": SUPPORT,
            "prompts/billing/refund/v1.yaml": REFUND,
            "prompts/registry.yaml": "support_agent:\n  production: v1\nbilling/refund:\n  production: v1  # us\n",
        }
    )
    scratch.commit()
    return scratch


@pytest.fixture
def api(mlflow_server: MlflowServer) -> Iterator[MlflowApi]:
    with closing(MlflowApi(httpx.Client(base_url=f"{mlflow_server.url}/"), mlflow_server.url)) as api:
        yield api


def told(catalog: Scratch, *arguments: str, code: int = 0) -> dict[str, Any]:
    answer = catalog.run(*arguments, "--format", "json")
    assert answer.code == code, (answer.out, answer.err)
    found: dict[str, Any] = answer.json()
    return found


def test_the_whole_way(catalog: Scratch, api: MlflowApi, mlflow_server: MlflowServer, tmp_path: Path) -> None:
    assert told(catalog, "sync", "there")["summary"]["create"] == 2
    assert told(catalog, "plan", "there")["status"] == "unchanged"
    _read_by_the_sdk(mlflow_server, tmp_path)
    api.set_tag("staging.billing.refund", 1, "mlflow.prompt.text", "Refund {{name}}, {{tone}}.\n")
    second = {"mlflow.prompt.text": "From the page.", "_mlflow_prompt_type": "text"}
    number = api.create_version("staging.support_agent", second).number
    api.set_alias("staging.support_agent", "production", number)
    drift = told(catalog, "drift", "there", code=1)["targets"]["there"]
    assert {item["object"]: item["state"] for item in drift["objects"]} == {
        "prompts/billing/refund@v1": "drifted",
        "labels/support_agent@production": "drifted",
    }
    assert drift["counts"]["unmanaged"] == 1
    pulled = told(catalog, "pull", "there", "--branch", "edits")
    assert pulled["status"] == "done"
    brought = catalog.git("show", "edits:prompts/billing/refund/v2.yaml")
    assert "Refund {{name}}, {{tone}}." in brought
    assert "# the one" in brought
    assert "From the page." in catalog.git("show", "edits:prompts/support_agent/v2.yaml")
    registry = catalog.git("show", "edits:prompts/registry.yaml")
    assert "production: v2  # us" in registry
    assert "support_agent:\n  production: v2" in registry


def _read_by_the_sdk(server: MlflowServer, folder: Path) -> None:
    """Run the page's own block, and what it is told."""
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    say = (
        "import json\nother = mlflow.genai.load_prompt('prompts:/staging.billing.refund/1')\n"
        "print('SAID', json.dumps([messages, schema, config, version_id, other.template]))\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", block + say], cwd=folder, capture_output=True, text=True, check=False, timeout=180,
        env={**kept, "MLFLOW_TRACKING_URI": server.url, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("SAID "))
    messages, schema, config, version_id, text = json.loads(line[5:])
    assert messages == [
        {"role": "system", "content": "You are a support agent for Acme.\r\n\tAlways answer. 😀\n\n"},
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": "On its way."},
        {"role": "user", "content": "Where is my order?"},
    ]
    assert schema["required"] == ["reasoning"]
    assert list(schema["properties"]) == ["reasoning", "answer"]
    assert config == {
        "provider": "openai", "model_name": "gpt-4o-2024-08-06", "temperature": 0.3, "stop_sequences": ["END"],
    }  # fmt: skip
    assert re.fullmatch(r"v1-[0-9a-f]{12}", version_id)
    assert text == "Refund {{name}} {{{literal}}}.\n"


def test_status_says_that_edits_cannot_be_blocked(catalog: Scratch, mlflow_server: MlflowServer) -> None:
    catalog.write("catalog.yaml", SETTINGS.format(url=mlflow_server.url, more="prefix: never/"))
    catalog.commit()
    target = told(catalog, "status", "there")["targets"]["there"]
    assert "may write" in target["cannot_block"]
    assert target["edit_seen"] == {"applications_seconds": 60, "drift_seconds": None, "schedule": None}
