from typing import Literal

MemoryTypeV0 = Literal["agent_case", "agent_skill", "episodic_memory", "event_log", "foresight", "profile"]

MEMORY_TYPE_V0_VALUES: set[MemoryTypeV0] = {
    "agent_case",
    "agent_skill",
    "episodic_memory",
    "event_log",
    "foresight",
    "profile",
}


def check_memory_type_v0(value: str) -> MemoryTypeV0:
    if value in MEMORY_TYPE_V0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {MEMORY_TYPE_V0_VALUES!r}")
