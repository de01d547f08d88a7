"""The benchmarks' own judgement and server. What they measure is no matter for tests."""

import contextlib
import importlib
import json
import select
import socket
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from evermemos_api.models import PatchConversationMetaResponse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
# By name, since benchmarks are no package.
bench, figures, rig, server, worker = (
    importlib.import_module(name) for name in ("bench", "figures", "rig", "server", "worker")
)


def row(name: str, *values: float, contender: str = "ours") -> Any:
    (figure,) = (each for each in figures.FIGURES if each.name == name)
    return figures.Row(figure, contender, list(values))


def test_a_goal_is_held_against_the_median() -> None:
    assert row("memory", 0.1, 0.55, 9.0).is_within()
    assert not row("memory", 0.1, 0.56, 9.0).is_within()
    assert row("threads", 0.1, 0.80, 9.0).is_within()
    assert not row("threads", 0.1, 0.79, 9.0).is_within()
    assert row("memory", 9.0, contender="official").is_within()


@pytest.mark.parametrize(
    ("name", "held", "lost"),
    [("memory", 0.55 * 2.29, 0.55 * 2.31), ("threads", 0.80 / 2.29, 0.80 / 2.31)],
)
def test_only_a_gross_loss_fails_the_guard(
    name: str, held: float, lost: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "prepare", lambda: None)
    for value, code in ((held, 0), (lost, 1)):
        monkeypatch.setattr(bench, "MEASUREMENTS", {"seeded": lambda _, value=value: {name: {"ours": [value]}}})
        assert bench.main(["--quick", "--guard"]) == code
        out, err = capsys.readouterr()
        assert "NO" in out
        assert (f"Lost: {name} of ours" in err) == bool(code)
        assert bench.main(["--quick"]) == 0
        capsys.readouterr()


@pytest.mark.parametrize("name", ["memory", "loopback", "async-zero", "async-50ms", "scaling", "threads", "clients"])
@pytest.mark.parametrize("plan", ["FULL", "QUICK"])
def test_each_measurement_compares_contenders_that_there_are_and_finds_figures_that_there_are(
    name: str, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rounds(times: int, names: list[str], *_: Any, **__: Any) -> list[dict[str, dict[str, float]]]:
        assert set(names) <= set(rig.CONTENDERS)
        return [{name: defaultdict(lambda: 1.0) for name in names} for _ in range(times)]

    monkeypatch.setattr(bench, "rounds", rounds)
    monkeypatch.setattr(bench, "serving", lambda **_: contextlib.nullcontext("http://localhost"))
    found = bench.MEASUREMENTS[name](getattr(bench, plan))
    assert set(found) <= {figure.name for figure in figures.FIGURES}
    assert all(set(values) <= set(rig.CONTENDERS) for values in found.values())
    assert figures.rows_of(found)


def test_every_figure_is_judged_or_shown_in_the_table() -> None:
    found = {
        "threads": {"official": [0.1]},
        "async-zero-rate": {"ours": [1234.4, 5678.0, 999.0]},
        "memory": {"ours": [0.6], "official": [4.0, 3.0, 5.0]},
    }
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in figures.table(figures.rows_of(found)).split("\n")
    ]
    assert lines[0] == ["what", "who", "median", "spread", "goal", "met"]
    assert [line[1:] for line in lines[2:]] == [
        ["ours", "0.600", "0.600 to 0.600", "≤ 0.55", "NO"],
        ["official", "4.000", "3.000 to 5.000", "", ""],
        ["ours", "1,234", "999 to 5,678", "", ""],
        ["official", "0.100", "0.100 to 0.100", "", ""],
    ]


def test_the_server_gives_the_published_answer() -> None:
    spec = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    response = spec["paths"][worker.PATH]["patch"]["responses"]["200"]
    assert response["content"]["application/json"]["examples"]["published"]["value"] == server.ANSWER


@pytest.mark.process
@pytest.mark.socket
@pytest.mark.parametrize("size", [300, 30_000, 3_000_000])
def test_the_server_waits_counts_and_pads(size: int) -> None:
    body = json.dumps(worker.CALL).encode()
    head = f"PATCH {worker.PATH} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with rig.serving(delay=0.3, size=size) as url:
        assert worker.counters(url) == {"connections": 0, "requests": 0}
        where = urlsplit(url)
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=30) as connection:
            for _ in range(2):
                connection.sendall(head)
                connection.sendall(body)
                assert not select.select([connection], [], [], 0)[0]
                with connection.makefile("rb") as answer:
                    assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
                    while answer.readline() != b"\r\n":
                        pass
                    model = PatchConversationMetaResponse.from_dict(json.loads(content := answer.read(size)))
                assert len(content) == size
                assert model.result.group_id == worker.CALL["group_id"]
        assert worker.counters(url) == {"connections": 1, "requests": 2}
