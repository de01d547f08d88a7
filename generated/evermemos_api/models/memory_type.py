from typing import Literal

MemoryType = Literal["episodic_memory", "event_log", "foresight", "profile"]

MEMORY_TYPE_VALUES: set[MemoryType] = {
    "episodic_memory",
    "event_log",
    "foresight",
    "profile",
}


def check_memory_type(value: str) -> MemoryType:
    if value in MEMORY_TYPE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {MEMORY_TYPE_VALUES!r}")
