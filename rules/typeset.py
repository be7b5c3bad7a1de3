"""Sheets on paper: data in, PDF out, typeset by typst after `typeset.typ`.

What is typeset travels as data and is never read as markup, whatever somebody has typed into it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import typst

from models.spec import Refused, Text

TEMPLATE = Path(__file__).with_suffix(".typ")
HOUSE = TEMPLATE.parent.parent
AT_ONCE = 3000                       # cells: what is typeset in the server itself, some ten pages
# Fonts with Chinese characters, the preferred one first; what it lacks is taken from the others.
CHINESE = (
    "WenQuanYi Micro Hei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "DengXian", "SimHei", "SimSun", "Noto Serif CJK SC", "Source Han Serif SC",
    "WenQuanYi Zen Hei", "Droid Sans Fallback", "AR PL UMing CN",
)
NO_FONT = Text("服务器上没有中文字体，无法生成 PDF；请管理员安装字体包 fonts-wqy-microhei（或 Noto Sans CJK）后重试",
               "The server has no font with Chinese characters, so no PDF can be made: have the package "
               "fonts-wqy-microhei (or Noto Sans CJK) installed and try again")
# The type area of A4 in millimetres, upright and across, and the size of letters in it.
ACROSS, UPRIGHT = 273.0, 186.0
LETTER = 8.5 * 0.3528                # as wide as high, if it is Chinese
CELL = 2 * 1.4                       # the inset of a cell
NARROWEST, SHORT, WORD, WIDEST = 9.0, 16.0, 34.0, 50.0   # of columns: whatever they hold, a few characters, a VIN, prose

_one_at_a_time = Lock()              # the compiler keeps what it has loaded and is nobody's twice


@cache
def _fonts() -> tuple[Any, tuple[str, ...]]:
    found = typst.Fonts()
    there = set(found.families())
    return found, tuple(name for name in CHINESE if name in there)


@cache
def _compiler() -> Any:
    return typst.Compiler(TEMPLATE, root=TEMPLATE.parent, font_paths=_fonts()[0])


def is_able() -> bool:
    """Is there a font to print Chinese in?"""
    return bool(_fonts()[1])


def pdf(papers: Mapping[str, Any]) -> bytes:
    """The sheets as one file. Many of them take some hundred megabytes: another process makes them, and gives all of it
    back at its end."""
    if cells_of(papers) <= AT_ONCE:
        return bytes(_made(papers, "pdf"))
    told = json.dumps(papers, ensure_ascii=False).encode()
    return subprocess.run([sys.executable, "-m", __name__], input=told, stdout=subprocess.PIPE, cwd=HOUSE, check=True).stdout


def cells_of(papers: Mapping[str, Any]) -> int:
    """How much there is to typeset."""
    return sum(len(row) for sheet in papers["sheets"] for table in sheet["tables"] for row in table["rows"]) + sum(
        2 * len(group["cells"]) for sheet in papers["sheets"] for group in sheet["groups"])


def pictures(papers: Mapping[str, Any], ppi: int = 80) -> list[bytes]:
    """The pages as PNG."""
    made = _made(papers, "png", ppi=ppi)
    return made if isinstance(made, list) else [made]


def _made(papers: Mapping[str, Any], kind: str, **options: Any) -> Any:
    if not is_able():
        raise Refused(NO_FONT)
    told = json.dumps({**papers, "fonts": list(_fonts()[1])}, ensure_ascii=False)
    with _one_at_a_time:
        return _compiler().compile(format=kind, sys_inputs={"papers": told}, **options)


# What fits ----------------------------------------------------------------------------------------------------------

def wide(text: str) -> float:
    """The width of a text on one line, in millimetres."""
    return sum(LETTER if unicodedata.east_asian_width(c) in "WFA" else LETTER * 0.58 for c in text)


def lines_of(text: str, room: float) -> Any:
    """The lines of a text; one that is a single plain line is left as it is. A word that is wider than its place (a VIN,
    an address) comes in characters, between which a line may end; otherwise words are left whole."""
    if "\n" not in text and wide(text) <= room:
        return text
    found: list[Any] = []
    for line in text.split("\n"):
        pieces: list[str] = []
        for n, word in enumerate(line.split(" ")):
            pieces.append(" ") if n else None
            pieces += list(word) if _is_unbroken(word, room) else [word]
        found.append(line if len(pieces) == 2 * line.count(" ") + 1 else pieces)
    return text if found == [text] else found


def _is_unbroken(word: str, room: float) -> bool:
    return _unbroken(word) > room


def _unbroken(text: str) -> float:
    """The widest part of a text in which no line may end, in millimetres; between Chinese characters it may."""
    run = longest = 0.0
    for c in text:
        run = 0.0 if c in " \n" or unicodedata.east_asian_width(c) in "WF" else run + LETTER * 0.58
        longest = max(longest, run)
    return longest


def needs(header: str, texts: Iterable[str]) -> float:
    """About how wide a column should be: its words whole, its heading on two lines, and no text on more than a few."""
    needed = max(NARROWEST, wide(header) / 2 + CELL, _unbroken(header) + CELL)
    for text in texts:
        longest = max((wide(line) for line in text.split("\n")), default=0)
        needed = max(needed, min(longest, SHORT) + CELL, min(_unbroken(text), WORD) + CELL, longest / 3 + CELL)
    return min(needed, WIDEST)


if __name__ == "__main__":
    sys.stdout.buffer.write(bytes(_made(json.load(sys.stdin.buffer), "pdf")))
