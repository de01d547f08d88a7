"""The options that all commands share, and what they lead to."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import EverMemOSError
from . import NO_READER, _profile, silence
from ._output import Form, Output

if TYPE_CHECKING:
    from .. import EverMemOS


class UsageError(EverMemOSError):
    """The arguments make no sense together."""


class Api(StrEnum):
    """Versions of the API."""

    v0 = "v0"
    v1 = "v1"


@dataclass(frozen=True)
class Session:
    """The options that all commands take."""

    api: Annotated[Api | None, typer.Option(help="Version of the API. [default: v1]")] = None
    output: Annotated[
        Form | None, typer.Option("--output", "-o", help="Default: table on a terminal, json otherwise.")
    ] = None
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Results and errors alone: no progress, no summaries.")
    ] = False
    profile: Annotated[
        str | None, typer.Option(help="Profile to take server and key from, instead of the environment.")
    ] = None
    profile_file: Annotated[
        Path | None, typer.Option(help="File of profiles. [default: evermemos/profiles.toml in the configuration]")
    ] = None
    base_url: Annotated[str | None, typer.Option(metavar="URL", help="Server. The key is that of the environment.")] = (
        None
    )
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False

    @functools.cached_property
    def found(self) -> _profile.Profile:
        """Where the server is."""
        if self.base_url is None:
            return _profile.find(self.profile, self.profile_file)
        if self.profile is not None or self.profile_file is not None:
            raise UsageError("--base-url and a profile exclude each other: the profile's key is for its own server")
        return _profile.Profile(self.base_url, place="--base-url")

    @property
    def version(self) -> str:
        """Version of the API to use."""
        return self.api or self.found.api or "v1"

    @functools.cached_property
    def out(self) -> Output:
        """Where results go."""
        return Output(self.output, quiet=self.quiet)

    def client(self) -> EverMemOS:
        """Make a client."""
        from .. import EverMemOS

        found = self.found
        # Unpacked here and nowhere else; the client puts it into a box of its own.
        key = None if found.api_key is None else found.api_key._value  # noqa: SLF001
        return EverMemOS(base_url=found.base_url, api_key=key)


def with_session(command: Callable[..., int]) -> Callable[..., int]:
    """Make a command of a function whose first argument is the session: its options join those of the command."""
    shared = inspect.signature(Session, eval_str=True).parameters
    own = [*inspect.signature(command, eval_str=True).parameters.values()][1:]

    def run(**arguments: Any) -> int:
        options = {name: arguments.pop(name) for name in shared}
        try:
            code = command(Session(**options), **arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            # Before typer sees it, which would say 1.
            silence()
            return NO_READER
        return code

    parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in (*own, *shared.values())]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
