"""All commands but `sandbox`, on typer, and what becomes of their errors."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .. import __version__
from ..errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    EverMemOSError,
    InputError,
    NotFoundError,
    PermissionDeniedError,
    RequestValidationError,
)
from . import DONE, FAILED, NO_RECORD, USAGE, _doctor, _many, _single
from ._output import say, shown
from ._session import UsageError, with_session

NOT_FOUND = 404
MOST_VIOLATIONS = 100
EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 plan has something to do, 3 some records failed, 4 no such record,"
    " 64 wrong usage, 130 Ctrl-C, 141 nobody reads the output."
)

# Plain help is the same on a terminal and in a pipe, and loads 60 modules less.
app = typer.Typer(
    name="evermemos",
    help="Conversations of EverMemOS: read them, change them safely, one or a million.",
    epilog=EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: tuple[Callable[..., int], ...] = (
    # In the order of the help.
    *(_single.get, _single.set_, _single.update, _single.exists),
    *(_many.plan, _many.apply, _many.export, _many.undo),
    _doctor.doctor,
)
for function in COMMANDS:
    app.command(function.__name__.rstrip("_"), epilog=EPILOG)(with_session(function))


@app.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
def sandbox(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[OPTIONS]", help="See evermemos sandbox --help.")],
) -> int:
    """Serve an EverMemOS for tests and for trying things out."""
    from ._sandbox import serve

    return serve(arguments or [])


def _version(value: bool) -> None:  # noqa: FBT001
    if value:
        print(f"evermemos-client {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def run(arguments: list[str]) -> int:
    """Run a command, and say in one line what went wrong with it.

    Args:
        arguments (list[str]): The arguments.

    Returns:
        int: Exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _warn
            code = app(arguments, prog_name="evermemos", standalone_mode=False)
    except BrokenPipeError:
        raise
    except typer.TyperException as error:
        return _fail(getattr(error, "format_message", error.__str__)(), USAGE, "evermemos --help has all")
    except (UsageError, RequestValidationError) as error:
        return _fail(str(error), USAGE)
    except Exception as error:
        if "--debug" in arguments:
            say("".join(traceback.format_exception(error)).rstrip())
        return _failed(error)
    return code or DONE


def _failed(error: Exception) -> int:
    if isinstance(error, InputError) and error.violations:
        return _violations(error)
    if isinstance(error, NotFoundError):
        hint = "servers also say so while they are without their database" if error.status_code == NOT_FOUND else ""
        return _fail(str(error), NO_RECORD, hint)
    if isinstance(error, EverMemOSError):
        return _fail(str(error), FAILED, _hint(error))
    if isinstance(error, OSError):
        return _fail(": ".join(filter(None, [str(error.filename or ""), error.strerror or str(error)])), FAILED)
    return _fail(f"{type(error).__name__}: {error}", FAILED, "a mistake of this program: --debug shows where")


def _hint(error: EverMemOSError) -> str:
    if isinstance(error, (AuthenticationError, PermissionDeniedError)):
        return "check EVERMEMOS_API_KEY or the profile; evermemos doctor helps"
    if isinstance(error, APIConnectionError):
        return "check the URL, and that the server runs; evermemos doctor helps"
    return "evermemos doctor helps" if isinstance(error, APIStatusError) else ""


def _violations(error: InputError) -> int:
    path = str(error).partition(": line ")[0]
    noun = "mistake" if error.count == 1 else "mistakes"
    say(f"evermemos: {shown(path)}: {error.count} {noun}, and nothing was sent")
    for line, text in error.violations[:MOST_VIOLATIONS]:
        say(f"{shown(path)}:{line}: {shown(text)}")
    if error.count > MOST_VIOLATIONS:
        say(f"and {error.count - MOST_VIOLATIONS} more")
    return FAILED


def _fail(text: str, code: int, hint: str = "") -> int:
    line = " ".join(shown(text.replace("\n", " ")).split())
    say(f"evermemos: {line}{f' ({hint})' if hint else ''}")
    return code


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    say(f"evermemos: warning: {shown(str(message))}")
