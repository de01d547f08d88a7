from typing import Literal

Scene = Literal["assistant", "group_chat"]

SCENE_VALUES: set[Scene] = {
    "assistant",
    "group_chat",
}


def check_scene(value: str) -> Scene:
    if value in SCENE_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {SCENE_VALUES!r}")
