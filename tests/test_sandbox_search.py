"""The search of the sandbox: by words, ranked, and safe from anything that is typed into it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memories import BOUNDED, VERSIONS, Talk

from evermemos.sandbox import Sandbox, _store
from evermemos.sandbox._extraction import EPISODE
from evermemos.sandbox._memory_store import MemoryFilter
from evermemos.sandbox._words import fts_query


@VERSIONS
def test_search_finds_words_and_puts_the_best_first(api: str) -> None:
    talk = Talk(api)
    talk.say("The tours have a database.", "Databases, databases, databases!", "Coffee is ready.", "Lunch at noon.")
    long = "Coffee again, with much milk and a long story."
    talk.say("Nothing of interest.", "Nor here.", long, "The end.")
    assert talk.facts("coffee") == ["Coffee is ready.", long]
    # Other forms of an English word, other letter cases, and any of several words.
    assert talk.facts("DATABASE")[0] == "Databases, databases, databases!"
    assert len(talk.facts("database")) == 2
    assert set(talk.facts("Which tour, or lunch?")) >= {"The tours have a database.", "Lunch at noon."}
    assert talk.facts("tea") == []
    kind = "episodic_memory" if api == "v0" else "event_log"
    scores = [score for _, score in talk.searched("coffee database tours", memory_types=kind)]
    assert scores == sorted(scores, reverse=True)
    assert (scores[0], 0 < scores[-1] < 1) == (1.0, True)
    (episode, *_) = talk.searched("milk")[0]
    assert episode["memory_type"] == "episodic_memory"


@VERSIONS
def test_words_of_one_stem_are_one_and_others_are_not(api: str) -> None:
    talk = Talk(api)
    talk.say("ring", "red", "apples", "ape")
    # What stands before a word in the index must not make these alike.
    assert [talk.facts(word) for word in ("rings", "red", "apple", "apes", "r", "bed")] == [
        ["ring"],
        ["red"],
        ["apples"],
        ["ape"],
        [],
        [],
    ]
    talk.say("file_name", "12 apples", "2apples", "x")
    assert talk.facts("name") == ["file_name"]
    assert talk.facts("12") == ["12 apples"]


@VERSIONS
def test_search_bounds_the_score_and_the_number(api: str) -> None:
    talk = Talk(api)
    talk.say("apple pear plum", "apple pear", "apple", "nothing")
    talk.say(*["nothing at all"] * EPISODE)
    query = "apple pear plum"
    found = talk.facts(query)
    assert found == ["apple pear plum", "apple pear", "apple"]
    kind = "episodic_memory" if api == "v0" else "event_log"
    scores = [score for _, score in talk.searched(query, memory_types=kind)]
    assert len(set(scores)) == 3
    assert talk.facts(query, radius=scores[1]) == ["apple pear plum", "apple pear"]
    assert talk.facts(query, radius=1) == ["apple pear plum"]
    assert talk.facts(query, radius=0) == talk.facts(query, top_k=100)
    assert talk.facts(query, top_k=2) == ["apple pear plum", "apple pear"]


def test_v0_finds_as_many_as_top_k(v0: Talk) -> None:
    v0.say(*["same"] * 110)
    assert [len(v0.facts("same", top_k=top)) for top in (-1, 1, 100)] == [100, 1, 100]
    result = v0.found("same")
    assert (result["total_count"], len(result["memories"])) == (100, 100)


def test_v1_finds_as_many_as_top_k(v1: Talk) -> None:
    v1.say(*["same"] * 44)
    for top, usual in ((None, 10), (43, 43), (44, 44), (50, 44)):
        params = {} if top is None else {"top_k": top}
        result = v1.found("same", memory_types="event_log", **params)
        assert (result["total_count"], result["has_more"]) == (usual, usual < 44)
    strict = Talk("v1", Sandbox(strict=True))
    strict.say(*["same"] * 44)
    assert len(strict.facts("same")) == 40


@VERSIONS
def test_a_search_keeps_to_its_filters(api: str) -> None:
    talk = Talk(api)
    talk.episode("coffee", sender="ann")
    talk.episode("coffee", sender="bob", group_id="h")
    assert {item["user_id"] for item, _ in talk.searched("coffee")} == {"ann"}
    assert {item["user_id"] for item, _ in talk.searched("coffee", user_id="ann")} == {"ann"}
    assert talk.searched("coffee", group_id="g", user_id="bob") == []
    assert {item["memory_type"] for item, _ in talk.searched("coffee", group_id="h")} == {"episodic_memory"}
    assert talk.searched("coffee", start_time="2025-01-16") == []
    assert len(talk.searched("coffee", end_time="2025-01-16")) == 1
    if api == "v0":
        both = talk.searched("coffee", group_ids=["g", "h"])
        assert {item["user_id"] for item, _ in both} == {"ann", "bob"}
        # The older name of a group.
        assert len(talk.ask("/memories/search", group_id="h", query="coffee")["result"]["memories"]) == 1
        _, content = talk.raw("GET", "/memories/search", {"user_id": "ann", "group_id": ["h"], "query": "coffee"})
        assert content["result"]["memories"] == []
        return
    # Of a repeated key the last one counts; commas separate.
    last = talk.searched("coffee", memory_types=["event_log", "episodic_memory"])
    assert {item["memory_type"] for item, _ in last} == {"episodic_memory"}
    both = talk.searched("coffee", memory_types="event_log, episodic_memory")
    assert {item["memory_type"] for item, _ in both} == {"event_log", "episodic_memory"}


def test_v1_search_is_by_group(v1: Talk) -> None:
    v1.episode("tea", "tea", "something else", group_id="g")
    v1.episode("tea with a lot of milk and sugar and more", group_id="h")
    v1.episode("tea and milk, milk, milk", "no more than a little tea in this one", group_id="i")
    answer = v1.ask("/memories/search", user_id="ann", query="tea milk", memory_types="event_log")
    result = answer["result"]
    groups = [group for entry in result["memories"] for group in entry]
    assert sorted(groups) == ["g", "h", "i"]
    assert answer["message"] == "Memory search successful, retrieved 3 groups"
    assert [list(entry) for entry in result["scores"]] == [[group] for group in groups]
    best = [scores[0] for entry in result["scores"] for scores in entry.values()]
    assert best == result["importance_scores"] == sorted(best, reverse=True)
    assert best[0] == 1.0
    assert (result["total_count"], result["has_more"], result["original_data"]) == (5, False, [])
    source = {
        "source": "keyword",
        "user_id": "ann",
        "memory_type": "event_log",
        **dict.fromkeys(("group_id", "limit", "email", "phone", "full_name")),
    }
    assert result["query_metadata"] == result["metadata"] == source


def test_strictly_memories_without_a_group_have_no_name_for_theirs() -> None:
    talk = Talk("v1", Sandbox(strict=True))
    talk.episode("nothing", group_id=None)
    found = talk.found("nothing", user_id="ann")["memories"]
    assert {group for entry in found for group in entry} == {""}


def test_v0_search_has_profiles(v0: Talk) -> None:
    v0.episode(sender_name="Ann Smith", group_name="Tours")
    result = v0.found("smith", user_id="ann")
    profile = {
        "item_type": "explicit_info",
        "category": "Conversations",
        "trait_name": None,
        "description": f"Ann Smith wrote {EPISODE} messages in Tours.",
        "score": 1.0,
    }
    assert result["profiles"] == [profile]
    assert [memory["memory_type"] for memory in result["memories"]] == ["episodic_memory"]
    assert (result["total_count"], result["metadata"]["memory_types"]) == (2, ["profile", "episodic_memory"])
    only = v0.found("smith", memory_types="profile")
    assert (only["profiles"], only["memories"], only["total_count"]) == ([profile], [], 1)
    assert v0.found("smith", memory_types="episodic_memory")["profiles"] == []
    # Without a query servers look for no profile.
    assert v0.found()["profiles"] == []
    words = "retrieved 1 profiles and 1 episodic memories"
    assert v0.ask("/memories/search", query="smith", user_id="ann")["message"].endswith(words)


def test_v1_search_has_no_profiles(v1: Talk) -> None:
    v1.episode()
    assert v1.searched("ann", memory_types="profile") == []


def test_v0_search_tells_what_it_looked_for(v0: Talk) -> None:
    period = {"start_time": "2025-01-01", "end_time": "2025-02-01"}
    asked: dict[str, Any] = {"user_id": "ann", "group_ids": ["g", "h"], "query": "q", "radius": 0.5, **period}
    more = {"retrieve_method": "hybrid", "top_k": 3, "memory_types": ["profile"]}
    result = v0.ask("/memories/search", current_time="2025-01-20", **asked, **more)["result"]
    # The current time gets lost on the way.
    assert result["query_metadata"] == {**asked, **more, "current_time": None}
    unknown = dict.fromkeys(("group_ids", "email", "phone", "full_name"))
    assert result["metadata"] == {"source": "hybrid", "user_id": "ann", "memory_types": [], **unknown}
    nothing = v0.ask("/memories/search", group_ids="g")["result"]["query_metadata"]
    assert nothing.pop("memory_types") == ["profile", "episodic_memory"]
    assert (nothing.pop("retrieve_method"), nothing.pop("top_k")) == ("keyword", -1)
    assert (nothing.pop("user_id"), nothing.pop("group_ids")) == ("__all__", ["g"])
    assert set(nothing.values()) == {None}


@VERSIONS
@pytest.mark.parametrize("word", ["true", "0", "off", "maybe"])
def test_metadata_is_there_whatever_was_asked_for(api: str, word: str) -> None:
    result = Talk(api).ask("/memories/search", user_id="ann", include_metadata=word)["result"]
    assert result["metadata"]["user_id"] == "ann"


@VERSIONS
@pytest.mark.parametrize("query", ["", "  ", None])
def test_an_empty_query_lists_the_last(api: str, query: str | None) -> None:
    talk = Talk(api)
    talk.say("one", "two", "three", "four")
    params = {"memory_types": "event_log"} if api == "v1" else {}
    result = talk.found(query, top_k=2, **params)
    found = result["memories"] if api == "v0" else result["memories"][0]["g"]
    assert [item["subject" if api == "v0" else "atomic_fact"] for item in found] == ["four", "three"]


@VERSIONS
def test_search_in_scripts_without_spaces(api: str) -> None:
    talk = Talk(api)
    talk.say("我们选了一个数据库。", "今天下雨", "データベースを選びました", "커피를 마셨다")
    assert talk.facts("数据") == ["我们选了一个数据库。"]
    assert talk.facts("我们选了哪个数据库") == ["我们选了一个数据库。"]
    assert talk.facts("雨") == ["今天下雨"]
    assert talk.facts("データベース") == ["データベースを選びました"]
    assert talk.facts("커피") == ["커피를 마셨다"]
    # Letters that are there, and do not follow one another.
    assert talk.facts("据数") == []


@VERSIONS
@pytest.mark.parametrize(
    "query",
    [
        '"',
        '"coffee',
        "coffee AND",
        "NOT coffee",
        "NEAR(coffee tea)",
        "words : coffee",
        "^coffee",
        "coffee*",
        "(coffee",
        "-coffee +coffee",
        "coffee\x00tea",
        "coffee'; DROP TABLE memory; --",
        "{coffee}",
    ],
)
def test_nothing_in_a_query_is_syntax(api: str, query: str) -> None:
    talk = Talk(api)
    talk.say("coffee")
    assert talk.facts(query) == (["coffee"] if "coffee" in query else [])


@BOUNDED
@given(text=st.text(), query=st.text())
def test_any_text_can_be_kept_and_searched(text: str, query: str) -> None:
    talk = Talk("v1")
    talk.add(text or " ", sender=text or "u", group_id=text or "g")
    for _ in range(EPISODE - 1):
        talk.add(query or " ", sender=query or "u", group_id=text or "g")
    for asked in (query, text, query + text, text * 50):
        for owner in ({"group_id": text or "g"}, {"user_id": query or "u"}):
            body = {"query": asked, "memory_types": ["event_log", "episodic_memory"], **owner}
            assert talk.raw("GET", "/memories/search", body)[0] == (400 if "__all__" in owner.values() else 200)
    # SQLite and Python differ about rare letters.
    if re.search("[0-9A-Za-z]", text):
        body = {"query": text, "group_id": text, "memory_types": ["event_log"]}
        assert talk.raw("GET", "/memories/search", body)[1]["result"]["memories"] != []


def test_a_query_may_be_long(v0: Talk) -> None:
    v0.say("one")
    words = [f"word{n}" for n in range(20_000)] + ["数据" * 1000, "one"]
    assert v0.raw("GET", "/memories/search", {"query": " ".join(words), "user_id": "ann"})[0] == 200
    assert v0.facts(" ".join(words)) == ["one"]


# What a search costs


@VERSIONS
def test_a_search_of_a_group_reads_the_texts_of_that_group_alone(api: str) -> None:
    talk = Talk(api)
    for number in range(30):
        talk.say("coffee", "coffee and tea", group_id=f"g{number}", sender=f"u{number % 3}")
    database = talk.sandbox._store.database
    database.execute("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, memory_words, row)")
    texts = dict(database.execute("SELECT term, doc FROM vocabulary").fetchall())
    # How many texts a rank counts that it has to count for each word.
    (scope,) = MemoryFilter(api, ["episodic_memory"], group_ids=["g7"], user_ids=["u1"]).scopes()
    in_group = {term: doc for term, doc in texts.items() if term.startswith(scope)}
    assert len(in_group) > 1
    # An episode and a fact for each message at most, and a profile.
    assert max(in_group.values()) <= 2 * EPISODE + 1
    (scope,) = MemoryFilter(api, ["episodic_memory"], user_ids=["u1"]).scopes()
    assert texts[f"{scope}coffe"] > 2 * EPISODE + 1
    assert fts_query("Coffee, tea", [scope]) == f'"{scope}Coffee" OR "{scope}tea"'


TABLES = ("memory", "message", "request", "conversation_meta")
NARROW = re.compile(r"\(.*\b(group_key|user_key|id_key|parent_key|group_id|rowid)=\?")


def plans(talk: Talk, act: Callable[[], Any]) -> list[str]:
    """Ask SQLite by which way it goes through which table, for each statement of an operation."""
    statements: list[str] = []
    database = talk.sandbox._store.database
    database.set_trace_callback(statements.append)
    act()
    database.set_trace_callback(None)
    found = []
    for statement in statements:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            found += [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return found


@VERSIONS
@pytest.mark.parametrize(
    "owner", [{"group_id": "g"}, {"user_id": "ann"}, {"user_id": "ann", "group_id": "g"}], ids=["group", "user", "both"]
)
def test_nothing_goes_through_a_whole_table(api: str, owner: dict[str, str]) -> None:
    talk = Talk(api)
    talk.episode()
    talk.add("waits")
    acts: dict[str, Callable[[], Any]] = {
        "list": lambda: talk.listed(**owner),
        "page": lambda: talk.page("event_log", **owner),
        "foresights": lambda: talk.page("foresight", start_time="2025-01-01", **owner),
        "profiles": lambda: talk.listed("profile", **owner),
        "search": lambda: talk.found("line", **owner),
        "empty search": lambda: talk.found("", **owner),
        "add": lambda: talk.add("more"),
        "add the last": lambda: talk.episode(),
        "delete": lambda: talk.delete(**owner),
        "delete by id": lambda: talk.delete(**owner, **{"memory_id" if api == "v0" else "event_id": "0" * 24}),
    }
    for name, act in acts.items():
        found = plans(talk, act)
        assert found != []
        # By who or which it is, as in "SEARCH memory USING INDEX memory_of_group (api=? AND group_key=?". Lists in JSON
        # and the words of the index are gone through in any case.
        tables = [plan for plan in found if re.match(f"(SCAN|SEARCH) ({'|'.join(TABLES)})( |$)", plan)]
        assert (name, [plan for plan in tables if not NARROW.search(plan)]) == (name, [])
        if name in ("list", "page"):
            # In the order of the index, not sorted: a page reads as many rows as it gives.
            column = "group_key" if "group_id" in owner else "user_key"
            assert any(f"{column}=? AND type=?)" in plan for plan in found)
            assert [plan for plan in found if "TEMP B-TREE" in plan] == []


def test_without_fts5_all_but_search_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store, "WORDS", _store.WORDS.replace("fts5", "fts0"))
    talk = Talk("v1")
    talk.episode("coffee")
    assert len(talk.listed("event_log")) == EPISODE
    assert len(talk.searched("")) == 1
    status, content = talk.raw("GET", "/memories/search?group_id=g&query=coffee")
    assert (status, content["message"]) == (
        501,
        "The sandbox searches with FTS5, which this SQLite was built without.",
    )
    assert talk.delete(group_id="g")[0] == 200
