"""Row 40 with coverage guidance: ``python tests/faults/fuzz_loaders.py [SECONDS]`` from the root.

Needs atheris (``pip install atheris``), which CI does not have: without it the program says so and leaves
with 77. Leaves with 0 where nothing but findings and errors of ours came out; else libFuzzer prints the
traceback and leaves the input beside.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

SKIPPED = 77
SECONDS = 600
LONGEST = 4096
WORDS = (
    "messages", "role", "content", "examples", "user", "assistant", "placeholder", "required", "tool_calls",
    "arguments", "variables", "properties", "type", "default", "enum", "items", "$ref", "$defs", "pattern",
    "additionalProperties", "tools", "parameters", "returns", "strict", "output_schema", "model", "provider",
    "params", "stop", "template", "jinja", "none", "{{", "}}", "{{#", "{{/", "{{^", "{{>", "{{!", "{{{", "{{=",
    "partials", "safety@v1", "search_kb@v1", "|", ">-", "---\\x0a", "\\x0d\\x0a", "\\xef\\xbb\\xbf",
    "\\xe2\\x80\\xa8", "\\xf3\\xa0\\x81\\x81", "&a", "*a", "<<:", "!!str", "null", "~", "1e999", "0x1f",
    "9007199254740993", ".inf", "2026-01-01", "cases", "expect", "vars", "rules", "severity", "targets",
    "backend", "labels", "skills", "schemas", "allowed-tools", "when_to_use", "metadata", "hooks", "paths",
    "format",
)  # fmt: skip


def main() -> int:
    """Run for so many seconds over all loaders, and say how often each was asked."""
    try:
        import atheris
    except ImportError:
        sys.stderr.write("SKIPPED: atheris is not installed, nothing was fuzzed (pip install atheris)\n")
        return SKIPPED
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.path.insert(0, str(Path(__file__).parent))
    with atheris.instrument_imports(include=["catalog_tool", "yaml"]):
        from loaders import LOADERS, load
    names = sorted(LOADERS)
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    counts = dict.fromkeys(names, 0)

    def one(data: bytes) -> None:
        if data:
            name = names[data[0] % len(names)]
            counts[name] += 1
            load(name, data[1:])
            if sum(counts.values()) % 5000 == 0:
                sys.stderr.write(f"{sum(counts.values())} trials, the fewest of a loader {min(counts.values())}\n")

    with TemporaryDirectory() as folder:
        for number, name in enumerate(names):
            Path(folder, f"seed-{number}").write_bytes(bytes([number]) + LOADERS[name][0])
        words = Path(folder).with_suffix(".words")
        words.write_text("".join(f'"{word}"\n' for word in WORDS))
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=4000"]
        atheris.Setup([sys.argv[0], *limits, f"-dict={words}", folder], one)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
