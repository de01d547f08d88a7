"""Files of records: YAML, JSON Lines, CSV."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from .. import _checks, _json
from ..errors import ConfigurationError, InputError, RequestValidationError
from ._record import FIELDS, Record, violations

Format = Literal["yaml", "jsonl", "csv"]
FORMATS: dict[str, Format] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
}
NESTED = frozenset({"scene_desc", "user_details"})
# Bytes that are read and compared at once.
BLOCK = 1 << 18
# Bytes of one line or field: what servers take in one record.
LONGEST = 16 * 1024 * 1024
MOST_KEPT = 1000


class Problem(NamedTuple):
    """What keeps a part of a file from being read."""

    line: int
    text: str


class Entry(NamedTuple):
    """One record as it stands in a file.

    Attributes:
        line (int): Where it begins, counted from 1.
        values (Any): What it says.
        line_of (Callable[[str], int]): Tells the line of a field, by its path.
    """

    line: int
    values: Any
    line_of: Callable[[str], int]


class Input:
    """The records of a file that was checked. Made by `read`.

    It can be iterated over any number of times. Every part of the file is compared with what was checked before a
    record of it is given; a file that was changed raises InputError there.

    Attributes:
        path (Path): The file.
        format (str): "yaml", "jsonl" or "csv".
        count (int): How many records there are.
        fingerprint (str): Of the file's content.
    """

    def __init__(self, path: Path, kind: Format, count: int, blocks: list[bytes]) -> None:
        self.path = path
        self.format = kind
        self.count = count
        self._blocks = blocks
        self.fingerprint = blake2b(b"".join(blocks), digest_size=16).hexdigest()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Record]:
        with _open(_Checked(self.path, self._blocks)) as file:
            for entry in _READERS[self.format](file):
                if isinstance(entry, Problem):
                    raise _changed(self.path)
                yield Record.from_dict(entry.values)


def read(path: str | os.PathLike[str], *, format: Format | None = None, unique: bool = True) -> Input:
    """Check a file of records, whole, and return what reads them. Takes the same memory for files of any size.

    YAML has a record in each document, or a list of them in one; JSON Lines has one in each line; CSV has a row of
    names first, tags separated by ";", empty cells for fields to leave alone, and no nested fields. In all of them
    `group_id` must be there; null, which CSV cannot say, is the default record.

    Args:
        path (str | os.PathLike[str]): The file. It is read again for each run, so it cannot be a pipe.
        unique (bool): Whether a second record of one group is a violation. Otherwise they are applied in their order.
        format (str | None): "yaml" (needs the extra `bulk`), "jsonl" or "csv". Default: by the name's ending.

    Raises:
        InputError: If anything is wrong. It has all violations, with their lines.
        ConfigurationError: If the file cannot be opened, its format is not known, or pyyaml is not installed.
    """
    path = Path(path)
    kind = format or FORMATS.get(path.suffix.lower())
    if kind not in _READERS:
        known = ", ".join(FORMATS)
        raise ConfigurationError(f"{path}: the format is not known: expected a name that ends in {known}, or `format`")
    if not path.is_file():
        raise ConfigurationError(f"{path}: {'not a regular file' if path.exists() else 'there is no such file'}")
    found: list[tuple[int, str]] = []
    wrong = count = 0
    noted = _Noted(path)
    with _open(noted) as file, closing(sqlite3.connect("")) as seen:
        # A table that SQLite moves to the disk when it grows. It holds the ids alone, and dies with the process.
        seen.execute("CREATE TABLE seen (group_id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        for entry in _READERS[kind](file):
            if isinstance(entry, Problem):
                problems = [entry]
            else:
                count += 1
                problems = _problems(entry, seen if unique else None)
            wrong += len(problems)
            found += [(line, text) for line, text in problems][: MOST_KEPT - len(found)]
        # The rest of a file that could not be read to its end belongs to its fingerprint no less.
        while file.read(BLOCK):
            pass
    if wrong:
        raise _input_error(path, found, wrong)
    return Input(path, kind, count, noted.blocks)


def write(records: Iterable[Record], file: IO[bytes], *, format: Literal["yaml", "jsonl"] = "jsonl") -> int:
    """Write records as input for another run, and return how many there were.

    Args:
        records (Iterable[Record]): The records.
        file (IO[bytes]): Where to, opened in binary mode.
        format (str): "jsonl", or "yaml" (needs the extra `bulk`).
    """
    count = 0
    for record in records:
        count += 1
        if format == "yaml":
            from ._yaml import dump

            file.write(dump(record.to_dict()))
        else:
            file.write(record.to_json() + b"\n")
    return count


def _problems(entry: Entry, seen: sqlite3.Connection | None) -> list[Problem]:
    found = []
    group_id: Any
    try:
        group_id = Record.from_dict(entry.values).group_id
    except RequestValidationError:
        found = [
            Problem(entry.line_of(error.field), error.message.removesuffix(_checks.HINT))
            for error in violations(entry.values)
        ]
        group_id = entry.values.get("group_id", 0) if isinstance(entry.values, Mapping) else 0
    if seen is not None and (group_id is None or isinstance(group_id, str)):
        # No id of a group is blank.
        key = "" if group_id is None else group_id.encode(errors="surrogatepass").hex()
        try:
            seen.execute("INSERT INTO seen VALUES (?, ?)", (key, entry.line))
        except sqlite3.IntegrityError:
            first = seen.execute("SELECT line FROM seen WHERE group_id = ?", (key,)).fetchone()[0]
            what = "the default record" if group_id is None else f"group {group_id!r}"
            found.append(Problem(entry.line_of("group_id"), f"group_id: {what} is in line {first} already"))
    return sorted(found, key=lambda problem: problem.line)


def _input_error(path: Path, found: list[tuple[int, str]], count: int) -> InputError:
    lines = [f"line {line}: {text}" for line, text in found[:3]]
    more = f"; and {count - 3} more" if count > 3 else ""
    return InputError(f"{path}: {'; '.join(lines)}{more}", violations=found, count=count)


def _changed(path: Path) -> InputError:
    return InputError(f"{path} was changed after it was checked: begin anew")


# Bytes


class _Blocks(io.RawIOBase):
    """Reads a file block by block."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror}") from None
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if not self._left:
            block = b""
            while len(block) < BLOCK and (part := self._file.read(BLOCK - len(block))):
                block += part
            self.look(block)
            self._left = memoryview(block)
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def look(self, block: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._file.close()
        super().close()


class _Noted(_Blocks):
    """Takes down the digest of every block."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.blocks: list[bytes] = []

    def look(self, block: bytes) -> None:
        if block:
            self.blocks.append(_digest(block))


class _Checked(_Blocks):
    """Compares every block with its digest before a byte of it is used."""

    def __init__(self, path: Path, blocks: list[bytes]) -> None:
        super().__init__(path)
        self._path = path
        self._expected = iter(blocks)

    def look(self, block: bytes) -> None:
        if next(self._expected, b"") != (_digest(block) if block else b""):
            raise _changed(self._path)


def _digest(block: bytes) -> bytes:
    return blake2b(block, digest_size=16).digest()


def _open(blocks: _Blocks) -> io.BufferedReader:
    file: Any = io.BufferedReader(blocks, BLOCK)
    # Windows programs like to begin a text with the sign of its encoding.
    if file.peek(3)[:3] == b"\xef\xbb\xbf":
        file.read(3)
    found: io.BufferedReader = file
    return found


# Formats


def _read_jsonl(file: io.BufferedReader) -> Iterator[Entry | Problem]:
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            yield Problem(number, f"the line is longer than {LONGEST} bytes")
            while line and not line.endswith(b"\n"):
                line = file.readline(LONGEST)
            continue
        if not line.strip():
            continue
        try:
            values = _json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or ("not UTF-8" if isinstance(error, UnicodeError) else "")
            yield Problem(number, f"not JSON{': ' * bool(reason)}{reason}")
            continue
        yield Entry(number, values, lambda _, number=number: number)  # type: ignore[misc]


def _read_csv(file: io.BufferedReader) -> Iterator[Entry | Problem]:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    rows = csv.reader(text, strict=True)
    start = 1
    names: list[str] | None = None
    try:
        for row in rows:
            line, start = start, rows.line_num + 1
            if not row:
                continue
            if names is None:
                names = [name.strip() for name in row]
                problems = list(_wrong_names(names))
                yield from (Problem(line, problem) for problem in problems)
                if problems:
                    return
                continue
            if len(row) != len(names):
                yield Problem(line, f"{len(row)} cells, where the first row has {len(names)} names")
                continue
            values: dict[str, Any] = {name: cell for name, cell in zip(names, row, strict=True) if cell}
            if "group_id" not in values:
                yield Problem(line, "group_id: it is empty; the default record cannot be named in CSV")
                continue
            if "tags" in values:
                values["tags"] = [tag.strip() for tag in values["tags"].split(";") if tag.strip()]
            yield Entry(line, values, lambda _, line=line: line)  # type: ignore[misc]
    except csv.Error as error:
        yield Problem(start, f"not CSV: {error}")
    except UnicodeError:
        yield Problem(start, "not UTF-8")
    finally:
        # It would close the file when it is forgotten.
        text.detach()


def _wrong_names(names: list[str]) -> Iterator[str]:
    flat = [name for name in ("group_id", *FIELDS) if name not in NESTED]
    for name in names:
        if name in NESTED:
            yield f"{name}: CSV cannot hold nested fields; use YAML or JSON Lines"
        elif name not in flat:
            yield f"{name or 'a column without a name'}: no such field; expected some of: {', '.join(flat)}"
        elif names.count(name) > 1:
            yield f"{name}: the column is there twice"
    if "group_id" not in names:
        yield "group_id: there is no such column"


def _read_yaml(file: io.BufferedReader) -> Iterator[Entry | Problem]:
    from ._yaml import load

    return load(file)


_READERS: dict[str, Callable[[io.BufferedReader], Iterator[Entry | Problem]]] = {
    "yaml": _read_yaml,
    "jsonl": _read_jsonl,
    "csv": _read_csv,
}
