from typing import Literal

RetrieveMethod = Literal["agentic", "hybrid", "keyword", "rrf", "vector"]

RETRIEVE_METHOD_VALUES: set[RetrieveMethod] = {
    "agentic",
    "hybrid",
    "keyword",
    "rrf",
    "vector",
}


def check_retrieve_method(value: str) -> RetrieveMethod:
    if value in RETRIEVE_METHOD_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RETRIEVE_METHOD_VALUES!r}")
