"""Every limit of this package, in one place. Sizes are bytes unless a name says otherwise."""

from __future__ import annotations

PARSED_FILE_BYTES = 1024 * 1024
"""A file we parse: YAML, JSON, Markdown with front matter."""
SKILL_FILE_BYTES = 16 * 1024 * 1024
"""Any other file of a skill."""
NESTING = 32
"""Maps and lists inside one another in a parsed file."""
NODES = 100_000
"""Maps, lists and scalars in a parsed file."""
BUNDLE_BYTES = 64 * 1024 * 1024
"""bundle.json."""
SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps (RFC 8785, I-JSON)."""
PARTIAL_DEPTH = 8
"""Partials inside partials (design §4)."""
RENDERED_CHARACTERS = 4 * 1024 * 1024
"""What one prompt may render to, in code points."""
JINJA_STEPS = 200_000
"""Work units of one jinja rendering."""
CATALOG_FILES = 500_000
"""Files that one catalog may hold."""
WORD_DIFF_WORDS = 4000
"""Words of a field that are compared word by word; beyond that, only few changed words are found, or lines."""

SKILL_NAME_CHARACTERS = 64
SKILL_DESCRIPTION_CHARACTERS = 1024
SKILL_COMPATIBILITY_CHARACTERS = 500
SKILL_BODY_LINES = 500
SKILL_BODY_TOKENS = 5000
CHARACTERS_A_TOKEN = 4
"""An estimate, always shown with ``~``: code points divided by this."""
