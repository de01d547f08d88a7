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
            with contextlib.suppress(RuntimeError):
                counts = run.counts
                speed = self.tasks[0].speed
                rate = f"{speed:,.0f}/s" if speed else ""
                done, failed = sum(counts.values()), counts.get("failed", 0)
                self.update(task, completed=done, failed=failed, again=run.retried, rate=rate)
            return super().get_renderables()

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]} failed[/]"),
        TextColumn("[yellow]{task.fields[again]} retried[/]"),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
        expand=True,
        refresh_per_second=8,
    )
    task = bar.add_task(verb, total=total, failed=0, again=0, rate="")
    return bar
