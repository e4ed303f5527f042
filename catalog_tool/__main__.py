"""``python -m catalog_tool``: the same as the command ``catalog``.

Python then looks for modules in the working directory first, and there stands the catalog that is looked
at: a ``yaml.py`` in it would be run. So nothing but this package itself is imported from there.
"""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path and sys.path[0] == os.getcwd():  # noqa: PTH109 - before anything is imported
        del sys.path[0]
    from catalog_tool.cli.main import run

    run()
