"""The page about Langfuse: its code is run by the platform's own SDK, on what a sync wrote."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from langfuse_server import PUBLIC, SECRET, LangfuseServer

import catalog_tool
from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.model.target import Applied, Write
from catalog_tool.sync.conformance.samples import put_label
from catalog_tool.sync.conformance.store import LEASE, done

from .langfuse_work import opened, sdk

PAGE = Path(catalog_tool.__file__).parent / "docs" / "langfuse.md"
PARTS = {
    "messages": [
        {"role": "system", "content": "You are a support agent for {{product_name}}."},
        {"placeholder": "history", "required": False},
        {"role": "user", "content": "{{question}}"},
    ],
    "model": {"provider": "openai", "name": "gpt-4o"}, "params": {"temperature": 0.3}, "template": "mustache",
    "tools": [{"name": "search_kb"}], "variables": {},
    "output_schema": {"type": "object", "properties": {"answer": {"type": "string"}}},
}  # fmt: skip
SHOWN = "\nimport json; print(json.dumps([messages, model, schema, version_id, prompt.version]))"


def test_the_page_reads_what_a_sync_wrote() -> None:
    sdk("client")
    [code] = re.findall(r"<!-- the tests run this block -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    digest = prompt_identity(PARTS).digest
    entry = canonical_bytes({**PARTS, "digest": digest, "version_id": version_id("v3", digest), "meta": {}})
    with LangfuseServer() as server, closing(opened(server, "staging/")) as backend:
        backend.take_lease(LEASE)
        version = Write("prompts/support_agent@v3", None, entry, marker='{"m":1}', applied=Applied(digest))
        done(backend, version, put_label("v3", name="support_agent"))
        keys = {"LANGFUSE_BASE_URL": server.url, "LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET}
        ran = subprocess.run(
            [sys.executable, "-c", code + SHOWN], env={**os.environ, **keys, "LANGFUSE_TRACING_ENABLED": "false"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    messages = [
        {"role": "system", "content": "You are a support agent for Acme."},
        {"role": "user", "content": "Where is my order?"},
    ]
    wanted = [messages, "gpt-4o", PARTS["output_schema"], version_id("v3", digest), 1]
    assert json.loads(ran.stdout) == wanted
