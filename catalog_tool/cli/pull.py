"""``catalog pull``: edits made on a target, as a branch."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, tell, wants_color
from catalog_tool.cli.syncing import read_git_side, target_argument, tell_errors, working
from catalog_tool.errors import GitError, UsageError
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.report.pull_text import pull_text
from catalog_tool.sync.pull import Source, edits_on, pull
from catalog_tool.sync.timing import SYSTEM, persistently

_NAMED = 3
EPILOG = """\b
Examples:
  catalog pull production
  catalog pull production --branch hotfix/tone --only support_agent

Edited content becomes the next version, a moved label is moved in registry.yaml, comments stay. The work
tree and the branch you are on are not touched; the same edits make the same branch again. A prompt that
git does not have, as one that was published through the service, is brought where --only names it.
Exit codes: 0 a branch, or nothing to bring; 1 something could not be brought; 2 wrong usage; 3 the target
could not be read.
"""


@click.command("pull", epilog=EPILOG)
@target_argument
@click.option("--branch", metavar="B", help="The branch to write.  [default: catalog/pull/TARGET]")
@click.option("--only", multiple=True, metavar="OBJECT", help="Only these: a pattern ('labels/*') or a name.")
@click.option("--rev", "revision", metavar="REV", help="Build on this git revision instead of HEAD.")
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context, /, target: str, output: str, branch: str | None, only: tuple[str, ...], **asked: Any
) -> int:
    """Bring edits made on a target back to git, as a branch."""
    side = read_git_side(ctx, asked["revision"], worktree=None)
    git = side.place.git
    if git is None:
        raise GitError(f"{side.place.root} is not in a git repository")
    if side.reading.errors:
        tell_errors(ctx, side)
        raise UsageError("the catalog has errors, so nothing can be built on it", hint=side.look)
    with working(side, target) as work:
        backend = work.target.backend
        observed = persistently(SYSTEM, lambda: edits_on(backend, work.desired))
        pulled = pull(Source(target, backend, git, side.reading), observed, branch or f"catalog/pull/{target}", only)
    if pulled.strangers:
        named = ", ".join(map(for_terminal, pulled.strangers[:_NAMED])) + (", …" * (len(pulled.strangers) > _NAMED))
        tell(f"{target} holds {len(pulled.strangers)} prompts that git does not have ({named}): --only NAME brings one")
    document = pulled.to_json(target)
    answer(json_document(document) if output == "json" else pull_text(document, color=wants_color(ctx)))
    return int(bool(pulled.left))
