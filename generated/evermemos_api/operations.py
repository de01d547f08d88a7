"""What openapi.yaml says of operations that their modules do not."""

from typing import Any, Final

# Operations that may be sent again after an unknown outcome.
SAFE_TO_REPEAT: Final = frozenset(
    [
        "get_conversation_meta_v0",
        "get_conversation_meta_v1",
        "get_health",
        "get_memories_v0",
        "get_memories_v1",
        "get_request_status_v0",
        "get_request_status_v1",
        "search_memories_v0",
        "search_memories_v1",
    ]
)
# By operation, the names of its parameters in Python, and what their values may be.
PARAMETERS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "get_conversation_meta_v0": {"group_id": {"type": "string"}},
    "get_conversation_meta_v1": {"group_id": {"type": "string"}},
    "get_memories_v0": {
        "user_id": {"type": "string"},
        "group_ids": {"type": "array", "items": {"type": "string"}},
        "memory_type": {
            "type": "string",
            "enum": ["profile", "episodic_memory", "foresight", "event_log", "agent_case", "agent_skill"],
        },
        "page": {"type": "integer", "minimum": 1},
        "page_size": {"type": "integer", "minimum": 1, "maximum": 100},
        "start_time": {"type": "string"},
        "end_time": {"type": "string"},
    },
    "search_memories_v0": {
        "user_id": {"type": "string"},
        "group_ids": {"type": "array", "items": {"type": "string"}},
        "query": {"type": "string"},
        "memory_types": {
            "type": "array",
            "items": {
                "type": "string",
                "enum": ["profile", "episodic_memory", "foresight", "event_log", "agent_case", "agent_skill"],
            },
        },
        "retrieve_method": {"type": "string", "enum": ["keyword", "vector", "hybrid", "rrf", "agentic"]},
        "top_k": {"type": "integer", "minimum": -1, "maximum": 100},
        "include_metadata": {"type": "boolean"},
        "radius": {"type": "number", "minimum": 0, "maximum": 1},
        "start_time": {"type": "string"},
        "end_time": {"type": "string"},
        "current_time": {"type": "string"},
    },
    "get_request_status_v0": {"request_id": {"type": "string"}},
    "get_memories_v1": {
        "user_id": {"type": "string"},
        "group_id": {"type": "string"},
        "memory_type": {"type": "string", "enum": ["profile", "episodic_memory", "foresight", "event_log"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500},
        "start_time": {"type": "string"},
        "end_time": {"type": "string"},
    },
    "search_memories_v1": {
        "user_id": {"type": "string"},
        "group_id": {"type": "string"},
        "query": {"type": "string"},
        "retrieve_method": {"type": "string", "enum": ["keyword", "vector", "hybrid", "rrf", "agentic"]},
        "memory_types": {
            "type": "array",
            "items": {"type": "string", "enum": ["profile", "episodic_memory", "foresight", "event_log"]},
        },
        "top_k": {"type": "integer", "minimum": 1, "maximum": 100},
        "include_metadata": {"type": "boolean"},
        "radius": {"type": "number", "minimum": 0, "maximum": 1},
        "start_time": {"type": "string"},
        "end_time": {"type": "string"},
        "current_time": {"type": "string"},
    },
    "get_request_status_v1": {"request_id": {"type": "string"}, "x_request_id": {"type": "string"}},
}
