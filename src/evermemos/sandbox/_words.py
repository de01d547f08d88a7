"""Text, as SQLite's full-text search takes it.

Its tokenizer takes what stands between two spaces for a word, so that a whole sentence of Chinese would be one. Here
each letter of such a script is a word, and two that follow one another are looked for. What else is a word is decided
here too, for text and queries alike: SQLite knows fewer letters.

Each word is kept once for each scope that it can be looked for in, a group or a user, with the number of the scope
before it. So a search reads what the index says of its scope, and costs the same in a store of any size; the rank asks
for all texts that have a word. Digits before a word leave the stemming of English alone: they are consonants to it.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A run of Chinese, Japanese or Korean letters. Compiled at its first use, since that takes a while.
_RUN = "([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"


def scope(*parts: str) -> str:
    """Give the number of a scope: always as many digits, so that none is the beginning of another."""
    digest = blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return f"{int.from_bytes(digest):020d}"


def indexed(text: str, scopes: Iterable[str]) -> str:
    """Write text so that each of its words is found in each of the scopes."""
    words = [part for word, is_run in _words(text) for part in (word if is_run else [word])]
    return " ".join(f"{each}{word}" for each in scopes for word in words)


def fts_query(text: str, scopes: Iterable[str]) -> str | None:
    """Write the query that finds text with any of the words of another, in any of the scopes. None if it has none.

    Every word is quoted: none of them is an operator.
    """
    found: dict[tuple[str, ...], None] = {}
    for word, is_run in _words(text):
        pairs: list[tuple[str, ...]] = list(pairwise(word)) if is_run else []
        found.update(dict.fromkeys(pairs or [(word,)]))
    phrases = (" ".join(f"{each}{word}" for word in words) for each in scopes for words in found)
    return " OR ".join(f'"{phrase}"' for phrase in phrases) or None


def _words(text: str) -> list[tuple[str, bool]]:
    """Split text into words, each with whether it is a run of letters of a script without spaces."""
    parts = ([word] if word.isascii() else re.split(_RUN, word) for word in re.findall(r"[^\W_]+", text))
    # Every other part is a run.
    return [(part, number % 2 == 1) for word in parts for number, part in enumerate(word) if part]
