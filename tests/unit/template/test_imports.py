"""The light client imports this package: nothing heavy may come with it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("yaml", "jsonschema", "click", "rich", "jinja2", "httpx", "deepdiff", "git", "urllib.parse", "json")


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys; import catalog_tool.template; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "catalog_tool.template.parse" in loaded
    assert loaded.isdisjoint(HEAVY)
