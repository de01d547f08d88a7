"""What a run over many records costs beside the client's plain calls, and that its memory does not grow.

Like with like: a new record is a GET and a POST, so plain calls are the same two, by as many tasks as the run has
requests in flight, against the same server: the sandbox, and one that answers with prepared bytes and is never the
limit. Rounds alternate; figures are medians, ratios are taken within a round. Requests a second depend on who else uses
the machine, and on how the two processes meet in its scheduler; the CPU time of the measuring process for a request,
all its threads included, hardly does. The server has one core, the measuring process the other. Needs the extra `fast`.

Usage: .venv/bin/python benchmarks/bulk.py [--quick]
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import rig
from server import Connection, Counters, written

from evermemos import AsyncEverMemOS
from evermemos.bulk._bulk import AsyncBulk

IN_FLIGHT = 32
FIELDS: dict[str, Any] = {
    "version": "1.0",
    "scene": "group_chat",
    "scene_desc": {"description": "Project discussion group chat", "type": "project_discussion"},
    "name": "Project Discussion Group",
    "created_at": "2025-01-15T10:00:00+00:00",
    "user_details": {"user_001": {"full_name": "John Smith", "role": "user", "extra": {"department": "Engineering"}}},
    "tags": ["work", "technical"],
}


def answer(group_id: str | None) -> bytes:
    kept = {name: value for name, value in FIELDS.items() if name != "created_at"}
    result = {**kept, "id": "507f1f77bcf86cd799439011", "group_id": group_id, "is_default": group_id is None}
    result |= {"conversation_created_at": FIELDS["created_at"], "created_at": "2025-01-15T10:00:05+00:00"}
    return json.dumps({"status": "ok", "message": "m", "result": result}, separators=(",", ":")).encode()


DEFAULT, OWN = answer(None), answer("GROUP")
# Groups that are new begin with the next of these.
PREFIXES = (f"n{number}_" for number in itertools.count())
SERVERS = {
    "a server of prepared bytes": [__file__, "--serve", "0"],
    "the same, 10 ms later": [__file__, "--serve", "0.01"],
    "the sandbox": ["-m", "evermemos", "sandbox", "--port", "0"],
}


class Records(Connection):
    """Knows the groups that begin with k; every other is answered with the default record until it is created."""

    def send(self) -> None:
        start = self.request.find(b"group_id=") + 9 if self.request.startswith(b"GET") else -1
        if start >= 0:
            group = self.request[start : self.request.find(b" ", start)]
            body = OWN.replace(b"GROUP", group) if group.startswith(b"k") else DEFAULT
        elif (start := self.request.find(b'"group_id":"') + 12) >= 12:
            body = OWN.replace(b"GROUP", self.request[start : self.request.find(b'"', start)])
        else:
            body = DEFAULT
        self.transport.write(written(body))

    def data_received(self, data: bytes) -> None:
        self.request = self.got + data
        super().data_received(data)


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Records(b"", delay, Counters()), "127.0.0.1", backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def records(count: int, prefix: str) -> Iterator[dict[str, Any]]:
    return ({**FIELDS, "group_id": f"{prefix}{number}"} for number in range(count))


async def plain(client: AsyncEverMemOS, count: int, *, create: bool) -> int:
    """Requests of tasks that call methods one after the other."""
    meta, numbers, prefix = client.v1.memories.conversation_meta, itertools.count(), next(PREFIXES) if create else "k"

    async def caller() -> None:
        while (number := next(numbers)) < count:
            group_id = f"{prefix}{number}"
            await meta.get(group_id=group_id)
            if create:
                await meta.create(group_id=group_id, **FIELDS)

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
    return count * (1 + create)


async def bulk(client: AsyncEverMemOS, count: int, kind: str, folder: Path) -> int:
    """Requests of a run."""
    if kind == "plan":
        run = client.v1.bulk.plan(records(count, "k"), concurrency=IN_FLIGHT)
    else:
        journal = folder / f"{time.perf_counter()}.journal" if kind == "journal" else None
        run = client.v1.bulk.apply(records(count, next(PREFIXES)), concurrency=IN_FLIGHT, journal=journal)
    counts = await run.finish()
    assert counts == {"unchanged" if kind == "plan" else "created": count}, counts
    return run.requests


async def measure(url: str, rounds: int, count: int, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Requests a second of wall time, and of CPU time, by what was measured."""
    found: dict[str, list[tuple[float, float]]] = {
        name: [] for name in ("plain", "apply", "journal", "plain GET", "plan")
    }
    async with AsyncEverMemOS(base_url=url, api_key="k") as client:
        # Groups that are unknown get the default record.
        await client.v1.memories.conversation_meta.create(group_id=None, **FIELDS)
        await client.v1.bulk.apply(records(2 * count, "k")).finish()
    for number in range(rounds + 1):
        for name in list(found)[:: -1 if number % 2 else 1]:
            async with AsyncEverMemOS(base_url=url, api_key="k") as client:
                wall, cpu = time.perf_counter(), time.process_time()
                if name.startswith("plain"):
                    done = await plain(client, count * (2 - (name == "plain")), create=name == "plain")
                else:
                    done = await bulk(client, count * (1 + (name == "plan")), name, folder)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            # The first round warms up.
            if number:
                found[name].append((done / wall, done / cpu))
    return found


class Canned(AsyncBulk):
    """Whose answers come from memory, to run through a million records in a minute."""

    def _meta(self, concurrency: int) -> Any:  # noqa: ARG002
        async def get(**_: Any) -> Any:
            return SimpleNamespace(result=SimpleNamespace(group_id=None, is_default=True))

        async def create(**_: Any) -> Any:
            return SimpleNamespace(result=SimpleNamespace(created_at=None))

        return SimpleNamespace(get=get, create=create), None


async def peak(count: int, *, journal: bool) -> int:
    """Bytes of this process at their most, after a run over so many records."""
    client = AsyncEverMemOS(api_key="k")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal" if journal else None
        counts = await Canned(client.v1._sender).apply(records(count, "n"), journal=path).finish()  # noqa: SLF001
    assert counts == {"created": count}
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ratio(ones: list[tuple[float, float]], others: list[tuple[float, float]]) -> str:
    texts = []
    for kind, what in enumerate(("requests/s", "requests per CPU second")):
        ratios = sorted(one[kind] / other[kind] for one, other in zip(ones, others, strict=True))
        texts.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) {what}")
    return ", ".join(texts)


def show(found: dict[str, list[tuple[float, float]]]) -> None:
    for name, rates in found.items():
        wall, cpu = (statistics.median(each) for each in zip(*rates, strict=True))
        print(f"  {name:<10} {wall:>7,.0f} requests/s, {cpu:>7,.0f} per CPU second")
    print(f"  apply of new records, plain calls = 1:     {ratio(found['apply'], found['plain'])}   goal 0.70")
    print(f"  the same with a journal:                   {ratio(found['journal'], found['plain'])}   goal 0.70")
    print(f"  plan of unchanged records, plain GETs = 1: {ratio(found['plan'], found['plain GET'])}")


@contextlib.contextmanager
def serving(program: list[str]) -> Iterator[str]:
    """Run a server on the first core, and this process on the last one."""
    everywhere = os.sched_getaffinity(0)
    command = [*rig.pinned(0), sys.executable, *program]
    os.sched_setaffinity(0, {max(everywhere)})
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=rig.ENV) as process:
        assert process.stdout is not None
        try:
            found = re.search(r"http://[\w.]+:\d+", line := process.stdout.readline())
            yield found[0] if found else f"http://127.0.0.1:{int(line)}"
        finally:
            process.kill()
            os.sched_setaffinity(0, everywhere)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and 100,000 records for memory")
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    if options.peak:
        count, journal = options.peak
        print(asyncio.run(peak(int(count), journal=journal == "journal")))
        return
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    rounds, count = (3, 3000) if options.quick else (9, 5000)
    for what, program in SERVERS.items():
        print(
            f"{what}: {rounds} rounds, {count} new records each, {IN_FLIGHT} in flight, Python {sys.version.split()[0]}"
        )
        with serving(program) as url, tempfile.TemporaryDirectory() as folder:
            show(asyncio.run(measure(url, rounds, count, Path(folder))))
    few, many = 10_000, 100_000 if options.quick else 1_000_000
    for journal in ("plain", "journal"):
        small, large = (
            int(subprocess.check_output([sys.executable, __file__, "--peak", str(count), journal]))
            for count in (few, many)
        )
        print(
            f"peak memory at {many:,} records, {few:,} = 1 ({journal}): {large / small:.3f}"
            f" ({small / 2**20:.0f} and {large / 2**20:.0f} MiB)   goal 1.3"
        )


if __name__ == "__main__":
    main()
