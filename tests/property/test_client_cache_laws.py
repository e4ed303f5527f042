"""Nobody gets another item's text, and nobody can change what others get (faults 10, 11)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from client_trials import SOAK, Clock, still_client
from hypothesis import given, settings
from hypothesis import strategies as st
from served_prompts import entry, write_bundle

from catalog_tool.client.budget import Budget
from catalog_tool.client.last_good import LastGood
from catalog_tool.client.sources.base import Answer, Hear
from catalog_tool.client.status import Counters
from catalog_tool.client.wanted import Wanted

WORDS = st.sampled_from(["a", "b", "ab", "a-b", "a_b", "b-label", "v1-label", "label"])
NAMES = st.lists(WORDS, min_size=1, max_size=3).map("/".join).filter(lambda name: "v1" not in name)
LABELS = st.lists(st.sampled_from(["a", "b", "a-b", "b-a", "label", "production"]), min_size=1, max_size=3)
VERSIONS = st.sampled_from([None, "v1", "v11", "v111", "sha256:" + "1" * 12, "sha256:" + "1" * 13])
PLACES = st.sampled_from(["http://a", "http://a/b", "http://a:80", "sqlite:////a", "file:///a"])
ASKED = st.tuples(PLACES, NAMES, LABELS, VERSIONS, st.booleans())
_ENTRIES: dict[str, Any] = {}


def told(place: str, wanted: Wanted) -> str:
    """A text that says what it is the text of."""
    return json.dumps([place, *wanted])


class Echo:
    """A source whose every text says what was asked for."""

    pushes = False

    def __init__(self, place: str) -> None:
        self.place = place

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        del validator, budget
        version = wanted.version if wanted.version and wanted.version[0] == "v" else "v1"
        one = entry(told(self.place, wanted), version, variables={}, template="none")
        return Answer(wanted.labels[0] if wanted.labels else "", version, {version: one})

    def listen(self, hear: Hear) -> None: ...

    def forked(self) -> None: ...

    def close(self) -> None: ...


class TestRow10KeyConfusion:
    """Whatever two things are called, the one's text is never given for the other."""

    @settings(max_examples=50_000 if SOAK else 300)
    @given(first=ASKED, second=ASKED)
    def test_in_memory(self, first: Any, second: Any) -> None:
        clients: dict[str, Any] = {}
        for place, name, labels, version, keyed in (first, second, first):
            if version is not None and version.startswith("sha256"):
                version = None
            client = clients.setdefault(place, still_client(Echo(place), Clock()))
            found = client.get(name, labels, version=version, key="someone" if keyed else None)
            wanted = Wanted(name, () if version else tuple(labels), version, keyed and not version)
            assert found.messages[0]["content"] == told(place, wanted)
            single = client.get(name, labels[0], version=version)
            assert json.loads(single.messages[0]["content"])[:2] == [place, name]

    @settings(max_examples=50_000 if SOAK else 300)
    @given(first=ASKED, second=ASKED)
    def test_names_of_files_differ(self, first: Any, second: Any) -> None:
        def path(place: str, name: str, labels: list[str], version: str | None, keyed: bool) -> Path:  # noqa: FBT001 - a draw
            wanted = Wanted(name, () if version else tuple(labels), version, keyed and not version)
            return LastGood("unused", (place, ""), Counters()).path(wanted)

        def meant(place: str, name: str, labels: list[str], version: str | None, keyed: bool) -> Any:  # noqa: FBT001 - a draw
            return place, name, () if version else tuple(labels), version, keyed and not version

        assert (path(*first) == path(*second)) == (meant(*first) == meant(*second))

    def test_another_ones_file_in_the_right_place_is_refused(self, tmp_path: Path) -> None:
        counters = Counters()
        disk = LastGood(tmp_path, ("http://a", ""), counters)
        disk.write(Wanted("a", ("b",)), b'{"label":"b","value":"v1","entries":{}}', 1.0)
        disk.path(Wanted("a", ("b",))).rename(disk.path(Wanted("a/b", ("c",))))
        assert disk.read(Wanted("a/b", ("c",))) is None
        assert counters.snapshot()["last_good_refused"] == 1


PARTS = {
    "messages": [
        {"role": "system", "content": "Hi {{name}}"},
        {"role": "assistant", "tool_calls": [{"id": "1", "name": "t", "arguments": {"deep": [1, {"x": 2}]}}]},
    ],
    "tools": [{"name": "t", "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}],
    "output_schema": {"type": "object", "properties": {"b": {"enum": [1]}, "a": {}}},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder / "bundle.json", {"p": {"production": "v1"}}, {"p": {"v1": entry(**PARTS)}})
    return folder


def _ruin(value: Any, path: list[int]) -> None:
    """Change a value as a careless caller does, somewhere inside."""
    while isinstance(value, dict | list) and value:
        step = path.pop() if path else 0
        inner = list(value.values())[step % len(value)] if isinstance(value, dict) else value[step % len(value)]
        if not isinstance(inner, dict | list) or not path:
            break
        value = inner
    if isinstance(value, dict):
        value["changed"] = "by the caller"
    elif isinstance(value, list):
        value.append("changed by the caller")


class TestRow11CallersChangeResults:
    """What a caller does to what it got stays with that caller."""

    @settings(max_examples=10_000 if SOAK else 200)
    @given(
        path=st.lists(st.integers(0, 5), max_size=6),
        what=st.sampled_from(["messages", "tools", "output_schema", "params", "model", "variables", "rendered"]),
    )
    def test_the_cache_is_unchanged(self, bundle: Path, path: list[int], what: str) -> None:
        with still_client(f"file://{bundle}", Clock()) as client:
            prompt = client.get("p")

            def seen() -> Any:
                again = client.get("p")
                return again.render(name="Ann") if what == "rendered" else getattr(again, what)

            before = json.dumps(seen())
            _ruin(seen(), list(path))
            assert json.dumps(seen()) == before
            for name in ("version", "_parts", "anything"):
                with pytest.raises(AttributeError):
                    setattr(prompt, name, "v9")
                with pytest.raises(AttributeError):
                    delattr(prompt, name)

    def test_given_variables_and_placeholders_are_not_kept(self, bundle: Path) -> None:
        with still_client(f"file://{bundle}", Clock()) as client:
            given = {"name": "Ann"}
            first = client.get("p").render_with(given)
            given["name"] = "Bob"
            assert first[0]["content"] == "Hi Ann"

    def test_properties_come_in_the_authors_order(self, bundle: Path) -> None:
        with still_client(f"file://{bundle}", Clock()) as client:
            prompt = client.get("p")
            assert list(prompt.tools[0]["parameters"]["properties"]) == ["z", "a"]
            assert list(prompt.output_schema["properties"]) == ["b", "a"]
