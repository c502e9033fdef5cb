"""Counts every check, prints it as it is made, and sums up by profile and library at the end."""

from collections import Counter

import tools

# The columns of the table: who signed, and what had to come of it.
THEIRS_ACCEPTED = "theirs accepted"
THEIRS_REFUSED = "theirs refused"
ONE_EFFECT = "one effect"
OURS_ACCEPTED = "ours accepted"
OURS_REFUSED = "ours refused"
COLUMNS = (THEIRS_ACCEPTED, THEIRS_REFUSED, ONE_EFFECT, OURS_ACCEPTED, OURS_REFUSED)


class Report:
    """What held and what did not."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self._held: Counter = Counter()
        self._made: Counter = Counter()

    def check(self, name: str, check, row: tuple[str, str] | None = None, column: str | None = None) -> None:
        """Makes a check; with a row (profile, library) and a column it also counts in the table."""
        held = True
        try:
            check()
        except Exception as error:  # Whatever it is, the next check may hold.
            held = False
            tools.say(f"FAILED  {name}: {type(error).__name__}: {error}")
        else:
            tools.say(f"ok      {name}")
        self.passed += held
        self.failed += not held
        if row is not None:
            self._made[row, column] += 1
            self._held[row, column] += held

    def rows(self) -> set[tuple[str, str]]:
        """The pairs of profile and library that were checked."""
        return {row for row, _ in self._made}

    def table(self) -> str:
        """Profile × library, each as it should be: n of n."""
        lines = [("profile", "library", *COLUMNS)]
        for row in sorted(self.rows()):
            lines.append((*row, *(self._cell(row, column) for column in COLUMNS)))
        total = [f"{self._sum(self._held, column)}/{self._sum(self._made, column)}" for column in COLUMNS]
        lines.append(("all", f"{len(self.rows())} pairs", *total))
        widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
        return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in lines)

    def _cell(self, row: tuple[str, str], column: str) -> str:
        made = self._made[row, column]
        return f"{self._held[row, column]}/{made}" if made else "-"

    @staticmethod
    def _sum(counter: Counter, column: str) -> int:
        return sum(count for (_, of), count in counter.items() if of == column)


def equal(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")
