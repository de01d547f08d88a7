"""Run all tests on every supported Python that this machine has, and with the lowest dependencies allowed.

Needs Chromium with its driver, and tmux. Tests that take turns in how they run have another turn in each run.
Interpreters are looked for on PATH and in pyenv's folder; those that are missing are named.
Exit code 1 if a run failed.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = ROOT / "scripts/requirements-dev.txt"


def main() -> int:
    versions = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    found = {version: interpreter(version) for version in versions}
    runs: dict[str, tuple[str, list[str]]] = {
        f"Python {version}": (path, []) for version, path in found.items() if path
    }
    oldest = next(iter(runs.values()))[0]
    extras = PROJECT["optional-dependencies"]
    requirements = dict.fromkeys([*PROJECT["dependencies"], *(each for extra in extras.values() for each in extra)])
    lowest = [requirement.split(",")[0].replace(">=", "==") for requirement in requirements]
    runs[f"lowest: {' '.join(lowest)}"] = (oldest, lowest)
    results = {name: run(name, path, pins, turn) for turn, (name, (path, pins)) in enumerate(runs.items())}
    print()
    for name, code in results.items():
        print(f"{'passed' if code == 0 else 'FAILED':<8} {name}")
    for version, path in found.items():
        if not path:
            print(f"missing  Python {version}: not on PATH and not in pyenv")
    return int(any(results.values()))


def interpreter(version: str) -> str | None:
    """Find a Python of this version that runs; a pyenv shim on PATH may lead nowhere."""
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    pattern = re.compile(rf"{re.escape(version)}\.\d+")
    installed = sorted(path for path in folder.glob("*") if pattern.fullmatch(path.name))
    candidates = [shutil.which(f"python{version}"), *(str(path / "bin/python") for path in reversed(installed))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def run(name: str, python: str, pins: list[str], turn: int) -> int:
    print(f"\n== {name} ({python})", flush=True)
    environment = ROOT / f".venv-{'lowest' if pins else name.rpartition(' ')[2]}"
    inside = environment / "bin/python"
    pip = [inside, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
    for command in (
        [python, "-m", "venv", "--clear", environment],
        [*pip, "--no-deps", "-r", REQUIREMENTS],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT],
        # Whatever the pinned ones need in their lowest version comes along.
        *([[*pip, *pins]] if pins else []),
        ["env", f"EVERMEMOS_TEST_TURN={turn}", inside, "-m", "pytest", "-q", "-n", "4", "--dist", "loadfile"],
        # Dask changes how a whole process pickles.
        [inside, "-m", "pytest", "-q", "tests/test_dask.py"],
    ):
        if code := subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
