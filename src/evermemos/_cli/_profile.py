"""Profiles: where a server is and the key for it, in a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

from .._settings import KEY_VARIABLE, PRODUCTION_URL, URL_VARIABLES, ApiKey
from ..errors import ConfigurationError

KEYS = ("base_url", "api_key", "api")


class Profile(NamedTuple):
    """What a client is made with. None is for the client to find out, from the environment.

    Attributes:
        base_url (str | None): Where the server is.
        api_key (ApiKey | None): The key, in a box that does not show it.
        api (str | None): "v0" or "v1".
        place (str): Where this comes from, for people.
    """

    base_url: str | None = None
    api_key: ApiKey | None = None
    api: str | None = None
    place: str = "the environment"


def default_path() -> Path:
    """Return where profiles are, if nobody says otherwise."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "evermemos/profiles.toml"


def find(name: str | None, path: Path | None) -> Profile:
    """Return the profile that is asked for.

    One that is not named is only looked for while the environment says nothing: a key must not meet the URL of another.

    Args:
        name (str | None): Its name. Default: "default", which then need not exist.
        path (Path | None): The file. Default: `default_path()`.

    Raises:
        ConfigurationError: If it is not there, others can read the file, or the file is wrong.
    """
    is_asked_for = name is not None or path is not None
    if not is_asked_for and any(os.environ.get(variable) for variable in (KEY_VARIABLE, *URL_VARIABLES)):
        return Profile()
    file = path or default_path()
    if not is_asked_for and not file.exists():
        return Profile()
    profiles = _read(file)
    name = name or "default"
    if name not in profiles:
        if not is_asked_for:
            return Profile()
        there = ", ".join(profiles) or "none"
        raise ConfigurationError(f"there is no profile {name!r} in {file}: expected one of those there ({there})")
    return _checked(file, name, profiles[name])


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if os.name == "posix" and (found.st_mode & 0o077 or found.st_uid not in (os.geteuid(), 0)):
                mode = stat.S_IMODE(found.st_mode)
                whose = "" if found.st_mode & 0o077 else ", and is not yours"
                raise ConfigurationError(
                    f"the profiles in {file} are not for you alone (mode {mode:o}{whose}): chmod 600 {file}"
                )
            return tomllib.load(opened)
    except OSError as error:
        raise ConfigurationError(f"the profiles in {file} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The parser names the place, and a decoder would show the bytes.
        reason = error if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise ConfigurationError(f"the profiles in {file} are not TOML: {reason}") from None


def _checked(file: Path, name: str, values: Any) -> Profile:
    expected = f"expected {', '.join(KEYS)}, each a text"
    if not isinstance(values, dict):
        raise ConfigurationError(f"{name} in {file} is no table: expected [{name}], and under it {', '.join(KEYS)}")
    for key, value in values.items():
        if key not in KEYS or not isinstance(value, str):
            raise ConfigurationError(f"profile {name!r} in {file}: {key} is not known, or no text: {expected}")
    api = values.get("api")
    if api not in (None, "v0", "v1"):
        raise ConfigurationError(f"profile {name!r} in {file}: api is {api!r}: expected 'v0' or 'v1'")
    key = values.get("api_key")
    return Profile(
        # A key that stands without a URL is for the hosted product, whatever the environment says.
        values.get("base_url") or (PRODUCTION_URL if key is not None else None),
        None if key is None else ApiKey(key),
        api,
        f"profile {name!r}",
    )
