"""How contenders behave as load, size of the answer and latency grow, measured and drawn into docs/.

bench.py measures; the drawing runs in .venv-bench, which has matplotlib. Usage: python benchmarks/curves.py points.json
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rig import ROOT, Worker, python, say, serving, workers

NAMES = ["ours, fast", "ours", "aiohttp", "httpx", "official"]
IN_FLIGHT = [1, 4, 16, 64, 256, 1024]
SIZES = [300, 30_000, 3_000_000]
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
                shapes = [{"in_flight": number, "size": SIZES[0]} for number in IN_FLIGHT]
                points += line(those, {"delay": delay, "tls": tls}, shapes)
        points += line(those, {"delay": 0.0, "tls": False}, [{"in_flight": 16, "size": size} for size in SIZES[1:]])
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

    figure, panels = plt.subplots(2, 2, figsize=(10, 7.5), sharex=True, sharey="row", layout="constrained")
    for row, delay in enumerate(DELAYS):
        for column, tls in enumerate((False, True)):
            panel = panels[row][column]
            panel.set_title(f"{f'{delay * 1000:.0f} ms server' if delay else 'no latency'}, {'TLS' if tls else 'http'}")
            kind = [
                each for each in points if each["delay"] == delay and each["tls"] == tls and each["size"] == SIZES[0]
            ]
            curve(panel, kind, "in_flight", lambda point: point["rate"])
            if delay:
                panel.plot(IN_FLIGHT, [each / delay for each in IN_FLIGHT], ":", color="black", label="ceiling")
                panel.set_xlabel("calls in flight")
            panel.set_xticks(IN_FLIGHT, IN_FLIGHT)
            panel.minorticks_off()
        panels[row][0].set_ylabel("requests/s")
    panels[1][0].set_ylim(top=20_000)
    panels[1][0].legend()
    figure.suptitle("Asynchronous PATCH calls, one client, one core, answers of 0.3 kB, defaults of each")
    figure.supxlabel("aiohttp, httpx and the official SDK open 100 connections at most by default", fontsize=9)
    figure.savefig(ROOT / "docs" / "in-flight.png", dpi=90)

    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    kind = [each for each in points if each["in_flight"] == 16 and not each["delay"] and not each["tls"]]
    for panel, unit, scale in zip(
        panels, ("requests/s", "MB/s"), (lambda _: 1.0, lambda size: size / 1e6), strict=True
    ):
        curve(panel, kind, "size", lambda point, scale=scale: point["rate"] * scale(point["size"]))
        panel.set_xticks(SIZES, ["0.3 kB", "30 kB", "3 MB"])
        panel.minorticks_off()
        panel.set_xlabel("size of the answer")
        panel.set_ylabel(unit)
    panels[0].legend()
    figure.suptitle("Asynchronous PATCH calls, 16 in flight, one core, no latency, http")
    figure.savefig(ROOT / "docs" / "payload.png", dpi=90)


def curve(panel: Any, points: list[Point], x: str, y: Any) -> None:
    for name in NAMES:
        mine = [each for each in points if each["name"] == name]
        marks = {"marker": "o", "markersize": 4, "linewidth": 2 if name.startswith("ours") else 1.3}
        panel.plot([each[x] for each in mine], [y(each) for each in mine], color=COLOURS[name], label=name, **marks)
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.grid(alpha=0.3)


if __name__ == "__main__":
    plot(json.loads(Path(sys.argv[1]).read_text()))
