"""Plan files: what was reviewed, so that exactly that is applied (design §8). They hold no secret."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.clock import iso
from catalog_tool.errors import UsageError
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.sync.plan import NOOP, Plan, PlanOptions, digest_of_document


class SavedPlan(NamedTuple):
    """What a plan file says."""

    target: str
    bundle: str
    digest: str
    options: PlanOptions


def plan_document(plan: Plan, created_at: int) -> dict[str, Any]:
    """The document of a plan file; every action with the precondition it saw."""
    return {
        "format": 1,
        "kind": "plan",
        "target": plan.target,
        "place": plan.place,
        "catalog": plan.desired.catalog,
        "commit": plan.desired.commit,
        "bundle": plan.desired.bundle,
        "plan_digest": plan.digest,
        "created_at": iso(created_at),
        "options": plan.options.to_json(),
        "summary": plan.summary(),
        "actions": [action.in_file() for action in plan.actions],
        "blocked": [found.reason for found in plan.blocked],
    }


def read_plan(path: Path) -> SavedPlan:
    """Read a plan file. Raises ``UsageError`` for anything that is none, and for one that was changed."""
    try:
        with path.open("rb") as file:
            data = file.read(BUNDLE_BYTES + 1)
        document: Any = json.loads(data) if len(data) <= BUNDLE_BYTES else None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="`catalog plan TARGET --out FILE` writes one") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no plan file: {error}") from error
    if isinstance(document, dict) and isinstance(document.get("format"), int) and document["format"] > 1:
        raise UsageError(f"{path} has format {document['format']}; this tool reads 1", hint="upgrade catalog-tool")
    problems = list(SchemaEngine(load_schema("plan")).errors(document))
    if problems:
        where = problems[0].pointer or "/"
        raise UsageError(f"{path} is no plan file: {where}: {problems[0].message}")
    if not _is_as_written(document):
        hint = "a plan is applied as it was reviewed: write it anew with `catalog plan TARGET --out FILE`"
        raise UsageError(f"{path} was changed: its digest is not that of what it says", hint=hint)
    options = document["options"]
    return SavedPlan(
        document["target"],
        document["bundle"],
        document["plan_digest"],
        PlanOptions(
            prune=options["prune"],
            only=tuple(options["only"]),
            allow=options["allow"],
            overwrite=options["overwrite"],
            older=options["older"],
        ),
    )


def _is_as_written(document: dict[str, Any]) -> bool:
    """Whether the digest is that of what the file shows, and the summary counts just that."""
    shown = Counter(action["action"] for action in document["actions"])
    counted = all(shown[kind] == number for kind, number in document["summary"].items() if kind != NOOP)
    return counted and digest_of_document({"blocked": [], **document}) == document["plan_digest"]
