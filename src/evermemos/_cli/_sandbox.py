"""`evermemos sandbox`. It needs the extra `sandbox` alone, and so no parser but that of the standard library."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

START = """\
EverMemOS sandbox at {url}  (records in {place}; Ctrl-C stops it)

    from evermemos import EverMemOS
    client = EverMemOS(base_url="{url}", api_key="{key}")

API reference and records: {url}/docs
"""
EXPOSED = "Warning: listening on {host}: whoever reaches this machine can read and change the records."


def parser() -> argparse.ArgumentParser:
    """Return what reads the arguments after `sandbox`."""
    found = argparse.ArgumentParser(
        prog="evermemos sandbox", description="Serve an EverMemOS for tests and for trying things out, until Ctrl-C."
    )
    found.add_argument("--host", default="127.0.0.1", help="name or address to listen on (default: %(default)s)")
    found.add_argument("--port", type=int, default=1995, help="port, 0 for a free one (default: %(default)s)")
    found.add_argument("--store", metavar="FILE", help="keep the records in this file (default: in memory)")
    found.add_argument("--api-key", metavar="KEY", help="ask for this key (default: any will do, and none)")
    found.add_argument(
        "--require-key", action="store_true", help="ask for a key on v0, any, as the hosted product does"
    )
    found.add_argument("--strict", action="store_true", help="behave as documented where real servers do not")
    return found


def serve(arguments: Sequence[str]) -> int:
    """Serve until the process is told to stop.

    Args:
        arguments (Sequence[str]): What stands behind `sandbox`. What is wrong with them leaves with 2.

    Returns:
        int: Exit code.
    """
    options = parser().parse_args(arguments)
    from ..sandbox import Sandbox
    from ..sandbox._server import address, listen, run

    with (
        listen(options.host, options.port) as line,
        Sandbox(
            options.store, api_key=options.api_key, require_key=options.require_key, strict=options.strict
        ) as sandbox,
    ):
        if not ipaddress.ip_address(line.getsockname()[0]).is_loopback:
            print(EXPOSED.format(host=options.host), file=sys.stderr)
        key = "any" if options.api_key is None else "<the key>"
        start = START.format(url=address(line, options.host), place=options.store or "memory", key=key)
        run(sandbox, line, announce=lambda: print(start, flush=True))
    print("Stopped.", flush=True)
    return 0
