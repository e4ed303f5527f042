"""``catalog schema``: the JSON Schemas of files and outputs, and the page of findings."""

from __future__ import annotations

from difflib import get_close_matches

import click

from catalog_tool.cli.complete import schemas_or_codes
from catalog_tool.cli.context import answer
from catalog_tool.errors import UsageError
from catalog_tool.model.codes import CODES
from catalog_tool.source.code_pages import code_section, codes_page
from catalog_tool.source.schemas import SUFFIX, load_schema, schema_names, schema_text

EPILOG = """\b
Examples:
  catalog schema                   the names of all schemas
  catalog schema prompt            the schema of a prompt version
  catalog schema validate-output   the schema of `catalog validate --format json`
  catalog schema error             the schema of what any command says instead where it could not do its work
  catalog schema --codes P113      what a finding means, and how to mend it

Look at `status` first: a document of `--format json` with "status": "error" has the form of `catalog schema
error`, whatever the command; any other has the form of the command's own output.
`catalog init` writes the schemas that editors need to schemas/.
"""


@click.command("schema", epilog=EPILOG)
@click.argument("name", required=False, shell_complete=schemas_or_codes)
@click.option("--codes", is_flag=True, help="Print the page of findings, or the section of one code.")
def command(name: str | None, *, codes: bool) -> int:
    """Print a JSON Schema of a file or of an output."""
    if codes:
        answer(codes_page() if name is None else code_section(name))
    elif name is None:
        answer(_names())
    else:
        answer(_schema(name))
    return 0


def _names() -> str:
    names = schema_names()
    width = max(map(len, names))
    return "\n".join(f"{name:{width}}  {load_schema(name)['title']}" for name in names)


def _schema(name: str) -> str:
    known = schema_names()
    bare = name.rpartition("/")[2].removesuffix(SUFFIX)
    if bare in known:
        return schema_text(bare)
    if bare.upper() in CODES:
        raise UsageError(f"there is no schema {name!r}", hint=f"for a finding: catalog schema --codes {bare.upper()}")
    near = get_close_matches(bare, known, n=1)
    raise UsageError(
        f"there is no schema {name!r}", hint=f"did you mean {near[0]}?" if near else "`catalog schema` lists all"
    )
