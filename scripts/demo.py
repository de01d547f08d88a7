"""Run the published examples of the three reference pages against an embedded server, over a real loopback socket.

Prints what was sent and what came back, a line a field. Exit code 0 if everything matched, 1 if not.
"""

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from evermemos_api.models import ConversationMetaEnvelope, PatchConversationMetaResponse

from evermemos import EverMemOS, ScopeMismatchError
from evermemos.sandbox import Sandbox

V0, V1 = "/api/v0/memories/conversation-meta", "/api/v1/memories/conversation-meta"
PATHS = yaml.safe_load((Path(__file__).resolve().parent.parent / "openapi.yaml").read_text())["paths"]
# The usage example of the reference page for PATCH /api/v0, to the letter.
SNIPPET = """\
from evermemos import EverMemOS

meta = EverMemOS(api_key="<api_key>").v0.memories.conversation_meta

response = meta.update(description="<new_description>")
print(response.status)
"""
# Under which name a field that was sent comes back.
RENAMED = {"created_at": "conversation_created_at"}
# What servers take and do not keep (docs/server-behaviour.md, section 5).
DROPPED = {"custom_role"}


class Table:
    """Prints what was sent beside what came back, and remembers whether all of it matched."""

    def __init__(self) -> None:
        self.matched: list[bool] = []
        self._column = (max(80, min(shutil.get_terminal_size((120, 24)).columns, 160)) - 24) // 2

    def title(self, text: str) -> None:
        print(f"\n{text}\n  {'field':<18} {'sent':<{self._column}} {'came back':<{self._column}}")

    def row(self, field: str, sent: object, came: object, *, matched: bool) -> None:
        self.matched.append(matched)
        cells = [self._cell(value).ljust(self._column) for value in (sent, came)]
        print(f"{'✓' if matched else '✗'} {field:<18} {' '.join(cells)}".rstrip())

    def status(self, answer: Any) -> None:
        self.row("(status, message)", "", f"{answer.status}, {answer.message}", matched=answer.status == "ok")

    def update(self, answer: PatchConversationMetaResponse, sent: Iterable[str]) -> None:
        self.status(answer)
        names, written = sorted(sent), answer.result.updated_fields
        self.row("(updated_fields)", names, written, matched=names == sorted(written or []))

    def fields(self, sent: Mapping[str, Any], came: Mapping[str, Any], dropped: set[str]) -> None:
        for name, value in sent.items():
            back = came.get(RENAMED.get(name, name))
            self.row(name, value, back, matched=contains(back, value, dropped))

    def _cell(self, value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text if len(text) < self._column else text[: self._column - 2] + "…"


def main() -> int:
    table = Table()
    with Sandbox(api_key="<api_key>").serve() as url:
        print(f"The published examples of the API's reference pages, sent to {url}")
        # A proxy of the environment would be asked for the loopback address.
        os.environ.update(EVERMEMOS_BASE_URL=url, NO_PROXY="127.0.0.1")
        with EverMemOS(api_key="<api_key>") as client:
            v1(table, client)
            v0(table, client)
    answers(table)
    failed = table.matched.count(False)
    print(f"\n{len(table.matched) - failed} of {len(table.matched)} matched.")
    return 1 if failed else 0


def v1(table: Table, client: EverMemOS) -> None:
    meta = client.v1.memories.conversation_meta

    body = example(V1, "post", "group")
    table.title(f"POST {V1}: set the record of a group (servers do not keep custom_role)")
    answer = meta.create(**body)
    table.status(answer)
    table.fields(body, answer.result.to_dict(), DROPPED)

    body = example(V1, "patch", "all_fields")
    table.title(f"PATCH {V1}: update every field, then GET it")
    updated = meta.update(**body)
    table.update(updated, body.keys() - {"group_id"})
    table.fields(body, meta.get(group_id=body["group_id"], on_missing="error").result.to_dict(), DROPPED)

    table.title(f"PATCH {V1}: a mistyped group_id, which a server takes for the default record")
    meta.create(**{**example(V1, "post", "group"), "group_id": None})
    raised = ""
    try:
        meta.update(group_id="group_l23", description="Updated description")
    except ScopeMismatchError as error:
        raised = f"ScopeMismatchError, changed: record {error.record_id}"
    table.row("group_id", "group_l23", raised, matched=bool(raised))


def v0(table: Table, client: EverMemOS) -> None:
    meta = client.v0.memories.conversation_meta

    body = example(V0, "post", "assistant")
    table.title(f"POST {V0}: set the record")
    answer = meta.create(**body)
    table.status(answer)
    table.fields(body, answer.result.to_dict(), DROPPED)

    table.title(f"PATCH {V0}: the reference page's own code, to the letter, then GET")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(SNIPPET, {})
    table.row("(printed)", "print(response.status)", printed.getvalue().strip(), matched=printed.getvalue() == "ok\n")
    table.fields({"description": "<new_description>"}, meta.get().result.to_dict(), DROPPED)

    body = example(V0, "patch", "all_fields")
    table.title(f"PATCH {V0}: update every field, then GET it")
    updated = meta.update(**body)
    table.update(updated, body.keys())
    table.fields(body, meta.get().result.to_dict(), DROPPED)


def answers(table: Table) -> None:
    table.title("The published answers, read into models and written again")
    for path, method, name, model in (
        (V1, "post", "full", ConversationMetaEnvelope),
        (V1, "post", "short", ConversationMetaEnvelope),
        (V1, "patch", "published", PatchConversationMetaResponse),
        (V0, "patch", "published", PatchConversationMetaResponse),
    ):
        published = PATHS[path][method]["responses"]["200"]["content"]["application/json"]["examples"][name]["value"]
        written = model.from_dict(published).to_dict()
        label = f"{method.upper()} {path[5:7]} {name}"
        table.row(label, published["result"], written["result"], matched=written == published)


def example(path: str, method: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = PATHS[path][method]["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    return body


def contains(record: Any, sent: Any, dropped: set[str]) -> bool:
    """Whether a record holds everything that was sent, except what the server is known to drop."""
    if isinstance(sent, Mapping):
        return isinstance(record, Mapping) and all(
            contains(record.get(key), value, dropped) for key, value in sent.items() if key not in dropped
        )
    return bool(record == sent)


if __name__ == "__main__":
    sys.exit(main())
