"""What a user's type checker says of correct and of wrong calls. Never run: `make types` checks it.

Each `type: ignore` names the error that must be there; one that is not needed fails the check.
"""

from datetime import UTC, datetime
from typing import assert_type

from evermemos_api.models import (
    ConversationMetaEnvelope,
    ConversationMetaEnvelopeV0,
    PatchConversationMetaResponse,
    UserDetail,
)

from evermemos import AsyncEverMemOS, EverMemOS, RawResponse

client = EverMemOS(api_key="k")
v0, v1 = client.v0.memories.conversation_meta, client.v1.memories.conversation_meta

assert_type(v0.update(description=None, tags=["a"]), PatchConversationMetaResponse)
assert_type(v0.get(), ConversationMetaEnvelopeV0)
assert_type(v1.get(group_id="g", on_missing="error"), ConversationMetaEnvelope)
assert_type(v1.get().result.name, str)
assert_type(v1.with_raw_response.get(), RawResponse[ConversationMetaEnvelope])
assert_type(v1.with_raw_response.update(name="n").parse(), PatchConversationMetaResponse)
v1.update(user_details={"u": {"full_name": "A", "role": "user"}, "v": UserDetail(full_name="B")}, timeout=5)
v1.create(version="1", scene="assistant", scene_desc={}, name="n", created_at=datetime.now(UTC))
v0.create(
    created_at="2025-01-01T00:00:00Z", scene=None, llm_custom_setting={"boundary": {"provider": "p", "model": "m"}}
)

v1.update(groupId="g")  # type: ignore[call-arg]
v1.update("g")  # type: ignore[call-arg]
v1.update(tags="a, b", name=5)  # type: ignore[arg-type]
v1.update(user_details={"u": {"fullname": "A"}})  # type: ignore[dict-item]
v1.update(user_details={"u": {"role": "admin"}})  # type: ignore[dict-item]
v1.create(version="1", scene="team", scene_desc={}, name="n", created_at="")  # type: ignore[arg-type]
v1.create(version="1", scene="assistant", scene_desc={}, name="n")  # type: ignore[call-arg]
v1.create(version="1", scene="assistant", scene_desc=None, name="n", created_at="")  # type: ignore[arg-type]
v1.get(on_missing="raise")  # type: ignore[arg-type]
v0.get(group_id="g", on_missing="raise")  # type: ignore[arg-type]
v0.update(user_details={"u": {"role": "tool"}})
v1.update(user_details={"u": {"role": "tool"}})  # type: ignore[dict-item]


async def asynchronous(client: AsyncEverMemOS) -> None:
    v1 = client.v1.memories.conversation_meta
    assert_type(await v1.get(), ConversationMetaEnvelope)
    assert_type(await v1.with_raw_response.get(), RawResponse[ConversationMetaEnvelope])
    await v1.update(name=5)  # type: ignore[arg-type]
