"""Run inside the peers' environment: skills_ref's own check of every skill folder, in one process."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    validate = importlib.import_module("skills_ref").validate
    for folder in sorted(Path(sys.argv[1]).iterdir()):
        found = validate(folder)
        if found:
            sys.exit(f"{folder.name}: {found}")
