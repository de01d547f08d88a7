"""Runs over many records: plan, apply, undo, export, and what they do when servers fail."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from bulk_tools import FULL, Logging, actions, finish, per_group, record, state
from conftest import RECORD, Flavour, answer

from evermemos import AsyncEverMemOS, EverMemOS
from evermemos.bulk import Record, _engine, _gate, _jobs, read
from evermemos.bulk._bulk import AsyncBulk
from evermemos.errors import (
    ConfigurationError,
    ConflictError,
    JournalError,
    RateLimitError,
    RequestValidationError,
    TooManyFailuresError,
)
from evermemos.sandbox import Sandbox


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.002)
    monkeypatch.setattr("evermemos._call.LONGEST_WAIT", 0.01)


@pytest.fixture(params=["sync", "async"])
def bulk(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:
    cls: Any = {"sync": EverMemOS, "async": AsyncEverMemOS}[request.param]
    return cls.sandbox(sandbox).v1.bulk


@pytest.fixture
def sandbox() -> Iterator[Logging]:
    with Logging() as sandbox:
        yield sandbox


def test_records_are_created_updated_replaced_or_left_alone(bulk: Any, sandbox: Logging) -> None:
    wanted = [record("a"), record("b", tags=["x"]), record(None, description="for all")]
    assert actions(bulk.plan(wanted)) == ["create"] * 3
    assert sandbox.writes == []
    assert actions(bulk.apply(wanted)) == ["created"] * 3
    changed = [record("a"), {"group_id": "b", "tags": ["y"]}, {"group_id": None, "scene": "assistant"}]
    planned = finish(bulk.plan(changed))
    assert [each.action for each in planned] == ["unchanged", "update", "replace"]
    assert planned[1].changes == (("tags", ["x"], ["y"]),)
    assert actions(bulk.apply(changed)) == ["unchanged", "updated", "replaced"]
    assert [request.method for request in sandbox.requests][-2:].count("POST") == 1
    assert (state(sandbox)[None]["scene"], state(sandbox)[None]["description"]) == ("assistant", "for all")
    assert set(actions(bulk.plan(changed))) == {"unchanged"}


def test_the_input_may_be_asynchronous_and_the_results_are_counted_and_told(bulk: Any) -> None:
    async def slowly() -> AsyncIterator[Any]:
        for number in range(5):
            await asyncio.sleep(0)
            yield Record(f"g{number}", FULL)

    finish(bulk.apply([record(None)]))
    told: list[int] = []
    run = bulk.apply(slowly(), on_result=lambda result: told.append(result.index))
    assert "not begun" in repr(run)
    assert actions(run) == ["created"] * 5
    assert sorted(told) == [0, 1, 2, 3, 4]
    assert run.counts == {"created": 5}
    assert (run.requests, run.retried, run.concurrency) == (11, 0, 32)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        # What v1 servers do not keep, or keep in another form, is no difference for ever.
        ({"user_details": {"u": {"full_name": "A", "custom_role": "lead"}}}, {}),
        ({"user_details": {"u": {"full_name": "A", "role": None, "extra": {}}}}, {}),
        ({"created_at": "2025-01-15T11:00:00+01:00"}, {"created_at": "2025-01-15T10:00:00Z"}),
        ({"description": "", "default_timezone": "", "tags": [], "user_details": {}}, {}),
    ],
)
def test_what_was_applied_is_unchanged(wanted: dict[str, Any], kept: dict[str, Any]) -> None:
    client = EverMemOS.sandbox()
    assert actions(client.v1.bulk.apply([record("a", **wanted)])) == ["created"]
    assert actions(client.v1.bulk.plan([record("a", **{**wanted, **kept})])) == ["unchanged"]


def test_one_and_true_are_not_the_same() -> None:
    client = EverMemOS.sandbox()
    client.v1.bulk.apply([record("a", scene_desc={"n": [1]})]).finish()
    assert actions(client.v1.bulk.plan([{"group_id": "a", "scene_desc": {"n": [True]}}])) == ["update"]


def test_what_cannot_be_created_says_what_is_missing(bulk: Any) -> None:
    (result,) = finish(bulk.apply([{"group_id": "new", "name": "N", "version": "1"}]))
    assert isinstance(result.error, RequestValidationError)
    assert "scene, created_at" in str(result.error)
    (result,) = finish(bulk.apply([{"name": "no group named"}]))
    assert "group_id" in str(result.error)


def test_a_group_that_is_not_known_never_changes_the_default_record(bulk: Any, sandbox: Logging) -> None:
    finish(bulk.apply([record(None)]))
    before = state(sandbox)
    assert actions(bulk.apply([{"group_id": "misspelt", "tags": ["x"]}])) == ["failed"]
    assert state(sandbox) == before


def test_an_answer_that_does_not_say_whose_record_it_is_is_not_written_over(flavour: Flavour) -> None:
    result: Any = RECORD["result"]
    unsure = {name: value for name, value in result.items() if name not in ("group_id", "is_default")}

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        return answer({**RECORD, "result": unsure})

    (result,) = finish(flavour.client(handler).v1.bulk.apply([record("a")]))
    assert "whose" in str(result.error) or "whether" in str(result.error)


def test_a_404_beside_a_default_record_is_a_server_without_its_database(bulk: Any, sandbox: Logging) -> None:
    finish(bulk.apply([record(None), record("a", description="dear")]))
    sandbox.fail("get_conversation_meta_v1", status=404, times=1)

    async def late() -> AsyncIterator[Any]:
        yield {"group_id": None}
        await asyncio.sleep(0.05)
        sandbox.fail("get_conversation_meta_v1", status=404, times=2)
        yield record("a")

    sandbox.recover()
    results = finish(bulk.apply(late(), concurrency=1))
    assert [each.action for each in results] == ["unchanged", "unchanged"]
    assert results[1].attempts == 3
    assert state(sandbox)["a"]["description"] == "dear"


@pytest.mark.socket
def test_records_of_one_group_are_applied_in_their_order(sandbox: Logging) -> None:
    wanted = [record(f"g{number % 7}", tags=[str(number)]) for number in range(300)]
    # In process, a call would end before another begins.
    with sandbox.serve() as url, EverMemOS(base_url=url) as client:
        client.v1.bulk.apply(wanted).finish()
    for group_id, tags in per_group(sandbox.writes).items():
        assert tags == [[str(each)] for each in range(int(str(group_id)[1:]), 300, 7)]


def test_behind_a_failure_of_its_group_nothing_is_tried(bulk: Any, sandbox: Logging, tmp_path: Path) -> None:
    wanted = [record("a", tags=["0"]), {"group_id": "a", "scene": "nonsense"}, record("a", tags=["2"]), record("b")]
    results = finish(bulk.apply(wanted, failures=tmp_path / "failed.jsonl"))
    assert [each.action for each in results] == ["created", "failed", "failed", "created"]
    assert "earlier record" in str(results[2].error)
    assert state(sandbox)["a"]["tags"] == ["0"]


def test_failed_records_are_input_for_another_run(bulk: Any, sandbox: Logging, tmp_path: Path) -> None:
    wanted = [record(f"g{number}", tags=["é"]) for number in range(9)]
    sandbox.fail("create_conversation_meta_v1", status=400, times=3)
    path = tmp_path / "failed.jsonl"
    assert sorted(actions(bulk.apply(wanted, failures=path))) == ["created"] * 6 + ["failed"] * 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert actions(bulk.apply(read(path))) == ["created"] * 3
    assert len(state(sandbox)) == 9
    with pytest.raises(ConfigurationError, match="failures"):
        bulk.apply(read(path), failures=path)


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("status", [500, 502])
def test_a_write_with_an_unknown_outcome_is_settled_first(
    bulk: Any, sandbox: Logging, status: int, applied: bool
) -> None:
    finish(bulk.apply([record(None)]))
    since = len(sandbox.requests)
    sandbox.fail("create_conversation_meta_v1", status=status, applied=applied)
    (result,) = finish(bulk.apply([record("a")]))
    assert (result.action, result.attempts) == ("created", 2)
    # The first one looks for a default record.
    methods = [request.method for request in sandbox.requests[since + 1 :]]
    assert methods == ["GET", "POST", "GET"] + ([] if applied else ["POST"])


def test_more_failures_than_allowed_end_the_run(bulk: Any, sandbox: Logging) -> None:
    sandbox.fail("create_conversation_meta_v1", status=400, times=None)
    taken: list[int] = []

    def many() -> Iterator[Any]:
        for number in range(100_000):
            taken.append(number)
            yield record(f"g{number}")

    run = bulk.apply(many(), max_failures=5, concurrency=2)
    with pytest.raises(TooManyFailuresError, match="max_failures is 5") as caught:
        finish(run)
    assert caught.value.failures == 6
    assert 6 <= run.counts["failed"] <= 6 + 3 * 2
    assert len(taken) < 1000


def test_an_input_that_fails_is_applied_as_far_as_it_came(bulk: Any, sandbox: Logging) -> None:
    def some() -> Iterator[Any]:
        yield record("a")
        yield record("b")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        finish(bulk.apply(some()))
    assert set(state(sandbox)) == {"a", "b"}


def test_a_run_that_fails_stops_its_thread() -> None:
    def broken() -> Iterator[Any]:
        raise OSError("gone")
        yield

    run = EverMemOS.sandbox().v1.bulk.plan(broken())
    with pytest.raises(OSError, match="gone"):
        next(run)
    assert "evermemos-bulk" not in {thread.name for thread in threading.enumerate()}
    assert list(run) == []


class VirtualTime:
    """The clock of the throttle, on which waiting takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.waits: list[float] = []
        monkeypatch.setattr(_gate, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(_gate, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": self.sleep}))

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        ends_at = self.now + seconds
        await asyncio.sleep(0)
        # Others may have slept meanwhile.
        self.now = max(self.now, ends_at)


@pytest.fixture
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    return VirtualTime(monkeypatch)


@pytest.mark.socket
def test_retry_after_is_waited_for_by_the_whole_run(sandbox: Logging, virtual_time: VirtualTime) -> None:
    moments: list[float] = []
    handle = sandbox.handle

    def timed(*arguments: Any, **options: Any) -> Any:
        moments.append(virtual_time.now)
        return handle(*arguments, **options)

    sandbox.handle = timed  # type: ignore[method-assign]
    sandbox.fail(status=429, retry_after=30, times=1)
    with sandbox.serve() as url, EverMemOS(base_url=url) as client:
        run = client.v1.bulk.apply([record(f"g{number}") for number in range(100)], concurrency=8)
        assert run.finish() == {"created": 100}
    assert run.retried == 1
    assert set(moments) == {1_000.0, 1_030.0}
    # What came before the pause was in flight already when the refusal came.
    assert moments.count(1_000.0) <= 8


def test_concurrency_is_halved_once_for_what_was_in_flight_together_and_grows_back() -> None:
    async def main() -> list[float]:
        gate = _gate.Gate(16, None)
        limits = []

        async def refused(**_: Any) -> None:
            await asyncio.sleep(0.01)
            raise RateLimitError("", status_code=429)

        async def good(**_: Any) -> None:
            await asyncio.sleep(0)

        await asyncio.gather(*(gate.send(refused) for _ in range(16)), return_exceptions=True)
        limits.append(gate.limit)
        await asyncio.gather(gate.send(refused), return_exceptions=True)
        limits.append(gate.limit)
        for _ in range(4):
            await gate.send(good)
        limits.append(gate.limit)
        for _ in range(200):
            await gate.send(good)
        return [*limits, gate.limit]

    first, second, third, last = asyncio.run(main())
    assert (first, second, last) == (8, 4, 16)
    assert 4.8 < third < 5


def test_no_more_requests_are_in_flight_than_asked_for() -> None:
    async def main() -> int:
        gate, now, most = _gate.Gate(5, None), 0, 0

        async def call(**_: Any) -> None:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1

        tasks = [asyncio.create_task(gate.send(call)) for _ in range(60)]
        await asyncio.sleep(0.002)
        # What is given up while it waits takes no place with it.
        for task in tasks[10:30]:
            task.cancel()
        await asyncio.wait(tasks)
        return most

    assert asyncio.run(main()) == 5


def test_a_rate_is_kept(bulk: Any, virtual_time: VirtualTime) -> None:
    run = bulk.plan([record(f"g{number}") for number in range(40)], rate=100)
    assert actions(run) == ["create"] * 40
    # A tenth of a second's worth goes out at once, and after the last one nothing is waited for.
    assert virtual_time.now - 1_000.0 == pytest.approx((run.requests - 10 - 1) / 100)


def test_results_that_nobody_fetches_hold_the_run(sandbox: Logging) -> None:
    taken = 0

    def many() -> Iterator[Any]:
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield record(f"g{number}")

    with EverMemOS.sandbox(sandbox).v1.bulk.apply(many(), concurrency=2) as run:
        for _ in range(3):
            next(run)
        time.sleep(0.3)
        held = taken
        time.sleep(0.2)
        assert taken == held
        window = _engine.WINDOW * 2
        # What is handed over makes room for as much again.
        assert held <= 3 * window
    assert list(run) == []


def test_a_source_stays_in_one_thread_which_is_closed() -> None:
    seen: set[str] = set()
    closed = threading.Event()

    def many() -> Iterator[Any]:
        try:
            for number in range(10_000):
                seen.add(threading.current_thread().name)
                yield record(f"g{number}")
        finally:
            closed.set()

    run = EverMemOS.sandbox().v1.bulk.plan(many())
    next(run)
    run.close()
    assert closed.wait(2)
    assert seen == {"evermemos-bulk-input"}


def test_a_slow_input_is_not_held_back() -> None:
    release = threading.Event()

    def slowly() -> Iterator[Any]:
        yield record("a")
        time.sleep(0.01)
        yield record("b")
        release.wait(5)
        yield record("c")

    with EverMemOS.sandbox().v1.bulk.plan(slowly()) as run:
        assert {next(run).group_id, next(run).group_id} == {"a", "b"}
        release.set()
        assert next(run).group_id == "c"


class Canned(AsyncBulk):
    """Whose answers come from memory."""

    def _meta(self, concurrency: int) -> Any:
        async def get(**_: Any) -> Any:
            await asyncio.sleep(0)
            return SimpleNamespace(result=SimpleNamespace(group_id=None, is_default=True))

        async def create(**_: Any) -> Any:
            await asyncio.sleep(0)
            return SimpleNamespace(result=SimpleNamespace(created_at=None))

        return SimpleNamespace(get=get, create=create), None


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    count, size = 6000, 1000
    bulk = Canned(AsyncEverMemOS(api_key="k").v1._sender)
    wanted = (record(f"g{number}", description="x" * size) for number in range(count))

    async def main() -> int:
        run = bulk.apply(wanted, journal=tmp_path / "journal", concurrency=4)
        await anext(run)
        tracemalloc.start()
        assert await run.finish() == {"created": count}
        return tracemalloc.get_traced_memory()[1]

    try:
        peak = asyncio.run(main())
    finally:
        tracemalloc.stop()
    # The ratio at a million records is in benchmarks/bulk.py.
    assert peak < count * size / 4


def test_undo_puts_back_what_was_changed(bulk: Any, sandbox: Logging, tmp_path: Path) -> None:
    finish(
        bulk.apply([record("a", description="old", user_details={"u": {"full_name": "A"}}), record("b"), record("c")])
    )
    before = state(sandbox)
    journal = tmp_path / "journal"
    wanted = [
        {"group_id": "a", "description": "new", "user_details": {}},
        {"group_id": "b", "scene": "assistant", "tags": ["t"]},
        {"group_id": "a", "tags": ["later"]},
        record("new"),
        record("c"),
    ]
    finish(bulk.apply(wanted, journal=journal))
    results = finish(bulk.undo(journal))
    assert sorted((str(each.group_id), each.action) for each in results) == [
        ("a", "restored"),
        ("a", "restored"),
        ("b", "restored"),
        ("new", "kept"),
    ]
    after = state(sandbox)
    assert after.pop("new")
    assert after == before
    assert "restored" not in actions(bulk.undo(journal))
    assert state(sandbox)["a"] == before["a"]
    with pytest.raises(JournalError, match="undone"):
        finish(bulk.apply(wanted, journal=journal))


def test_undo_leaves_alone_what_somebody_else_has_changed(bulk: Any, sandbox: Logging, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    finish(bulk.apply([record("a", tags=["old"])]))
    finish(bulk.apply([record("a", tags=["new"])], journal=journal))
    finish(bulk.apply([{"group_id": "a", "description": "theirs"}]))
    (result,) = finish(bulk.undo(journal))
    assert isinstance(result.error, ConflictError)
    assert (state(sandbox)["a"]["tags"], state(sandbox)["a"]["description"]) == (["new"], "theirs")
    assert actions(bulk.undo(journal, force=True)) == ["restored"]
    assert (state(sandbox)["a"]["tags"], state(sandbox)["a"]["description"]) == (["old"], None)


def test_export_gives_input_and_no_default_record_for_unknown_groups(bulk: Any, tmp_path: Path) -> None:
    wanted = [record("a", tags=["t"], user_details={"u": {"full_name": "A", "role": "user"}}), record(None, name="D")]
    journal = tmp_path / "journal"
    finish(bulk.apply(wanted, journal=journal))
    results = finish(bulk.export(["a", "unknown", None, " "]))
    assert [each.action for each in results] == ["exported", "missing", "exported", "failed"]
    assert [each.record.to_dict() for each in results if each.record] == wanted
    assert sorted(actions(bulk.export(journal=journal))) == ["exported"] * 2
    assert actions(bulk.plan([each.record for each in results if each.record])) == ["unchanged"] * 2


@pytest.mark.parametrize(
    "arguments",
    [
        {"concurrency": 0},
        {"concurrency": True},
        {"rate": 0},
        {"rate": True},
        {"rate": float("inf")},
        {"rate": "1"},
        {"retries": -1},
        {"max_failures": -1},
        {"records": "file.yaml"},
        {"records": {"group_id": "a"}},
        {"records": 5},
    ],
)
def test_wrong_arguments_are_refused_at_once(bulk: Any, arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        bulk.apply(**{"records": [], **arguments})


def test_export_needs_groups_or_a_journal(bulk: Any, tmp_path: Path) -> None:
    for arguments in ({}, {"groups": ["a"], "journal": tmp_path}, {"groups": "a"}):
        with pytest.raises(ConfigurationError, match="export"):
            bulk.export(**arguments)
    with pytest.raises(JournalError, match="no journal"):
        bulk.export(journal=tmp_path / "none")


def test_a_client_that_does_not_check_lets_more_through() -> None:
    sandbox = Sandbox()
    client = EverMemOS.sandbox(sandbox).with_options(validate=False)
    assert actions(client.v1.bulk.apply([record("a", created_at="yesterday"), record("b", mood="")])) == [
        "created",
        "failed",
    ]
    assert state(sandbox)["a"]["conversation_created_at"] == "yesterday"


def test_an_httpx_client_of_the_users_own_is_used() -> None:
    sandbox = Sandbox()
    with httpx.Client(transport=sandbox.transport()) as own:
        client = EverMemOS(base_url="http://sandbox.localhost", api_key="k", http_client=own)
        assert actions(client.v1.bulk.apply([record(f"g{number}") for number in range(20)])) == ["created"] * 20
    assert len(state(sandbox)) == 20


def test_a_run_leaves_a_sandbox_of_a_file_open(tmp_path: Path) -> None:
    with EverMemOS(base_url=f"sandbox://{tmp_path}/s.db") as client:
        assert actions(client.v1.bulk.apply([record("a")])) == ["created"]
        assert client.v1.memories.conversation_meta.get(group_id="a").result.group_id == "a"


def test_results_hold_no_frames_and_show_no_text(bulk: Any, sandbox: Logging) -> None:
    sandbox.fail(status=400, times=None)
    (result,) = finish(bulk.apply([record("a", description="somebody's words")]))
    assert result.error is not None
    assert (result.error.__traceback__, result.error.__context__) == (None, None)
    assert "somebody's words" not in repr(result) + repr(Record("a", {"description": "somebody's words"}))


def test_a_field_that_is_new_in_the_spec_is_known_here(spec: dict[str, Any]) -> None:
    from evermemos.bulk import _record

    create = spec["components"]["schemas"]["CreateConversationMetaV1Request"]
    update = spec["components"]["schemas"]["UpdateConversationMetaV1Request"]
    assert set(_record.FIELDS) == set(create["properties"]) - {"group_id"}
    assert set(_record.REQUIRED) == set(create["required"]) == set(_record._STAND_IN)
    assert set(update["properties"]) - {"group_id"} == set(_record.CHANGEABLE)


def test_json_that_cannot_be_written_is_null() -> None:
    assert json.loads(_jobs._as_json({"a": object()})) is None
