"""How contenders behave as load, size of the answer and latency grow, measured and drawn into docs/.

bench.py measures; the drawing runs in .venv-bench, which has matplotlib. Usage: python benchmarks/curves.py points.json
"""

import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rig import ROOT, Worker, python, say, serving, workers

IN_FLIGHT = [1, 4, 16, 64, 256, 1024]
SIZES = [300, 30_000, 3_000_000]
# In flight while the size grows, and the size while the number in flight does.
SOME, SMALL = 16, SIZES[0]
NAMES = ["ours, fast", "ours", "aiohttp", "httpx", "official"]
DELAYS = [0.0, 0.05]
SECONDS = 0.5
WARM_UP = 0.3
# A contender that takes longer has collapsed, and is given up for what is harder still.
PATIENCE = 6.0
COLOURS = {"ours, fast": "#d62728", "ours": "#ff7f0e", "aiohttp": "#2ca02c", "httpx": "#1f77b4", "official": "#7f7f7f"}

Point = dict[str, Any]


def measure() -> list[Point]:
    """Measure all points, each once: they show shapes, the table has the figures."""
    points: list[Point] = []
    with workers(NAMES) as those:
        for tls in (False, True):
            for delay in DELAYS:
                server = {"delay": delay, "tls": tls}
                points += line(those, server, [{"in_flight": number, "size": SMALL} for number in IN_FLIGHT])
                points += line(those, server, [{"in_flight": SOME, "size": size} for size in SIZES if size != SMALL])
    return points


def line(those: dict[str, Worker], server: dict[str, Any], shapes: list[dict[str, int]]) -> list[Point]:
    """Measure points of growing difficulty on one kind of server."""
    say(f"curves: {server}")
    points: list[Point] = []
    lost: set[str] = set()
    for shape in shapes:
        with serving(size=shape["size"], **server) as url:
            for name in [name for name in NAMES if name not in lost]:
                try:
                    load = {"in_flight": shape["in_flight"], "seconds": SECONDS, "warm_up": WARM_UP}
                    found = those[name].ask("load", PATIENCE, url=url, **load)
                except RuntimeError as error:
                    say(f"  {error} with {shape}")
                    lost.add(name)
                else:
                    points.append({"name": name, **server, **shape, "rate": found["rate"]})
    return points


def draw(points: list[Point]) -> None:
    """Draw the plots, in the environment that can."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.json"
        file.write_text(json.dumps(points))
        subprocess.run([python(".venv-bench"), __file__, file], check=True)


def plot(points: list[Point]) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    sizes = dict(zip(SIZES, ("0.3 kB", "30 kB", "3 MB"), strict=True))
    grids = (
        ("in-flight.png", "in_flight", {number: f"{number}" for number in IN_FLIGHT}, "size", SMALL),
        ("payload.png", "size", sizes, "in_flight", SOME),
    )
    for file, x, ticks, fixed, value in grids:
        figure, panels = plt.subplots(2, 2, figsize=(10, 7.5), sharex=True, sharey="row", layout="constrained")
        for (delay, tls), panel in zip(itertools.product(DELAYS, (False, True)), panels.flat, strict=True):
            panel.set_title(f"{delay * 1000:.0f} ms server, {'TLS' if tls else 'http'}")
            kind = {"delay": delay, "tls": tls, fixed: value}
            curve(panel, [each for each in points if kind.items() <= each.items()], x)
            if delay:
                number = ticks if x == "in_flight" else [SOME] * len(ticks)
                panel.plot(list(ticks), [each / delay for each in number], ":", color="black", label="ceiling")
                panel.set_xlabel("calls in flight" if x == "in_flight" else "size of the answer")
            if not tls:
                panel.set_ylabel("requests/s")
            panel.set_xticks(list(ticks), list(ticks.values()))
            panel.minorticks_off()
        panels[1][0].set_ylim(top=20_000 if x == "in_flight" else 500)
        panels[1][0].legend()
        of = "answers of 0.3 kB" if x == "in_flight" else f"{SOME} in flight"
        figure.suptitle(f"Asynchronous PATCH calls, one client, one core, defaults of each, {of}")
        figure.supxlabel("aiohttp, httpx and the official SDK open 100 connections at most by default", fontsize=9)
        figure.savefig(ROOT / "docs" / file, dpi=90)


def curve(panel: Any, points: list[Point], x: str) -> None:
    for name in NAMES:
        mine = sorted((each for each in points if each["name"] == name), key=lambda each: each[x])
        at, rates = [each[x] for each in mine], [each["rate"] for each in mine]
        marks = {"marker": "o", "markersize": 4, "linewidth": 2 if name.startswith("ours") else 1.3}
        panel.plot(at, rates, color=COLOURS[name], label=name, **marks)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(alpha=0.3)


if __name__ == "__main__":
    plot(json.loads(Path(sys.argv[1]).read_text()))
