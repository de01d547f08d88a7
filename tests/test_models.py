"""The generated models: nothing that breaks the schema gets in, nothing that conforms gets lost."""

import copy
import gc
import json
import pickle
import re
import sys
from collections import UserDict
from collections.abc import Iterator, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import MappingProxyType
from typing import Any, assert_type

import attrs
import jsonschema_rs
import pytest
from evermemos_api import models, types
from evermemos_api.types import UNSET, DecodeError, MapModel, Unset
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strategies import CANARY, COMPONENTS, DOCUMENT, Change, Path, changes, conforming

OBJECTS = sorted(name for name, schema in COMPONENTS.items() if schema["type"] == "object")
JSON_TYPES = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "list",
    dict: "dict",
    object: "nothing",
}
MANY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    components = {"components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator({**components, "$ref": f"#/components/schemas/{name}"})


def model(name: str) -> Any:
    return getattr(models, name)


ABSENT, DROP = object(), object()


def found(body: Any, path: Path) -> Any:
    """What stands at a path, ABSENT if there is nothing; all that leads there must exist."""
    for key in path[:-1]:
        body = body[key]
    if not path:
        return body
    last: Any = path[-1]
    return body.get(last, ABSENT) if isinstance(body, dict) else body[last]


def kind_of(value: Any) -> str:
    return "null" if value is None else "nothing" if value is ABSENT else type(value).__name__


def identical(one: Any, other: Any) -> bool:
    """Equal as JSON is: 1 is not True, 1.0 is not 1, and absent is not null."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other)


CONFORMING = st.sampled_from(OBJECTS).flatmap(lambda name: st.tuples(st.just(name), conforming(name)))


@pytest.mark.slow
def test_two_thousand_bodies_that_break_the_schema_are_all_refused_at_the_right_place() -> None:
    seen: set[str] = set()

    # Each by itself, for a choice among so many would leave some out.
    @settings(MANY, max_examples=10)
    @given(st.data(), st.integers(0, 99))
    def check(name: str, data: st.DataObject, start: int) -> None:
        body = data.draw(conforming(name))
        possible = changes(body)
        stride = len(possible) // 16 + 1
        for change in possible[start % stride :: stride]:
            broken = change.apply(body)
            if not validator(name).is_valid(broken):
                refuse(name, broken, change)
                seen.add(f"{name} {change.path} {broken}")

    for name in OBJECTS:
        check(name)
    assert len(seen) >= 2000
    assert {line.partition(" ")[0] for line in seen} == set(OBJECTS)


def refuse(name: str, broken: Any, change: Change) -> None:
    """Check how a model refuses a body that a change broke."""
    with pytest.raises(DecodeError) as raised:
        model(name).from_dict(broken)
    error = raised.value
    # An object that lacks one of its fields may have too few. What was put in may itself lack a field: then the path
    # goes on, to what is missing there.
    place = change.path[:-1] if error.expected.startswith("object with at least") else change.path
    assert error.path[: len(place)] == place
    assert error.got.split()[0] == kind_of(found(broken, error.path))
    assert error.expected
    if not error.expected.endswith("'"):  # a value that stands for one of a few words is shown
        assert CANARY not in str(error)
    assert str(error).startswith("$")
    assert f": expected {error.expected}, got {error.got}" in str(error)


@pytest.mark.slow
def test_a_thousand_conforming_bodies_come_back_as_they_were() -> None:
    seen: set[str] = set()

    @settings(MANY, max_examples=1200)
    @given(CONFORMING)
    def check(case: tuple[str, Any]) -> None:
        name, body = case
        assert validator(name).is_valid(body)
        before = copy.deepcopy(body)

        parsed = model(name).from_dict(body)

        assert identical(body, before)
        assert identical(parsed.to_dict(), before)
        for twin in (
            copy.copy(parsed),
            copy.deepcopy(parsed),
            attrs.evolve(parsed),
            *(pickle.loads(pickle.dumps(parsed, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)),
        ):
            assert type(twin) is type(parsed)
            assert twin == parsed
            assert identical(twin.to_dict(), before)
        seen.add(repr(case))

    check()
    assert len(seen) >= 1000


RECORD = {
    "id": "507f1f77bcf86cd799439011",
    "scene": "group_chat",
    "name": "N",
    "conversation_created_at": "2025-01-15T10:00:00+00:00",
    "description": None,
    "user_details": {"user_001": {"full_name": "John Smith", "shoe_size": 44}},
    "colour": "red",
}


@pytest.mark.parametrize(
    "changed",
    [
        {**RECORD, "id": "other"},
        {key: value for key, value in RECORD.items() if key != "description"},
        {**RECORD, "group_id": None},
        {**RECORD, "colour": "blue"},
        {key: value for key, value in RECORD.items() if key != "colour"},
        {**RECORD, "user_details": {"user_001": {"full_name": "John Smith", "shoe_size": 45}}},
        {**RECORD, "user_details": {"user_002": {"full_name": "John Smith", "shoe_size": 44}}},
    ],
)
def test_models_that_differ_anywhere_are_not_equal(changed: dict[str, Any]) -> None:
    record = model("ConversationMetaResponse")
    assert record.from_dict(RECORD) == record.from_dict(copy.deepcopy(RECORD))
    assert record.from_dict(RECORD) != record.from_dict(changed)


def test_evolve_changes_one_field_and_keeps_the_unknown_ones() -> None:
    record = model("ConversationMetaResponse").from_dict(RECORD)
    evolved = attrs.evolve(record, name="New")
    assert evolved.to_dict() == {**RECORD, "name": "New"}
    assert record.to_dict() == RECORD


def test_a_deep_copy_shares_nothing() -> None:
    record = model("ConversationMetaResponse").from_dict(RECORD)
    twin = copy.deepcopy(record)
    twin.user_details["user_001"].full_name = "Jane Doe"
    twin.user_details["user_002"] = twin.user_details["user_001"]
    twin.additional_properties["colour"] = "blue"
    assert record.to_dict() == RECORD


def test_fields_are_read_as_attributes_null_as_none_and_absent_as_unset() -> None:
    record = models.ConversationMetaResponse.from_dict(RECORD)
    assert record.name == "N"
    assert record.description is None
    assert record.group_id is UNSET
    assert record.additional_properties == {"colour": "red"}
    assert record.additional_keys == ["colour"]
    assert not isinstance(record.user_details, Unset)
    user = record.user_details["user_001"]
    assert isinstance(user, models.UserDetailResponse)
    assert user.full_name == "John Smith"
    assert user.role is UNSET
    assert user.additional_properties == {"shoe_size": 44}


@pytest.mark.parametrize(
    "twin",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)), lambda value: type(value)()],
    ids=["copy", "deepcopy", "pickle", "constructor"],
)
def test_unset_is_one_falsy_object_however_it_is_copied(twin: Any) -> None:
    assert twin(UNSET) is UNSET
    assert twin([UNSET])[0] is UNSET if twin is copy.deepcopy else True
    assert not UNSET
    assert repr(UNSET) == "UNSET"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_decode_error_pickles_whole(protocol: int) -> None:
    error = DecodeError("str", "int 5", ("result", "user_details", "a b", 0))
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is DecodeError
    assert isinstance(twin, ValueError)
    assert (twin.expected, twin.got, twin.path, str(twin)) == (error.expected, error.got, error.path, str(error))
    assert re.fullmatch(r"\$\.result\.user_details\['?a b'?\]\[0\]: expected str, got int 5", str(twin))


def filled(name: str) -> tuple[dict[str, Any], list[str], list[str]]:
    """A body with every field, with texts that are personal and texts that are not."""
    personal: list[str] = []
    public: list[str] = []

    def fill(schema: dict[str, Any], *, secret: bool) -> Any:
        secret = secret or schema.get("x-personal-text", False)
        if "$ref" in schema:
            return fill(COMPONENTS[schema["$ref"].rpartition("/")[2]], secret=secret)
        if "anyOf" in schema:
            return fill(schema["anyOf"][0], secret=secret)
        if "enum" in schema or "const" in schema:
            return schema.get("const") or schema["enum"][0]
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "array":
            return [fill(schema["items"], secret=secret)]
        if kind in ("boolean", "integer", "number"):
            return kind == "boolean" or 1
        if kind == "string":
            kept = personal if secret else public
            kept.append(f"{'personal' if secret else 'public'}-{len(kept)}")
            return kept[-1]
        body = {key: fill(inner, secret=secret) for key, inner in schema.get("properties", {}).items()}
        if schema.get("additionalProperties", True) is True:
            body["unknown"] = fill({"type": "string"}, secret=True)
        else:
            body["user_001"] = fill(schema["additionalProperties"], secret=secret)
            public.append("user_001")
        return body

    return fill({"$ref": name}, secret=False), personal, public


@pytest.mark.parametrize("name", OBJECTS)
def test_a_repr_shows_ids_and_never_what_a_person_wrote(name: str) -> None:
    body, personal, public = filled(name)
    parsed = model(name).from_dict(body)
    assert personal or name == "ScoresByGroup"
    for shown in (repr(parsed), str(parsed), f"{[parsed]}"):
        assert [text for text in personal if text in shown] == []
        assert [text for text in public if text not in shown] == []
    assert parsed.to_dict() == body


@pytest.mark.parametrize("name", ["SceneDesc", "Extra", "UserDetails", "UserDetailsResponse", "UserDetailsResponseV0"])
def test_a_map_model_behaves_as_a_dict(name: str) -> None:
    item = {} if name in ("SceneDesc", "Extra") else {"role": "user"}
    parsed = model(name).from_dict({"a": item, "b": item})
    assert all(issubclass(model(name), kind) for kind in (MapModel, Mapping, MutableMapping))
    assert list(parsed) == list(parsed.keys()) == ["a", "b"]
    assert len(parsed) == 2
    assert bool(parsed)
    assert not model(name)()
    assert "a" in parsed
    assert "c" not in parsed
    assert parsed.get("c") is None
    assert dict(parsed) == {**parsed} == dict(parsed.items())
    assert parsed.pop("a") == parsed["b"]
    parsed["c"] = parsed["b"]
    del parsed["b"]
    assert parsed.to_dict() == {"c": item}
    with pytest.raises(KeyError):
        parsed["b"]


def test_a_map_model_equals_the_dict_that_it_behaves_as() -> None:
    assert models.Extra.from_dict({"a": 1}) == {"a": 1}
    assert models.Extra.from_dict({"a": 1}) == {"a": 1}
    assert models.Extra.from_dict({"a": 1}) != {"a": 2}


def test_what_is_not_an_object_is_refused_at_the_top() -> None:
    wrong: list[str] = []
    for name in OBJECTS:
        for value in (None, [], "x", 5, 1.5, True, [{}], UNSET, object()):
            with pytest.raises(DecodeError) as raised:
                model(name).from_dict(value)
            if raised.value.path or not str(raised.value).startswith("$: expected object, got "):
                wrong.append(f"{name} from {value!r}: {raised.value}")
    assert wrong == []


def people(count: int, last: Any = None) -> dict[str, Any]:
    """A body with many users, the last of which may be something else."""
    users: dict[str, Any] = {f"user_{i}": {"full_name": "N", "extra": {"shoe_size": i}} for i in range(count - 1)}
    return {**RECORD, "user_details": {**users, "last": {"role": "user"} if last is None else last}}


class Watched(UserDict[str, Any]):
    """A mapping that notes the garbage collector's thresholds while it is read."""

    def __init__(self, values: Any, then: Any = None) -> None:
        super().__init__(values)
        self.seen: list[tuple[int, int, int]] = []
        self.then = then

    def keys(self) -> Any:
        self.seen.append(gc.get_threshold())
        if self.then:
            self.then()
        return super().keys()


@pytest.fixture(params=[(700, 10, 10), (50_000, 5, 7), (0, 10, 10), (5_000_000, 10, 10)])
def thresholds(request: pytest.FixtureRequest) -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(*request.param)
    yield gc.get_threshold()
    gc.set_threshold(*before)
    gc.enable()


def test_garbage_is_collected_rarely_while_a_large_answer_is_read_and_as_before_after_it(thresholds: Any) -> None:
    record = models.ConversationMetaResponse
    last = Watched({"role": "user"})
    for count in (types.MANY, types.MANY + 1):
        assert len(record.from_dict(people(count, last)).user_details) == count  # type: ignore[arg-type]
        assert gc.get_threshold() == thresholds
    small, large = last.seen[0], last.seen[-1]
    assert small == thresholds
    assert large == ((types.RARELY, *thresholds[1:]) if 0 < thresholds[0] < types.RARELY else thresholds)
    assert gc.isenabled()


@pytest.mark.parametrize("failure", [DecodeError, KeyboardInterrupt])
def test_a_failure_in_a_large_answer_leaves_the_garbage_collector_as_it_was(thresholds: Any, failure: Any) -> None:
    def fail() -> None:
        raise failure("nothing", "something")

    with pytest.raises(failure):
        models.ConversationMetaResponse.from_dict(people(1000, Watched({}, fail)))
    assert gc.get_threshold() == thresholds


def test_what_the_program_does_with_the_garbage_collector_meanwhile_stays(thresholds: Any) -> None:
    models.ConversationMetaResponse.from_dict(people(1000, Watched({}, gc.disable)))
    assert not gc.isenabled()
    assert gc.get_threshold() == thresholds
    models.ConversationMetaResponse.from_dict(people(1000, Watched({}, lambda: gc.set_threshold(123, 4, 5))))
    assert gc.get_threshold()[:2] == (123, 4)


def test_many_threads_leave_the_garbage_collector_as_it_was(thresholds: Any) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            bodies = [people(150 + i % 50, 5 if i % 3 else None) for i in range(300)]
            outcomes = list(pool.map(problem, bodies))
    finally:
        sys.setswitchinterval(interval)
    assert outcomes == ["$.user_details.last: expected object, got int 5" if i % 3 else "" for i in range(300)]
    assert gc.get_threshold() == thresholds
    assert gc.isenabled()


def problem(body: Any) -> str:
    try:
        models.ConversationMetaResponse.from_dict(body)
    except DecodeError as error:
        return str(error)
    return ""


def test_a_subclass_of_a_users_own_is_made_by_its_own_constructor() -> None:
    @attrs.define
    class Named(models.UserDetail):
        def __attrs_post_init__(self) -> None:
            self.full_name = str(self.full_name).upper()

    class Plain(models.Extra):
        pass

    body = {"full_name": "John Smith", "shoe_size": 44}
    named = Named.from_dict(body)
    assert (type(named), named.full_name, named.additional_properties) == (Named, "JOHN SMITH", {"shoe_size": 44})
    assert (type(Plain.from_dict(body)), Plain.from_dict(body).to_dict()) == (Plain, body)


def test_reading_changes_nothing_and_lists_and_maps_of_a_model_are_its_own() -> None:
    body = {**RECORD, "tags": ["a"], "scene_desc": {"type": "x"}}
    before = copy.deepcopy(body)
    record = models.ConversationMetaResponse.from_dict(MappingProxyType(body))
    for container in (record.tags, record.scene_desc, record.additional_properties):
        assert container
    record.tags.append("b")  # type: ignore[union-attr]
    record.scene_desc["type"] = "y"  # type: ignore[index]
    record.additional_properties["colour"] = "blue"
    assert body == before


EVENT_LOG: dict[str, Any] = {
    "id": "1",
    "atomic_fact": "F",
    "parent_id": "2",
    "parent_type": "episode",
    "timestamp": "T",
    "user_id": "u",
}
FORESIGHT: dict[str, Any] = {"id": "1", "content": "C", "parent_id": "2", "parent_type": "episode"}
AGENT_CASE: dict[str, Any] = {"id": "1", "task_intent": "", "approach": "", "timestamp": "T"}
AGENT_SKILL: dict[str, Any] = {"id": "1", "cluster_id": "c", "name": "N", "content": "C"}
EPISODE: dict[str, Any] = {"id": "1", "episode_id": "1", "user_id": "u"}
PROFILE: dict[str, Any] = {"id": "1", "group_id": "g", "user_id": "u"}
COMBINED: dict[str, Any] = {"user_id": "u", "group_ids": None, "profiles": [], "global_profile": None}
EVERYWHERE: dict[str, Any] = {
    "group_id": "g",
    "user_id": "u",
    "metadata": None,
    "vector": [0.5],
    "subject": "S",
    "new": 1,
}


@pytest.mark.parametrize("result", [models.GetMemoriesResult, models.GetMemoriesResultV0])
@pytest.mark.parametrize(
    ("item", "kind"),
    [
        (EVENT_LOG, models.EventLogMemory),
        (FORESIGHT, models.ForesightMemory),
        (EPISODE, models.EpisodicMemory),
        (PROFILE, models.ProfileMemory),
        (COMBINED, models.CombinedProfile),
        (COMBINED | {"profiles": [PROFILE], "global_profile": {"user_id": "u"}}, models.CombinedProfile),
        *(
            (item | EVERYWHERE, kind)
            for item, kind in [
                (EVENT_LOG, models.EventLogMemory),
                (FORESIGHT, models.ForesightMemory),
                (EPISODE, models.EpisodicMemory),
                (AGENT_CASE, models.AgentCaseMemory),
                (AGENT_SKILL, models.AgentSkillMemory),
            ]
        ),
        ({"id": "1", "user_id": "u"}, models.OtherMemory),
        ({"concept": "new", "deep": {"a": [1]}}, models.OtherMemory),
        ({}, models.OtherMemory),
        # What only the one who asked can know.
        (PROFILE | {"episode_id": "1"}, models.EpisodicMemory),
        (FORESIGHT | EVERYWHERE | {"content": DROP}, models.ProfileMemory),
    ],
)
def test_a_listed_memory_is_of_the_kind_whose_required_fields_it_has(result: Any, item: Any, kind: type) -> None:
    item = {name: value for name, value in item.items() if value is not DROP}
    parsed = result.from_dict({"memories": [item]})
    assert type(parsed.memories[0]) is kind
    assert parsed.to_dict() == {"memories": [item]}


@pytest.mark.parametrize(
    ("item", "asked", "kind"),
    [
        (PROFILE | {"episode_id": "1"}, models.ProfileMemory, models.ProfileMemory),
        (PROFILE | {"summary": "S"}, models.EpisodicMemory, models.OtherMemory),
        (PROFILE | {"content": "C", "parent_id": "2"}, models.ForesightMemory, models.OtherMemory),
        (PROFILE | {"atomic_fact": "F"}, models.EventLogMemory, models.OtherMemory),
        (EPISODE, models.EpisodicMemory, models.EpisodicMemory),
    ],
)
def test_a_listed_memory_is_of_the_kind_that_was_asked_for_or_of_none(item: Any, asked: Any, kind: Any) -> None:
    (memory,) = models.GetMemoriesResult.from_dict({"memories": [item]}).memories
    again: Any = types.reread(memory, asked, models.OtherMemory)
    assert type(again) is kind
    assert again.to_dict() == item


def test_what_is_wrong_in_a_memory_is_refused_at_its_place() -> None:
    for item, place in ((EVENT_LOG, "timestamp"), (FORESIGHT, "content"), (EPISODE, "episode_id"), (PROFILE, "id")):
        with pytest.raises(DecodeError) as raised:
            models.GetMemoriesResult.from_dict({"memories": [EPISODE, item | {place: 5}]})
        assert str(raised.value) == f"$.memories[1].{place}: expected str, got int 5"


FOUND: dict[str, Any] = {"memory_type": "episodic_memory", "timestamp": "T", "user_id": "u"}
FACT: dict[str, Any] = {"memory_type": "event_log", "timestamp": "T", "user_id": "u", "atomic_fact": ["F", "G"]}
GUESS: dict[str, Any] = {"memory_type": "foresight", "timestamp": "T", "user_id": None, "foresight": "F"}
NEW: dict[str, Any] = {"memory_type": "behaviour", "score": 0.1, "group_id": "h", "habits": ["tea"]}
KINDS = [
    models.SearchEpisodicMemory,
    models.SearchEventLogMemory,
    models.SearchForesightMemory,
    models.OtherSearchMemory,
]


def test_a_flat_result_gives_its_hits_in_order() -> None:
    sent = [FOUND | {"score": 0.9, "group_id": "g"}, FACT | {"score": 0, "group_id": None}, GUESS, NEW, {}]
    result = models.SearchMemoriesResultV0.from_dict({"memories": sent})
    hits = list(result.hits())
    assert [(hit.group_id, hit.score) for hit in hits] == [
        ("g", 0.9),
        (None, 0),
        (None, None),
        ("h", 0.1),
        (None, None),
    ]
    assert [type(hit.memory) for hit in hits] == [*KINDS, models.OtherSearchMemory]
    assert [hit.memory for hit in hits] == result.memories


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([{"g": [0.9, 0.8], "h": [0.7]}, {"g": [0]}], [0.9, 0.8, 0.7, 0]),
        ([{"g": [0.9], "h": [0.7, 0.6]}], [0.9, None, 0.7, 0.1]),
        ([{"h": [0.7]}, {"h": [0.6]}, {"g": [0.5]}], [None, None, 0.7, 0.1]),
        ([{}, {"g": [0.2]}], [None, None, None, 0.2]),
        ([], [None, None, None, 0.1]),
        (UNSET, [None, None, None, 0.1]),
    ],
    ids=["whole", "fewer and more", "other groups", "empty", "none", "absent"],
)
def test_hits_of_a_grouped_result_have_the_scores_from_the_same_place(scores: Any, expected: list[Any]) -> None:
    sent = {"memories": [{"g": [FOUND, FACT], "h": [GUESS], "empty": []}, {"g": [NEW]}], "scores": scores}
    body = {name: value for name, value in sent.items() if value is not UNSET}
    result = models.SearchMemoriesResult.from_dict(body)
    hits = list(result.hits())
    assert [hit.group_id for hit in hits] == ["g", "g", "h", "g"]
    assert [hit.score for hit in hits] == expected
    assert [type(hit.memory) for hit in hits] == KINDS
    assert hits[0] == (hits[0].group_id, hits[0].score, hits[0].memory)
    assert result.to_dict() == body


def test_a_result_without_memories_has_no_hits() -> None:
    assert list(models.SearchMemoriesResultV0.from_dict({"memories": []}).hits()) == []
    for memories in ("[]", "[{}]", '[{"g": []}]'):
        body = {"memories": json.loads(memories), "scores": [{"g": [1]}]}
        assert list(models.SearchMemoriesResult.from_dict(body).hits()) == []


def test_only_results_of_searches_have_hits() -> None:
    with_hits = {name for name in models.__all__ if hasattr(model(name), "hits")}
    assert with_hits == {name for name, schema in COMPONENTS.items() if "x-hits" in schema}


def test_hits_have_the_types_of_the_memories() -> None:
    """For type checkers: both results say the same."""
    flat = models.SearchMemoriesResultV0.from_dict({"memories": [FOUND]})
    grouped = models.SearchMemoriesResult.from_dict({"memories": [{"g": [FOUND]}]})
    for hits in (flat.hits(), grouped.hits()):
        for hit in hits:
            assert_type(hit.group_id, str | None)
            assert_type(hit.score, float | None)
            assert_type(
                hit.memory,
                models.OtherSearchMemory
                | models.SearchAgentCaseMemory
                | models.SearchAgentSkillMemory
                | models.SearchEpisodicMemory
                | models.SearchEventLogMemory
                | models.SearchForesightMemory,
            )
    (memory,) = models.GetMemoriesResult.from_dict({"memories": [EPISODE]}).memories
    again = types.reread(memory, models.EpisodicMemory, models.OtherMemory)
    assert_type(again, models.EpisodicMemory | models.OtherMemory)
