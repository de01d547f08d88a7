"""A bar on stderr, for what takes longer than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

from ._output import is_smart

if TYPE_CHECKING:
    from ..bulk import Run

# Seconds after which somebody wonders whether anything goes on.
PATIENCE = 1.0
# Columns for all but bar and counts. The last ones stay free for the ^C that a terminal shows, or it begins a line.
BESIDE = 56


@contextlib.contextmanager
def progress(run: Run, total: int | None, verb: str, *, is_wanted: bool) -> Generator[None]:
    """Show how far a run is, from one second on, if stderr is a terminal.

    Args:
        run (Run): The run.
        total (int | None): How many results there will be, if that is known.
        verb (str): What is being done.
        is_wanted (bool): Whether to show anything.
    """
    if not is_wanted or not sys.stderr.isatty() or not is_smart():
        yield
        return
    lock = threading.Lock()
    bars: list[Any] = []
    over = False

    def show() -> None:
        with lock:
            if not over:
                bars.append(_bar(run, total, verb))
                bars[0].start()

    # By the clock, not by results: a run that waits for its server has none.
    timer = threading.Timer(PATIENCE, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
            for bar in bars:
                bar.stop()


def _bar(run: Run, total: int | None, verb: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Bar(Progress):
        """Looks at the run whenever it is drawn."""

        def get_renderables(self) -> Iterable[Any]:
            for task in self.tasks:
                counts = run.counts
                rate = f"{task.speed:,.0f}/s" if task.speed else ""
                failed = _counted(counts.get("failed", 0), "failed", "red")
                again = _counted(run.retried, "retried", "yellow")
                self.update(task.id, completed=sum(counts.values()), failed=failed, again=again, rate=rate)
            return super().get_renderables()

    console = Console(stderr=True)
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=max(5, min(40, console.width - BESIDE - 2 * len(str(total))))),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
        TextColumn("{task.fields[again]}"),
        console=console,
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
        refresh_per_second=8,
    )
    bar.add_task(verb, total=total, failed="", again="", rate="")
    return bar


def _counted(count: int, what: str, style: str) -> str:
    return f"[{style}]{count} {what}[/]" if count else f"{count} {what}"
