"""`client.v1.bulk.apply` on a Dask cluster, one partition at a time (extra `dask`).

    from evermemos import EverMemOS
    from evermemos.integrations.dask import apply

    results = apply(bag_of_records, EverMemOS(), "/shared/journals", rate=2000)
    print(results.map(lambda result: result.action).frequencies().compute())

The graph holds no key: a client is pickled without it, and EVERMEMOS_API_KEY gives it on each worker.
docs/guide-dask.md says how to lay out partitions, and what to expect of how many machines.
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import EverMemOS, _settings
from ..bulk import Record, Result
from ..bulk._bulk import DEFAULT_CONCURRENCY, DEFAULT_RETRIES
from ..errors import ConfigurationError

try:
    from dask.bag import Bag, from_sequence
    from dask.base import compute
    from dask.delayed import delayed
except ModuleNotFoundError:
    message = "evermemos.integrations.dask needs dask: pip install 'evermemos-client[dask]'"
    raise ModuleNotFoundError(message, name="dask") from None

Path_ = str | os.PathLike[str]

# Records that a partition should have. Below, the scheduler is a part of the cost that can be seen.
LEAST = 10_000
# Into how many parts the ids of groups are divided for comparison, so that no task holds all of them.
MOST_PARTS = 32
DIGEST = 16


def apply(
    records: Any,
    client: EverMemOS | Callable[[], EverMemOS],
    journals: Path_,
    *,
    failures: Path_ | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    rate: float | None = None,
    at_once: int | None = None,
    retries: int = DEFAULT_RETRIES,
    max_failures: int | None = None,
    check: bool = True,
) -> Bag:
    """Bring records about on a cluster, each partition by a run of `client.v1.bulk.apply` of its own.

    A partition that is run again, since its worker died or its results were lost with one, goes on by its journal
    exactly where it stopped; so does the whole, called again with the same records and journals. That takes a folder
    that all workers share, on a file system whose locks work, and records that come again in the same order.

    Nothing is applied until the results are computed, and with every computation they are gone through again, which
    costs no requests but for records that failed. `persist()` results that are used more than once.

    Args:
        records (dask.bag.Bag | dask.dataframe.DataFrame): `Record`s or dicts, or a dataframe whose columns are those
            of the CSV that `evermemos.bulk.read` takes. All records of a group must be in one partition, since
            partitions know no order among each other.
        client (EverMemOS | Callable[[], EverMemOS]): A client, which travels without its API key; EVERMEMOS_API_KEY
            must be set on the workers. Its default_headers do travel. Or a function that makes a client on the worker,
            once for each partition, after which it is closed.
        journals (str | os.PathLike[str]): Folder for the journals, one for each partition.
        failures (str | os.PathLike[str] | None): Folder for the records that fail, in one file for each partition.
        concurrency (int): The most requests in flight, of each partition that is worked on.
        rate (float | None): The most requests per second, of all workers together. Each partition that is worked on
            has an equal share, whether the others use theirs or not.
        at_once (int | None): Among how many partitions `rate` is divided: as many as are ever worked on at once.
            Default: as many as the cluster has threads now. Say more for a cluster that is still to grow.
        retries (int): As for `client.v1.bulk.apply`.
        max_failures (int | None): How many records may fail in one partition. With one more the task fails, and Dask
            ends the computation.
        check (bool): Whether to go through the records once at once, on the cluster, to see that no group is in two
            partitions and that partitions have 10,000 records on average. Leave it out only if you know.

    Returns:
        dask.bag.Bag: A `Result` for each record, without its changes, in the partitions and the order of the records;
        `index` counts within the partition.

    Raises:
        ConfigurationError: If an argument is wrong, a group is in two partitions, or partitions are too small.
    """
    if hasattr(records, "to_bag"):
        records = records.to_bag(format="dict").map(_row)
    if not isinstance(records, Bag):
        raise ConfigurationError(f"records: expected a Dask bag or dataframe, got {type(records).__name__}")
    options: dict[str, Any] = {"concurrency": concurrency, "retries": retries, "max_failures": max_failures}
    if at_once is not None:
        _settings.check_count("at_once", at_once, least=1)
    if isinstance(client, EverMemOS):
        # A run that is not begun does nothing but check its arguments.
        client.v1.bulk.apply((), rate=rate, **options)
    elif not callable(client):
        raise ConfigurationError(f"client: expected an EverMemOS or a function, got {type(client).__name__}")
    options["rate"] = rate if rate is None else rate / (at_once or _threads(records.npartitions))
    if check:
        _check(records)
    numbers = from_sequence(range(records.npartitions), npartitions=records.npartitions)
    work = _Work(
        client,
        records.npartitions,
        Path(journals).absolute(),
        None if failures is None else Path(failures).absolute(),
        options,
        uuid.uuid4().hex,
    )
    results: Bag = records.map_partitions(work, numbers)
    return results


@dataclasses.dataclass(frozen=True)
class _Work:
    """What is done with a partition.

    Attributes:
        run (str): Makes the tasks of one call others than those of the next, whose results Dask may still hold.
    """

    client: EverMemOS | Callable[[], EverMemOS]
    npartitions: int
    journals: Path
    failures: Path | None
    options: dict[str, Any]
    run: str
    # How Dask's pages and logs call the tasks.
    __name__ = "evermemos-apply"

    def __call__(self, records: Iterable[Any], numbers: Iterable[int]) -> list[Result]:
        (number,) = numbers
        for folder in filter(None, (self.journals, self.failures)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A client that was unpickled here holds nothing open, and one that was not is the caller's.
        if isinstance(self.client, EverMemOS):
            return self._results(self.client, records, number)
        with self.client() as client:
            return self._results(client, records, number)

    def _results(self, client: EverMemOS, records: Iterable[Any], number: int) -> list[Result]:
        # A worker that was set up without its key must not turn every record into a failure.
        client._settings.check_key()  # noqa: SLF001
        run = client.v1.bulk.apply(
            # Its journal is of no use to a partition of another division: the first records may be the same.
            _Input(records, f"partition {number} of {self.npartitions}"),
            journal=self.journals / f"{number:06}.journal",
            failures=None if self.failures is None else self.failures / f"{number:06}.jsonl",
            **self.options,
        )
        with run:
            results = [dataclasses.replace(result, changes=()) for result in run]
        results.sort(key=lambda result: result.index)
        return results


@dataclasses.dataclass(frozen=True)
class _Input:
    """Records that belong to one journal."""

    records: Iterable[Any]
    fingerprint: str

    def __iter__(self) -> Iterator[Any]:
        return iter(self.records)


def _threads(npartitions: int) -> int:
    try:
        from distributed import get_client

        client: Any = get_client()
        count: int = sum(client.nthreads().values())
    except (ImportError, ValueError):
        count = 0
    if not count:
        raise ConfigurationError("rate: there is no cluster with workers here to count; say how many, with at_once")
    return min(count, npartitions)


def _check(records: Any) -> None:
    count = records.npartitions
    parts = min(count, MOST_PARTS)
    scans = records.map_partitions(_scan, parts).to_delayed()
    sizes, shared = compute(
        [scan[parts] for scan in scans],
        [delayed(_shared)([scan[part] for scan in scans]) for part in range(parts)],
    )
    for found in filter(None, shared):
        first, second, digest = found
        named = records.map_partitions(_named, digest).to_delayed()[first]
        group_id = compute(named)[0][0]
        what = "the default record" if group_id is None else f"group {group_id!r}"
        raise ConfigurationError(
            f"records: {what} is in partition {first} and in partition {second}, and would be applied in any order:"
            " put all records of a group into one partition"
        )
    if count > 1 and sum(sizes) < LEAST * count:
        raise ConfigurationError(
            f"records: {sum(sizes)} records in {count} partitions, and a task costs as much as several requests:"
            f" have {LEAST} in a partition, with records.repartition(npartitions={max(1, sum(sizes) // LEAST)})"
        )


def _scan(records: Iterable[Any], parts: int) -> list[Any]:
    """Return the digests of the groups of a partition, in parts by their value, and how many records there are."""
    found: list[set[bytes]] = [set() for _ in range(parts)]
    count = 0
    for record in records:
        count += 1
        if (digest := _digest(record)) is not None:
            found[digest[0] % parts].add(digest)
    return [*(b"".join(digests) for digests in found), count]


def _shared(partitions: list[bytes]) -> tuple[int, int, bytes] | None:
    """Find a digest that two partitions have. Returns their numbers and the digest."""
    seen: set[bytes] = set()
    for number, joined in enumerate(partitions):
        digests = {joined[start : start + DIGEST] for start in range(0, len(joined), DIGEST)}
        if not seen.isdisjoint(digests):
            digest = min(seen & digests)
            return next(at for at, before in enumerate(partitions) if digest in before), number, digest
        seen |= digests
    return None


def _named(records: Iterable[Any], digest: bytes) -> list[str | None]:
    """Return the group that has a digest."""
    return next([_group_id(record)] for record in records if _digest(record) == digest)


def _digest(record: Any) -> bytes | None:
    group_id = _group_id(record)
    if isinstance(group_id, str):
        return blake2b(group_id.encode(errors="surrogatepass"), digest_size=DIGEST).digest()
    # What has no id at all is refused by the run.
    is_default = isinstance(record, Record) or (isinstance(record, Mapping) and "group_id" in record)
    return bytes(DIGEST) if group_id is None and is_default else None


def _group_id(record: Any) -> Any:
    if isinstance(record, Record):
        return record.group_id
    return record.get("group_id") if isinstance(record, Mapping) else None


def _row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Make a record of a row of a dataframe, as of a row of CSV: a cell without a value leaves its field alone."""
    # Whoever has a dataframe has it.
    pandas: Any = import_module("pandas")
    found: dict[str, Any] = {}
    for name, cell in cells.items():
        value = cell.tolist() if hasattr(cell, "tolist") else cell
        if pandas.api.types.is_scalar(value) and (pandas.isna(value) or value == ""):
            continue
        if name == "tags" and isinstance(value, str):
            value = [tag.strip() for tag in value.split(";") if tag.strip()]
        found[str(name)] = value
    return found
