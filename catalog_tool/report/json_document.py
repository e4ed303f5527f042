"""JSON as every command prints it."""

from __future__ import annotations

import json

from catalog_tool.report.escape import for_json


def json_document(value: object) -> str:
    """``value`` as an indented JSON document that ends with a line feed.

    Keys keep their order. Letters of all scripts stay readable; controls, unseen characters and lone
    surrogates are escaped, so the text is valid UTF-8 and may be shown on a terminal or in a log.
    Raises ``ValueError`` for a number JSON does not have and ``TypeError`` for what is no JSON value.
    """
    return for_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"
