"""One fake key and one fake personal text, pushed through everything, are shown nowhere."""

import contextlib
import copy
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
import pytest
from conftest import PATCHED, RECORD, ROOT, Flavour, Handler, answer

from evermemos import AsyncEverMemOS, ConfigurationError, EverMemOS, EverMemOSError

KEY = "sk-canary-5d41402abc4b2a76"
PERSONAL = "Maria Gonzalez told nobody that she is ill"
OTHER = "hunter2"
OURS = (str(ROOT / "src" / "evermemos"), str(ROOT / "generated"))
CLIENTS: list[Any] = [EverMemOS, AsyncEverMemOS]


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and those that are printed above it."""
    yield error
    other = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if other is not None:
        yield from chain(other)


def shown(error: BaseException) -> Iterator[str]:
    """All that a log, a crash report or another process may get to see of an error."""
    for part in chain(error):
        yield from (str(part), repr(part), repr(part.args), pprint.pformat(vars(part)))
        yield from traceback.format_exception(part)
    for twin in (copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        yield from (str(twin), repr(vars(twin)))
    yield from (repr(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1))


def locals_of_ours(error: BaseException) -> Iterator[str]:
    """The local variables of our functions in the tracebacks of an error, as a crash report prints them."""
    for part in chain(error):
        for frame, _ in traceback.walk_tb(part.__traceback__):
            if frame.f_code.co_filename.startswith(OURS):
                for name, value in frame.f_locals.items():
                    with contextlib.suppress(AttributeError):
                        yield f"{frame.f_code.co_name}: {name} = {value!r}"


def assert_hidden(secret: str, texts: Iterable[str]) -> None:
    for text in texts:
        assert secret not in text


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evermemos._call.FIRST_WAIT", 0.0)


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """In every test of this file, nothing secret goes to the log, not even with all of it switched on."""
    caplog.set_level(logging.DEBUG, "evermemos")
    yield
    ours = [record for record in caplog.get_records("call") if record.name.split(".")[0] == "evermemos"]
    for record in ours:
        for secret in (KEY, PERSONAL, OTHER):
            assert secret not in record.getMessage()
            assert secret not in repr(vars(record))


def update(flavour: Flavour, client: Any, **arguments: Any) -> Any:
    return flavour.call(client.v1.memories.conversation_meta.update, **arguments)


def error_of(flavour: Flavour, handler: Handler, *, method: str = "update", **arguments: Any) -> EverMemOSError:
    client = flavour.client(handler, api_key=KEY)
    with pytest.raises(EverMemOSError) as caught:
        flavour.call(getattr(client.v1.memories.conversation_meta, method), **arguments)
    return caught.value


# A server that repeats the key

ECHOES: dict[str, Callable[[str], httpx.Response]] = {
    "application": lambda auth: answer({"status": "failed", "code": "HTTP_ERROR", "message": f"headers: {auth}"}, 400),
    "code": lambda auth: answer({"code": auth, "message": "no"}, 401),
    "error": lambda auth: answer({"error": auth, "message": "no"}, 401),
    "type": lambda auth: answer({"type": auth, "message": "no"}, 401),
    "framework": lambda auth: answer({"detail": f"bad header {auth}"}, 403),
    "complaint": lambda auth: answer({"detail": [{"loc": ["header"], "msg": f"bad {auth}", "type": "x"}]}, 422),
    "place": lambda auth: answer({"detail": [{"loc": ["header", auth], "msg": "bad", "type": "x"}]}, 422),
    "kind": lambda auth: answer({"detail": [{"loc": ["header"], "msg": "bad", "type": auth}]}, 422),
    "input": lambda auth: answer({"detail": [{"loc": [], "msg": "b", "input": auth, "ctx": {"a": auth}}]}, 422),
    "plain text": lambda auth: answer(f"refused: {auth}", 500, content_type="text/plain"),
    "html": lambda auth: answer(f"<html>{auth}</html>", 502, content_type="text/html"),
    "broken json": lambda auth: answer(f'{{"message": "{auth}', 500),
    "list": lambda auth: answer([auth], 500),
    "cut at the end": lambda auth: answer({"message": "x" * (500 - len(KEY)) + auth}, 500),
    "cut inside": lambda auth: answer({"message": "word " * 95 + auth}, 500),
    "redirect": lambda auth: answer({}, 307, location=f"http://localhost/{auth.split()[-1]}"),
    "request id": lambda auth: answer({}, 500, x_request_id=auth),
    "failed": lambda auth: answer({**PATCHED, "status": "failed", "message": auth}),
    "failed, unfit": lambda auth: answer({"status": "failed", "message": auth}),
    "unfit": lambda auth: answer({"status": [auth], "result": auth}),
    "unfit inside": lambda auth: answer({"result": {"id": {auth: auth}, "user_details": {auth: auth}}}),
    "not json": lambda auth: answer(f"{auth}"),
    "content type": lambda auth: answer("x", content_type=auth),
}


def echoed(flavour: Flavour, echo: str, method: str) -> EverMemOSError:
    seen = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return ECHOES[echo](seen[-1])

    error = error_of(flavour, handler, method=method)
    assert set(seen) == {f"Bearer {KEY}"}
    return error


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("method", ["update", "get"])
def test_an_error_does_not_show_a_key_that_the_server_repeats(flavour: Flavour, echo: str, method: str) -> None:
    error = echoed(flavour, echo, method)
    assert_hidden(KEY, shown(error))
    # A cut through the key must not leave most of it.
    assert_hidden(KEY[:12], shown(error))


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("method", ["update", "get"])
def test_no_local_variable_shows_a_key_that_the_server_repeats(flavour: Flavour, echo: str, method: str) -> None:
    assert_hidden(KEY, locals_of_ours(echoed(flavour, echo, method)))


@pytest.mark.parametrize("cls", [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError, OSError, RuntimeError])
def test_a_failure_that_repeats_the_key_is_not_shown(flavour: Flavour, cls: type[Exception]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise cls(f"failed with {request.headers['authorization']}")

    error = error_of(flavour, handler)
    assert_hidden(KEY, shown(error))
    assert_hidden(KEY, locals_of_ours(error))


# A server that repeats the request


def complaint(msg: str = "Input should be a valid string", input: Any = None, **more: Any) -> dict[str, Any]:
    return {"detail": [{"type": "string_type", "loc": ["body", "name"], "msg": msg, "input": input, **more}]}


REPEATED: dict[str, tuple[str, Any]] = {
    "input": (PERSONAL, complaint(input=PERSONAL)),
    "the whole body": (PERSONAL, complaint("Field required", {"user_details": {"u": {"full_name": PERSONAL}}})),
    "context": (PERSONAL, complaint(ctx={"error": PERSONAL, "input": [PERSONAL]})),
    "in msg": (PERSONAL, complaint(f"Value error, {PERSONAL!r} is too long", PERSONAL)),
    "in msg, from inside": (PERSONAL, complaint(f"no such tag: {PERSONAL}", {"tags": ["ok", PERSONAL]})),
    "a short name": ("Bob", complaint("'Bob' is not allowed", "Bob")),
    "a chinese name": ("李明", complaint("李明 is not allowed", {"full_name": "李明"})),
    "a number": ("5550123456", complaint("5550123456 is not a string", 5550123456)),
    "a key": ("maria@example.org", complaint("no such user: maria@example.org", {"maria@example.org": {}})),
    "several lines": ("at home", complaint("bad: 'Ill since May,\\nat home'", "Ill since May,\nat home")),
    "very deep": (PERSONAL, complaint(f"bad {PERSONAL}", eval("[" * 50 + repr(PERSONAL) + "]" * 50))),
    "pydantic": (PERSONAL, complaint(f"bad [type=x, input_value={PERSONAL!r}, input_type=str]")),
    "pydantic, cut": (PERSONAL, {"detail": f"1 error\nname\n  bad [type=x, input_value='{PERSONAL}"}),
    "pydantic, message": (PERSONAL, {"message": f"bad [type=x, input_value='{PERSONAL}', input_type=str]"}),
    "pydantic, plain text": (PERSONAL, f"1 error\nname\n  bad [type=x, input_value='{PERSONAL}', input_type=str]"),
    "without msg": (PERSONAL, {"detail": [{"input": PERSONAL}]}),
    "without detail": (PERSONAL, {"input": PERSONAL}),
    "html": (PERSONAL, f"<html>{PERSONAL}</html>"),
}


@pytest.mark.parametrize("kind", REPEATED)
def test_an_error_never_holds_what_a_422_repeats_of_the_request(flavour: Flavour, kind: str) -> None:
    said, body = REPEATED[kind]
    content_type = "text/html" if kind == "html" else "text/plain" if isinstance(body, str) else "application/json"
    error = error_of(flavour, lambda _: answer(body, 422, content_type=content_type))
    assert error.message
    assert_hidden(said, [str(error), repr(error), repr(vars(error)), repr(vars(pickle.loads(pickle.dumps(error))))])


@pytest.mark.parametrize(
    "body",
    [
        {"result": {"id": "1", "user_details": {"u": {"full_name": [PERSONAL]}}}},
        {"result": {"id": [PERSONAL]}},
        {"result": PERSONAL},
        {"result": {**RECORD["result"], "tags": PERSONAL}},  # type: ignore[dict-item]
        {"result": {**RECORD["result"], "tags": [[PERSONAL]]}},  # type: ignore[dict-item]
        PERSONAL,
    ],
)
def test_an_answer_that_does_not_fit_is_described_without_its_text(flavour: Flavour, body: Any) -> None:
    error = error_of(flavour, lambda _: answer(body), method="get")
    assert_hidden(PERSONAL, [str(error), repr(error), repr(vars(error))])


def test_what_a_person_wrote_is_in_no_refusal_of_their_field(flavour: Flavour) -> None:
    for arguments in (
        {"description": [PERSONAL]},
        {"tags": PERSONAL},
        {"scene_desc": PERSONAL},
        {"user_details": {"u": {"full_name": [PERSONAL]}}},
        {"user_details": {"u": {"full_name": PERSONAL, "role": 5}}},
        {"user_details": {"u": {"full_nam": PERSONAL}}},
    ):
        error = error_of(flavour, lambda _: answer(PATCHED), **arguments)
        assert_hidden(PERSONAL, [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])


# Objects that a user can reach


def reachable(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """An object, and all that hangs on it which is ours or httpx's."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    children: list[Any] = []
    if isinstance(thing, dict):
        children = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set)):
        children = list(thing)
    elif type(thing).__module__.split(".")[0] in ("evermemos", "evermemos_api", "httpx", "httpcore"):
        yield thing
        slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())]
        children = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
        children += [getattr(thing, name, None) for name in slots]
        children += [getattr(thing, "__self__", None)]
    for child in children:
        yield from reachable(child, seen)


@pytest.mark.socket
@pytest.mark.parametrize("where", ["argument", "environment"])
def test_no_object_that_a_user_can_reach_shows_the_key(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, serve: Any, where: str
) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", KEY)
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    settings: dict[str, Any] = {"api_key": KEY if where == "argument" else None, "base_url": server.url}
    client = flavour.client(
        **settings, default_headers={"X-Secret": OTHER}, proxy=None, timeout=30, max_response_bytes=1_000
    )
    meta = client.v1.memories.conversation_meta
    raw = flavour.call(meta.with_raw_response.update, description=PERSONAL, extra_headers={"X-More": OTHER})
    assert b"authorization: bearer " + KEY.encode() in server.requests[0].lower()
    copies = [client.with_options(timeout=1), copy.copy(client), copy.deepcopy(client)]
    objects = list(reachable([client, copies, client.v0, client.v1, meta, meta.with_raw_response, raw, raw.parse], {}))
    assert len(objects) > 10
    for thing in objects:
        for text in (repr(thing), str(thing), f"{thing}", pprint.pformat(thing), repr(getattr(thing, "__dict__", ""))):
            for secret in (KEY, PERSONAL):
                assert secret not in text
            if type(thing).__module__.startswith("evermemos"):
                assert OTHER not in repr(thing)


def test_a_pickled_client_does_not_hold_the_key(flavour: Flavour) -> None:
    client = flavour.client(api_key=KEY)
    for thing in (client, client.with_options(timeout=3), client._settings):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert KEY.encode() not in pickle.dumps(thing, protocol)


def test_a_client_that_is_half_made_has_a_repr_too(flavour: Flavour) -> None:
    # A crash report prints `self` of the constructor that failed.
    assert flavour.cls.__name__ in repr(object.__new__(flavour.cls))


# Construction

BAD_KEYS = [
    *("", " ", "\t\n", f"{KEY}\r", f"{KEY}\n", f"{KEY}\r\nX-Injected: 1", f"\n{KEY}", f"{KEY}\0", f"{KEY}\x7f"),
    *(f"{KEY}é", f"{KEY}\u200b", f"{KEY}\ud800", KEY.encode(), [KEY], {KEY: 1}, 5, 0, True, object),
]


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key)[:60])
def test_a_key_that_cannot_be_sent_is_a_value_error_at_construction(cls: Any, key: Any) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        cls(api_key=key, base_url="http://localhost:1995")
    assert isinstance(caught.value, ConfigurationError)
    assert_hidden(KEY, shown(caught.value))
    assert_hidden(KEY, locals_of_ours(caught.value))


@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize("key", [" ", f"{KEY}\n", f"{KEY}\r", f"{KEY}é"], ids=ascii)
def test_a_key_of_the_environment_is_checked_too(cls: Any, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", key)
    with pytest.raises(ValueError, match="api_key") as caught:
        cls()
    assert_hidden(KEY, shown(caught.value))
    assert_hidden(KEY, locals_of_ours(caught.value))


@pytest.mark.parametrize("where", ["argument", "environment"])
@pytest.mark.parametrize("cls", CLIENTS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"timeout": "soon"},
        {"deadline": 0},
        {"base_url": "ftp://localhost"},
        {"base_url": f"https://localhost/?key={KEY}"},
        {"base_url": f"https://{KEY}@localhost"},
        {"base_url": f"https://user:{KEY}@localhost"},
        {"proxy": "ftp://localhost"},
        {"verify": "/no/such/file"},
        {"http_client": "no client"},
        {"max_response_bytes": 0},
        {"default_headers": [KEY]},
        {"default_headers": {"X-A": f"{KEY}\n"}},
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_without_the_key(
    cls: Any, wrong: dict[str, Any], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERMEMOS_API_KEY", KEY)
    with pytest.raises(ConfigurationError) as caught:
        cls(**({"api_key": KEY} if where == "argument" else {}), **wrong)
    assert_hidden(KEY, shown(caught.value))
    if KEY not in str(wrong):
        assert_hidden(KEY, locals_of_ours(caught.value))
