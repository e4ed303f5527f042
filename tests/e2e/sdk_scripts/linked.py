"""The prompt that every script links."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from served_prompts import entry, write_bundle

from catalog_tool.client import Prompt, PromptClient

NAME = "billing/refund"
VARIABLES = {"name": "Ann"}


def prompt(name: str = NAME) -> Prompt:
    """``billing/refund@v12``, or another with that number, by its label."""
    folder = Path(tempfile.mkdtemp())
    one = entry(f"Hello {{{{name}}}}, {name}.", version="v12")
    write_bundle(folder / "bundle.json", {name: {"production": "v12"}}, {name: {"v12": one}})
    with PromptClient(f"file://{folder}", cache_dir=False) as client:
        return client.get(name)


def say(**found: Any) -> None:
    """The script's answer, as its last line."""
    print(json.dumps(found), flush=True)
