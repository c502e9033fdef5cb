"""The table of results at the end of a run: rows × columns, each `passed/made`.

A test counts in the cells of its marks, `@pytest.mark.cell(row, column)`.
"""

import re
from collections import Counter

import pytest


def cell(row: str, column: str) -> pytest.MarkDecorator:
    """Marks a test, or one of its parameters, as a check of this row and column."""
    return pytest.mark.cell(row, column)


def keep(item: pytest.Item) -> None:
    """Keeps a test's cells in its report, which also crosses processes."""
    item.user_properties += [("cell", list(mark.args)) for mark in item.iter_markers("cell")]


def lines(reports: list) -> list[str]:
    """The table of these reports; nothing if none of them is of a marked test."""
    made, passed, columns = Counter(), Counter(), []
    for report in reports:
        for name, value in getattr(report, "user_properties", []):
            if name == "cell":
                made[tuple(value)] += 1
                passed[tuple(value)] += report.outcome == "passed"
                columns += [value[1]] if value[1] not in columns else []
    if not made:
        return []
    rows = sorted({row for row, _ in made}, key=_natural)
    table = [["", *columns]]
    for row in rows:
        table.append([row, *(f"{passed[row, it]}/{made[row, it]}" if made[row, it] else "-" for it in columns)])
    total = lambda counter, column: sum(count for (_, of), count in counter.items() if of == column)  # noqa: E731
    table.append([f"all {len(rows)}", *(f"{total(passed, it)}/{total(made, it)}" for it in columns)])
    widths = [max(len(line[at]) for line in table) for at in range(len(table[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in table]


def _natural(text: str) -> list:
    """A key that sorts R1.9 before R1.10."""
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", text)]
