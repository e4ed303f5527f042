"""Whose side wins after an edit: git's only where it is told to overwrite exactly what was seen."""

from __future__ import annotations

from catalog_tool.sync.conformance.engine import Connect, assert_holds, contents, edit, sync
from catalog_tool.sync.conformance.samples import FIRST, put_label
from catalog_tool.sync.markers import marker_text
from catalog_tool.sync.plan import PlanOptions
from catalog_tool.sync.result import Result


class SidesConformance:
    """Edits that git overwrites when told, and those that it agrees with."""

    def test_git_takes_its_side_only_when_told(self, connect: Connect) -> None:
        backend = connect()
        sync(backend, FIRST)
        label = put_label("v2", seen="v1")
        edit(backend, label)
        assert sync(backend, FIRST).status == "partial"
        assert contents(backend)[label.address] == b'"v2"'
        wrong = PlanOptions(overwrite={label.address: "v9"})
        assert sync(backend, FIRST, wrong).status == "partial"
        assert contents(backend)[label.address] == b'"v2"'
        told = PlanOptions(overwrite={label.address: "v2"})
        assert sync(backend, FIRST, told).status == "done"
        assert_holds(backend, FIRST)

    def test_git_takes_its_side_of_what_was_marked_as_anothers(self, connect: Connect) -> None:
        backend = connect()
        sync(backend, FIRST)
        label = put_label("v2", seen="v1")
        applied = backend.load().inventory[label.address]
        edit(backend, label._replace(marker=marker_text("others", label.address, applied, None)))
        assert _states(sync(backend, FIRST)) == {label.address: "drifted"}
        assert contents(backend)[label.address] == b'"v2"'
        told = PlanOptions(overwrite={label.address: "v2"})
        assert sync(backend, FIRST, told).status == "done"
        assert_holds(backend, FIRST)

    def test_what_git_dropped_and_somebody_edited_goes_only_when_told(self, connect: Connect) -> None:
        backend = connect()
        if not backend.capabilities.label_delete:
            return
        sync(backend, FIRST)
        label = put_label("v2", seen="v1")
        edit(backend, label)
        labels = {key: value for key, value in FIRST.labels.items() if key != ("support/greet", "production")}
        dropped = FIRST._replace(labels=labels)
        for prune, token in ((True, None), (True, "v1"), (False, "v2")):
            overwrite = {label.address: token} if token is not None else {}
            result = sync(backend, dropped, PlanOptions(prune=prune, overwrite=overwrite))
            assert (result.status, _states(result)) == ("partial", {label.address: "prune_conflict"})
            assert contents(backend)[label.address] == b'"v2"'
        assert sync(backend, dropped, PlanOptions(prune=True, overwrite={label.address: "v2"})).status == "done"
        assert_holds(backend, dropped)

    def test_drift_becomes_converged_once_git_says_the_same(self, connect: Connect) -> None:
        backend = connect()
        sync(backend, FIRST)
        label = put_label("v2", seen="v1")
        edit(backend, label)
        agreed = FIRST._replace(labels={**FIRST.labels, ("support/greet", "production"): "v2"})
        result = sync(backend, agreed)
        assert [(action.object, action.state.value) for action in result.actions] == [(label.address, "converged")]
        assert_holds(backend, agreed)


def _states(result: Result) -> dict[str, str]:
    """The states of what was not in sync."""
    return {action.object: action.state.value for action in result.actions}
