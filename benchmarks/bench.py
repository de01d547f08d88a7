"""The benchmark suite: our client against the official SDK, httpx and aiohttp, held against the goals.

Each contender is measured in a process of its own, in an environment of its own, on a core of its own; the server has
another core. Rounds go from contender to contender; ratios are taken within a round, the figure is their median, the
spread the least and the greatest. CPU is that of the process which measures. For Linux.

Usage: make bench, make bench-quick, or .venv/bin/python benchmarks/bench.py [--quick] [--guard] [--only NAME ...]
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import codec
import curves
from figures import OURS, Found, gross, rows_of, table
from rig import CONTENDERS, ENVIRONMENTS, HERE, cpu_of, prepare, python, rounds, say, serving
from worker import CALL, CALL_V0, KEY

IN_FLIGHT = 64
DELAY = 0.05
CEILING = IN_FLIGHT / DELAY
STAGES = {
    "import": "import evermemos",
    "construct": "from evermemos import EverMemOS; client = {client}",
    "first-call": "from evermemos import EverMemOS; client = {client};"
    " client.{version}.memories.conversation_meta.update(**{call})",
}


@dataclass(frozen=True)
class Plan:
    """How long to measure. A quick one leaves out what is only shown."""

    quick: bool
    rounds: int
    seconds: float
    warm_up: float
    starts: int
    calls: int
    patience: float

    def with_shown(self, *names: str) -> list[str]:
        return [*OURS, *(() if self.quick else names)]

    def times(self, longer: float = 1.0) -> dict[str, float]:
        return {"seconds": self.seconds * longer, "warm_up": self.warm_up}


FULL = Plan(quick=False, rounds=5, seconds=1.0, warm_up=0.4, starts=15, calls=1_000_000, patience=120.0)
QUICK = Plan(quick=True, rounds=3, seconds=0.3, warm_up=0.2, starts=3, calls=50_000, patience=6.0)


# The measurements


def memory(plan: Plan) -> Found:
    found = rounds(
        plan.rounds, [*plan.with_shown("official"), "httpx"], "sequential", url=None, seconds=plan.seconds / 3
    )
    return {"memory": ratios(found, "cpu", "httpx", "official")}


def loopback(plan: Plan) -> Found:
    names = [*plan.with_shown("official"), "httpx"]
    with serving() as url:
        found = rounds(plan.rounds, names, "sequential", url=url, seconds=plan.seconds / 3)
    return {"loopback": ratios(found, "cpu", "httpx", "official")}


def async_zero(plan: Plan) -> Found:
    names = [*plan.with_shown("httpx", "aiohttp"), "official", "official, aiohttp"]
    with serving() as url:
        found = rounds(plan.rounds, names, "load", url=url, in_flight=IN_FLIGHT, **plan.times())
    return {
        "async-zero": ratios(found, "rate", "official"),
        "async-zero-aiohttp": ratios(found, "rate", "official, aiohttp"),
        "async-zero-rate": values(found, "rate"),
    }


def async_50ms(plan: Plan) -> Found:
    names = plan.with_shown("official", "httpx", "aiohttp")
    with serving(delay=DELAY) as url:
        # Longer, since requests come in waves of 50 ms, and half a wave more or less is chance.
        found = rounds(plan.rounds, names, "load", url=url, in_flight=IN_FLIGHT, **plan.times(longer=1.5))
    return {"async-50ms": values(found, "rate", CEILING), "connections": values(found, "connections")}


def scaling(plan: Plan) -> Found:
    with serving() as url:
        found = rounds(plan.rounds, OURS, "scaling", url=url, few=16, many=256, **plan.times())
    return {"scaling": values(found, "ratio")}


def threads(plan: Plan) -> Found:
    with serving(delay=DELAY) as url:
        names = plan.with_shown("official", "httpx")
        found = rounds(plan.rounds, names, "threads", url=url, number=IN_FLIGHT, **plan.times())
    return {"threads": values(found, "rate", CEILING)}


def startup(plan: Plan) -> Found:
    names = [*OURS, "official"]
    cpu: Found = {stage: {name: [] for name in names} for stage in ("bare", *STAGES)}
    with serving() as url:
        for index in range(-1, plan.starts):
            for name in names:
                for stage in cpu:
                    seconds = cpu_of_start(name, stage, url)
                    # The first round writes the bytecode.
                    if index >= 0:
                        cpu[stage][name].append(seconds)
    net = {stage: {name: less(cpu[stage][name], cpu["bare"][name]) for name in names} for stage in STAGES}
    found: Found = {stage: {name: by(net[stage][name], net[stage]["official"]) for name in OURS} for stage in STAGES}
    return {**found, "startup-cpu": {name: [seconds * 1000 for seconds in net["first-call"][name]] for name in names}}


def less(some: list[float], others: list[float]) -> list[float]:
    return [one - other for one, other in zip(some, others, strict=True)]


def by(some: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(some, others, strict=True)]


def cpu_of_start(contender: str, stage: str, url: str) -> float:
    """Return the CPU time of a Python process that gets as far as a stage, and ends."""
    if contender == "official":
        client, version, call = f"EverMemOS(api_key={KEY!r}, base_url={url!r})", "v0", CALL_V0
    else:
        client, version, call = f"EverMemOS(api_key={KEY!r}, base_url={url!r}, deadline=60.0)", "v1", CALL
    code = STAGES.get(stage, "").format(client=client, version=version, call=call)
    return cpu_of(CONTENDERS[contender][0], code)


def clients(plan: Plan) -> Found:
    # Memory that one round has given back the next one would take, so each has processes of its own.
    found = []
    for _ in range(2 if plan.quick else 5):
        with serving() as url:
            few = rounds(1, plan.with_shown("official", "httpx")[2:], "clients", url=url, number=50)
            found.append({**rounds(1, OURS, "clients", url=url, number=1000)[0], **few[0]})
    return {
        "client-time": values(found, "made", 1e-3),
        "client-memory": values(found, "made_memory", 1024),
        "client-used-time": values(found, "used", 1e-3),
        "client-used-memory": values(found, "used_memory", 1024),
    }


def decode(plan: Plan) -> Found:
    codec.ROUNDS = plan.rounds
    return {"decode": {"ours": codec.decode_ratio()}, "decode-large": {"ours": codec.large_answer_ratio()}}


def soak(plan: Plan) -> Found:
    found = rounds(1, ["ours"], "soak", calls=plan.calls, seconds=plan.patience)
    return {"soak": values(found, "growth", 1e6), "soak-calls": values(found, "calls")}


MEASUREMENTS: dict[str, Callable[[Plan], Found]] = {
    "memory": memory,
    "loopback": loopback,
    "async-zero": async_zero,
    "async-50ms": async_50ms,
    "scaling": scaling,
    "threads": threads,
    "startup": startup,
    "clients": clients,
    "decode": decode,
    "soak": soak,
}


def values(found: list[dict[str, dict[str, float]]], key: str, unit: float = 1.0) -> dict[str, list[float]]:
    return {name: [one[name][key] / unit for one in found] for name in found[0]}


def ratios(found: list[dict[str, dict[str, float]]], key: str, base: str, *shown: str) -> dict[str, list[float]]:
    return {name: [one[name][key] / one[base][key] for one in found] for name in (*OURS, *shown) if name in found[0]}


# The report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure our client against others, and against its goals.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, no curves, no report")
    parser.add_argument("--guard", action="store_true", help="fail if a figure is lost by more than noise explains")
    parser.add_argument("--only", nargs="+", default=[], choices=[*MEASUREMENTS, "curves"], help="measure only these")
    options = parser.parse_args(arguments)
    plan = QUICK if options.quick else FULL
    prepare()
    found: Found = {}
    for name, measure in MEASUREMENTS.items():
        if name in (options.only or MEASUREMENTS):
            start = time.perf_counter()
            found.update(measure(plan))
            say(f"{name:<12} {time.perf_counter() - start:5.1f} s")
    rows = rows_of(found)
    print(table(rows))
    if not options.quick and not options.only:
        (HERE / "RESULTS.md").write_text(report(table(rows)))
    if "curves" in options.only or not (options.quick or options.only):
        curves.draw(curves.measure())
    lost = gross(rows) if options.guard else []
    for each in lost:
        say(f"Lost: {each}")
    return 1 if lost else 0


def report(figures: str) -> str:
    """Return the text of RESULTS.md."""
    ours = ("evermemos-client", "httpx", "httpcore", "h11", "httptools", "orjson", "attrs")
    names = (*ours, "evermemos", "pydantic", "aiohttp", "httpx-aiohttp")
    code = f"""
from importlib.metadata import distributions
versions = {{each.name.lower(): each.version for each in distributions()}}
print(*(f"{{name}} {{versions[name]}}" for name in {names} if name in versions), sep=", ")"""
    versions = "".join(
        f"- {environment}: {subprocess.check_output([python(environment), '-c', code], text=True)}"
        for environment in ENVIRONMENTS
    )
    return f"""# Figures

Written by `make bench` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}. Ratios are taken within a round; medians
of rounds, spread from the least to the greatest. CPU is that of the measuring process. "ours" is the default install,
"fast" with the extra of that name, both with validation, redaction, retries and a deadline of 60 s. The others are as
they come, with the same server, certificate and call.

{figures}

Machine: {os.cpu_count()} cores ({cpu_model()}), {platform.system()}, Python {platform.python_version()}.
The server has one core, the measuring process the other.

{versions}"""


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
