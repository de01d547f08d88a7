"""What the measurements stand on: environments, processes that measure, and the server, each on a core of its own."""

import contextlib
import hashlib
import json
import os
import resource
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CERTIFICATE = ROOT / "tests" / "data" / "localhost.pem"
PINS = HERE / "requirements.txt"
# What pip installs into each, held to the pins. The official SDK has our import name, so it is kept apart.
ENVIRONMENTS = {
    ".venv-bench": ["evermemos[aiohttp]", "aiohttp", "httpx", "matplotlib"],
    ".venv-bench-default": ["--editable", str(ROOT)],
    ".venv-bench-fast": ["--editable", f"{ROOT}[fast]"],
}
# Who is compared: environment, and what worker.py calls it.
CONTENDERS = {
    "ours": (".venv-bench-default", "ours"),
    "ours, fast": (".venv-bench-fast", "ours"),
    "official": (".venv-bench", "official"),
    "official, aiohttp": (".venv-bench", "official-aiohttp"),
    "httpx": (".venv-bench", "httpx"),
    "aiohttp": (".venv-bench", "aiohttp"),
}
# Settings of the machine that would change what is measured.
ENV = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and not k.startswith(("EVER", "PYTHON"))}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def python(environment: str) -> str:
    return str(ROOT / environment / "bin" / "python")


def prepare() -> None:
    """Make the environments that are missing or out of date; allow 1,024 connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name, wanted in ENVIRONMENTS.items():
        make(name, wanted)


def make(name: str, wanted: list[str]) -> None:
    """Make an environment with what is wanted, if it is missing, or older than what it is made from."""
    made_from = [(ROOT / "pyproject.toml").read_bytes(), PINS.read_bytes(), sys.version.encode()]
    digest = hashlib.sha256(b"\0".join([*made_from, *(each.encode() for each in wanted)])).hexdigest()
    stamp = ROOT / name / "made-from"
    if stamp.exists() and stamp.read_text() == digest:
        return
    say(f"Setting up {name}")
    subprocess.run([sys.executable, "-m", "venv", "--clear", ROOT / name], check=True)
    pip = [python(name), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--constraint", str(PINS)]
    subprocess.run([*pip, *wanted], check=True)
    stamp.write_text(digest)


def cpu_of(environment: str, code: str) -> float:
    """Return the CPU time of a Python process that runs a program, in seconds."""
    command = [*pinned(-1), python(environment), "-I", "-c", code]
    _, status, used = os.wait4(os.posix_spawnp(command[0], command, ENV), 0)
    if status:
        raise RuntimeError(f"the process failed: {code}")
    return used.ru_utime + used.ru_stime


def pinned(place: int) -> list[str]:
    """Return how a command begins that gets a core for itself: 0 for the server, -1 for a client."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return ["taskset", "-c", str(cores[place])] if len(cores) > 1 else []


@contextlib.contextmanager
def serving(*, delay: float = 0.0, size: int = 300, tls: bool = False) -> Iterator[str]:
    """Serve answers of `size` bytes after `delay` seconds, and give the URL."""
    command = [*pinned(0), sys.executable, str(HERE / "server.py"), "--delay", str(delay), "--size", str(size)]
    command += ["--tls", str(CERTIFICATE)] if tls else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


class Worker:
    """A process that measures one contender, started when it is first asked, and anew after it was stopped."""

    def __init__(self, contender: str) -> None:
        self._contender = contender
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, function: str, patience: float = 600.0, /, **arguments: Any) -> dict[str, float]:
        """Call a function of worker.py.

        Raises:
            RuntimeError: If it failed, or takes longer than `patience` seconds.
        """
        if self._process is None:
            environment, name = CONTENDERS[self._contender]
            command = [*pinned(-1), python(environment), str(HERE / "worker.py"), name]
            self._process = subprocess.Popen(command, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([function, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        is_there, _, _ = select.select([self._process.stdout], [], [], patience)
        answer = self._process.stdout.readline() if is_there else b""
        if not answer:
            self.stop()
            raise RuntimeError(f"{self._contender}, {function}: {'failed' if is_there else f'over {patience:.0f} s'}")
        result: dict[str, float] = json.loads(answer)
        return result

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextlib.contextmanager
def workers(contenders: list[str]) -> Iterator[dict[str, Worker]]:
    """Have one worker for each contender."""
    made = {contender: Worker(contender) for contender in contenders}
    try:
        yield made
    finally:
        for worker in made.values():
            worker.stop()


def rounds(times: int, contenders: list[str], function: str, /, **arguments: Any) -> list[dict[str, dict[str, float]]]:
    """Measure all contenders in turn, `times` times, every other time backwards: the machine's speed drifts."""
    found = []
    with workers(contenders) as those:
        for index in range(times):
            order = contenders[:: -1 if index % 2 else 1]
            found.append({contender: those[contender].ask(function, **arguments) for contender in order})
    return found
