"""Programs in processes of their own, forked from one that waits: each begins as a fresh interpreter would, at once."""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# What takes long to load and is not ours, for programs in which that does not matter.
OTHERS = ("asyncio", "attrs", "concurrent.futures.thread", "httpcore", "httpx", "sqlite3", "yaml", "zoneinfo")
# Beside the modules that it is told to load it has those of Python itself only. Its warnings are errors. A child falls
# out of the loop, so that it ends as every program does.
FORKING = """
import marshal, os, sys
for name in sys.argv[1:]:
    __import__(name)
if sys.argv[1:]:
    # A child that collected what they are made of would copy it all.
    __import__("gc").freeze()
while True:
    try:
        program, arguments, folder, environment, output = marshal.load(sys.stdin.buffer)
    except EOFError:
        sys.exit()
    if not (child := os.fork()):
        break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.buffer.write(marshal.dumps(code))
    sys.stdout.buffer.flush()
os.chdir(folder)
os.environ.clear()
os.environ.update(environment)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
for number, name in ((1, "stdout"), (2, "stderr")):
    os.dup2(os.open(f"{output}/{name}", os.O_WRONLY), number)
sys.argv = ["-c", *arguments]
forking, sys.modules["__main__"] = sys.modules["__main__"], type(sys)("__main__")
exec(compile(program, "<string>", "exec"), vars(sys.modules["__main__"]))
"""


def run(
    program: str,
    *arguments: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    having: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a program as `python -I -W error -c` would, with some modules loaded already."""
    # The process is the caller's, whoever forks it: a test needs the same mark as for one that it starts itself.
    sys.audit("os.fork")
    process = forking(tuple(having))
    with tempfile.TemporaryDirectory() as output:
        files = [Path(output, name) for name in ("stdout", "stderr")]
        for file in files:
            file.touch()
        place = os.fspath(folder or Path.cwd())
        marshal.dump((program, arguments, place, {**os.environ, **(environment or {})}, output), process.stdin)
        process.stdin.flush()
        code: int = marshal.load(process.stdout)
        return subprocess.CompletedProcess([program, *arguments], code, *(file.read_text() for file in files))


@functools.cache
def forking(having: tuple[str, ...]) -> Any:
    """Start the process that has these modules loaded and waits for programs."""
    command = [sys.executable, "-I", "-W", "error", "-c", FORKING, *having]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    atexit.register(process.communicate)
    return process


def loaded(program: str, having: Sequence[str] = (), **environment: str) -> set[str]:
    """The modules that a program loads. Its warnings are errors."""
    # It ends at once: to take down all modules takes longer than to load ours.
    code = f"""
import os, sys
before = set(sys.modules)
{program}
print(*sorted(set(sys.modules) - before), sep="\\n", flush=True)
os._exit(0)
"""
    done = run(code, environment=environment, having=having)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())
