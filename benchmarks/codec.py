"""Our codec against the generator's stock models, and against json.loads alone: CPU time, in interleaved rounds.

The published answers of POST ("full") and PATCH are read and written by our models and by stock ones, which are made
from the same openapi.yaml into a temporary folder. An answer with 1,000 users is read by json.loads, and by json.loads
and our models. Usage: .venv/bin/python benchmarks/codec.py
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
# Answers by the method that brings them, with the name of the model and of the example.
ANSWERS = {"post": ("ConversationMetaEnvelope", "full"), "patch": ("PatchConversationMetaResponse", "published")}
COST = """
import json, sys, time
from evermemos_api import models
def cost(function, times):
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times * 1e6
"""
SMALL = """
figures = {}
for method, (name, body) in json.load(sys.stdin).items():
    read = getattr(models, name).from_dict
    model = read(body)
    assert model.to_dict() == body
    figures[f"{method} from_dict"] = cost(lambda: read(body), 4000)
    figures[f"{method} to_dict"] = cost(model.to_dict, 4000)
print(json.dumps(figures))
"""
LARGE = """
text = sys.stdin.read()
read = models.ConversationMetaEnvelope.from_dict
assert read(json.loads(text)).to_dict() == json.loads(text)
functions = {"json.loads": lambda: json.loads(text), "both": lambda: read(json.loads(text))}
figures = [{name: cost(function, 2) for name, function in functions.items()} for _ in range(25)]
print(json.dumps({name: sum(each[name] for each in figures) / len(figures) for name in functions}))
"""


def decode_ratio(method: str = "post") -> list[float]:
    """Return, for each round, from_dict of our models over that of stock ones, for one published answer."""
    return [ours[f"{method} from_dict"] / stock[f"{method} from_dict"] for stock, ours in _small()]


def encode_ratio(method: str = "post") -> list[float]:
    """Return, for each round, to_dict of our models over that of stock ones, for one published answer."""
    return [ours[f"{method} to_dict"] / stock[f"{method} to_dict"] for stock, ours in _small()]


def large_answer_ratio() -> list[float]:
    """Return, for each round, json.loads and from_dict over json.loads alone, for an answer with 1,000 users."""
    return [figures["both"] / figures["json.loads"] for figures in _large()]


def main() -> None:
    print(f"CPU, medians of {ROUNDS} rounds (lowest to highest)")
    for method in ANSWERS:
        for function, ratio in (("from_dict", decode_ratio), ("to_dict", encode_ratio)):
            pairs = [[each[f"{method} {function}"] for each in pair] for pair in _small()]
            stock, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
            _print(f"{method} {function}", f"stock {stock:6.1f} us", f"ours {ours:6.1f} us", ratio(method))
    loads, both = (statistics.median(each[name] for each in _large()) for name in ("json.loads", "both"))
    _print("1,000 users", f"json.loads {loads:.0f} us", f"+ from_dict {both:.0f} us", large_answer_ratio())


def _print(what: str, one: str, other: str, ratios: list[float]) -> None:
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    print(f"{what:<16} {one:<20} {other:<22} {spread}")


@cache
def _small() -> list[tuple[dict[str, float], dict[str, float]]]:
    import yaml

    path = yaml.safe_load((ROOT / "openapi.yaml").read_text())["paths"]["/api/v1/memories/conversation-meta"]
    answers = {}
    for method, (model, example) in ANSWERS.items():
        content = path[method]["responses"]["200"]["content"]["application/json"]
        answers[method] = (model, content["examples"][example]["value"])
    with _stock_package() as stock:
        packages = (stock, ROOT / "generated")
        figures = [[_measure(package, SMALL, json.dumps(answers)) for package in packages] for _ in range(ROUNDS)]
    return [(stock, ours) for stock, ours in figures]


@cache
def _large() -> list[dict[str, float]]:
    users = {
        f"user_{i:04}": {
            "full_name": f"User Number {i}",
            "role": "user" if i % 10 else "assistant",
            "custom_role": "developer",
            "extra": {"team": f"team {i % 7}", **({"level": i} if i % 2 else {})},
        }
        for i in range(1000)
    }
    record = {"id": "507f1f77bcf86cd799439011", "scene": "group_chat", "name": "Large"}
    record |= {"conversation_created_at": "2025-01-15T10:00:00+00:00", "user_details": users}
    text = json.dumps({"status": "ok", "message": "", "result": record})
    return [_measure(ROOT / "generated", LARGE, text) for _ in range(ROUNDS)]


@contextmanager
def _stock_package() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        generator = Path(sys.executable).parent / "openapi-python-client"
        command: list[str | Path] = [generator, "generate", "--meta", "none", "--path", ROOT / "openapi.yaml"]
        command += ["--config", ROOT / "generator-config.yaml", "--output-path", Path(folder) / "evermemos_api"]
        path = os.pathsep.join([str(generator.parent), os.environ["PATH"]])
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path})
        yield Path(folder)


def _measure(package: Path, code: str, text: str) -> dict[str, float]:
    command = [sys.executable, "-c", COST + code]
    env = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(command, env=env, input=text, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
