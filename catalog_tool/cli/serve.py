"""``catalog serve``: the config service."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.complete import targets
from catalog_tool.cli.context import lazily, place_of, tell
from catalog_tool.cli.numbers import FiniteRange
from catalog_tool.cli.token import tokens_path
from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR
from catalog_tool.model.settings import TARGET_DEFAULTS, Settings
from catalog_tool.source.root import SETTINGS_FILE, Place
from catalog_tool.source.settings import read_settings
from catalog_tool.sync.targets import open_target, target_names

EPILOG = """\b
Examples:
  catalog serve --bundle dist/bundle.json
  catalog serve --target production --workers 2
  catalog serve --target production --host 0.0.0.0 --tokens tokens.json --behind-proxy

Without tokens only this machine is served: reads are open, writes refused. Beyond it the service starts
only with tokens, and with TLS or behind a proxy that does it. SIGTERM: /readyz turns 503 first, requests
are served for --drain seconds more. Exit codes: 0 ended by a signal, 2 wrong usage, 3 cannot serve.
"""


@click.command("serve", epilog=EPILOG)
@click.option(
    "--target",
    metavar="TARGET",
    shell_complete=targets,
    help="The target whose store is served; default: the only one.",
)
@click.option("--bundle", metavar="FILE", help="Serve a bundle.json or bundle.sqlite, read-only.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8484, show_default=True, help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Processes.")
@click.option("--tokens", metavar="FILE", help="File of tokens; default: CATALOG_TOKENS, else .catalog/tokens.json.")
@click.option("--tls-cert", metavar="FILE", help="Certificate chain (PEM).")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@click.option("--behind-proxy", is_flag=True, help="A proxy in front does TLS: listen beyond this machine without.")
@click.option(
    "--drain",
    type=FiniteRange(0, 600),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to serve on, not ready, after SIGTERM.",
)
@click.pass_context
def command(ctx: click.Context, /, **asked: Any) -> int:
    """Serve prompts and skills over HTTP, from memory."""
    serving = lazily("server.process:Serving")
    common = {
        "host": asked["host"],
        "port": asked["port"],
        "workers": asked["workers"],
        "tls_cert": _file(asked["tls_cert"]),
        "tls_key": _file(asked["tls_key"]),
        "behind_proxy": asked["behind_proxy"],
        "drain_seconds": asked["drain"],
    }
    if asked["bundle"] is not None:
        if asked["target"] is not None:
            raise UsageError("--bundle and --target cannot both be meant")
        what: dict[str, Any] = {"bundle": Path(asked["bundle"]), "tokens": tokens_path(None, asked["tokens"])}
    else:
        place = place_of(ctx)
        what = {**_of_target(place, asked["target"]), "tokens": tokens_path(place, asked["tokens"])}
    chosen = serving(**common, **what)
    if sys.stderr.isatty():  # a log holds nothing but the lines of the service
        tell(f"serving on {'https' if chosen.tls_cert else 'http'}://{chosen.host}:{chosen.port}")
    lazily("server.process:serve")(chosen)
    return 0


def _file(path: str | None) -> Path | None:
    if path is None:
        return None
    if not os.path.isfile(path):  # noqa: PTH113 - as typed
        raise UsageError(f"{path}: there is no such file")
    return Path(path)


def _of_target(place: Place, name: str | None) -> dict[str, Any]:
    """A target's store, as the service opens it. Its settings are read as they are on disk."""
    settings = _settings(place)
    names = target_names(settings)
    if name is None and len(names) > 1:
        raise UsageError("there are several targets", hint=f"name one: --target {names[0]}")
    opened = open_target(place, settings, name or names[0])
    opened.backend.close()
    options = {key: value for key, value in opened.settings.items() if key not in {*TARGET_DEFAULTS, "backend"}}
    if isinstance(options.get("path"), str):
        options["path"] = os.path.join(place.root, options["path"])  # noqa: PTH118 - as the target itself does
    backend, edits = str(opened.settings["backend"]), opened.settings["edits"]
    rulebook = lazily("server.judging:read_rulebook")(Path(place.root), settings)
    return {"backend": backend, "blocks_edits": edits == "block", "options": options, "rulebook": rulebook}


def _settings(place: Place) -> Settings:
    file = Path(place.root, SETTINGS_FILE)
    settings, findings = read_settings(file.read_bytes() if file.is_file() else None)
    wrong = [found for found in findings if found.severity == ERROR]
    if wrong:
        raise UsageError(f"{SETTINGS_FILE}: {wrong[0].message}", hint="see all of it with `catalog validate`")
    return settings
