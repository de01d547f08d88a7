"""Shorthand for talking to the memories of a sandbox."""

import json
import urllib.parse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings

from evermemos.sandbox import Sandbox
from evermemos.sandbox._extraction import EPISODE

START = datetime(2025, 1, 15, 10, tzinfo=UTC)
VERSIONS = pytest.mark.parametrize("api", ["v0", "v1"])
BOUNDED = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def conversation(*messages: Any, **meta: Any) -> dict[str, Any]:
    """Write what is loaded: messages and metadata of a group."""
    return {"conversation_meta": {"group_id": "g", **meta}, "conversation_list": list(messages)}


class Talk:
    """Shorthand for talking to the memories of one API version."""

    def __init__(self, api: str, sandbox: Sandbox | None = None) -> None:
        self.api = api
        self.sandbox = sandbox or Sandbox()
        self.sent = 0

    def raw(self, method: str, path: str = "", body: Any = None, headers: dict[str, str] | None = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        fields = {"Authorization": "Bearer any", **(headers or {})}
        answer = self.sandbox.handle(method, f"/api/{self.api}{path}", fields, content)
        return answer.status, json.loads(answer.body)

    def ask(self, path: str = "/memories", /, **params: Any) -> Any:
        status, content = self.raw("GET", f"{path}?{urllib.parse.urlencode(params, doseq=True)}")
        assert status == 200, content
        return content

    def add(self, content: str = "", *, minute: int | None = None, **fields: Any) -> Any:
        """Send a message, each a minute after the one before."""
        self.sent += 1
        time = START + timedelta(minutes=self.sent if minute is None else minute)
        message = {
            "message_id": f"m{self.sent}",
            "create_time": time.isoformat(),
            "sender": "ann",
            "content": content or f"message {self.sent}",
            "group_id": "g",
            **fields,
        }
        status, answer = self.raw("POST", "/memories", message)
        assert status in (200, 202), answer
        return answer

    def episode(self, *contents: str, **fields: Any) -> Any:
        """Send an episode's messages."""
        assert len(contents) <= EPISODE
        for content in [*contents, *(f"line {n}" for n in range(len(contents), EPISODE))]:
            answer = self.add(content, **fields)
        return answer

    def say(self, *contents: str, **fields: Any) -> None:
        """Have a memory made of each message: a fact on v1, and an episode on v0, which searches no facts."""
        if self.api == "v0":
            for content in contents:
                self.add(content, **fields, flush=True)
            return
        for start in range(0, len(contents), EPISODE):
            self.episode(*contents[start : start + EPISODE], **fields)

    def asked(self, params: dict[str, Any]) -> dict[str, Any]:
        """Name groups as this version does, and the group "g" where nobody is named."""
        rest = {name: value for name, value in params.items() if name not in ("group_id", "group_ids")}
        groups = params.get("group_ids", params.get("group_id", [] if "user_id" in params else "g"))
        return rest if groups == [] else {**rest, "group_ids" if self.api == "v0" else "group_id": groups}

    def page(self, kind: str = "episodic_memory", **params: Any) -> dict[str, Any]:
        """List memories, with all that the result says."""
        result: dict[str, Any] = self.ask("/memories", memory_type=kind, **self.asked(params))["result"]
        return result

    def listed(self, kind: str = "episodic_memory", **params: Any) -> list[dict[str, Any]]:
        """List memories, all there are unless something else is asked for."""
        most = {"page_size": 100} if self.api == "v0" else {"limit": 500}
        memories: list[dict[str, Any]] = self.page(kind, **{**most, **params})["memories"]
        if self.api == "v0" and kind == "profile":
            (one,) = memories
            memories = one["profiles"]
        return memories

    def found(self, query: str | None = None, **params: Any) -> dict[str, Any]:
        """Search, and give the result."""
        asked = {} if query is None else {"query": query}
        result: dict[str, Any] = self.ask("/memories/search", **asked, **self.asked(params))["result"]
        return result

    def searched(self, query: str, **params: Any) -> list[tuple[dict[str, Any], float]]:
        """Search, and give what was found with its scores, in the order of the answer."""
        result = self.found(query, **params)
        if self.api == "v0":
            return [(item, item["score"]) for item in result["memories"]]
        found: list[tuple[dict[str, Any], float]] = []
        for memories, scores in zip(result["memories"], result["scores"], strict=True):
            assert list(memories) == list(scores)
            for group in memories:
                assert {item["group_id"] or "" for item in memories[group]} == {group}
                found += zip(memories[group], scores[group], strict=True)
        return found

    def facts(self, query: str, **params: Any) -> list[str]:
        """Search what was said."""
        kind, name = ("episodic_memory", "subject") if self.api == "v0" else ("event_log", "atomic_fact")
        return [item[name] for item, _ in self.searched(query, memory_types=kind, **params)]

    def delete(self, **filters: Any) -> Any:
        return self.raw("DELETE", "/memories", filters)

    def pending(self, **params: Any) -> list[dict[str, Any]]:
        """Read the messages that no memories were made of."""
        messages: list[dict[str, Any]] = self.found(**params)["pending_messages"]
        return messages


@pytest.fixture
def v0() -> Talk:
    return Talk("v0")


@pytest.fixture
def v1() -> Talk:
    return Talk("v1")
