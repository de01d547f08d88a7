"""Our codec against the generator's stock models, on a published answer: CPU time of from_dict and to_dict.

Both packages come from the same openapi.yaml, the stock one into a temporary folder. Rounds alternate between them; the
figures are medians. Usage: .venv/bin/python benchmarks/codec.py
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
MEASURE = """
import json, sys, time
from pathlib import Path
import yaml
from evermemos_api.models import ConversationMetaEnvelope
content = yaml.safe_load(Path(sys.argv[1]).read_text())["paths"]["/api/v1/memories/conversation-meta"]["post"]
body = content["responses"]["200"]["content"]["application/json"]["examples"]["full"]["value"]
model = ConversationMetaEnvelope.from_dict(body)
assert model.to_dict() == body
def cost(function, times=4000):
    start = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - start) / times * 1e6
print(json.dumps([cost(lambda: ConversationMetaEnvelope.from_dict(body)), cost(model.to_dict)]))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        generator = Path(sys.executable).parent / "openapi-python-client"
        command: list[str | Path] = [generator, "generate", "--meta", "none", "--path", ROOT / "openapi.yaml"]
        command += ["--config", ROOT / "generator-config.yaml", "--output-path", Path(folder) / "evermemos_api"]
        path = os.pathsep.join([str(generator.parent), os.environ["PATH"]])
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path})
        packages = {"stock": Path(folder), "ours": ROOT / "generated"}
        rounds = [{name: measure(package) for name, package in packages.items()} for _ in range(ROUNDS)]
    print(f"{'CPU, medians of':<12} {ROUNDS} rounds {'stock':>9} {'ours':>9} {'ours / stock':>13}")
    for index, function in enumerate(("from_dict", "to_dict")):
        stock, ours = (statistics.median(each[name][index] for each in rounds) for name in packages)
        ratio = statistics.median(each["ours"][index] / each["stock"][index] for each in rounds)
        print(f"{function:<22} {stock:>7.1f} us {ours:>6.1f} us {ratio:>13.2f}")


def measure(package: Path) -> list[float]:
    env = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-c", MEASURE, str(ROOT / "openapi.yaml")]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    figures: list[float] = [float(figure) for figure in done.stdout.strip("[]\n").split(",")]
    return figures


if __name__ == "__main__":
    main()
