"""No record is wiped because a database was away: runs over many records against a server that loses its database."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from bulk_tools import actions, finish, record, state
from conftest import Flavour
from outages import KINDS, Interleaved, Kind, Outage, Outages, as_kept, waited

from evermemos import AsyncEverMemOS
from evermemos.bulk import Result, _jobs
from evermemos.bulk._gate import Gate
from evermemos.bulk._journal import Intent, Journal, intents
from evermemos.bulk._witness import Witness
from evermemos.errors import InternalServerError, RecordReplacedError, RequestValidationError

if TYPE_CHECKING:
    from cli_tools import Cli

# The whole, or a small one in which each setting comes up.
SEEDS, RECORDS = (range(20), 2000) if os.environ.get("EVERMEMOS_TEST_EXAMPLES") == "many" else (range(6), 400)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0002)
    monkeypatch.setattr("evermemos._call.LONGEST_WAIT", 0.0005)
    monkeypatch.setattr("evermemos._absence.clock", waited.get)


@pytest.fixture
def sandbox() -> Iterator[Outages]:
    with Outages() as sandbox:
        yield sandbox


@pytest.fixture
def bulk(flavour: Flavour, sandbox: Outages) -> Any:
    return flavour.client(base_url=sandbox).v1.bulk


def outages_of(chance: random.Random, first: int) -> Iterator[Outage]:
    """Six outages, of each kind at least one. Between two there is more than the proof of one absence takes."""
    kinds = [*KINDS, *chance.choices(KINDS, k=2)]
    chance.shuffle(kinds)
    for kind in kinds:
        first += 150 + chance.randrange(RECORDS // 4)
        # In the longest ones records use up all their retries.
        length = 60 + round(RECORDS / 3 * chance.random() ** 3)
        yield Outage(first, length, kind)
        first += length


async def to_the_end(bulk: Any, method: str, *arguments: Any, **options: Any) -> dict[int, Result]:
    """Run again until nothing fails, and return what became of each item at last."""
    found: dict[int, Result] = {}
    for _ in range(20):
        async with getattr(bulk, method)(*arguments, **options) as run:
            results = [result async for result in run]
        found |= {each.index: each for each in results}
        failed = [each.error for each in results if each.error is not None]
        # Nothing but what may pass.
        assert {type(error).__name__ for error in failed} <= {"InternalServerError", "APIConnectionError"}, failed
        if not failed:
            return found
    raise AssertionError("records go on failing")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_outages_wipe_no_record_lose_none_and_have_none_reported_falsely(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    has_default, share = bool(seed % 2), (0.0, 0.5, 1.0)[seed // 2 % 3]
    groups = [f"g{number}" for number in range(RECORDS)]
    existing = {group_id for group_id in groups if chance.random() < share}
    with Outages(seed=seed) as sandbox:
        for group_id in [*existing, *([None] if has_default else [])]:
            sandbox.put(group_id, description=f"dear {group_id}", tags=["old"])
        kept = state(sandbox)

        async def main() -> None:
            async with AsyncEverMemOS.sandbox(sandbox) as client:
                bulk = Interleaved(client.v1._sender)
                bulk.mix = chance
                sandbox.outages = list(outages_of(chance, len(sandbox.log)))
                wanted = [record(group_id, tags=["new"]) for group_id in groups]
                options: Any = {"concurrency": 16, "retries": 5}
                applied = await to_the_end(bulk, "apply", wanted, journal=tmp_path / "journal", **options)
                assert [applied[number].action for number in range(RECORDS)] == [
                    "updated" if group_id in existing else "created" for group_id in groups
                ]
                # A record that is wiped loses what the input does not say.
                done = state(sandbox)
                found = {group_id: (each["description"], each["tags"]) for group_id, each in done.items()}
                expected: Any = {group_id: (f"dear {group_id}", ["old"]) for group_id in kept}
                expected |= {g: (f"dear {g}" if g in existing else None, ["new"]) for g in groups}
                assert found == expected
                assert (sorted(map(str, sandbox.created)), sandbox.replaced) == (sorted({*groups} - existing), [])

                sandbox.outages = list(outages_of(chance, len(sandbox.log)))
                undone = await to_the_end(bulk, "undo", tmp_path / "journal", **options)
                assert {each.action for each in undone.values()} <= {"restored", "unchanged", "kept"}
                assert state(sandbox) == done | kept

        asyncio.run(main())


def shift_clock(monkeypatch: pytest.MonkeyPatch, years: int) -> None:
    """Have the server's clock go wrong."""

    def now() -> str:
        return (datetime.now(UTC) + timedelta(days=365 * years)).isoformat(timespec="microseconds")

    for module in ("evermemos.sandbox._core", "evermemos.sandbox._conversation_meta", "outages"):
        monkeypatch.setattr(f"{module}.now", now)


# The proof, request by request. With one request in flight the order is known.


def apply_one_by_one(bulk: Any, records: list[Any], **options: Any) -> list[Result]:
    return finish(bulk.apply(records, **{"concurrency": 1, **options}))


def test_with_a_default_record_a_creation_takes_two_requests(bulk: Any, sandbox: Outages) -> None:
    sandbox.put(None)
    run = bulk.apply([record(f"g{number}") for number in range(100)])
    assert {each.action for each in finish(run)} == {"created"}
    assert run.requests == 1 + 2 * 100


def test_without_one_a_creation_takes_three_requests_and_a_share_of_a_witness(
    bulk: Any, sandbox: Outages, tmp_path: Path
) -> None:
    for journal, most in ((None, 1), (tmp_path / "journal", 2)):
        sandbox.clear()
        run = bulk.apply([record(f"g{number}") for number in range(320)], journal=journal)
        assert {each.action for each in finish(run)} == {"created"}
        # A read of the witness serves all that wait for it, 32 at most without a journal.
        assert 1 + 3 * 320 + 320 // 32 <= run.requests <= 1 + 3 * 320 + most * 320 // 8


@pytest.mark.parametrize("has_default", [False, True])
def test_records_that_are_there_cost_what_they_did_and_one_request_for_the_run(
    has_default: bool, bulk: Any, sandbox: Outages
) -> None:
    for group_id in [*map(str, range(100)), *([None] if has_default else [])]:
        sandbox.put(group_id)
    for wanted, each in (([], 1), (["new"], 2)):
        run = bulk.apply([record(str(number), tags=wanted) for number in range(100)])
        assert set(actions(run)) == {"updated" if wanted else "unchanged"}
        assert run.requests == 1 + each * 100


def test_a_record_is_created_between_a_witness_that_was_found_and_no_other_request(bulk: Any, sandbox: Outages) -> None:
    sandbox.put("w")
    assert [each.action for each in apply_one_by_one(bulk, [record("w"), record("new")])] == ["unchanged", "created"]
    assert sandbox.log == ["GET default", "GET w", "GET new", "GET w", "GET new", "POST new"]


def test_a_404_from_the_end_of_an_outage_is_not_taken_for_absence(bulk: Any, sandbox: Outages) -> None:
    for group_id in ("w", "victim"):
        sandbox.put(group_id, description="dear")
    # The witness is there again when it is asked for.
    sandbox.outages = [Outage(2, 1, "quick")]
    results = apply_one_by_one(bulk, [record("w"), record("victim", tags=["new"])])
    assert [each.action for each in results] == ["unchanged", "updated"]
    assert sandbox.log[2:] == ["GET victim", "GET w", "GET victim", "GET victim", "PATCH victim"]
    assert state(sandbox)["victim"]["description"] == "dear"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_default", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_an_outage_from_the_first_request_on_is_waited_for(
    kind: Kind, has_default: bool, is_there: bool, bulk: Any, sandbox: Outages
) -> None:
    if has_default:
        sandbox.put(None)
    if is_there:
        sandbox.put("a", description="dear")
    sandbox.outages = [Outage(0, 3, kind)]
    (result,) = apply_one_by_one(bulk, [record("a", tags=["new"])])
    assert result.action == ("updated" if is_there else "created")
    assert sandbox.replaced == []
    assert state(sandbox)["a"].get("description") == ("dear" if is_there else None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_default", [False, True])
def test_an_outage_between_the_proof_and_the_creation_makes_that_fail_and_be_tried_again(
    kind: Kind, has_default: bool, bulk: Any, sandbox: Outages
) -> None:
    if has_default:
        sandbox.put(None)
    first = ["GET default", "GET a"] if has_default else ["GET default", "GET a", "GET default", "GET a"]
    sandbox.outages = [Outage(len(first), 5, kind)]
    (result,) = apply_one_by_one(bulk, [record("a")])
    assert (result.action, result.attempts > 1) == ("created", True)
    assert (sandbox.created.count("a"), sandbox.replaced) == (1, [])


def test_a_slow_404_is_asked_again_until_the_retries_are_used_up(bulk: Any, sandbox: Outages, tmp_path: Path) -> None:
    wanted = [record("w"), record("new")]
    sandbox.put("w")
    sandbox.outages = [Outage(2, 5, "slow")]
    _, result = apply_one_by_one(bulk, wanted, retries=4, journal=tmp_path / "journal")
    assert (result.action, result.attempts) == ("failed", 5)
    assert isinstance(result.error, InternalServerError)
    for part in ("404", "more than 2 s", "database is away", "Nothing was written", "fewer requests at once"):
        assert part in str(result.error)
    # The journal goes on from there.
    _, result = apply_one_by_one(bulk, wanted, journal=tmp_path / "journal")
    assert result.action == "created"


def test_the_wait_for_a_request_to_go_out_makes_no_404_slow(
    bulk: Any, sandbox: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Gate.send

    async def late(self: Gate, *arguments: Any, **options: Any) -> Any:
        waited.set(waited.get() + 60)
        return await send(self, *arguments, **options)

    monkeypatch.setattr(Gate, "send", late)
    assert [each.attempts for each in apply_one_by_one(bulk, [record("a"), record("b")])] == [1, 1]
    assert sandbox.created == ["a", "b"]


@pytest.mark.parametrize("has_journal", [False, True])
def test_while_the_witness_is_not_found_nothing_is_created(
    has_journal: bool, bulk: Any, sandbox: Outages, tmp_path: Path
) -> None:
    sandbox.put("w")
    sandbox.outages = [Outage(2, 8, "quick")]
    journal = tmp_path / "journal" if has_journal else None
    _, result = apply_one_by_one(bulk, [record("w"), record("new")], retries=3, journal=journal)
    assert (result.action, result.attempts) == ("failed", 4)
    for part in ("404", "there before", "lost its database", "Nothing was written", "try again"):
        assert part in str(result.error)
    assert sandbox.created == []
    assert sandbox.log[2:] == ["GET new", "GET w"] * 4
    # Nor written down as if it had been about to be.
    assert journal is None or actions(bulk.undo(journal)) == []


def test_beside_a_default_record_no_404_is_taken_for_absence(bulk: Any, sandbox: Outages) -> None:
    sandbox.put(None)
    sandbox.outages = [Outage(1, 4, "quick")]
    (result,) = apply_one_by_one(bulk, [record("new")], retries=3)
    assert (result.action, result.attempts) == ("failed", 4)
    assert "there is a default record" in str(result.error)


class Forgetful(Outages):
    """Loses the record of group `w` for good with the first request for another."""

    def handle(self, method: str, target: str, headers: Any, body: bytes, **options: Any) -> Any:
        if "group_id=b" in target:
            self.delete("w")
        return super().handle(method, target, headers, body, **options)


def test_a_witness_that_was_deleted_proves_nothing_until_another_record_is_found(flavour: Flavour) -> None:
    with Forgetful() as sandbox:
        for group_id in ("w", "c"):
            sandbox.put(group_id)
        bulk = flavour.client(base_url=sandbox).v1.bulk
        results = apply_one_by_one(bulk, [record(group_id) for group_id in ("w", "b", "c", "d")], retries=2)
        assert [each.action for each in results] == ["unchanged", "failed", "unchanged", "created"]
        assert "somebody has deleted that record" in str(results[1].error)


def test_a_record_that_cannot_be_created_is_not_called_missing_because_of_an_outage(
    bulk: Any, sandbox: Outages, tmp_path: Path
) -> None:
    for number, journal in enumerate((None, tmp_path / "journal")):
        sandbox.put("w")
        sandbox.put(f"g{number}")
        sandbox.lose_database(1, "quick", after=2)
        partial = [record("w"), {"group_id": f"g{number}", "tags": ["new"]}, {"group_id": "unknown", "tags": ["new"]}]
        _, result, unknown = apply_one_by_one(bulk, partial, journal=journal)
        assert result.action == "updated"
        assert isinstance(unknown.error, RequestValidationError)


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("has_journal", [False, True])
def test_a_record_that_turns_out_to_be_there_as_it_was_to_be_is_unchanged(
    has_journal: bool, length: int, bulk: Any, sandbox: Outages, tmp_path: Path
) -> None:
    for group_id in ("w", "same"):
        sandbox.put(group_id)
    sandbox.outages = [Outage(2, length, "quick")]
    journal = tmp_path / "journal" if has_journal else None
    results = apply_one_by_one(bulk, [record("w"), record("same")], journal=journal)
    assert [each.action for each in results] == ["unchanged", "unchanged"]
    assert journal is None or actions(bulk.undo(journal)) == []


def test_a_sign_of_an_outage_voids_the_proofs_that_are_under_way(
    bulk: Any, sandbox: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm, signs = Witness.confirm, iter([1])

    async def elsewhere(self: Witness) -> None:
        await confirm(self)
        if self.is_known:
            # As when another record is found after a 404, or an update is not found.
            self.doubts += next(signs, 0)

    monkeypatch.setattr(Witness, "confirm", elsewhere)
    for group_id in ("w", "victim"):
        sandbox.put(group_id, description="dear")
    # One outage for each of the two times that it is asked for.
    sandbox.outages = [Outage(2, 1, "quick"), Outage(4, 1, "quick")]
    results = apply_one_by_one(bulk, [record("w"), record("victim", tags=["new"])])
    assert [each.action for each in results] == ["unchanged", "updated"]
    assert sandbox.replaced == []


SIGNS: dict[str, tuple[list[Outage], bool, bool]] = {
    "none": ([], False, False),
    "found after a 404": ([Outage(2, 1, "quick")], False, True),
    "the witness is not found": ([Outage(2, 2, "quick")], False, True),
    "a 404 beside a default record": ([Outage(2, 1, "quick")], True, True),
    "a slow 404": ([Outage(2, 1, "slow")], False, True),
    "an update is not found": ([Outage(3, 1, "quick")], False, True),
    # Of these any server has some, and each would void all proofs that are under way.
    "an error": ([Outage(2, 1, "error")], False, False),
    "no answer": ([Outage(2, 1, "cut")], False, False),
}


@pytest.mark.parametrize("name", SIGNS)
def test_what_a_sign_of_an_outage_is(name: str, bulk: Any, sandbox: Outages, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Witness] = []

    class Noted(Witness):
        def __init__(self, get: Any) -> None:
            super().__init__(get)
            made.append(self)

    monkeypatch.setattr(_jobs, "Witness", Noted)
    sandbox.outages, has_default, is_sign = SIGNS[name]
    for group_id in ("w", "a", *([None] if has_default else [])):
        sandbox.put(group_id)
    results = apply_one_by_one(bulk, [record("w"), record("a", tags=["new"])])
    assert [each.action for each in results] == ["unchanged", "updated"]
    assert made[0].doubts == is_sign


def test_an_intent_that_came_of_an_outage_does_not_count_beside_another(tmp_path: Path) -> None:
    before, after = {"name": "before"}, {"name": "after"}

    def opened() -> Journal:
        return Journal(tmp_path / "journal", server="s", fingerprint=None)

    async def main() -> Any:
        journal = opened()
        await journal.intend(b"d", "updated", Intent(0, "a", before, after))
        await journal.intend(b"d", "created", Intent(0, "a", None, after))
        await journal.aclose()
        journal = opened()
        found = await journal.earlier(0, 1)
        await journal.aclose()
        return found

    assert asyncio.run(main()) == {0: (b"d", "updated", False)}
    assert list(intents(tmp_path / "journal")) == [(0, "a", before, after)]


def test_an_update_whose_outcome_is_unknown_can_be_undone_though_a_404_comes_after_it(
    bulk: Any, sandbox: Outages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group_id in ("w", "a"):
        sandbox.put(group_id, tags=["old"])
    # The update is carried out.
    monkeypatch.setattr(sandbox.chance, "random", lambda: 0.0)
    sandbox.outages = [Outage(3, 1, "cut"), Outage(4, 1, "quick")]
    wanted = [record("w"), record("a", tags=["new"])]
    results = apply_one_by_one(bulk, wanted, journal=tmp_path / "journal")
    assert [each.action for each in results] == ["unchanged", "updated"]
    assert actions(bulk.undo(tmp_path / "journal")) == ["restored"]
    assert state(sandbox)["a"]["tags"] == ["old"]


def test_a_slow_answer_about_the_default_record_is_asked_again(bulk: Any, sandbox: Outages) -> None:
    sandbox.outages = [Outage(0, 1, "slow")]
    (result,) = apply_one_by_one(bulk, [record("a")])
    assert (result.action, result.attempts) == ("created", 2)
    assert sandbox.log[:3] == ["GET default", "GET default", "GET a"]


def test_a_read_of_the_witness_is_shared_by_those_who_ask_before_it_begins_and_by_no_others() -> None:
    async def main() -> list[int]:
        reads = 0
        release = asyncio.Event()

        async def get(group_id: str | None) -> Any:
            nonlocal reads
            reads += 1
            await release.wait()
            return SimpleNamespace(result=SimpleNamespace(group_id=group_id))

        witness = Witness(get)
        witness.saw("w")
        found = []
        asking = [asyncio.create_task(witness.confirm()) for _ in range(9)]
        for _ in range(9):
            await asyncio.sleep(0)
        found.append(reads)
        # This one may have been answered before what they want confirmed.
        asking += [asyncio.create_task(witness.confirm()) for _ in range(9)]
        for _ in range(9):
            await asyncio.sleep(0)
        found.append(reads)
        release.set()
        await asyncio.gather(*asking)
        return [*found, reads]

    assert asyncio.run(main()) == [1, 1, 2]


def test_an_update_that_is_not_found_is_tried_again(bulk: Any, sandbox: Outages) -> None:
    sandbox.put("a")
    sandbox.fail("update_conversation_meta_v1", status=404, times=2)
    (result,) = apply_one_by_one(bulk, [record("a", tags=["new"])])
    assert (result.action, result.attempts) == ("updated", 3)
    sandbox.fail("update_conversation_meta_v1", status=404, times=None)
    (result,) = apply_one_by_one(bulk, [record("a", tags=["newer"])], retries=2)
    assert (result.action, result.attempts) == ("failed", 3)
    for part in ("read just before", "lost its database", "cannot store a value"):
        assert part in str(result.error)


def test_the_first_record_is_created_alone_and_is_the_witness_of_the_others(sandbox: Outages) -> None:
    async def main() -> None:
        async with AsyncEverMemOS.sandbox(sandbox) as client:
            await Interleaved(client.v1._sender).apply([record(f"g{number}") for number in range(50)]).finish()

    asyncio.run(main())
    assert sandbox.log[:5] == ["GET default", "GET g0", "GET default", "GET g0", "POST g0"]
    assert len(state(sandbox)) == 50


# When the proof fails


@pytest.mark.parametrize("years", [-10, 0, 10])
@pytest.mark.parametrize("has_journal", [False, True])
def test_a_record_that_was_replaced_all_the_same_is_named_and_ends_the_run(
    years: int, has_journal: bool, bulk: Any, sandbox: Outages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift_clock(monkeypatch, years)
    wanted = [record(group_id) for group_id in ("w", "victim", *(f"later{number}" for number in range(90)))]
    journal = tmp_path / "journal" if has_journal else None
    for group_id in ("w", "victim"):
        sandbox.put(group_id)
    sandbox.denied = {"victim"}
    found: list[Result] = []
    with pytest.raises(RecordReplacedError, match="group 'victim' was replaced, not created") as caught:
        finish(bulk.apply(wanted, concurrency=1, journal=journal, on_result=found.append))
    assert caught.value.group_id == "victim"
    assert str(caught.value.record_id) in str(sandbox.newest(99))
    told = {each.group_id: each.action for each in found if each.action != "created"}
    assert told == {"w": "unchanged", "victim": "replaced"}
    assert sandbox.replaced == ["victim"]
    # What was in flight.
    assert len(sandbox.created) == len(found) - 2 <= 3
    if has_journal:
        results = apply_one_by_one(bulk, wanted, journal=journal)
        assert (results[1].action, results[1].attempts) == ("replaced", 0)
        assert {each.action for each in results[2:]} == {"created"}
        assert set(actions(bulk.undo(journal))) == {"kept"}


@pytest.mark.socket
@pytest.mark.process
def test_the_command_line_names_a_record_that_was_replaced_all_the_same(cli: Cli, sandbox: Outages) -> None:
    for group_id in ("w", "victim"):
        sandbox.put(group_id)
    sandbox.denied = {"victim"}
    cli.file("c.jsonl", [record(group_id) for group_id in ("w", "victim", *(f"later{n}" for n in range(90)))])
    done = cli("apply", "c.jsonl", "--concurrency", "1")
    assert done.returncode == 1
    assert "evermemos: group 'victim' was replaced, not created" in done.stderr
    assert "The same command goes on from there" in done.stderr
    sandbox.denied = set()
    assert cli.good("apply", "c.jsonl").count('"created"') == 90


@pytest.mark.parametrize("years", [-10, 10])
def test_the_clock_of_this_machine_makes_no_creation_a_replacement(
    years: int, bulk: Any, sandbox: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift_clock(monkeypatch, years)
    assert set(actions(bulk.apply([record(f"g{number}") for number in range(99)]))) == {"created"}


def test_a_creation_in_whole_milliseconds_is_one_too(
    bulk: Any, sandbox: Outages, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One in a thousand, and all of a server that writes no more digits.
    moments = count(1)
    for module in ("_core", "_conversation_meta"):
        monkeypatch.setattr(
            f"evermemos.sandbox.{module}.now",
            lambda: as_kept(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=next(moments))),
        )
    assert set(actions(bulk.apply([record(f"g{number}") for number in range(99)]))) == {"created"}


def test_without_any_record_to_go_by_an_outage_of_quick_404s_costs_one_record_at_most(
    bulk: Any, sandbox: Outages
) -> None:
    wanted = [record(f"g{number}", tags=["new"]) for number in range(50)]
    for each in wanted:
        sandbox.put(each["group_id"], description="dear")
    # It ends in the moment between the last look and the write.
    sandbox.outages = [Outage(0, 4, "quick")]
    with pytest.raises(RecordReplacedError, match="g0"):
        finish(bulk.apply(wanted))
    assert sandbox.replaced == ["g0"]


# Other runs


def test_a_run_that_goes_on_has_its_witness_from_the_journal(bulk: Any, sandbox: Outages, tmp_path: Path) -> None:
    for group_id in ("a", "b"):
        sandbox.put(group_id, description="dear")
    wanted, journal = [record("a"), record("b", tags=["new"])], tmp_path / "journal"
    sandbox.fail("update_conversation_meta_v1", status=400)
    first = apply_one_by_one(bulk, wanted, journal=journal)
    assert [each.action for each in first] == ["unchanged", "failed"]
    # Without a witness, nothing would contradict the first five.
    sandbox.lose_database(5, "quick")
    assert [each.action for each in apply_one_by_one(bulk, wanted, journal=journal)] == ["unchanged", "updated"]
    assert sandbox.replaced == []


@pytest.mark.parametrize("kind", KINDS)
def test_undo_puts_back_what_was_changed_through_an_outage(
    kind: Kind, bulk: Any, sandbox: Outages, tmp_path: Path
) -> None:
    for number in range(20):
        sandbox.put(f"g{number}", description="dear")
    before = state(sandbox)
    apply_one_by_one(bulk, [record(f"g{number}", description="new") for number in range(20)], journal=tmp_path / "j")
    sandbox.lose_database(4, kind)
    sandbox.lose_database(8, kind, after=20)
    assert set(actions(bulk.undo(tmp_path / "j", concurrency=1))) <= {"restored", "unchanged"}
    assert state(sandbox) == before


@pytest.mark.parametrize("kind", KINDS)
def test_plan_and_export_miss_no_record_because_of_an_outage(kind: Kind, bulk: Any, sandbox: Outages) -> None:
    groups = [f"g{number}" for number in range(20)]
    for group_id in groups:
        sandbox.put(group_id)
    sandbox.lose_database(5, kind, after=7)
    assert set(actions(bulk.plan([record(group_id) for group_id in groups], concurrency=1))) == {"unchanged"}
    sandbox.lose_database(5, kind, after=7)
    assert set(actions(bulk.export(groups, concurrency=1))) == {"exported"}
    assert actions(bulk.export(["unknown"])) == ["missing"]
