"""``catalog completion``: the script by which a shell completes this command."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from catalog_tool.cli.context import answer

EPILOG = """\b
Examples:
  eval "$(catalog completion bash)"        now, in this shell
  catalog completion zsh >> ~/.zshrc       for good
  catalog completion fish > ~/.config/fish/completions/catalog.fish

Commands, options, prompt ids, versions that follow an id, labels, targets and schemas are completed.

In zsh it belongs below whatever starts `compinit`; where nothing has, the script does.
"""

PROGRAM, VARIABLE = "catalog", "_CATALOG_COMPLETE"
SHELLS: dict[str, tuple[type[ShellComplete], str, str]] = {
    "bash": (BashComplete, "~/.bashrc", 'eval "$(catalog completion bash)"'),
    "zsh": (ZshComplete, "~/.zshrc, below `compinit`", 'eval "$(catalog completion zsh)"'),
    "fish": (FishComplete, "~/.config/fish/config.fish", "catalog completion fish | source"),
}
"""By shell: who writes its script, its start file, and the line that belongs there."""

_ZSH_START = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }"
"""zsh completes nothing of its own accord: without this the script ends in an unknown command."""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(list(SHELLS)), metavar="bash|zsh|fish")
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script for your shell."""
    kind, start_file, line = SHELLS[shell]
    script = kind(ctx.find_root().command, {}, PROGRAM, VARIABLE)
    # Not script.source(): for bash that starts a bash only to look at its version.
    text = (script.source_template % script.source_vars()).strip("\n")
    if shell == "zsh":
        first, _, rest = text.partition("\n")  # `#compdef` has to be the first line
        text = f"{first}\n\n{_ZSH_START}\n{rest}"
    answer(f"{text}\n\n# To have this in every new shell, add this line to {start_file}:\n#   {line}\n")
    return 0
