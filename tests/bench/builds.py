"""Measures of whole catalogs: a cold build, its second job, its memory."""

from __future__ import annotations

import json
import sys
from functools import partial

from .measure import Cost, interleaved
from .rows import Row
from .setting import Setting

_MIB = 1024 * 1024


def cold(setting: Setting) -> list[Row]:
    """Processor time and memory of a cold build against the minimal pipeline and the stock way."""
    size = setting.size
    root = setting.pristine(size, size)
    _build(setting, size)
    found = interleaved(
        setting.runs,
        {
            "tool": lambda: setting.cold(root, "build", "--out", str(setting.out("tool"))),
            "minimal": lambda: setting.floor_build("minimal", root),
            "stock": lambda: setting.floor_build("stock", root),
        },
    )
    _compare_digests(setting)
    tool, minimal, stock = found["tool"], found["minimal"], found["stock"]
    what = f"cold build {size:,}+{size:,}"
    return [
        Row(f"{what}, cpu", tool.cpu, "minimal pipeline, cpu", minimal.cpu, "s", 1.3),
        Row(f"{what}, cpu", tool.cpu, "stock way, cpu", stock.cpu, "s", 0.28),
        Row(f"{what}, memory", tool.peak / _MIB, "minimal pipeline, memory", minimal.peak / _MIB, "MiB", 1.3),
    ]


def _compare_digests(setting: Setting) -> None:
    """Say loudly where tool and floor did not build the same bundle: then they did not do the same work."""
    digests = {}
    for name in ("tool", "minimal", "stock"):
        manifest = json.loads((setting.scratch / "out" / name / "manifest.json").read_bytes())
        bundle = (setting.scratch / "out" / name / "bundle.json").read_bytes()
        digests[name] = manifest.get("digest") or json.loads(bundle)["digest"]
    if len(set(digests.values())) > 1:
        print(f"!!! NOT THE SAME BUNDLE: {digests}", file=sys.stderr)


def _build(setting: Setting, size: int) -> Cost:
    root = setting.catalog(size, size)
    return setting.cold(root, "build", "--out", str(setting.out("tool")))


def jobs(setting: Setting) -> list[Row]:
    """Wall time of a cold build with two jobs against one."""
    catalog = setting.pristine(setting.size, setting.size)

    def build(count: int) -> Cost:
        return setting.cold(catalog, "build", "--jobs", str(count), "--out", str(setting.out("jobs")))

    build(1)
    found = interleaved(setting.runs, {"one": lambda: build(1), "two": lambda: build(2)})
    what = f"cold build {setting.size:,}+{setting.size:,} --jobs 2, wall"
    return [Row(what, found["two"].wall, "--jobs 1, wall", found["one"].wall, "s", 0.65)]


def memory(setting: Setting) -> list[Row]:
    """Whether memory grows with the catalog and no faster."""
    sizes = setting.sizes
    if len(sizes) < 3:
        return []
    small, middle, large = sizes[-3:]
    found = interleaved(setting.runs, {str(size): partial(_build, setting, size) for size in sizes[-3:]})
    peak = {size: found[str(size)].peak / 1024 for size in sizes[-3:]}
    first = (peak[middle] - peak[small]) / (middle - small)
    second = (peak[large] - peak[middle]) / (large - middle)
    what = f"memory a prompt and a skill, {middle:,} to {large:,}"
    return [Row(what, second, f"the same, {small:,} to {middle:,}", first, "KiB", 1.3)]
