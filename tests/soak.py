"""Whether the long trials run with their full numbers; `make test` runs about a tenth of them."""

from __future__ import annotations

import os

SOAK = os.environ.get("CATALOG_SOAK") == "1"
