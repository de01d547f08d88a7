"""Memories that are listed are of the kind that was asked for: nothing in them says it."""

from __future__ import annotations

from typing import Any

from evermemos_api.types import DecodeError, Model, reread

KINDS = {
    "profile": "ProfileMemory",
    "episodic_memory": "EpisodicMemory",
    "event_log": "EventLogMemory",
    "foresight": "ForesightMemory",
    "agent_case": "AgentCaseMemory",
    "agent_skill": "AgentSkillMemory",
}


def as_asked(result: Any, kind: Any) -> None:
    """Decode the memories of a page again where their fields were taken for those of another kind.

    Args:
        result (Any): The page.
        kind (Any): What was asked for. Of several values of one key servers take the last.

    Raises:
        DecodeError: If one has the fields of its kind, and something else in them.
    """
    from evermemos_api import models

    name = KINDS.get(str(kind[-1] if isinstance(kind, list) and kind else kind))
    if name is None:
        return
    wanted: type[Model] = getattr(models, name)
    for index, memory in enumerate(result.memories):
        # A profile requires so little that memories of other kinds pass for one when a field is missing.
        otherwise = models.OtherMemory if type(memory) is models.ProfileMemory else type(memory)
        try:
            result.memories[index] = reread(memory, wanted, otherwise)
        except DecodeError as error:
            for key in (index, "memories", "result"):
                error.inside(key)
            raise
