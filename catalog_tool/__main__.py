"""``python -m catalog_tool``: the same as the command ``catalog``."""

from catalog_tool.cli.main import run

run()
