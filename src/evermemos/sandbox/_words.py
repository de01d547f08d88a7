"""Text, as SQLite's full-text search takes it.

Its tokenizer takes what stands between two spaces for a word, so that a whole sentence of Chinese would be one. Here
each letter of such a script is a word, and two that follow one another are looked for. What else is a word is decided
here too, for text and queries alike: SQLite knows fewer letters.
"""

from __future__ import annotations

import re
from itertools import pairwise

# Chinese, Japanese and Korean letters.
_SCRIPTS = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = re.compile(rf"(?=\w)[{_SCRIPTS}]")
_WORD = re.compile(rf"(?:(?=\w)[{_SCRIPTS}])+|[^\W{_SCRIPTS}]+")
# Most words of a query: SQLite bounds how many it takes.
_MOST = 100


def indexed(text: str) -> str:
    """Write text so that each of its words is found."""
    words = _WORD.findall(text)
    return " ".join(" ".join(word) if _LETTER.match(word) else word for word in words)


def question(text: str) -> str | None:
    """Write what finds text with any of the words of another. None if it has none.

    Every word is quoted: none of them is an operator.
    """
    found: dict[str, None] = {}
    for word in _WORD.findall(text):
        pairs = [f"{one} {other}" for one, other in pairwise(word)] if _LETTER.match(word) else []
        found.update(dict.fromkeys(pairs or [word]))
    return " OR ".join(f'"{word}"' for word in list(found)[:_MOST]) or None
