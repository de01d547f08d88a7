"""The command line, `evermemos`: what is the same for all commands, with and without the extra `cli`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# Exit codes. docs/guide.md has the table.
DONE, FAILED, TO_DO, SOME_FAILED, NO_RECORD = 0, 1, 2, 3, 4
# Not 2, as usual, which `plan` needs: a script must not take a misspelt option for work to do.
USAGE = 64
INTERRUPTED, NO_READER = 130, 141
EXTRA = "evermemos: this needs the extra cli: pip install 'evermemos-client[cli]' (evermemos sandbox works without)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments (Sequence[str] | None): The arguments. Default: those of the process.

    Returns:
        int: Exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
        return FAILED if given[:1] == ["sandbox"] else NO_READER
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def silence() -> None:
    """Let stdout lead nowhere, as nobody reads it any more. Python would complain when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        print(f"evermemos-client {__version__}")
        return DONE
    if arguments[:1] == ["sandbox"]:
        from ..errors import EverMemOSError
        from ._sandbox import serve

        try:
            return serve(arguments[1:])
        except EverMemOSError as error:
            print(f"evermemos: {error}", file=sys.stderr)
            return FAILED
    try:
        from ._app import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print(EXTRA, file=sys.stderr)
        return FAILED
    return run(arguments)
