"""Invented pull requests as a reviewer gets them: a repository each, its comment, and a page like GitHub's.

``python tests/reviews.py FOLDER`` writes the comment and the page of every case below
``tests/golden/reviews``, and of this repository's own history of prompts, for a person to look at.
``--update`` writes what the comments are now over what they were known to be.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from scratch import CatalogCommand, Scratch, isolated_environment

CASES = Path(__file__).parent / "golden" / "reviews"
ROOT = Path(__file__).parents[1]

STYLE = """
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; color: #1f2328;
  margin: 16px auto; max-width: 860px; border: 1px solid #d1d9e0; border-radius: 6px; padding: 16px; }
h1 { font-size: 15px; color: #59636e; font-weight: 400; border-bottom: 1px solid #d1d9e0; padding-bottom: 8px; }
h3 { font-size: 17.5px; margin: 20px 0 12px } h4 { font-size: 14px; margin: 16px 0 8px }
p, ul, table, pre, details, blockquote { margin: 0 0 12px } ul { padding-left: 28px }
table { border-collapse: collapse; display: block; max-width: 100%; overflow: auto; width: max-content }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px } tr:nth-child(2n) { background: #f6f8fa }
code, pre { font: 12px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace }
code { background: #818b981f; padding: 2px 5px; border-radius: 6px }
pre { background: #f6f8fa; padding: 12px; border-radius: 6px; overflow: auto }
pre code { background: none; padding: 0 } summary { cursor: pointer }
blockquote { border-left: 4px solid #d1d9e0; color: #59636e; padding: 0 1em }
.add { background: #dafbe1; color: #116329 } .del { background: #ffebe9; color: #82071e } .at { color: #6639ba }
"""


def names() -> list[str]:
    """The cases: every folder with a ``pull_request.yaml``."""
    return sorted(path.parent.name for path in CASES.glob("*/pull_request.yaml"))


def open_pull_request(name: str, scratch: Scratch) -> str:
    """Lay out the base on ``main`` and the change on a branch, as two commits; the request's title."""
    about = yaml.safe_load((CASES / name / "pull_request.yaml").read_text("utf-8"))
    shutil.copytree(CASES / "_base", scratch.root, dirs_exist_ok=True)
    scratch.commit("Open the house")
    scratch.git("checkout", "--quiet", "-b", "change")
    for path in about.get("removed", []):
        scratch.git("rm", "-r", "--quiet", path)
    if (CASES / name / "change").is_dir():
        shutil.copytree(CASES / name / "change", scratch.root, dirs_exist_ok=True)
    scratch.commit(about["title"])
    return str(about["title"])


def comment(scratch: Scratch, *operands: str) -> str:
    """What ``catalog diff --format markdown`` says."""
    got = scratch.run("diff", *operands, "--format", "markdown")
    assert (got.code, got.err) == (0, ""), got
    return got.out


def github_html(markdown: str) -> str:
    """CommonMark with tables, raw HTML let through: GitHub would strip more, so this shows the worst."""
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


def page(title: str, markdown: str, *, unfolded: bool = False) -> str:
    """The comment on a page: colours in ``diff`` fences as GitHub's; ``unfolded`` opens the details."""
    body = "\n".join(_coloured(github_html(markdown)))
    if unfolded:
        body = body.replace("<details>", "<details open>")
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}"


def _coloured(body: str) -> Iterator[str]:
    inside = False
    for line in body.split("\n"):
        start = '<pre><code class="language-diff">'
        inside = inside or line.startswith(start)
        prefix, text = (start, line[len(start) :]) if line.startswith(start) else ("", line)
        kind = {"+": "add", "-": "del", "@": "at"}.get(text[:1]) if inside else None
        yield f'{prefix}<span class="{kind}">{text}</span>' if kind else line
        inside = inside and "</code></pre>" not in line


def _scratch(folder: Path) -> Scratch:
    folder.mkdir()
    made = Scratch(root=folder.resolve(), command=CatalogCommand(environment=isolated_environment(folder / ".home")))
    made.git("init", "--quiet", "--initial-branch", "main")
    made.write(".git/info/exclude", ".home\n")
    return made


def _own_history() -> Iterator[tuple[str, str]]:
    """(subject, comment) of every commit here that touched prompts or skills, the first one aside."""
    log = ["git", "log", "--first-parent", "--format=%H %P", "--", "prompts", "skills"]
    lines = subprocess.run(log, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    command = CatalogCommand(environment=isolated_environment(Path(tempfile.mkdtemp())))
    for commit, parent in (line.split()[:2] for line in lines if len(line.split()) > 1):
        got = command("diff", parent, commit, "--format", "markdown", cwd=ROOT)
        yield commit[:12], got.out or got.err


def main(arguments: list[str]) -> None:
    """Write every comment and its page below the folder that is named."""
    target = Path(next(word for word in arguments if not word.startswith("-")))
    target.mkdir(parents=True, exist_ok=True)
    found: dict[str, tuple[str, str]] = {}
    for name in names():
        with tempfile.TemporaryDirectory() as folder:
            scratch = _scratch(Path(folder) / "catalog")
            found[name] = open_pull_request(name, scratch), comment(scratch, "main...change")
        if "--update" in arguments:
            (CASES / name / "expected.md").write_text(found[name][1], "utf-8")
    if "--own" in arguments:
        found |= {f"own-{commit}": (commit, said) for commit, said in _own_history()}
    for name, (title, markdown) in found.items():
        (target / f"{name}.md").write_text(markdown, "utf-8")
        for suffix in ("", "-open"):
            (target / f"{name}{suffix}.html").write_text(page(title, markdown, unfolded=bool(suffix)), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
