"""Records on a cluster of processes: nothing lost when one is killed, nothing out of order, no key in the graph."""

from __future__ import annotations

import functools
import os
import re
import signal
import stat
import subprocess
import sys
import time
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import pytest
from bulk_tools import Logging, per_group, record, state
from conftest import ROOT
from dask.bag import from_sequence
from distributed import Client, LocalCluster

from evermemos import AsyncEverMemOS, EverMemOS
from evermemos.bulk import Record, Result, read
from evermemos.errors import ConfigurationError, JournalError, TooManyFailuresError
from evermemos.integrations import dask as integration
from evermemos.integrations.dask import apply

KEY = "the-key-of-the-workers"


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        yield cluster


@pytest.fixture
def workers(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Here for the process that comes in the place of one that was killed.
    monkeypatch.setenv("EVERMEMOS_API_KEY", KEY)
    with Client(cluster) as client:
        client.wait_for_workers(2)
        client.run(exec, f"import os; os.environ['EVERMEMOS_API_KEY'] = {KEY!r}", {})
        yield client


class Counting(Logging):
    """Takes down each request, and with which key it came."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.keys: set[str] = set()

    def handle(self, method: str, target: str, headers: Any, body: bytes, **options: Any) -> Any:
        self.asked += 1
        self.keys |= {value for name, value in dict(headers).items() if name.lower() == "authorization"}
        return super().handle(method, target, headers, body, **options)


@pytest.fixture
def sandbox() -> Iterator[Counting]:
    with Counting() as sandbox:
        yield sandbox


@pytest.fixture
def url(sandbox: Logging) -> Iterator[str]:
    with sandbox.serve() as url:
        yield url


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions may be small."""
    monkeypatch.setattr(integration, "LEAST", 1)


def partitions(*parts: list[Any]) -> Any:
    assert len({len(part) for part in parts}) == 1
    return from_sequence([each for part in parts for each in part], npartitions=len(parts))


def numbered(name: str, count: int, groups: int) -> list[Any]:
    """Records of a partition, whose groups come again and again."""
    return [record(f"{name}{number % groups}", tags=[str(number)]) for number in range(count)]


def test_each_record_has_its_result_in_its_place(
    workers: Any, url: str, sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = numbered("a", 20, 4), [*numbered("b", 18, 4), record("c"), {"name": "nobody's"}]
    bag = partitions(*parts)
    with pytest.raises(ConfigurationError, match=r"40 records in 2 partitions.*repartition\(npartitions=1\)"):
        apply(bag, EverMemOS(base_url=url, api_key="k"), tmp_path / "j")
    monkeypatch.setattr(integration, "LEAST", 20)
    results = apply(bag, EverMemOS(base_url=url, api_key="k"), tmp_path / "j", failures=tmp_path / "f")
    assert sandbox.writes == []
    found = results.compute()
    assert all(type(each) is Result and each.changes == () for each in found)
    assert [each.index for each in found] == [*range(20)] * 2
    assert [each.group_id for each in found] == [each.get("group_id") for part in parts for each in part]
    assert [each.action for each in found[:20]] == ["created"] * 4 + ["updated"] * 16
    assert [each.action for each in found[20:]] == ["created"] * 4 + ["updated"] * 14 + ["created", "failed"]
    assert "group_id" in found[-1].error.message
    assert sorted(path.name for path in (tmp_path / "j").glob("*.journal")) == ["000000.journal", "000001.journal"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "j").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o700
    assert (tmp_path / "f/000000.jsonl").read_text() == ""
    assert "nobody's" in (tmp_path / "f/000001.jsonl").read_text()


def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(
    workers: Any, url: str, sandbox: Any, tmp_path: Path, small: None
) -> None:
    count, groups = 1000, 25
    bag = partitions(*(numbered(name, count, groups) for name in ("a", "b", "c", "d")))
    results = apply(bag, EverMemOS(base_url=url, api_key="k"), tmp_path / "j", concurrency=8)
    future = workers.compute(results)
    pids = workers.run(os.getpid)
    while len(sandbox.writes) < count // 2:
        time.sleep(0.005)
        assert not future.done()
    # With two partitions under way and two still to come, each of the two workers has one.
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    found = future.result(timeout=60)
    assert set(workers.run(os.getpid).values()) != set(pids.values())
    assert [(each.index, each.group_id) for each in found] == [
        (number, f"{name}{number % groups}") for name in "abcd" for number in range(count)
    ]
    assert {each.action for each in found} == {"created", "updated"}
    # The partition went on by its journal.
    assert sum(each.attempts == 0 for each in found) >= 50
    writes = per_group(sandbox.writes)
    assert len(writes) == 4 * groups
    repeated = 0
    for group_id, tags in writes.items():
        numbers = [int(tag) for (tag,) in tags]
        assert numbers == sorted(numbers), group_id
        assert sorted(set(numbers)) == list(range(int(str(group_id)[1:]), count, groups))
        repeated += len(numbers) - len(set(numbers))
    # At most what was in flight.
    assert repeated <= 8
    assert all(kept["tags"] == writes[group_id][-1] for group_id, kept in state(sandbox).items())


def test_what_was_done_is_not_asked_for_again(
    workers: Any, url: str, sandbox: Any, tmp_path: Path, small: None
) -> None:
    bag, client = partitions(numbered("a", 30, 5), numbered("b", 30, 5)), EverMemOS(base_url=url, api_key="k")
    results = apply(bag, client, tmp_path / "j")
    first = results.compute()
    asked = sandbox.asked
    assert asked >= 60
    for again in (results, apply(bag, client, tmp_path / "j")):
        found = again.compute()
        assert [(each.index, each.group_id, each.action) for each in found] == [
            (each.index, each.group_id, each.action) for each in first
        ]
        assert {each.attempts for each in found} == {0}
    assert sandbox.asked == asked
    # As a prefix of the new partition, the old one would pass for a part of it.
    with pytest.raises(JournalError, match="another input"):
        apply(bag.repartition(npartitions=1), client, tmp_path / "j").compute()
    assert sandbox.asked == asked


def test_a_second_run_is_not_answered_from_the_first_ones_results(
    workers: Any, url: str, sandbox: Any, tmp_path: Path
) -> None:
    bag, client = partitions([record("a"), record("b")]), EverMemOS(base_url=url, api_key="k")
    held = apply(bag, client, tmp_path / "1").persist()
    held.compute()
    sandbox.clear()
    # From the journal, not from what the cluster holds.
    assert [each.attempts for each in apply(bag, client, tmp_path / "1").persist().compute()] == [0, 0]
    assert [each.attempts for each in apply(bag, client, tmp_path / "2").compute()] == [1, 1]
    assert set(state(sandbox)) == {"a", "b"}


@pytest.mark.parametrize("group_id", ["both", None])
def test_a_group_in_two_partitions_is_refused(workers: Any, tmp_path: Path, group_id: Any, small: None) -> None:
    first, second, third = numbered("a", 5, 5), numbered("b", 5, 5), numbered("c", 5, 5)
    second[1], third[4] = record(group_id), Record.from_dict(record(group_id))
    third[0] = {"name": "no id is no group"}
    first[0] = {"name": "no id is no group"}
    client = EverMemOS(base_url="http://localhost:9", api_key="k")
    what = "the default record" if group_id is None else "group 'both'"
    with pytest.raises(ConfigurationError, match=f"{what} is in partition 1 and in partition 2"):
        apply(partitions(first, second, third), client, tmp_path)
    third[4] = record("d")
    apply(partitions(first, second, third), client, tmp_path)


def test_the_check_can_be_left_out(tmp_path: Path) -> None:
    parts = partitions([record("a")], [record("a")])
    client = EverMemOS(base_url="http://localhost:9", api_key="k")
    assert apply(parts, client, tmp_path, check=False).npartitions == 2


def test_one_partition_may_be_small(workers: Any, url: str, tmp_path: Path) -> None:
    results = apply(partitions([record("a")]), EverMemOS(base_url=url, api_key="k"), tmp_path)
    assert [each.action for each in results.compute()] == ["created"]


def test_the_rate_is_that_of_all_workers_together(
    workers: Any, url: str, sandbox: Any, tmp_path: Path, small: None
) -> None:
    bag, client = partitions(numbered("a", 60, 60), numbered("b", 60, 60)), EverMemOS(base_url=url, api_key="k")
    client.v1.bulk.apply([record(None)]).finish()
    asked = sandbox.asked
    start = time.monotonic()
    apply(bag, client, tmp_path / "1", rate=200).compute()
    # 242 requests, of which a tenth of a second's worth may go out at once.
    assert 1.0 <= time.monotonic() - start < 2.2
    assert sandbox.asked - asked == 242
    # A cluster that is to have four threads; each of the two that there are has a quarter.
    start = time.monotonic()
    bag = partitions(numbered("c", 30, 30), numbered("d", 30, 30))
    apply(bag, client, tmp_path / "2", rate=200, at_once=4).compute()
    assert 1.0 <= time.monotonic() - start < 2.2


def test_without_a_cluster_nobody_knows_among_how_many_to_divide(url: str, tmp_path: Path) -> None:
    bag, client = partitions([record("a")]), EverMemOS(base_url=url, api_key="k")
    with pytest.raises(ConfigurationError, match="at_once"):
        apply(bag, client, tmp_path, rate=100)
    results = apply(bag, client, tmp_path, rate=100, at_once=1)
    assert [each.action for each in results.compute(scheduler="sync")] == ["created"]
    # It is the caller's, and was not closed.
    assert client.v1.memories.conversation_meta.get(group_id="a").status == "ok"


def test_the_key_is_not_in_the_graph(workers: Any, sandbox: Any, url: str, tmp_path: Path) -> None:
    client = EverMemOS(base_url=url, api_key="the-key-of-the-caller")
    results = apply(partitions([record("a")]), client, tmp_path)
    pickled = cloudpickle.dumps(results)
    assert b"evermemos" in pickled
    assert b"the-key" not in pickled
    results.compute()
    assert sandbox.keys == {f"Bearer {KEY}"}


def test_a_worker_without_the_key_says_so(workers: Any, sandbox: Any, url: str, tmp_path: Path) -> None:
    results = apply(partitions([record("a")]), EverMemOS(base_url=url, api_key="the-key-of-the-caller"), tmp_path)
    workers.run(exec, "import os; del os.environ['EVERMEMOS_API_KEY']", {})
    with pytest.raises(ConfigurationError, match="EVERMEMOS_API_KEY"):
        results.compute()
    assert sandbox.asked == 0


def make(url: str, note: Path) -> EverMemOS:
    class Noting(EverMemOS):
        def close(self) -> None:
            note.with_suffix(".closed").touch()
            super().close()

    note.write_text(str(os.getpid()))
    return Noting(base_url=url, api_key="made-on-the-worker")


def test_a_function_makes_the_client_on_the_worker(workers: Any, sandbox: Any, url: str, tmp_path: Path) -> None:
    # A worker cannot import this module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        function = functools.partial(make, url, tmp_path / "note")
        apply(partitions([record("a")]), function, tmp_path / "j").compute()
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert int((tmp_path / "note").read_text()) in workers.run(os.getpid).values()
    assert (tmp_path / "note.closed").exists()
    assert sandbox.keys == {"Bearer made-on-the-worker"}


def test_too_many_failures_end_the_computation(workers: Any, url: str, sandbox: Any, tmp_path: Path) -> None:
    sandbox.fail(status=400, times=None)
    client = EverMemOS(base_url=url, api_key="k")
    results = apply(partitions(numbered("a", 50, 50)), client, tmp_path / "j", failures=tmp_path / "f", max_failures=3)
    with pytest.raises(TooManyFailuresError) as caught:
        results.compute()
    assert caught.value.failures > 3
    assert len(read(tmp_path / "f/000000.jsonl")) >= 4


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"records": [1]}, "records: expected a Dask bag or dataframe, got list"),
        ({"client": AsyncEverMemOS(api_key="k")}, "client: expected an EverMemOS or a function, got AsyncEverMemOS"),
        ({"concurrency": 0}, "concurrency"),
        ({"rate": "fast"}, "rate"),
        ({"at_once": 0}, "at_once"),
        ({"max_failures": -1}, "max_failures"),
    ],
)
def test_wrong_arguments_are_refused_at_once(tmp_path: Path, arguments: dict[str, Any], problem: str) -> None:
    right = {"records": partitions([record("a")]), "client": EverMemOS(api_key="k"), "journals": tmp_path}
    with pytest.raises(ConfigurationError, match=problem):
        apply(**{**right, **arguments})


def test_a_dataframe_is_read_as_csv_is(workers: Any, url: str, sandbox: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    base = {"version": "1.0", "scene": "group_chat", "created_at": "2025-01-15T10:00:00+00:00"}
    frame = pandas.DataFrame(
        [
            {"group_id": "a", "name": "A", "tags": "x; y", **base},
            {"group_id": "b", "name": "B", "description": "d", **base},
            {"name": "whose?", **base},
        ]
    )
    found = apply(frames.from_pandas(frame, npartitions=1), EverMemOS(base_url=url, api_key="k"), tmp_path).compute()
    assert [each.action for each in found] == ["created", "created", "failed"]
    kept = state(sandbox)
    assert (kept["a"]["tags"], kept["b"]["description"]) == (["x", "y"], "d")
    # An empty cell is no default record.
    assert set(kept) == {"a", "b"}


def test_the_guide_does_what_it_says(
    workers: Any,
    url: str,
    sandbox: Any,
    tmp_path: Path,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, split = re.findall("```python\n(.*?)```", (ROOT / "docs/guide-dask.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVERMEMOS_BASE_URL", url)
    Path("all.jsonl").write_bytes(b"".join(Record.from_dict(each).to_json() + b"\n" for each in numbered("a", 60, 20)))
    exec(split.replace("COUNT = 100", "COUNT = 3"), {})
    assert [path.stat().st_size > 0 for path in sorted(Path("records").iterdir())] == [True] * 3
    assert "tcp://scheduler:8786" in run
    names: dict[str, Any] = {}
    exec(run.replace("tcp://scheduler:8786", workers.scheduler.address), names)
    names["cluster"].close()
    assert sorted(literal_eval(capsys.readouterr().out)) == [("created", 20), ("updated", 40)]
    assert {group_id: [int(tag) for (tag,) in tags] for group_id, tags in per_group(sandbox.writes).items()} == {
        f"a{number}": [number, number + 20, number + 40] for number in range(20)
    }


@pytest.mark.parametrize("missing", ["dask", "distributed"])
def test_without_the_extra_its_name_is_in_the_error(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import evermemos.integrations.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if missing == "dask":
        assert "ModuleNotFoundError: evermemos.integrations.dask needs dask: pip install" in done.stderr
        assert "'evermemos-client[dask]'" in done.stderr
    else:
        # Without a cluster it is not needed.
        assert done.returncode == 0, done.stderr
