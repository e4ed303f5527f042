"""Row 40: whatever the bytes of a file, a loader answers with findings or an error of ours, never with a bug."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz_loaders import SKIPPED, WORDS
from hypothesis import given, settings
from hypothesis import strategies as st
from loaders import CATALOG, LOADERS, load, load_catalog
from scratch import CatalogCommand
from soak import SOAK

from catalog_tool.errors import CatalogError
from catalog_tool.model.codes import CODES

TRIALS = 10_000 if SOAK else 60
WHOLE_TRIALS = 3_000 if SOAK else 60
FUZZ_SECONDS = 600

_token = st.one_of(
    st.sampled_from(WORDS).map(lambda word: word.encode().decode("unicode_escape").encode("latin-1")),
    st.binary(max_size=6),
    st.text(max_size=4).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"\n", b"\r", b"\0", b": ", b"- ", b"  ", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"\xff", b"\t"]
    ),
)
_edit = st.tuples(st.floats(0, 1), st.integers(0, 40), _token)
_leaf = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.sampled_from(WORDS)
)
_value = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner),
    max_leaves=12,
)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """The file after some edits: at a place, so many bytes replaced by others."""
    for place, length, new in edits:
        start = int(place * len(data))
        data = data[:start] + new + data[start + length :]
    return data


def inputs(good: bytes) -> st.SearchStrategy[bytes]:
    """Files near the good one, values of the right words in the wrong places, and noise."""
    near = st.lists(_edit, min_size=1, max_size=4).map(lambda edits: edited(good, edits))
    json_text = _value.map(lambda value: json.dumps(value).encode())
    return st.one_of(near, near, json_text, json_text.map(lambda text: b"---\n" + text + b"\n---\n"), st.binary())


@pytest.mark.parametrize("name", LOADERS)
def test_no_loader_fails(name: str) -> None:
    @settings(max_examples=TRIALS)
    @given(inputs(LOADERS[name][0]))
    def trial(data: bytes) -> None:
        load(name, data)

    trial()


@settings(max_examples=WHOLE_TRIALS)
@given(st.sampled_from(sorted(CATALOG)), st.data())
def test_a_whole_catalog_with_one_odd_file_is_read(path: str, data: st.DataObject) -> None:
    text = data.draw(inputs(CATALOG[path]))
    try:
        found = load_catalog(path, text, data.draw(st.sampled_from([None, "portable", "upload", "claude-code"])))
    except CatalogError:
        return
    assert {each.code for each in found} <= CODES.keys()
    assert all(each.line is None or each.line >= 1 for each in found)


@pytest.mark.parametrize("name", LOADERS)
def test_the_good_files_are_good(name: str) -> None:
    good, loader = LOADERS[name]
    found = loader(good)
    assert not isinstance(found, list) or all(each.severity != "error" or each.code == "P105" for each in found)


@pytest.mark.parametrize("edit", [lambda text: text, lambda text: text[: len(text) // 2], lambda text: text * 3])
def test_a_file_of_values_by_the_command_line(
    catalog_command: CatalogCommand, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    for path, text in CATALOG.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text)
    (tmp_path / "vars.yaml").write_text(edit("product_name: x\nquestion: [y]\n"))
    answer = catalog_command("render", "support_agent@v3", "--vars", "vars.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert answer.err.startswith("error: ")


def test_prompts_of_other_people(corpora: Path) -> None:
    """Files of other tools, read as each kind of file of ours: they are refused with reasons, or they fit."""
    files = [path for path in sorted((corpora / "prompts").rglob("*")) if path.is_file()]
    for path in files if SOAK else files[::5]:
        for name in LOADERS:
            load(name, path.read_bytes())
    assert len(files) > 400


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="CATALOG_SOAK is not 1: the long fuzzing of the loaders is not run")
def test_the_loaders_with_coverage_guidance(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (pip install atheris): the loaders are fuzzed without coverage guidance")
    script = Path(__file__).with_name("fuzz_loaders.py")
    done = subprocess.run(
        [sys.executable, str(script), str(FUZZ_SECONDS)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        check=False,
        timeout=2 * FUZZ_SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]


def test_without_atheris_the_script_says_that_it_did_nothing() -> None:
    hidden = "import sys; sys.modules['atheris'] = None; import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
    script = str(Path(__file__).with_name("fuzz_loaders.py"))
    done = subprocess.run([sys.executable, "-c", hidden, script], capture_output=True, text=True, check=False)
    assert done.returncode == SKIPPED
    assert done.stderr.startswith("SKIPPED: atheris is not installed")
