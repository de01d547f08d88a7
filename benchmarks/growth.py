"""What growing the spec costs those who use little of it: this tree against an earlier one, in turns.

CPU of import, construction and first call, net of Python, as ratios of medians; and the size of the generated code.

Usage: .venv/bin/python benchmarks/growth.py REF
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import STAGES
from rig import ROOT, cpu_of, serving
from worker import CALL, KEY

ROUNDS = 25


def main(ref: str) -> None:
    with tempfile.TemporaryDirectory() as folder, serving() as url:
        before = Path(folder) / "before"
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", before, ref], cwd=ROOT, check=True)
        try:
            compare({ref: before, "now": ROOT}, url)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", before], cwd=ROOT, check=True)


def compare(trees: dict[str, Path], url: str) -> None:
    cpu: dict[tuple[str, str], list[float]] = {(name, stage): [] for name in trees for stage in ("bare", *STAGES)}
    for index in range(-1, ROUNDS):
        for (name, stage), spent in cpu.items():
            seconds = cpu_of_start(trees[name], stage, url)
            # The first round writes the bytecode.
            if index >= 0:
                spent.append(seconds)
    old, new = trees
    print(f"CPU, net of Python: {old} in ms, {new} in ms, ratio")
    for stage in STAGES:
        was, is_now = (statistics.median(cpu[name, stage]) - statistics.median(cpu[name, "bare"]) for name in trees)
        print(f"  {stage:<12} {was * 1000:7.1f} {is_now * 1000:7.1f} {is_now / was:6.2f}")
    print("Generated Python: modules, lines, bytes")
    for name, tree in trees.items():
        texts = [path.read_bytes() for path in (tree / "generated").rglob("*.py")]
        print(
            f"  {name:<12} {len(texts):7,} {sum(len(text.splitlines()) for text in texts):7,} {sum(map(len, texts)):9,}"
        )


def cpu_of_start(tree: Path, stage: str, url: str) -> float:
    """Return the CPU time of a Python process that gets as far as a stage, and ends."""
    client = f"EverMemOS(api_key={KEY!r}, base_url={url!r}, deadline=60.0)"
    code = STAGES.get(stage, "").format(client=client, version="v1", call=CALL)
    paths = [str(tree / "src"), str(tree / "generated")]
    return cpu_of(".venv-bench-default", f"import sys; sys.path[:0] = {paths}; {code}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
