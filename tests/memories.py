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

    def listed(self, kind: str = "episodic_memory", **params: Any) -> list[dict[str, Any]]:
        """List memories, all there are unless something else is asked for."""
        if self.api == "v1":
            params = {"group_id": "g", "limit": 500} | params
        elif "group_id" in params:
            params["group_ids"] = params.pop("group_id")
        if self.api == "v0":
            params = {"page_size": 100} | params
        memories: list[dict[str, Any]] = self.ask("/memories", memory_type=kind, **params)["result"]["memories"]
        return memories

    def searched(self, query: str, **params: Any) -> list[tuple[dict[str, Any], float]]:
        """Search, and give what was found with its scores, in the order of the answer."""
        if self.api == "v0":
            result = self.ask("/memories/search", query=query, **params)["result"]
            return [(item, item["score"]) for item in result["memories"]]
        params = {"group_id": "g"} | params
        result = self.ask("/memories/search", query=query, **params)["result"]
        found: list[tuple[dict[str, Any], float]] = []
        for memories, scores in zip(result["memories"], result["scores"], strict=True):
            assert list(memories) == list(scores)
            for group in memories:
                assert {item["group_id"] or "" for item in memories[group]} == {group}
                found += zip(memories[group], scores[group], strict=True)
        return found

    def facts(self, query: str, **params: Any) -> list[str]:
        found = self.searched(query, memory_types="event_log", **params)
        return [item["atomic_fact"] for item, _ in found]

    def delete(self, **filters: Any) -> Any:
        return self.raw("DELETE", "/memories", filters)

    def pending(self, **params: Any) -> list[dict[str, Any]]:
        """Read the messages that no memories were made of."""
        if self.api == "v1":
            params = {"group_id": "g"} | params
        messages: list[dict[str, Any]] = self.ask("/memories/search", **params)["result"]["pending_messages"]
        return messages


@pytest.fixture
def v0() -> Talk:
    return Talk("v0")


@pytest.fixture
def v1() -> Talk:
    return Talk("v1")
