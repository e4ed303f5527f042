"""A hand edit in a runtime, for the demo: production of support_agent is moved behind git's back."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

if __name__ == "__main__":
    with closing(sqlite3.connect(sys.argv[1])) as connection, connection:
        connection.execute(
            "UPDATE label SET value = ? WHERE id = ? AND label = ?", ('"v1"', "support_agent", "production")
        )
    print("UPDATE label SET value = v1 WHERE id = support_agent AND label = production")
