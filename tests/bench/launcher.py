"""``launcher.py REPORT COMMAND...`` runs a command and writes to REPORT what it cost, as JSON.

A process begins with the peak memory of whoever started it, so the bench, which may have grown large,
never starts what it measures itself.
"""

import json
import os
import sys
import time


def main() -> None:
    """Seconds of processor and wall time, the largest resident set in the platform's unit, the exit code."""
    report, *command = sys.argv[1:]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    found = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "wall": time.perf_counter() - start,
        "peak": usage.ru_maxrss,
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 -- pathlib alone would make this process larger
        json.dump(found, file)


if __name__ == "__main__":
    main()
