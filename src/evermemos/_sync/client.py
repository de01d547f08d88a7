# Derived from _async/client.py by `make generate`. Edit that file instead.
"""The client that users make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from evermemos_api.types import UNSET, Unset

from .. import _settings
from .._settings import ApiKey, Settings
from ..errors import ConfigurationError
from .pool import Pool

if TYPE_CHECKING:
    import httpx
    from evermemos_api.models import HealthResponse

    from .._settings import TimeoutTypes, VerifyTypes
    from ..bulk._bulk import Bulk
    from ..sandbox import Sandbox
    from .conversation import Conversation, ConversationV0, DefaultConversationV0
    from .memories_v0 import MemoriesV0
    from .memories_v1 import MemoriesV1
    from .send import Sender
    from .status import RequestStatusV0, RequestStatusV1


class EverMemOS:
    """Client for EverMemOS, synchronous.

    Methods are under `client.v0` and `client.v1`, by the version of the API.
    One client serves any number of threads; each forked process gets connections of its own.
    A pickled client is its settings without the API key, which EVERMEMOS_API_KEY gives where it is unpickled.

    Args:
        api_key (str | None): The API key. Default: the variable EVERMEMOS_API_KEY. Required for the hosted product.
        base_url (str | httpx.URL | Sandbox | None): The server. Default: the variable EVERMEMOS_BASE_URL (or the older
            EVER_MEM_OS_BASE_URL), else https://api.evermind.ai. /api/v0 or /api/v1 at the end is left away. A sandbox
            in this process is `sandbox://memory`, one for the whole process, `sandbox:///path/to/file.db`, or a
            `Sandbox`.
        timeout (float | httpx.Timeout | None): Seconds that each step of an attempt may take: connect, send, wait for
            a part of the answer. None is no limit.
        deadline (float | None): Seconds that a whole call may take, with all its attempts and waits. None is no limit.
        max_retries (int): How many more times a request is tried. A request that never left is tried again always, any
            other failure only where that is safe: reads are repeated, writes are not.
        default_headers (Mapping[str, str] | None): Headers for every request.
        http_client (httpx.Client | None): An httpx client of your own to send with. It stays yours to close. Its
            base_url, timeout and auth are used where no argument says otherwise.
        proxy (str | httpx.URL | httpx.Proxy | None): Proxy for all requests. Default: as the environment says.
        verify (bool | str | ssl.SSLContext): How to check the server's certificate: True for the usual authorities, a
            file or folder with certificates, or a context. False does not check, which is unsafe.
        validate (bool): Whether arguments are checked before sending. Switch it off for a server that allows more.
        max_response_bytes (int): Largest answer that is read, in bytes, unpacked.
        custom_role ("send" | "extra"): What becomes of the custom_role of users, which servers accept and do not
            keep: "send" sends it as it is, "extra" keeps it inside `extra`, under the key "custom_role", and puts it
            back in place in answers. Every client of a server should then have the same policy.

    Raises:
        ConfigurationError: If an argument or a variable cannot be used. It is a ValueError.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | httpx.URL | Sandbox | None = None,
        timeout: TimeoutTypes = _settings.DEFAULT_TIMEOUT,
        deadline: float | None = None,
        max_retries: int = _settings.DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        http_client: httpx.Client | None = None,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: VerifyTypes = True,
        validate: bool = True,
        max_response_bytes: int = _settings.DEFAULT_MAX_RESPONSE_BYTES,
        custom_role: Literal["send", "extra"] = "send",
    ) -> None:
        # Boxed before anything can fail: a traceback that shows local variables must not show the key.
        key = api_key = None if api_key is None else ApiKey(api_key)  # type: ignore[assignment]
        _settings.check_http_client(http_client, "Client")
        self._settings = _settings.resolve(
            api_key=key,
            base_url=base_url,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            default_headers=default_headers,
            http_client=http_client,
            proxy=proxy,
            verify=verify,
            validate=validate,
            max_response_bytes=max_response_bytes,
            custom_role=custom_role,
        )
        self._pool = Pool(http_client)

    @classmethod
    def sandbox(cls, sandbox: Sandbox | None = None, *, api_key: str | None = None) -> Self:
        """Return a client of a sandbox in this process: no account, no server, no socket.

        The constructor takes a sandbox too, as `base_url`, and `with_options` changes the settings of this client.

        Args:
            sandbox (Sandbox | None): The sandbox, which any number of clients may share. None makes a new one.
            api_key (str | None): The API key. Default: the one that the sandbox asks for.

        Raises:
            ConfigurationError: If an argument cannot be used.
        """
        from ..sandbox import Sandbox

        return cls(base_url=Sandbox() if sandbox is None else sandbox, api_key=api_key)

    @cached_property
    def v0(self) -> V0:
        """/api/v0, served by the hosted product and by open-source servers of March 2026."""
        from .send import Sender

        return V0(Sender(self._pool, self._settings))

    @cached_property
    def v1(self) -> V1:
        """/api/v1, served by the hosted product and by open-source servers of January to April 2026."""
        from .send import Sender

        return V1(Sender(self._pool, self._settings))

    def health(
        self,
        *,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> HealthResponse:
        """Ask whether the server is up (operation get_health). `response.status` is then "healthy".

        Servers say so, too, while their database is down (docs/server-behaviour.md, section 7).

        The options are those of all methods: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds),
        `max_retries`, `extra_headers`, `extra_query`, `extra_body`.

        Raises:
            APIError: If it is not, or is not to be reached, as drawn in `evermemos.errors`.
        """
        from .._call import Options
        from .resource import GET_HEALTH
        from .send import Sender

        options = Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline)
        answer = Sender(self._pool, self._settings).send(GET_HEALTH, options)
        return answer.parse()

    def with_options(
        self,
        *,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        default_headers: Mapping[str, str] | Unset = UNSET,
        validate: bool | Unset = UNSET,
        custom_role: Literal["send", "extra"] | Unset = UNSET,
    ) -> Self:
        """Return a copy with other settings that shares the connections; closing one closes all.

        Arguments are those of the constructor. `default_headers` are added to the ones there are.

        Raises:
            ConfigurationError: If an argument cannot be used.
        """
        settings = _settings.evolve(
            self._settings,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            default_headers=default_headers,
            validate=validate,
            custom_role=custom_role,
        )
        return self._copy(settings)

    def _copy(self, settings: Settings) -> Self:
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__, _settings=settings)
        copy.__dict__.pop("v0", None)
        copy.__dict__.pop("v1", None)
        return copy

    def close(self) -> None:
        """Close the connections. The client, and every copy of it, cannot be used any more."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.__dict__.get('_settings', 'not made')})"

    def __copy__(self) -> Self:
        return self._copy(self._settings)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._copy(self._settings)

    def __getstate__(self) -> dict[str, Any]:
        if self._pool.own is not None or _settings.is_context(self._settings.verify):
            raise ConfigurationError("a client with an http_client or an SSLContext of its own cannot be pickled")
        return {name: value for name, value in self.__dict__.items() if name not in ("_pool", "v0", "v1")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._pool = Pool(None)


class V0:
    """/api/v0."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @cached_property
    def memories(self) -> MemoriesV0:
        """/api/v0/memories."""
        from .memories_v0 import MemoriesV0

        return MemoriesV0(self._sender)

    @cached_property
    def status(self) -> StatusV0:
        """/api/v0/status."""
        return StatusV0(self._sender)

    def conversation(self, group_id: str) -> ConversationV0:
        """Return a handle of a group's record, which never touches the default record in its place. Nothing is sent.

        The open-source v0 server has such records; the published pages of the hosted product do not mention them.

        Args:
            group_id: Which conversation. Servers tell letter case and spaces apart.

        Raises:
            RequestValidationError: If it is blank or no str, which could only mean the default record by accident.
        """
        from .. import _checks
        from .conversation import ConversationV0

        _checks.group_id(group_id)
        return ConversationV0(self._sender, group_id)

    def default_conversation(self) -> DefaultConversationV0:
        """Return a handle of the default record, which all groups without a record of their own share."""
        from .conversation import DefaultConversationV0

        return DefaultConversationV0(self._sender)


class StatusV0:
    """/api/v0/status."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @cached_property
    def request(self) -> RequestStatusV0:
        """/api/v0/status/request."""
        from .status import RequestStatusV0

        return RequestStatusV0(self._sender)


class V1:
    """/api/v1."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @cached_property
    def memories(self) -> MemoriesV1:
        """/api/v1/memories."""
        from .memories_v1 import MemoriesV1

        return MemoriesV1(self._sender)

    @cached_property
    def stats(self) -> StatsV1:
        """/api/v1/stats."""
        return StatsV1(self._sender)

    @cached_property
    def bulk(self) -> Bulk:
        """Many records at once: apply, plan, export, undo."""
        from ..bulk._bulk import Bulk

        return Bulk(self._sender)

    def conversation(self, group_id: str) -> Conversation:
        """Return a handle of a group's record, which never touches the default record in its place. Nothing is sent.

        Args:
            group_id: Which conversation. Servers tell letter case and spaces apart.

        Raises:
            RequestValidationError: If it is blank or no str, which could only mean the default record by accident.
        """
        from .. import _checks
        from .conversation import Conversation

        _checks.group_id(group_id)
        return Conversation(self._sender, group_id)

    def default_conversation(self) -> Conversation:
        """Return a handle of the default record, which all groups without a record of their own share."""
        from .conversation import Conversation

        return Conversation(self._sender, None)


class StatsV1:
    """/api/v1/stats."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @cached_property
    def request(self) -> RequestStatusV1:
        """/api/v1/stats/request."""
        from .status import RequestStatusV1

        return RequestStatusV1(self._sender)
