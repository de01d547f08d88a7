"""Many records at once: files of them, and what `client.v1.bulk` takes and gives.

    from evermemos import EverMemOS
    from evermemos.bulk import read

    client = EverMemOS()
    records = read("conversations.yaml")
    for result in client.v1.bulk.apply(records, journal="apply.journal", failures="failed.jsonl"):
        print(result.group_id, result.action, result.error or "")

On /api/v0 there is one record, and so no bulk.
"""

from ._engine import Action, Result
from ._input import Input, read, write
from ._journal import groups as journal_groups
from ._plan import Change
from ._record import Record
from ._run import AsyncRun, Run

__all__ = ["Action", "AsyncRun", "Change", "Input", "Record", "Result", "Run", "journal_groups", "read", "write"]
