"""Plays every operation through the Python SDK, of either major, as its own user would.

Run by players.py in an environment that has one of them. A line for each check: `<row> ok` or `<row> no <why>`.
"""

import sys
import traceback

import across  # noqa: F401
import applications  # noqa: F401
import attempts  # noqa: F401
import endpoints  # noqa: F401
import event_types  # noqa: F401
import messages  # noqa: F401
import tasks  # noqa: F401
from ground import CHECKS, client


def main():
    wanted = set(sys.argv[1:])
    for row, check in CHECKS:
        if wanted and row not in wanted:
            continue
        if row == "endpoint.get-attempt-stats" and not hasattr(client.endpoint, "get_attempt_stats"):
            continue
        if row == "message.bulk-expunge-content" and not hasattr(client.message, "bulk_expunge_content"):
            continue
        try:
            check()
        except Exception as error:  # Whatever it is, the next check may hold.
            frame = traceback.extract_tb(error.__traceback__)[1]
            where = f"{frame.filename.rsplit('/', 1)[1]}:{frame.lineno}"
            why = f"{type(error).__name__}: {error}".replace("\n", " ")
            print(f"{row} no {where}: {why[:500]}", flush=True)
        else:
            print(f"{row} ok", flush=True)


main()
