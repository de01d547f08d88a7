"""The goals, how figures are held against them, and the table that shows it."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

OURS = ["ours", "ours, fast"]
# How far past its goal a figure may be before --guard fails: a shared machine is noisy, a gross loss is not noise.
SLACK = 2 * 1.15


# What a measurement finds: for each figure and contender one value a round.
Found = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Figure:
    """One line of the table for each contender; `goals` says whose is judged, the others are shown."""

    name: str
    what: str
    goals: dict[str, float] = field(default_factory=dict)
    at_least: bool = False


def both(goal: float) -> dict[str, float]:
    return dict.fromkeys(OURS, goal)


FIGURES = (
    Figure("memory", "Sync call in memory, CPU; httpx by hand = 1", both(0.55)),
    Figure("loopback", "Sync call over loopback, CPU; httpx by hand = 1", {"ours": 0.85, "ours, fast": 0.75}),
    Figure("async-zero", "64 in flight, no latency, requests/s; official = 1", {"ours": 3.5, "ours, fast": 12.0}, True),
    Figure("async-zero-aiohttp", "The same; official with aiohttp = 1", {"ours, fast": 5.0}, True),
    Figure("async-zero-rate", "The same, requests/s"),
    Figure("async-50ms", "64 in flight, 50 ms: share of 1,280/s", {"ours": 0.45, "ours, fast": 0.65}, True),
    Figure("connections", "New connections per request, 64 in flight, 50 ms", both(0.01)),
    Figure("scaling", "CPU per request, 256 in flight against 16", both(1.5)),
    Figure("threads", "64 threads on one client, 50 ms: share of 1,280/s", both(0.80), True),
    Figure("import", "import evermemos, CPU; official = 1", {"ours": 0.03}),
    Figure("construct", "import and construct, CPU; official = 1", {"ours": 0.05}),
    Figure("first-call", "import, construct, first call, CPU; official = 1", {"ours": 0.55}),
    Figure("startup-cpu", "import, construct, first call, CPU, ms"),
    Figure("client-time", "One more client, made, ms", both(1.0)),
    Figure("client-memory", "One more client, made, KiB", both(8.0)),
    Figure("client-used-time", "One more client, connected by a first call, ms", both(1.0)),
    Figure("client-used-memory", "One more client, connected by a first call, KiB"),
    Figure("decode", "Decode of one answer; stock generated code = 1", {"ours": 0.40}),
    Figure("decode-large", "Decode of 1,000 users; json.loads alone = 1", {"ours": 3.0}),
    Figure("soak", "Memory kept by calls in memory, after the first 10,000, MB", {"ours": 1.0}),
    Figure("soak-calls", "Calls made for that"),
)


@dataclass(frozen=True)
class Row:
    """One figure of one contender."""

    figure: Figure
    contender: str
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def goal(self) -> float | None:
        return self.figure.goals.get(self.contender)

    def is_within(self, slack: float = 1.0) -> bool:
        """Say whether the goal is met, or, with a slack above 1, not missed by more than this factor."""
        if self.goal is None:
            return True
        return self.median >= self.goal / slack if self.figure.at_least else self.median <= self.goal * slack

    def cells(self) -> tuple[str, ...]:
        spread = f"{shown(min(self.values))} to {shown(max(self.values))}"
        if self.goal is None:
            return self.figure.what, self.contender, shown(self.median), spread, "", ""
        goal = f"{'≥' if self.figure.at_least else '≤'} {self.goal:g}"
        return self.figure.what, self.contender, shown(self.median), spread, goal, "yes" if self.is_within() else "NO"


def shown(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def rows_of(found: Found) -> list[Row]:
    """Return a row for all that was found, in the order of the goals."""
    return [
        Row(figure, contender, values) for figure in FIGURES for contender, values in found.get(figure.name, {}).items()
    ]


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a table in Markdown that can be read as text too."""
    lines = [("what", "who", "median", "spread", "goal", "met"), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def gross(rows: Iterable[Row]) -> list[str]:
    """Name the figures that are lost, not only missed."""
    return [
        f"{row.figure.name} of {row.contender}: {shown(row.median)}, goal {row.goal:g}"
        for row in rows
        if not row.is_within(SLACK)
    ]
