"""The command ``catalog``: global options, lazy commands, and the one error boundary.

A command is one file: parse → call → report → exit code. Nothing else is imported until a command
runs, so that ``--help`` and completion answer at once.
"""

from __future__ import annotations

from catalog_tool.cli.interrupts import EXIT_INTERRUPTED, answered_at_once

with answered_at_once():
    import atexit
    import gc
    import os
    import sys
    from importlib import import_module
    from itertools import pairwise
    from typing import TYPE_CHECKING, Any, NoReturn

    import click

    from catalog_tool import __version__
    from catalog_tool.cli.streams import LostOutputError, drop_output, take_streams, tolerate_any_text
    from catalog_tool.errors import NO_ROOM, CatalogError
    from catalog_tool.report.escape import for_actions_log, lines_for_terminal

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Start a catalog: settings, one prompt, one skill, schemas, workflows."),
    "new": ("new", "Start a prompt or a skill."),
    "bump": ("bump", "Start the next version of a prompt or of a shared part."),
    "validate": ("validate", "Find everything that is wrong, with file, line and column."),
    "build": ("build", "Build the content-hashed bundle and skills-catalog.json."),
    "diff": ("diff", "What a change really means, for reviewers."),
    "eval": ("eval", "Run the golden tests of a prompt version, and make evidence of it."),
    "plan": ("plan", "What a sync would write to a target."),
    "apply": ("apply", "Apply a plan that was reviewed, exactly."),
    "sync": ("sync", "Make a target what git says."),
    "drift": ("drift", "Whether somebody changed a target, or git is ahead of it."),
    "pull": ("pull", "Bring edits made on a target back to git, as a branch."),
    "adopt": ("adopt", "Mark objects of a target as ours where they equal git's."),
    "status": ("status", "What each target is, holds and was last given."),
    "serve": ("serve", "Serve prompts and skills over HTTP, from memory."),
    "token": ("token", "Make, list and revoke tokens of the config service."),
    "gate": ("gate", "May this version have that label? A decision, with every reason."),
    "promote": ("promote", "Give a label to a version, in git, if its gate allows."),
    "rollback": ("rollback", "Bring a label back to what it had before, in git or live."),
    "alerts": ("alerts", "Prometheus alert rules of what is watched, and an Alertmanager configuration."),
    "watch": ("watch", "Roll back a live version that does worse than its stable one."),
    "list": ("list_artifacts", "List prompts with their versions and labels, and skills."),
    "show": ("show", "Show one prompt version or skill."),
    "render": ("render", "Render a prompt version with variables."),
    "history": ("history", "Who changed a prompt, when and why, and what was live at a time."),
    "comment": ("comment", "One comment on a pull request, kept up to date."),
    "alert": ("alert", "Tell people about drift, and when it is over."),
    "usage": ("usage", "Which skills are alive: the catalog joined with activity."),
    "telemetry": ("telemetry", "The stack that collects skill activity, and its dashboard."),
    "export": ("export", "Write labels or prompts in another tool's form."),
    "schema": ("schema", "Print a JSON Schema of a file or of an output."),
    "completion": ("completion", "Print the completion script for your shell."),
}
"""Every command: its module below ``catalog_tool.cli`` and its line in the help."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command runs, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import a command; None for an unknown name, which click reports with the nearest."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"catalog_tool.cli.{COMMANDS[cmd_name][0]}").command
        return command if isinstance(command, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer commands and options, without importing any command."""
        from click.shell_completion import CompletionItem

        offered = [
            CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)
        ]
        return offered + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for one that does not exist."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done or clean, 1 the answer is no, 2 wrong usage or settings, 3 could not finish.",
)
@click.option("-C", "--root", "root", metavar="DIR", help="Work on the catalog in or above DIR.")
@click.option("--debug", is_flag=True, help="Show a traceback where something unexpected fails.")
@click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same.")
@click.version_option(__version__, "--version", prog_name="catalog")
@click.pass_context
def cli(ctx: click.Context, /, root: str | None, **options: bool) -> None:
    """GitOps for prompts and agent skills.

    Prompts and skills live as YAML and Markdown in git. Check them, see what a change means, and
    build the bundle that runtimes serve.

    \b
    Start here:
      catalog init my-prompts && cd my-prompts
      catalog validate
      catalog build
    """
    ctx.obj = {"root": root, **options}


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code: the one error boundary."""
    if arguments is None:
        _insist_on_utf8()
        take_streams()
    else:
        tolerate_any_text()
    argv = sys.argv[1:] if arguments is None else arguments
    if argv[:1] == ["-C"]:
        argv = ["--root", *argv[1:]]  # click asks for a long option of that name first, and imports what finds similar
    gc.disable()  # a command ends soon, and what it builds holds no cycles worth looking for
    code = _guarded(argv)
    if arguments is None:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """End at once what Python ends with: to free each object of a process that is over takes 18 ms and more.

    Exit handlers run, output is flushed. Where other threads still work, or somebody watches (a profiler,
    a debugger, Python's development mode), this does nothing and Python ends as ever. After an interruption
    nobody waits for threads: they may be what hangs.
    """
    threads, processes = sys.modules.get("threading"), sys.modules.get("multiprocessing")
    has_children = processes is not None and bool(processes.active_children())
    if threads is not None and threads.active_count() > 1 and (code != EXIT_INTERRUPTED or has_children):
        return
    if sys.flags.dev_mode or sys.getprofile() is not None or sys.gettrace() is not None:
        return
    try:
        atexit._run_exitfuncs()  # what the interpreter itself calls at its end
        sys.stdout.flush()
        sys.stderr.flush()
    except (LostOutputError, OSError, ValueError):  # the interpreter knows what to say of it
        return
    os._exit(code)


def _insist_on_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale has another encoding for names of files.

    Names in git are bytes, and UTF-8 by agreement: the same commit must build the same under any locale.
    """
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode and sys.executable:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - itself


def _guarded(argv: list[str]) -> int:
    try:
        code = cli.main(args=argv, prog_name="catalog", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, click.Abort) as stop:
        if isinstance(stop.__cause__, EOFError):  # click takes any for a person's; ours is a damaged installation
            return _failed(argv, stop.__cause__)
        _say("interrupted")
        return EXIT_INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return 2
    except click.ClickException as error:
        message = error.format_message().replace("\n\t", " ")  # click lists choices one a line
        return _refused(argv, "usage", message, _usage_hint(error), 2)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except CatalogError as error:
        return _refused(argv, error.kind, error.message, error.hint, error.exit_code)
    except LostOutputError as lost:
        return _cut_off(lost)
    except OSError as error:
        return _unwritten(argv, error) if error.errno in NO_ROOM else _failed(argv, error)
    except Exception as error:  # noqa: BLE001 - the boundary: a bug is one line, and a traceback with --debug
        return _failed(argv, error)


def _cut_off(lost: LostOutputError) -> int:
    """The reader of our output went away, or there is no room for it: nothing more can be said on stdout."""
    drop_output()
    if lost.reader_left:
        return 0
    _say(f"error: the result could not be written: {lost}")
    return 3


def _unwritten(argv: list[str], error: OSError) -> int:
    where = f"{error.filename}: " if error.filename else ""
    return _refused(argv, "internal", f"{where}{error.strerror}", "make room there, then run it again", 3)


def _failed(argv: list[str], error: Exception) -> int:
    if "--debug" in argv:
        raise error
    hint = "run again with --debug and report it"
    return _refused(argv, "internal", f"{type(error).__name__}: {error}", hint, 3)


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", "")
    if context is not None and option in ("-C", "--root", "--debug", "--no-color"):
        command = context.command_path.removeprefix(f"{context.find_root().info_name} ")
        return f"it stands before the command: `catalog {option}{' DIR' * (option in ('-C', '--root'))} {command}`"
    look = f"see `{context.command_path} --help`" if context is not None else "see `catalog --help`"
    param = getattr(error, "param", None)
    return f"`catalog status` lists the targets; {look}" if param is not None and param.name == "target" else look


def _refused(argv: list[str], kind: str, message: str, hint: str, code: int) -> int:
    """Say why on stderr, and as a document on stdout where JSON was asked for; no secret is repeated."""
    message, hint = _without_secrets(message), _without_secrets(hint)
    _say(f"error: {message}", f"hint: {hint}" if hint else "")
    if _wants_json(argv):
        document: dict[str, Any] = {
            "format": 1, "status": "error", "error": {"kind": kind, "message": message, "hint": hint},
        }  # fmt: skip
        render = import_module("catalog_tool.report.json_document").json_document
        try:
            sys.stdout.write(render(document))
            sys.stdout.flush()
        except LostOutputError:
            drop_output()
    return code


def _without_secrets(text: str) -> str:
    try:
        hide = import_module("catalog_tool.checks.text").without_secrets
    except (ImportError, EOFError, OSError):  # a damaged installation, of which this is the message
        return text
    return str(hide(text))


def _say(*lines: str) -> None:
    for line in filter(None, lines):
        shown = lines_for_terminal(line)
        sys.stderr.write((for_actions_log(shown) if os.environ.get("GITHUB_ACTIONS") else shown) + "\n")


def _wants_json(argv: list[str]) -> bool:
    return "--format=json" in argv or ("--format", "json") in pairwise(argv)
