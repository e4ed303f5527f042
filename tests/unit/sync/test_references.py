"""A version never goes while a label on the target points to it, whoever set that label."""

from __future__ import annotations

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.model.addresses import version_address
from catalog_tool.sync.conformance.engine import OPTIONS, contents, edit, sync
from catalog_tool.sync.conformance.samples import FIRST, put_label
from catalog_tool.sync.plan import PlanOptions

GREET = "support/greet"
V2 = version_address(GREET, "v2")
PRUNE = PlanOptions(prune=True, allow=OPTIONS.allow)
WITHOUT_V2 = FIRST._replace(
    versions={key: text for key, text in FIRST.versions.items() if key != (GREET, "v2")},
    labels={key: value for key, value in FIRST.labels.items() if key != (GREET, "staging")},
)


def test_it_is_planned_to_stay_and_goes_once_nobody_points_to_it() -> None:
    backend = MemoryBackend(MemoryStore(), "")
    sync(backend, FIRST)
    edit(backend, put_label("v2", label="tenant_acme")._replace(marker=None))
    kept = sync(backend, WITHOUT_V2, PRUNE)
    assert kept.status == "partial"
    reasons = {action.object: (action.outcome, action.reason) for action in kept.actions}
    assert reasons[V2] == ("skipped", f"labels/{GREET}@tenant_acme points to it")
    assert V2 in contents(backend)
    edit(backend, put_label("v1", label="tenant_acme", seen="v2")._replace(marker=None))
    assert sync(backend, WITHOUT_V2, PRUNE).status == "done"
    assert V2 not in contents(backend)
