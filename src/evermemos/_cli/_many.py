"""The commands for many records, on `client.v1.bulk`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BulkError, InputError, JournalError, RecordReplacedError, TooManyFailuresError
from . import DONE, FAILED, INTERRUPTED, NO_READER, NO_RECORD, SOME_FAILED, TO_DO, silence
from ._output import Form, Output, as_yaml, say, shown
from ._session import Session, UsageError

if TYPE_CHECKING:
    from .. import EverMemOS
    from ..bulk import Result, Run

MOST_ERRORS = 10
SUFFIXES = {".yaml": Form.yaml, ".yml": Form.yaml, ".jsonl": Form.json, ".ndjson": Form.json}
MARKS = {
    "create": ("+", "green"),
    "created": ("+", "green"),
    "update": ("~", "yellow"),
    "updated": ("~", "yellow"),
    "replace": ("!", "yellow"),
    "replaced": ("!", "yellow"),
    "restored": ("~", "yellow"),
}


TO_SHOW = ("create", "update", "replace")
# Characters of a value before and after that fit into one line.
SHORT = 60


class Format(StrEnum):
    """Formats of files of records."""

    yaml = "yaml"
    jsonl = "jsonl"
    csv = "csv"


File = Annotated[Path, typer.Argument(help="Records in YAML, JSON Lines or CSV.")]
Kind = Annotated[Format | None, typer.Option("--format", help="Format of FILE. [default: by its name]")]
Repeated = Annotated[bool, typer.Option("--repeated", help="Let FILE name a group more than once: done in that order.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Most requests in flight.")]
Rate = Annotated[float | None, typer.Option(help="Most requests a second.")]
Retries = Annotated[int, typer.Option(min=0, help="How often a record is tried again.")]
MaxFailures = Annotated[int | None, typer.Option(min=0, help="Stop once more records than this have failed.")]


def plan(
    session: Session,
    file: File,
    *,
    format: Kind = None,
    repeated: Repeated = False,
    concurrency: Concurrency = 32,
    rate: Rate = None,
    retries: Retries = 8,
    max_failures: MaxFailures = None,
) -> int:
    """Show what apply would do, field by field. Reads alone. Exit code 2 if there is something to do."""
    from ..bulk import read

    with _client(session) as client:
        records = read(file, format=None if format is None else format.value, unique=not repeated)
        run = client.v1.bulk.plan(
            records, concurrency=concurrency, rate=rate, retries=retries, max_failures=max_failures
        )
        code = _follow(session, run, len(records), "Comparing")
    is_to_do = any(run.counts.get(action) for action in ("create", "update", "replace"))
    return TO_DO if code == DONE and is_to_do else code


def apply(
    session: Session,
    file: File,
    *,
    journal: Annotated[
        Path | None, typer.Option(help="What is done is written here. [default: FILE.journal, then named by the time]")
    ] = None,
    failures: Annotated[
        Path | None,
        typer.Option(help="For records that fail, as input for another apply. [default: FILE.failed.jsonl]"),
    ] = None,
    format: Kind = None,
    repeated: Repeated = False,
    concurrency: Concurrency = 32,
    rate: Rate = None,
    retries: Retries = 8,
    max_failures: MaxFailures = None,
) -> int:
    """Bring the records of a file about. After an interruption, the same command goes on where it stopped."""
    from ..bulk import read

    current = journal or file.with_name(f"{file.name}.journal")
    failed = failures or file.with_name(f"{file.name}.failed.jsonl")
    with _client(session) as client:
        records = read(file, format=None if format is None else format.value, unique=not repeated)
        if current.exists():
            session.out.note(f"Going on with {shown(str(current))}")
        run = client.v1.bulk.apply(
            records,
            journal=current,
            failures=failed,
            concurrency=concurrency,
            rate=rate,
            retries=retries,
            max_failures=max_failures,
        )
        try:
            code = _follow(session, run, len(records), "Applying")
        except (InputError, JournalError) as error:
            place = shown(str(current))
            say(f"evermemos: {shown(str(error))} (an earlier run of it is in {place}: move that away to begin anew)")
            return FAILED
    with contextlib.suppress(OSError):
        if failed.stat().st_size == 0:
            failed.unlink()
        else:
            session.out.note(f"What failed is in {shown(str(failed))}, which can be applied once it is right")
    if code in (INTERRUPTED, NO_READER) or sum(run.counts.values()) < len(records):
        session.out.note(f"The same command goes on from there (journal: {shown(str(current))})")
    else:
        kept = current if journal is not None else _dated(current)
        session.out.note(f"To put back what was changed: evermemos undo {shown(str(kept))}")
    return code


def export(
    session: Session,
    *,
    groups: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Ids of groups, one a line, or a file of records; - is stdin."),
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Read the groups that an apply was about.")] = None,
    default: Annotated[bool, typer.Option("--default", help="Read the default record, too.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="Write to this file, YAML or JSON Lines by its name. [default: stdout]")
    ] = None,
    concurrency: Concurrency = 32,
    rate: Rate = None,
    retries: Retries = 8,
    max_failures: MaxFailures = None,
) -> int:
    """Read records back, in the form that apply takes. The API has no list of groups, so they must be named."""
    from ..bulk import journal_groups

    if (groups is None) is (journal is None) and not (default and groups is None):
        raise UsageError("expected either --groups FILE or --journal FILE: the API has no list of groups")
    form = Form.json if session.out.form is Form.json else Form.yaml
    if to is not None:
        if to.suffix.lower() not in SUFFIXES:
            raise UsageError(f"--to {to}: expected a name that ends in {', '.join(SUFFIXES)}")
        form = SUFFIXES[to.suffix.lower()]
    with _client(session) as client:
        given = journal_groups(journal) if journal is not None else _ids(groups) if groups is not None else iter(())
        ids = _with_default(given) if default else given
        bounds: Any = {"concurrency": concurrency, "rate": rate, "retries": retries, "max_failures": max_failures}
        if journal is not None:
            # It checks that the journal is of this server.
            client.v1.bulk.export(journal=journal)
        run = client.v1.bulk.export(ids, **bounds)
        with _target(to) as file:
            code = _follow(session, run, None, "Reading", _Exported(file, form))
    return NO_RECORD if code == DONE and run.counts.get("missing") else code


def undo(
    session: Session,
    journal: Annotated[Path, typer.Argument(help="Journal of an apply.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Put back, too, what somebody else has changed since.")
    ] = False,
    concurrency: Concurrency = 32,
    rate: Rate = None,
    retries: Retries = 8,
    max_failures: MaxFailures = None,
) -> int:
    """Put back what an apply changed. What it created stays: the API cannot delete."""
    with _client(session) as client:
        run = client.v1.bulk.undo(
            journal, force=force, concurrency=concurrency, rate=rate, retries=retries, max_failures=max_failures
        )
        return _follow(session, run, None, "Putting back")


class _Shown:
    """Shows the results of a run."""

    def __init__(self, out: Output) -> None:
        self._out = out

    def __call__(self, result: Result) -> None:
        if self._out.form is not Form.table:
            self._out.many(as_dict(result))
        elif result.action in MARKS or (result.action in ("unchanged", "kept") and not self._out.quiet):
            self._show(result)

    def _show(self, result: Result) -> None:
        out = self._out
        mark, style = MARKS.get(result.action, ("=", "dim"))
        line = out.styled(f"{mark} {name(result.group_id)}  {result.action}", style)
        if result.action not in TO_SHOW:
            # What was planned was shown before.
            fields = ", ".join(change.field for change in result.changes)
            out.line(f"{line}  {out.styled(fields, 'dim')}".rstrip())
            return
        out.line(line)
        width = max((len(change.field) for change in result.changes), default=0)
        for change in result.changes:
            label = f"    {out.styled(change.field.ljust(width), 'cyan')}  "
            for before, after in _steps(change.before, change.after):
                old = "" if before is None else out.styled(f"- {shown(before)}", "red")
                new = "" if after is None else out.styled(f"+ {shown(after)}", "green")
                is_short = len(shown(before)) + len(shown(after)) < SHORT
                for part in ["  ".join(filter(None, (old, new)))] if is_short else filter(None, (old, new)):
                    out.line(label + part)
                    label = " " * (6 + width)


class _Exported:
    """Writes the records that a run reads."""

    def __init__(self, file: IO[str], form: Form) -> None:
        self._file = file
        self._form = form

    def __call__(self, result: Result) -> None:
        if result.action == "missing":
            say(f"evermemos: {name(result.group_id)}: there is no record of its own")
        if result.record is not None:
            values = result.record.to_dict()
            self._file.write(as_yaml(values) if self._form is Form.yaml else f"{result.record.to_json().decode()}\n")


def _follow(session: Session, run: Run, total: int | None, verb: str, show: Any = None) -> int:
    """Show the results of a run while they come, and say in the end how many there were."""
    from ._progress import progress

    show = show or _Shown(session.out)
    start = time.monotonic()
    code = DONE
    try:
        with run, progress(run, total, verb, is_wanted=not session.quiet):
            failures = 0
            for result in run:
                show(result)
                if result.error is not None:
                    failures += 1
                    if failures <= MOST_ERRORS:
                        # The library says it in words of Python.
                        text = str(result.error).replace("force=True", "--force")
                        say(f"evermemos: {name(result.group_id)}: {shown(text)}")
                    elif failures == MOST_ERRORS + 1:
                        say("evermemos: and more, which are counted alone")
            sys.stdout.flush()
    except TooManyFailuresError as error:
        say(f"evermemos: {shown(str(error))}")
    except RecordReplacedError as error:
        say(f"evermemos: {shown(str(error))}")
        code = FAILED
    except KeyboardInterrupt:
        say("evermemos: interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        silence()
        code = NO_READER
    counts = run.counts
    seconds = time.monotonic() - start
    said = ", ".join(f"{count} {shown(action)}" for action, count in counts.items()) or "nothing"
    retried = f", {run.retried} tried again" if run.retried else ""
    of = "" if total is None or sum(counts.values()) == total else f" of {total}"
    session.out.note(f"{said}{of}{retried} in {seconds:.1f} s")
    return SOME_FAILED if code == DONE and counts.get("failed") else code


def as_dict(result: Result) -> dict[str, Any]:
    """Return a result as JSON."""
    found: dict[str, Any] = {"group_id": result.group_id, "action": result.action, "attempts": result.attempts}
    if result.changes:
        found["changes"] = [change._asdict() for change in result.changes]
    if result.error is not None:
        found["error"] = {"type": type(result.error).__name__, "message": str(result.error)}
    return found


def name(group_id: str | None) -> str:
    """Return the name of a group as people read it."""
    return "(default record)" if group_id is None else shown(group_id)


def _steps(before: Any, after: Any) -> Iterator[tuple[Any, Any]]:
    """Take a change apart, if both sides can be: an item of a list or map that stays is not shown."""
    if isinstance(before, list) and isinstance(after, list):
        gone, new = [each for each in before if each not in after], [each for each in after if each not in before]
        if gone or new:
            yield from ((each, None) for each in gone)
            yield from ((None, each) for each in new)
            return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(each for each in after if each not in before)]:
            if before.get(key) != after.get(key):
                yield (
                    {key: before[key]} if key in before else None,
                    {key: after[key]} if key in after else None,
                )
        return
    yield (before, after)


def _client(session: Session) -> EverMemOS:
    if session.version == "v0":
        raise UsageError("only v1 has commands for many records: use get, set and update, or --api v1")
    return session.client()


def _ids(place: str) -> Iterator[str | None]:
    """Read ids of groups."""
    from ..bulk._input import FORMATS

    if place != "-" and Path(place).suffix.lower() in FORMATS:
        from ..bulk import read

        return (record.group_id for record in read(place, unique=False))
    return _lines(place)


def _lines(place: str) -> Iterator[str | None]:
    with contextlib.nullcontext(sys.stdin) if place == "-" else Path(place).open(encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield line.rstrip("\r\n")


def _with_default(ids: Iterator[str | None]) -> Iterator[str | None]:
    yield None
    yield from ids


@contextlib.contextmanager
def _target(path: Path | None) -> Generator[IO[str]]:
    """Give the file to write to. It is under its name once it is whole, and for its owner alone."""
    if path is None:
        yield sys.stdout
        return
    partial = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        yield file
    partial.replace(path)


def _dated(journal: Path) -> Path:
    """Give the journal of a run that is over a name of its own: the next apply of the file begins another."""
    now = datetime.now(UTC)
    for more in range(1000):
        stamp = f"{now:%Y-%m-%dT%H%M%SZ}{f'.{more}' if more else ''}"
        target = journal.with_name(f"{journal.name.removesuffix('.journal')}.{stamp}.journal")
        if not target.exists():
            return journal.rename(target)
    raise BulkError(f"{journal} cannot be renamed: there are too many journals beside it")
