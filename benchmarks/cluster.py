"""How `evermemos.integrations.dask` scales from 1 to 4 workers, and what a task and the check of the input cost.

Each worker is a process with one thread; new records, a GET and a POST each, against the server of benchmarks/bulk.py
in a process of its own. Once as fast as it goes, which is a question of cores, and once with a server that takes its
time, as one behind a network does, which is a question of requests in flight. Numbers of workers take turns in each
round; figures are medians. Nothing is pinned to a core.

Usage: .venv/bin/python benchmarks/cluster.py [--rounds N] [--partition RECORDS]
"""

import argparse
import asyncio
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bulk import FIELDS, Records
from dask.bag import from_sequence
from distributed import Client, LocalCluster
from server import Counters

from evermemos import EverMemOS
from evermemos.integrations import dask as integration

WORKERS = (1, 2, 3, 4)
DELAY = 0.05
# So that each number of workers has whole partitions for all.
PARTITIONS = 12


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Records(b"", delay, Counters()), "127.0.0.1", backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def served(delay: float) -> Iterator[str]:
    command = [sys.executable, __file__, "--serve", str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def records(number: int, size: int) -> list[dict[str, Any]]:
    return [{**FIELDS, "group_id": f"n{number}-{each}"} for each in range(size)]


def applied(url: str, size: int) -> tuple[float, float]:
    """Seconds of the check, and of applying the records. They are made on the workers, as files would be read there."""
    bag = from_sequence(range(PARTITIONS), npartitions=PARTITIONS).map(records, size).flatten()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        results = integration.apply(bag, EverMemOS(base_url=url, api_key="k"), folder)
        checked = time.perf_counter()
        counts = dict(results.map(lambda result: result.action).frequencies().compute())
        end = time.perf_counter()
    assert counts == {"created": PARTITIONS * size}, counts
    return checked - start, end - checked


def nothing(each: int) -> int:
    return each


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partition", type=int, default=1000, help="records in a partition, of which there are 12")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    integration.LEAST = min(integration.LEAST, options.partition)
    os.environ["EVERMEMOS_API_KEY"] = "k"
    total = PARTITIONS * options.partition
    print(f"{total:,} new records in {PARTITIONS} partitions, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for delay in (0.0, DELAY):
        found: dict[int, list[tuple[float, float]]] = {count: [] for count in WORKERS}
        tasks: list[float] = []
        with served(delay) as url:
            for number in range(options.rounds):
                for count in WORKERS[:: -1 if number % 2 else 1]:
                    with (
                        LocalCluster(
                            n_workers=count,
                            threads_per_worker=1,
                            host="127.0.0.1",
                            dashboard_address="127.0.0.1:0",
                            silence_logs=logging.ERROR,
                        ) as cluster,
                        Client(cluster) as client,
                    ):
                        client.wait_for_workers(count)
                        # What a worker does once, such as importing, is left out.
                        client.run(__import__, "evermemos.integrations.dask")
                        client.gather(client.map(nothing, range(count * 10)))
                        start = time.perf_counter()
                        client.gather(client.map(nothing, range(-1000, 0)))
                        tasks.append((time.perf_counter() - start) / 1000)
                        found[count].append(applied(url, options.partition))
        print(
            f"\nthe server takes {delay * 1000:g} ms; a task that does nothing {statistics.median(tasks) * 1e3:.1f} ms"
        )
        alone = statistics.median(seconds for _, seconds in found[1])
        for count, rounds in found.items():
            check, seconds = (statistics.median(each) for each in zip(*rounds, strict=True))
            print(
                f"{count} workers {2 * total / seconds:>7,.0f} requests/s, {alone / seconds:.2f} times one;"
                f" the check {total / check:>9,.0f} records/s"
            )


if __name__ == "__main__":
    main()
