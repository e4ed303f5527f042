"""``catalog export``: parts of the catalog in other tools' forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import click

from catalog_tool.cli.context import answer, lazily, place_of, rev_option, tell
from catalog_tool.errors import UsageError
from catalog_tool.model.labels import Labels
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.source.resolve import (
    OpenCatalog,
    open_catalog,
    parse_reference,
    resolve_prompt,
    unknown_name,
    versions_of,
)

EPILOG = """\b
Examples:
  catalog export flagd > flags.json
  catalog export flagd support_agent@canary
  catalog export flagd support_agent --rev main
  catalog export promptfoo support_agent@v3 > promptfooconfig.json

The result is written to stdout, what it cannot hold is told on stderr. Exit codes: 0 done, 2 wrong usage.
"""


class Exported(NamedTuple):
    """A text in another tool's form, and what of the catalog is not in it: sentences."""

    text: str
    lost: list[str]


def _flagd(catalog: OpenCatalog, references: tuple[str, ...]) -> Exported:
    """Labels as flags: those that are named, all labels of a prompt, or all there are."""
    labels = _chosen(catalog, references)
    if not any(labels.values()):
        raise UsageError("there is no label to export", hint="point one to a version in registry.yaml")
    version_ids = {
        (name, version): resolve_prompt(catalog, parse_reference(f"{name}@{version}")).version.version_id
        for name, found in labels.items()
        for value in found.values()
        for version in value.versions
    }
    flags = lazily("rollout.flagd:flags_of")(labels, version_ids)
    return Exported(json_document(flags.document), flags.lost)


def _promptfoo(catalog: OpenCatalog, references: tuple[str, ...]) -> Exported:
    """The golden cases of one version, rendered, as a configuration of promptfoo."""
    if len(references) != 1:
        raise UsageError("promptfoo takes one version at a time", hint="catalog export promptfoo support_agent@v3")
    wanted = parse_reference(references[0])
    if wanted.revision is not None:
        raise UsageError(f"{references[0]}: name the revision with --rev")
    version = resolve_prompt(catalog, wanted).version
    golden = lazily("evals.golden:read_golden")(catalog, version.id)
    made = lazily("evals.interchange_promptfoo:promptfoo_config")(version, golden)
    return Exported(json_document(made.config), list(made.lost))


def _chosen(catalog: OpenCatalog, references: tuple[str, ...]) -> Labels:
    known = catalog.files.labels
    chosen: Labels = {}
    for text in references:
        name, selector, revision = parse_reference(text)
        if revision is not None:
            raise UsageError(f"{text}: name the revision with --rev")
        if not versions_of(catalog.files, name):
            raise unknown_name(catalog.files, name)
        found = known.get(name, {})
        wanted = [selector] if selector is not None else list(found)
        if not wanted or any(label not in found for label in wanted):
            has = f"its labels: {', '.join(found)}" if found else "it has no labels"
            raise UsageError(f"there is no label {for_terminal(text)}", hint=has)
        chosen.setdefault(name, {}).update({label: found[label] for label in wanted})
    return chosen if references else known


FORMATS: dict[str, Callable[[OpenCatalog, tuple[str, ...]], Exported]] = {
    "flagd": _flagd,
    "promptfoo": _promptfoo,
}
"""Every format: its name, and what makes a text of the catalog and the references that were given."""


@click.command("export", epilog=EPILOG)
@click.argument("form", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.argument("references", metavar="[REF]...", nargs=-1)
@rev_option
@click.pass_context
def command(ctx: click.Context, /, form: str, references: tuple[str, ...], revision: str | None) -> int:
    """Write labels or prompts in another tool's form.

    FORMAT flagd: labels as feature flags, weighted ones as fractional targeting. REF is a prompt (all its
    labels) or NAME@LABEL; without one everything is exported.

    FORMAT promptfoo: the golden cases of one version, rendered; results come back by `catalog gate --from promptfoo`.
    """
    exported = FORMATS[form](open_catalog(place_of(ctx), revision), references)
    answer(exported.text)
    for sentence in exported.lost:
        tell(f"not in it: {for_terminal(sentence)}")
    return 0
