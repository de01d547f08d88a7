"""The search of the sandbox: by words, ranked, and safe from anything that is typed into it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memories import BOUNDED, VERSIONS, Talk

from evermemos.sandbox import Sandbox, _store
from evermemos.sandbox._extraction import EPISODE


@VERSIONS
def test_search_finds_words_and_puts_the_best_first(api: str) -> None:
    talk = Talk(api)
    talk.episode("The tours have a database.", "Databases, databases, databases!", "Coffee is ready.", "Lunch at noon.")
    talk.episode("Nothing of interest.", "Nor here.", "Coffee again, with much milk and a long story.", "The end.")
    assert talk.facts("coffee") == ["Coffee is ready.", "Coffee again, with much milk and a long story."]
    # Other forms of an English word, other letter cases, and any of several words.
    assert talk.facts("DATABASE")[0] == "Databases, databases, databases!"
    assert len(talk.facts("database")) == 2
    assert set(talk.facts("Which tour, or lunch?")) >= {"The tours have a database.", "Lunch at noon."}
    assert talk.facts("tea") == []
    scores = [score for _, score in talk.searched("coffee database tours", memory_types="event_log")]
    assert scores == sorted(scores, reverse=True)
    assert (scores[0], 0 < scores[-1] < 1) == (1.0, True)
    (episode, *_) = talk.searched("milk")[0]
    assert episode["memory_type"] == "episodic_memory"


@VERSIONS
def test_search_bounds_the_score_and_the_number(api: str) -> None:
    talk = Talk(api)
    talk.episode("apple pear plum", "apple pear", "apple", "nothing")
    talk.episode(*["nothing at all"] * EPISODE)
    query = "apple pear plum"
    found = talk.searched(query, memory_types="event_log")
    assert [item["atomic_fact"] for item, _ in found] == ["apple pear plum", "apple pear", "apple"]
    scores = [score for _, score in found]
    assert len(set(scores)) == 3
    assert talk.facts(query, radius=scores[1]) == ["apple pear plum", "apple pear"]
    assert talk.facts(query, radius=1) == ["apple pear plum"]
    assert talk.facts(query, radius=0) == talk.facts(query, top_k=100)
    assert talk.facts(query, top_k=2) == ["apple pear plum", "apple pear"]


def test_v0_finds_as_many_as_top_k(v0: Talk) -> None:
    for _ in range(30):
        v0.episode(*["same"] * EPISODE)
    assert [len(v0.facts("same", top_k=top)) for top in (-1, 0, 1, 100)] == [100, 0, 1, 100]
    result = v0.ask("/memories/search", query="same", memory_types="event_log")["result"]
    assert (result["total_count"], len(result["memories"])) == (100, 100)


def test_v1_finds_as_many_as_top_k(v1: Talk) -> None:
    for _ in range(11):
        v1.episode(*["same"] * EPISODE)
    for top, usual in ((None, 10), (43, 43), (44, 44), (50, 44)):
        params = {} if top is None else {"top_k": top}
        result = v1.ask("/memories/search", group_id="g", query="same", memory_types="event_log", **params)["result"]
        assert (result["total_count"], result["has_more"]) == (usual, usual < 44)
    assert v1.raw("GET", "/memories/search?group_id=g&top_k=0")[0] == 422
    strict = Talk("v1", Sandbox(strict=True))
    for _ in range(11):
        strict.episode(*["same"] * EPISODE)
    assert len(strict.facts("same")) == 40


@VERSIONS
def test_a_search_keeps_to_its_filters(api: str) -> None:
    talk = Talk(api)
    groups = "group_ids" if api == "v0" else "group_id"
    talk.episode("coffee", sender="ann")
    talk.episode("coffee", sender="bob", group_id="h")
    assert {item["user_id"] for item, _ in talk.searched("coffee", **{groups: "g"})} == {"ann"}
    assert {item["user_id"] for item, _ in talk.searched("coffee", **{groups: "g", "user_id": "bob"})} == set()
    kinds = ["event_log", "episodic_memory"]
    found = talk.searched("coffee", memory_types=kinds, **{groups: "h"})
    assert {item["memory_type"] for item, _ in found} == set(kinds)
    assert {item["memory_type"] for item, _ in talk.searched("coffee", **{groups: "h"})} == {"episodic_memory"}
    assert talk.searched("coffee", start_time="2025-01-16", **{groups: "g"}) == []
    assert len(talk.searched("coffee", end_time="2025-01-16", **{groups: "g"})) == 1


def test_v1_search_is_by_group(v1: Talk) -> None:
    talk = v1
    talk.episode("tea", "tea", "something else", group_id="g")
    talk.episode("tea with a lot of milk and sugar and more", group_id="h")
    talk.episode("tea and milk, milk, milk", "no more than a little tea in this one", group_id="i")
    talk.episode("nothing", group_id=None)
    answer = talk.ask("/memories/search", user_id="ann", query="tea milk", memory_types=["event_log"])
    result = answer["result"]
    groups = [group for entry in result["memories"] for group in entry]
    assert sorted(groups) == ["g", "h", "i"]
    assert answer["message"] == "Memory search successful, retrieved 3 groups"
    assert [list(entry) for entry in result["scores"]] == [[group] for group in groups]
    best = [scores[0] for entry in result["scores"] for scores in entry.values()]
    assert best == result["importance_scores"] == sorted(best, reverse=True)
    assert best[0] == 1.0
    assert (result["total_count"], result["has_more"], result["original_data"]) == (5, False, [])
    source = {"source": "keyword", "user_id": "ann", "memory_type": "retrieve"}
    assert result["query_metadata"] == result["metadata"] == source
    # Memories without a group have no name for theirs.
    assert {
        group
        for entry in talk.ask("/memories/search", user_id="ann", query="nothing")["result"]["memories"]
        for group in entry
    } == {""}


def test_v0_search_has_profiles(v0: Talk) -> None:
    v0.episode(sender_name="Ann Smith", group_name="Tours")
    result = v0.ask("/memories/search", query="smith")["result"]
    profile = {
        "item_type": "explicit_info",
        "category": "Conversations",
        "trait_name": None,
        "description": f"Ann Smith wrote {EPISODE} messages in Tours.",
        "score": 1.0,
    }
    assert result["profiles"] == [profile]
    assert [memory["memory_type"] for memory in result["memories"]] == ["episodic_memory"]
    for group, place in (("h", "h"), (None, "no group")):
        v0.episode(sender="bob", group_id=group)
        words = f"bob wrote {EPISODE} messages in {place}."
        assert words in [
            found["description"] for found in v0.ask("/memories/search", query="bob")["result"]["profiles"]
        ]
    only = v0.ask("/memories/search", query="smith", memory_types="profile")["result"]
    assert (only["profiles"], only["memories"], only["total_count"]) == ([profile], [], 0)
    assert v0.ask("/memories/search", query="smith", memory_types="event_log")["result"]["profiles"] == []


def test_v1_search_has_no_profiles(v1: Talk) -> None:
    v1.episode()
    assert v1.searched("ann", memory_types="profile") == []


def test_v0_search_tells_what_it_looked_for(v0: Talk) -> None:
    period = {"start_time": "2025-01-01", "end_time": "2025-02-01", "current_time": "2025-01-20"}
    asked: dict[str, Any] = {"user_id": "ann", "group_ids": ["g", "h"], "query": "q", "radius": 0.5, **period}
    result = v0.ask("/memories/search", retrieve_method="hybrid", top_k=3, memory_types=["event_log"], **asked)[
        "result"
    ]
    assert result["query_metadata"] == {
        **asked,
        "memory_types": ["event_log"],
        "retrieve_method": "hybrid",
        "top_k": 3,
    }
    assert result["metadata"] == {"source": "hybrid", "user_id": "ann", "memory_types": ["event_log"]}
    nothing = v0.ask("/memories/search")["result"]["query_metadata"]
    assert nothing.pop("memory_types") == ["profile", "episodic_memory"]
    assert (nothing.pop("retrieve_method"), nothing.pop("top_k")) == ("keyword", -1)
    assert set(nothing.values()) == {None}


@VERSIONS
@pytest.mark.parametrize(
    ("word", "is_told"), [("true", True), ("YES", True), ("1", True), ("0", False), ("off", False)]
)
def test_metadata_can_be_left_out(api: str, word: str, is_told: bool) -> None:
    result = Talk(api).ask("/memories/search", user_id="ann", include_metadata=word)["result"]
    assert (result["metadata"] is not None) is is_told


@VERSIONS
@pytest.mark.parametrize("query", ["", "  ", None])
def test_an_empty_query_lists_the_last(api: str, query: str | None) -> None:
    talk = Talk(api)
    talk.episode("one", "two", "three", "four")
    params = {} if query is None else {"query": query}
    scope = {"group_id": "g"} if api == "v1" else {}
    result = talk.ask("/memories/search", memory_types="event_log", top_k=2, **params, **scope)["result"]
    found = result["memories"] if api == "v0" else result["memories"][0]["g"]
    assert [item["atomic_fact"] for item in found] == ["four", "three"]


@VERSIONS
def test_search_in_scripts_without_spaces(api: str) -> None:
    talk = Talk(api)
    talk.episode("我们选了一个数据库。", "今天下雨", "データベースを選びました", "커피를 마셨다")
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
    talk.episode("coffee")
    assert talk.facts(query) == (["coffee"] if "coffee" in query else [])


@BOUNDED
@given(text=st.text(), query=st.text())
@VERSIONS
def test_any_text_can_be_kept_and_searched(api: str, text: str, query: str) -> None:
    talk = Talk(api)
    talk.add(text or " ", sender=text, group_id=text or "g")
    for _ in range(EPISODE - 1):
        talk.add(query or " ", sender=query, group_id=text or "g")
    for asked in (query, text, query + text, text * 50):
        body = {"query": asked, "group_id": text or "g", "memory_types": ["event_log", "episodic_memory"]}
        status, _ = talk.raw("GET", "/memories/search", body)
        assert status == 200
    # SQLite and Python differ about rare letters.
    if re.search("[0-9A-Za-z]", text):
        body = {"query": text, "group_id": text, "memory_types": ["event_log"]}
        assert talk.raw("GET", "/memories/search", body)[1]["result"]["memories"] != []


def test_a_query_may_be_long(v0: Talk) -> None:
    v0.add("one", flush=True)
    words = [f"word{n}" for n in range(20_000)] + ["数据" * 1000, "one"]
    assert v0.raw("GET", "/memories/search", {"query": " ".join(words), "memory_types": ["event_log"]})[0] == 200
    assert v0.facts(" ".join(words)) == ["one"]


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
