"""Derive synchronous modules from asynchronous ones, so that nothing is written twice.

The two differ by the words below and by nothing else. Layout is left to ruff, which formats the result.
"""

import re
import subprocess
import sys
from pathlib import Path

HEADER = "# Derived from {source} by `make generate`. Edit that file instead.\n"
WORDS = {
    r"async (?=def |with |for )": "",
    r"await ": "",
    r"\bAsync(?=ByteStream)": "Sync",
    r"\bAsync(?=[A-Z])": "",
    r"\b_Async(?=[A-Z])": "_",
    r"AnyIOBackend": "SyncBackend",
    r"handle_async_request": "handle_request",
    r"__a(?=iter__|next__)": "__",
    r"_async\b": "_sync",
    r"__a(?=enter__|exit__)": "__",
    r"\ba(?=close\b|iter_raw\b)": "",
    r"asyncio\.sleep": "time.sleep",
    r"import asyncio\b": "import time",
    r"Awaitable\[(\w+(?:\[T\])?)\]": r"\1",
    r"\ba(?=synchronous\b)": "",
    r"each event loop and each": "each",
    r"number of tasks": "number of threads",
}
PATTERN = re.compile("|".join(f"(?P<w{index}>{word})" for index, word in enumerate(WORDS)))


def convert(source: Path, target: Path) -> None:
    """Write the synchronous twin of every module in `source` into the new folder `target`."""
    target.mkdir(parents=True)
    for path in sorted(source.glob("*.py")):
        header = HEADER.format(source=f"{source.name}/{path.name}")
        (target / path.name).write_text(header + translate(path.read_text()))
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["check", "--select", "I,F401", "--fix-only", "--exit-zero"], ["format"]):
        options = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311", "--line-length", "120"]
        subprocess.run([ruff, *command, *options, target], check=True)


def translate(text: str) -> str:
    replacements = list(WORDS.items())

    def word(match: re.Match[str]) -> str:
        pattern, replacement = replacements[int(str(match.lastgroup)[1:])]
        return re.sub(pattern, replacement, match[0]) if "\\" in replacement else replacement

    return PATTERN.sub(word, text)
