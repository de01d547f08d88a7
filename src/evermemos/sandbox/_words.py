"""Text, as SQLite's full-text search takes it.

Its tokenizer takes what stands between two spaces for a word, so that a whole sentence of Chinese would be one. Here
each letter of such a script is a word, and two that follow one another are looked for. What else is a word is decided
here too, for text and queries alike: SQLite knows fewer letters.
"""

from __future__ import annotations

import re
from itertools import pairwise

# A run of Chinese, Japanese or Korean letters. Compiled at its first use, since that takes a while.
_RUN = "([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"


def indexed(text: str) -> str:
    """Write text so that each of its words is found."""
    return " ".join(" ".join(word) if is_run else word for word, is_run in _words(text))


def question(text: str) -> str | None:
    """Write what finds text with any of the words of another. None if it has none.

    Every word is quoted: none of them is an operator.
    """
    found: dict[str, None] = {}
    for word, is_run in _words(text):
        pairs = [f"{one} {other}" for one, other in pairwise(word)] if is_run else []
        found.update(dict.fromkeys(pairs or [word]))
    return " OR ".join(f'"{word}"' for word in found) or None


def _words(text: str) -> list[tuple[str, bool]]:
    """Split text into words, each with whether it is a run of letters of a script without spaces."""
    parts = ([word] if word.isascii() else re.split(_RUN, word) for word in re.findall(r"\w+", text))
    # Every other part is a run.
    return [(part, number % 2 == 1) for word in parts for number, part in enumerate(word) if part]
