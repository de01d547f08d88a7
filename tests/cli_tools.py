"""The command line: in this process, in one of its own with pipes, or with a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import coverage
import pyte
from conftest import ROOT

from evermemos._cli import main

COMMAND = [sys.executable, "-m", "evermemos"]
if coverage.Coverage.current() is not None:
    # What the processes cover counts; pytest-cov puts it together.
    MEASURED = [
        "-m",
        "coverage",
        "run",
        "--parallel-mode",
        f"--rcfile={ROOT}/pyproject.toml",
        f"--data-file={ROOT}/.coverage",
    ]
    COMMAND[1:1] = MEASURED
RECORD: dict[str, Any] = {
    "name": "Team",
    "scene": "group_chat",
    "version": "1.0",
    "created_at": "2025-01-15T10:00:00+00:00",
}
CONTROLLED = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
SECRET = "sk-this-is-the-secret-of-the-tests"


class Cli:
    """Runs commands against one server, in one folder."""

    def __init__(self, url: str | None, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "HOME": str(folder), "COLUMNS": "200", "TERM": "xterm"}
        if url is not None:
            self.environment["EVERMEMOS_BASE_URL"] = url

    def __call__(
        self, *arguments: str, input: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this process, which takes a tenth of the time."""
        streams = [io.TextIOWrapper(io.BytesIO((input or "").encode()), "utf-8")]
        streams += [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
        code = 1
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment | environment, clear=True),
            mock.patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]),
        ):
            try:
                code = main(arguments)
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 1
            out, err = (stream.buffer.getvalue().decode() for stream in streams[1:])
        return subprocess.CompletedProcess(arguments, code, out, err)

    def run(self, *arguments: str, input: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def good(self, *arguments: str, code: int = 0, input: str | None = None, **environment: str) -> str:
        """Run a command that is to end so, and return what it writes to stdout."""
        done = self(*arguments, input=input, **environment)
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout

    def bad(self, *arguments: str, code: int = 1, **environment: str) -> str:
        """Run a command that is to fail with one line, and return that."""
        done = self(*arguments, **environment)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr + done.stdout
        assert re.fullmatch(r"evermemos: .+\n", done.stderr), done.stderr
        return done.stderr

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, to be ended and closed by `with`."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def file(self, name: str, content: Any) -> str:
        """Write a file: a text, or records as JSON Lines."""
        text = content if isinstance(content, str) else "".join(f"{json.dumps(each)}\n" for each in content)
        (self.folder / name).write_text(text)
        return name


class Terminal:
    """A command in a terminal of 100 columns and 30 lines.

    Attributes:
        raw (str): All that was written so far.
    """

    def __init__(self, cli: Cli, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.raw = ""
        self._line, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        variables = {key: value for key, value in cli.environment.items() if key != "COLUMNS"}
        self.process = subprocess.Popen(
            # Ctrl-C reaches those whose terminal it is.
            [sys.executable, "-c", CONTROLLED, *COMMAND, *arguments],
            cwd=cli.folder,
            env={**variables, **(environment or {})},
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def until(self, text: str, seconds: float = 30) -> None:
        """Read until a text was written."""
        end = time.monotonic() + seconds
        while text not in self.raw:
            assert time.monotonic() < end, self.raw
            if not self._read():
                raise AssertionError(self.raw)

    def until_screen(self, is_so: Callable[[list[str]], bool], seconds: float = 30) -> None:
        """Read until the screen is so."""
        end = time.monotonic() + seconds
        while not is_so(self.screen()):
            assert time.monotonic() < end, self.screen()
            assert self._read(), self.screen()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._line, b"\x03")

    def wait(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        os.close(self._line)
        return self.process.wait(30)

    def screen(self) -> list[str]:
        """Return the lines that stand on the screen."""
        screen = pyte.Screen(100, 30)
        pyte.Stream(screen).feed(self.raw)
        return [line.rstrip() for line in screen.display if line.strip()]

    def _read(self) -> bool:
        if not select.select([self._line], [], [], 30)[0]:
            return False
        try:
            data = os.read(self._line, 65536)
        except OSError:
            # Linux says so when the last one has closed the other side.
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)
