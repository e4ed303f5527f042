"""``catalog alerts``: Prometheus alert rules of what is watched, and an Alertmanager configuration."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import click

from catalog_tool.cli.context import answer, format_option, place_of, rev_option, tell
from catalog_tool.errors import UsageError
from catalog_tool.gate.watch_policy import USUAL, WatchPolicy, watch_policies
from catalog_tool.model.settings import Settings
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.source.new_files import unwritten
from catalog_tool.source.resolve import open_catalog
from catalog_tool.source.yaml_edit import dumped
from catalog_tool.usage.alert_rules import Alert, alerts_of, rules_document, skipped_rules
from catalog_tool.usage.alertmanager import AlertmanagerConfig, alertmanager_config

EPILOG = """\b
Examples:
  catalog alerts                            the alert rules, on stdout
  catalog alerts --out monitoring           catalog-alerts.rules.yml and alertmanager.yml in that folder
  promtool check rules monitoring/catalog-alerts.rules.yml
  amtool check-config monitoring/alertmanager.yml

Every protected label gets rules, from its `watch` in catalog.yaml or else for the error rate. Receivers come from
the environment: CATALOG_ALERTS_SLACK_URL, CATALOG_ALERTS_PAGERDUTY_KEY, CATALOG_ALERTS_EMAIL_TO with _FROM and
_SMARTHOST; a secret may be named by a file (…_URL_FILE, …_KEY_FILE), which Alertmanager then reads itself.
Exit codes: 0 done, 2 wrong usage or settings.
"""
RULES, ALERTMANAGER = "catalog-alerts.rules.yml", "alertmanager.yml"
HEADER = "# Written by `catalog alerts`, and overwritten by it.\n"
_READABLE, _SECRET = 0o644, 0o600


class Made(NamedTuple):
    """One file that is to be written."""

    name: str
    text: str
    mode: int


@click.command("alerts", epilog=EPILOG)
@click.option("--out", metavar="DIR", help="Write both files there.")
@rev_option
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, out: str | None, revision: str | None, output: str) -> int:
    """Prometheus alert rules of what is watched, and an Alertmanager configuration."""
    settings = open_catalog(place_of(ctx), revision).files.settings
    policies = _policies(settings)
    alerts = {label: list(alerts_of(label, policy)) for label, policy in policies.items()}
    for label, policy in policies.items():
        for name in skipped_rules(policy):
            tell(f"{label}: `{for_terminal(name)}` has a query of its own, which only `catalog watch` can ask")
    rules = HEADER + dumped(rules_document(policies))
    written: list[str] = []
    config = None
    if out is not None:
        config = alertmanager_config(os.environ)
        written = _write(Path(out), rules, config)
        if not config.receivers:
            tell("no receiver is named in the environment: alerts are grouped, and told to nobody")
    if output == "json":
        answer(json_document(_document(alerts, written, config)))
    else:
        answer("".join(f"{for_terminal(path)}\n" for path in written) if written else rules)
    return 0


def _policies(settings: Settings) -> dict[str, WatchPolicy]:
    """What to alert on, by label. UsageError: nothing."""
    watched = watch_policies(settings)
    protected = [label for label, written in settings.labels.items() if written.get("protected")]
    found = {label: watched.get(label, USUAL) for label in sorted({*watched, *protected})}
    if not found:
        raise UsageError(
            "no label is protected or watched", hint="set `protected: true` or `watch: {}` in catalog.yaml"
        )
    return found


def _write(folder: Path, rules: str, config: AlertmanagerConfig) -> list[str]:
    """Both files, each whole; one that somebody else wrote is never overwritten."""
    mode = _SECRET if config.holds_secret else _READABLE
    files = (Made(RULES, rules, _READABLE), Made(ALERTMANAGER, HEADER + dumped(config.document), mode))
    was_there = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for made in files:
            _refuse_others(folder / made.name)
        with ExitStack() as left:
            for staged, made in [(_stage(folder, made, left), made) for made in files]:
                staged.replace(folder / made.name)
    except OSError as error:
        if not was_there:
            with suppress(OSError):
                folder.rmdir()
        raise unwritten(f"--out {folder}", error) from error
    return [str(folder / made.name) for made in files]


def _refuse_others(path: Path) -> None:
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file() or not path.read_bytes().startswith(HEADER.encode()):
        raise UsageError(f"{path} is not ours to overwrite", hint="choose another folder, or move it away")


def _stage(folder: Path, made: Made, left: ExitStack) -> Path:
    """A whole file beside its place; ``left`` removes it if it stays there."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    staged = Path(name)
    left.callback(staged.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as file:
        file.write(made.text.encode())
    staged.chmod(made.mode)
    return staged


def _document(
    alerts: dict[str, list[Alert]], written: list[str], config: AlertmanagerConfig | None
) -> dict[str, Any]:  # fmt: skip
    """The document of ``--format json``: never a secret."""
    return {
        "format": 1,
        "status": "done",
        "files": written,
        "receivers": list(config.receivers) if config is not None else [],
        "alerts": [
            {"alert": one.name, "label": one.label, "severity": one.severity, "for": one.hold, "expr": one.expr}
            for found in alerts.values()
            for one in found
        ],
    }
