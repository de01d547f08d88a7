"""`evermemos doctor`: finds out why it does not work, one thing after the other."""

from __future__ import annotations

import platform
import warnings
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from .. import __version__
from . import DONE, FAILED
from ._findings import Finding, Level
from ._output import Form, Output
from ._session import Session

STYLES = {Level.ok: "green", Level.note: "dim", Level.warning: "yellow", Level.problem: "red", Level.skipped: "dim"}
EXTRAS = {"fast": ("httptools", "orjson"), "bulk": ("yaml",), "cli": ("typer", "rich"), "sandbox": ("uvicorn",)}


def doctor(
    session: Session,
    *,
    report: Annotated[
        bool, typer.Option("--report", help="Print a report to paste into an issue. It holds no keys and no contents.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each step.")] = 10.0,
) -> int:
    """Find out why something does not work, and what to do about it. Reads alone."""
    from . import _network, _settled

    found: list[Finding] = []
    out = session.out
    is_live = out.form is Form.table and not report
    # What a client would warn of is among the findings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = _settled.examine(session)
        for finding in (*place.findings, *(_network.examine(place, timeout) if place.url else ())):
            found.append(finding)
            if is_live:
                _show(out, finding)
    is_bad = any(finding.level is Level.problem for finding in found)
    if report:
        print(_report(found))
    elif not is_live:
        out.one({"healthy": not is_bad, "findings": [finding._asdict() for finding in found]})
    elif is_bad:
        out.note("\nThere are problems. evermemos doctor --report prints this for an issue, without secrets.")
    return FAILED if is_bad else DONE


def _show(out: Output, finding: Finding) -> None:
    if out.quiet and finding.level in (Level.ok, Level.note, Level.skipped):
        return
    out.line(f"{out.styled(finding.level.ljust(8), STYLES[finding.level])} {finding.check.ljust(11)} {finding.text}")
    if finding.fix:
        out.line(f"{'':21}{out.styled('->', 'cyan')} {finding.fix}")


def _report(found: list[Finding]) -> str:
    """Write what helps somebody else: versions and findings, of which none holds what is nobody's business."""
    extras = ", ".join(name for name, modules in EXTRAS.items() if all(map(find_spec, modules))) or "none"
    facts: dict[str, Any] = {
        "evermemos-client": f"{__version__}, extras {extras}",
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    lines = [f"{name}: {value}" for name, value in facts.items()]
    for finding in found:
        lines.append(f"[{finding.level}] {finding.check}: {finding.text}")
        if finding.fix:
            lines.append(f"    -> {finding.fix}")
    return "\n".join(["```", *lines, "```"])
