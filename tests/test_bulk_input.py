"""Files of records: what is read, what is refused and where, and what is written."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from bulk_tools import FULL, actions, record
from conftest import ROOT
from hypothesis import given, settings
from strategies import conforming

from evermemos import EverMemOS, RequestValidationError
from evermemos.bulk import Record, _input, read, write
from evermemos.errors import ConfigurationError, InputError

YAML = """\
# One document with a list
- group_id: a
  version: "1.0"
  created_at: 2025-01-15T10:00:00+00:00
  tags: &tags [x, "2025-01-01"]
- group_id: null
  tags: *tags
---
---
group_id: b
user_details:
  u.1: {full_name: Ünal}
"""


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def violations(path: Path, **options: Any) -> list[tuple[int, str]]:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert caught.value.count == len(caught.value.violations)
    assert isinstance(caught.value, ValueError)
    return caught.value.violations


def test_yaml_is_read_from_lists_and_documents(tmp_path: Path) -> None:
    found = read(written(tmp_path / "r.yaml", YAML))
    assert (len(found), found.format) == (3, "yaml")
    assert [each.to_dict() for each in found] == [
        {"group_id": "a", "version": "1.0", "created_at": "2025-01-15T10:00:00+00:00", "tags": ["x", "2025-01-01"]},
        {"group_id": None, "tags": ["x", "2025-01-01"]},
        {"group_id": "b", "user_details": {"u.1": {"full_name": "Ünal"}}},
    ]
    assert list(found) == list(found)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_lines_and_csv_are_read(tmp_path: Path, mark: str) -> None:
    lines = written(tmp_path / "r.jsonl", mark + '{"group_id": "a", "name": "é", "tags": null}\n\n{"group_id": null}')
    assert [each.to_dict() for each in read(lines)] == [{"group_id": "a", "name": "é"}, {"group_id": None}]
    table = written(tmp_path / "r.csv", mark + 'group_id,name,tags\r\na,"two\r\nlines",x; y;\r\nb,,\r\n')
    assert [each.to_dict() for each in read(table)] == [
        {"group_id": "a", "name": "two\r\nlines", "tags": ["x", "y"]},
        {"group_id": "b"},
    ]


def test_a_table_can_create_records(tmp_path: Path) -> None:
    rows = "group_id,version,scene,name,created_at\na,1.0,assistant,A,2025-01-15T10:00:00Z\n"
    assert actions(EverMemOS.sandbox().v1.bulk.apply(read(written(tmp_path / "r.csv", rows)))) == ["created"]


def test_all_violations_come_at_once_with_their_lines(tmp_path: Path) -> None:
    bad = """\
- group_id: a
  scene: nonsense
  user_details:
    u.1:
      full_name: 5
    u.2: {rle: user}
- name: x
- group_id: a
- tags: [1]
  group_id: " "
- group_id: [a]
- just text
- group_id: d
  name: x
  name: y
"""
    found = violations(written(tmp_path / "r.yaml", bad))
    assert [(line, text.partition(":")[0]) for line, text in found] == [
        (2, "scene"),
        (5, "user_details['u.1'].full_name"),
        (7, "group_id"),
        (8, "group_id"),
        (9, "tags[0]"),
        (10, "group_id"),
        (11, "group_id"),
        (12, "a record is an object with fields, got str"),
        (15, "name"),
    ]
    assert "line 1 already" in dict(found)[8]
    assert not any("Nothing was sent" in text for _, text in found)


def test_lines_of_json_and_csv_are_counted_as_editors_do(tmp_path: Path) -> None:
    lines = '{"group_id": "a"}\n\n{"group_id": }\n{"group_id": "b", "scene": 1, "nme": ""}\n[]\n\xff\n'
    found = violations(written(tmp_path / "r.jsonl", lines.encode("latin-1")))
    assert [line for line, _ in found] == [3, 4, 4, 5, 6]
    assert "did you mean 'name'" in found[2][1]
    table = 'group_id,name,scene\na,"two\nlines",assistant\n,x,\nb,y,nonsense\nc,z\n'
    assert [line for line, _ in violations(written(tmp_path / "r.csv", table))] == [4, 5, 6]
    assert violations(written(tmp_path / "q.csv", 'group_id\n"a\nb')) == [(2, "not CSV: unexpected end of data")]
    assert violations(written(tmp_path / "u.csv", b"group_id\n\xff\n"))[0][1] == "not UTF-8"


def test_nested_fields_in_a_table_are_refused_with_a_hint(tmp_path: Path) -> None:
    found = violations(written(tmp_path / "r.csv", "group,scene_desc,tags,tags\n"))
    assert [line for line, _ in found] == [1] * 5
    assert found[1][1] == "scene_desc: CSV cannot hold nested fields; use YAML or JSON Lines"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- group_id: a\n- [", "not YAML"),
        ("- group_id: *x\n", "not YAML"),
        ("group_id: !!python/object:os.system x\n", "not YAML"),
        ("- \x01", "not YAML"),
        ("- " + "[" * 3000, "not YAML"),
        ("- &a {group_id: g, scene_desc: {x: &b [1,1,1,1,1,1,1,1,1]}}\n", None),
        (
            "- group_id: g\n  scene_desc:\n    a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"    {b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)),
            "more than 100000 values",
        ),
    ],
)
def test_yaml_that_is_none_or_has_no_end_is_refused(tmp_path: Path, text: str, problem: str | None) -> None:
    path = written(tmp_path / "r.yaml", text)
    if problem is None:
        assert len(read(path)) == 1
    else:
        assert problem in violations(path)[0][1]


def test_many_violations_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", "{}\n" * 1500)
    with pytest.raises(InputError, match="and 1497 more") as caught:
        read(path)
    assert (len(caught.value.violations), caught.value.count) == (1000, 1500)


def test_several_records_of_one_group_can_be_allowed(tmp_path: Path) -> None:
    path = written(tmp_path / "r.jsonl", '{"group_id": "a"}\n' * 2)
    assert [line for line, _ in violations(path)] == [2]
    assert len(read(path, unique=False)) == 2


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_input, "LONGEST", 100)
    path = written(tmp_path / "r.jsonl", "x" * 250 + '\n{"group_id": ""}\n')
    assert [line for line, _ in violations(path)] == [1, 2]


def test_the_file_is_named_when_it_cannot_be_read(tmp_path: Path) -> None:
    for path, problem in (
        (tmp_path / "r.json", "format"),
        (tmp_path / "none.csv", "no such file"),
        (tmp_path, "format"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            read(path)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        read(tmp_path, format="csv")
    assert len(read(written(tmp_path / "other", ""), format="csv")) == 0


def test_yaml_without_pyyaml_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evermemos.bulk._yaml", raising=False)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r"evermemos-client\[bulk\]"):
        read(written(tmp_path / "r.yaml", "group_id: a"))
    assert len(read(written(tmp_path / "r.jsonl", '{"group_id": "a"}'))) == 1


@pytest.mark.parametrize("change", ["shorter", "longer", "other", "empty"])
def test_a_file_that_was_changed_gives_no_record_of_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(_input, "BLOCK", 64)
    lines = [f'{{"group_id": "g{number}"}}\n' for number in range(100)]
    path = written(tmp_path / "r.jsonl", "".join(lines))
    found = read(path)
    assert len(list(found)) == 100
    content = path.read_text()
    changed = {"shorter": content[:-64], "longer": content + lines[0], "other": content.replace("g99", "h99")}
    path.write_text(changed.get(change, ""))
    seen: list[Record] = []
    with pytest.raises(InputError, match="changed"):
        seen.extend(found)
    given = [each.group_id for each in seen]
    assert given == [f"g{number}" for number in range(len(given))]


@pytest.mark.parametrize("kind", ["jsonl", "yaml", "csv"])
def test_reading_takes_the_same_memory_for_a_file_of_any_size(tmp_path: Path, kind: str) -> None:
    count = 3000
    with (tmp_path / f"r.{kind}").open("w") as file:
        file.write("group_id,description\n" if kind == "csv" else "")
        for number in range(count):
            text = "x" * 1000
            line = {"csv": f"g{number},{text}", "yaml": f"- {{group_id: g{number}, description: {text}}}"}
            file.write(line.get(kind, json.dumps({"group_id": f"g{number}", "description": text})) + "\n")
    read(written(tmp_path / f"warm.{kind}", "group_id\na" if kind == "csv" else '{"group_id": "a"}'))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read(tmp_path / f"r.{kind}")) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * _input.BLOCK + 500_000 < count * 1000


@pytest.mark.parametrize("kind", ["jsonl", "yaml"])
@settings(max_examples=30, deadline=None)
@given(values=conforming("CreateConversationMetaV1Request"))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, kind: Any, values: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("w") / f"r.{kind}"
    try:
        wanted = Record.from_dict({"group_id": "g", **{k: v for k, v in values.items() if k in FULL or k == "tags"}})
    except RequestValidationError:
        return
    with path.open("wb") as file:
        assert write([wanted, Record(None, {"name": "d"})], file, format=kind) == 2
    assert [each.to_dict() for each in read(path)] == [wanted.to_dict(), {"group_id": None, "name": "d"}]


def test_records_are_checked_when_they_are_made() -> None:
    wrong: list[Any] = [("", {}), ("a", {"group_id": "b"}), ("a", {"nme": ""}), ("a", []), ("a", {}, "v0"), (5, {})]
    for arguments in wrong:
        with pytest.raises(RequestValidationError):
            Record(*arguments)
    assert Record("a", {"tags": ("x",), "name": None}).to_json() == b'{"group_id":"a","tags":["x"]}'


def test_the_schema_for_editors_fits_what_is_read() -> None:
    schema = json.loads((ROOT / "src/evermemos/bulk/schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    user = {"full_name": "A", "role": "user", "custom_role": "lead", "extra": {"any": 1}}
    good = record("a", user_details={"u": user}, tags=None, description=None)
    assert validator.is_valid([good, {"group_id": None}])
    assert validator.is_valid(good)
    assert validator.is_valid(yaml.safe_load(YAML.split("---")[0].replace("2025-01-15T10:00:00+00:00", "'x'")))
    for bad in ({}, {"group_id": "a", "nme": ""}, {"group_id": "a", "user_details": {"u": {"rle": ""}}}, [1]):
        assert not validator.is_valid(bad), bad


def test_yaml_is_written_for_people() -> None:
    file = io.BytesIO()
    write([Record("a", {"name": "Ü", "tags": ["x"]})], file, format="yaml")
    assert file.getvalue().decode() == "---\ngroup_id: a\nname: Ü\ntags:\n- x\n"
