from typing import Literal

UserRoleV0 = Literal["assistant", "tool", "user"]

USER_ROLE_V0_VALUES: set[UserRoleV0] = {
    "assistant",
    "tool",
    "user",
}


def check_user_role_v0(value: str) -> UserRoleV0:
    if value in USER_ROLE_V0_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {USER_ROLE_V0_VALUES!r}")
