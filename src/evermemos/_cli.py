"""The command line: `evermemos sandbox`."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
from typing import TYPE_CHECKING

from . import __version__
from .errors import EverMemOSError

if TYPE_CHECKING:
    from collections.abc import Sequence

START = """\
EverMemOS sandbox at {url}  (records in {place}; Ctrl-C stops it)

    from evermemos import EverMemOS
    client = EverMemOS(base_url="{url}", api_key="{key}")

API reference and records: {url}/docs
"""
EXPOSED = "Warning: listening on {host}: whoever reaches this machine can read and change the records."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments (Sequence[str] | None): The arguments. Default: those of the process.

    Returns:
        int: Exit code: 0 for success, 1 if something could not be done. Wrong arguments leave with 2.
    """
    parser = argparse.ArgumentParser(prog="evermemos", description="Tools for EverMemOS.")
    parser.add_argument("--version", action="version", version=f"evermemos-client {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    sandbox = commands.add_parser(
        "sandbox",
        help="serve an EverMemOS for tests and for trying things out",
        description="Serve an EverMemOS for tests and for trying things out, until Ctrl-C.",
    )
    sandbox.add_argument("--host", default="127.0.0.1", help="name or address to listen on (default: %(default)s)")
    sandbox.add_argument("--port", type=int, default=1995, help="port, 0 for a free one (default: %(default)s)")
    sandbox.add_argument("--store", metavar="FILE", help="keep the records in this file (default: in memory)")
    sandbox.add_argument("--api-key", metavar="KEY", help="ask for this key (default: v0 takes any, v1 needs none)")
    sandbox.add_argument("--strict", action="store_true", help="behave as documented where real servers do not")
    sandbox.set_defaults(run=_sandbox)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except EverMemOSError as error:
        print(f"evermemos: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Nobody reads any more. Python would complain of it once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _sandbox(options: argparse.Namespace) -> int:
    from .sandbox import Sandbox
    from .sandbox._server import address, listen, run

    with (
        listen(options.host, options.port) as line,
        Sandbox(options.store, api_key=options.api_key, strict=options.strict) as sandbox,
    ):
        if not ipaddress.ip_address(line.getsockname()[0]).is_loopback:
            print(EXPOSED.format(host=options.host), file=sys.stderr)
        key = "any" if options.api_key is None else "<the key>"
        start = START.format(url=address(line, options.host), place=options.store or "memory", key=key)
        run(sandbox, line, announce=lambda: print(start, flush=True))
    print("Stopped.", flush=True)
    return 0
