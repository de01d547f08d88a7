# Derived from _async/status.py by `make generate`. Edit that file instead.
"""How far the work on a request is, for requests that servers work on in the background."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evermemos_api.types import UNSET, Unset

from .._call import Options
from .._operation import Operation
from .._settings import check_deadline
from ..errors import APITimeoutError
from .resource import Resource, raw

if TYPE_CHECKING:
    from evermemos_api.models import RequestStatusResponse

    from .._settings import TimeoutTypes
    from .send import Sender

GET_V0: Operation[RequestStatusResponse] = Operation("status", "get_request_status_v0")
GET_V1: Operation[RequestStatusResponse] = Operation("status", "get_request_status_v1")
# Seconds between two questions.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
# Answers in a row that a request is not known, after which it is believed: servers note a request after they answer it.
UNKNOWN = 3


class _RequestStatus(Resource):
    @abstractmethod
    def get(self, *, request_id: Any, deadline: float | None | Unset = UNSET) -> RequestStatusResponse: ...

    def wait(self, request_id: str | None | Unset, *, timeout: float | None = 60.0) -> RequestStatusResponse:
        """Ask until a request is worked off, and return the last answer.

        `response.data["status"]` is then "success" or "failed". Or `response.found` is False: the server did not know
        the request three times in a row.

        Args:
            request_id: From the answer to the request.
            timeout: Seconds to wait at most. None is no limit. The pauses grow from 0.1 to 5 seconds.

        Raises:
            RequestValidationError: If the answer had no request_id: there is nothing to wait for then.
            APITimeoutError: If the request is not worked off by then.
        """
        ends_at = None if (limit := check_deadline(timeout)) is None else time.monotonic() + limit
        pause, unknown = FIRST_PAUSE, 0
        while True:
            # A pause may last longer than it was asked to: what is over is over by a call's own error.
            left = UNSET if ends_at is None else max(ends_at - time.monotonic(), 1e-9)
            answer = self.get(request_id=request_id, deadline=left)
            status = answer.data.get("status") if answer.found and answer.data else None
            # A server that could not look does not say that there is nothing.
            unknown = 0 if answer.found or answer.success is False else unknown + 1
            if status in ("success", "failed") or unknown == UNKNOWN:
                return answer
            if ends_at is not None and time.monotonic() + pause >= ends_at:
                known = f"its status is {status!r}" if answer.found else "the server does not know it"
                raise APITimeoutError(f"the request is not worked off after {limit:g} s: {known}")
            time.sleep(pause)
            pause = min(1.5 * pause, LONGEST_PAUSE)


class RequestStatusV0(_RequestStatus):
    """What became of a request, on /api/v0.

    Both methods raise RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    def get(
        self,
        *,
        request_id: str,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> RequestStatusResponse:
        """Ask what became of a request (operation get_request_status_v0).

        `response.data["status"]` is "start" while it is worked on, then "success" or "failed". `response.found` is
        False when the server does not know the request: servers forget after a while (the open-source one after an
        hour), and the open-source ones never knew a request that they had answered with 200.

        Args:
            request_id: From the answer to the request.

        The options are those of all methods: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds),
        `max_retries`, `extra_headers`, `extra_query`, `extra_body`.
        """
        return self._call(
            GET_V0,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={"request_id": request_id},
        )

    @property
    def with_raw_response(self) -> RequestStatusV0Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return RequestStatusV0Raw(self._sender)


class RequestStatusV0Raw:
    """The methods of request status on /api/v0, returning RawResponse."""

    def __init__(self, sender: Sender) -> None:
        resource = RequestStatusV0(sender, raw=True)
        self.get = raw(resource.get)


class RequestStatusV1(_RequestStatus):
    """What became of a request, on /api/v1.

    Both methods raise RequestValidationError (an argument is wrong, nothing was sent), and APIConnectionError,
    APITimeoutError, APIStatusError or APIResponseValidationError as drawn in `evermemos.errors`.
    """

    def get(
        self,
        *,
        request_id: str,
        timeout: TimeoutTypes | Unset = UNSET,
        deadline: float | None | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> RequestStatusResponse:
        """Ask what became of a request (operation get_request_status_v1).

        `response.data["status"]` is "start" while it is worked on, then "success" or "failed". `response.found` is
        False when the server does not know the request: servers forget after a while (the open-source one after an
        hour), and the open-source ones never knew a request that they had answered with 200.

        Args:
            request_id: From the answer to the request. It goes into the query and the header, for older servers
                read the header only.

        The options are those of all methods: `timeout` (seconds, or httpx.Timeout), `deadline` (seconds),
        `max_retries`, `extra_headers`, `extra_query`, `extra_body`.
        """
        return self._call(
            GET_V1,
            Options(timeout, extra_headers, extra_query, extra_body, max_retries, deadline),
            query={"request_id": request_id, "x_request_id": request_id},
        )

    @property
    def with_raw_response(self) -> RequestStatusV1Raw:
        """The same methods, returning the answer as it came: status, headers, body and `parse()`."""
        return RequestStatusV1Raw(self._sender)


class RequestStatusV1Raw:
    """The methods of request status on /api/v1, returning RawResponse."""

    def __init__(self, sender: Sender) -> None:
        resource = RequestStatusV1(sender, raw=True)
        self.get = raw(resource.get)
