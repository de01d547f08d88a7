"""An EverMemOS for tests and for trying things out, which answers as recorded servers do, mistakes included.

In process, without a socket:

    >>> from evermemos import EverMemOS, ScopeMismatchError
    >>> from evermemos.sandbox import Sandbox
    >>> sandbox = Sandbox()
    >>> meta = EverMemOS.sandbox(sandbox).v0.memories.conversation_meta
    >>> meta.create(created_at="2025-01-15T10:00:00Z", scene="assistant", scene_desc={}).result.is_default
    True
    >>> sandbox.requests[-1].operation
    'create_conversation_meta_v0'

It has no language model: memories are the messages themselves, cut and joined, and search goes by words, whatever way
is asked for, ranked well enough to try things out. Memories of other kinds, such as foresights, can be put into it:

    >>> foresight = sandbox.seed("v1", "foresight", group_id="group_123", content="They will compare databases.")
    >>> listed = EverMemOS.sandbox(sandbox).v1.memories.get(group_id="group_123", memory_type="foresight").result
    >>> listed.memories[0].id == foresight
    True

As an HTTP server: `evermemos sandbox` on the command line, `Sandbox.serve` in a program, `Sandbox.asgi` elsewhere.
"""

from ._core import Sandbox
from ._faults import Fault
from ._messages import Answer, Request

__all__ = ["Answer", "Fault", "Request", "Sandbox"]
