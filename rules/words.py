"""How text becomes the words of the index, and how what somebody types becomes a question about them.

Chinese is cut into overlapping pairs of characters, and the last one by itself: `客户服务` is `客户 户服 服务 务`, so a
question of two characters is one word, a longer one is words side by side, and one character is how a word begins.
A number or code is kept without its hyphens and with all its endings: `QI-2026-01` is `qi202601 i202601 202601 ...`, so
that any fragment of it is how some word begins. Of other words only the beginning is looked for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HAN = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# Chinese; or letters and digits, with single signs between them.
RUN = re.compile(rf"(?P<han>[{HAN}]+)|(?P<code>[^\W_{HAN}]+(?:[-_/.·:][^\W_{HAN}]+)*)")
SIGNS = re.compile(rf"[^\w{HAN}]|_")
LONGEST = 32       # characters of a word that are looked at
MOST = 12_000      # words of a record: PostgreSQL counts positions up to 16,383
SHORTEST = 2       # of the endings of a code
TELLING = 4        # characters of a beginning that few words have


@dataclass(frozen=True)
class Question:
    """What was typed, in the ways of both databases; `terms` are its parts as they stand in a text, `code` all of it as
    a number is kept, `beside` what is of several scripts and written together: the index knows it in pieces only."""

    fts5: str
    tsquery: str
    terms: tuple[str, ...]
    code: str
    beside: tuple[str, ...]
    is_narrow: bool = False     # a beginning that few words can have


def normal(text: str) -> str:
    """Wide and small letters are one."""
    return unicodedata.normalize("NFKC", text).lower()


def joined(text: str) -> str:
    """A number as the index keeps it."""
    return SIGNS.sub("", normal(text))


def words(texts: Iterable[str], *more: str) -> str:
    """The words of a record, with a blank between; `more` come first."""
    found: list[str] = list(more)
    for text in texts:
        found += _words_of(normal(text))
        if len(found) > MOST:
            break
    return " ".join(found[:MOST])


def _words_of(text: str) -> Iterator[str]:
    for run in RUN.finditer(text):
        if run["han"]:
            yield from _pairs(run["han"])
            yield run["han"][-1]
        elif any(char.isdigit() for char in run["code"]):
            code = joined(run["code"])
            yield from (code[at:at + LONGEST] for at in range(max(1, len(code) - SHORTEST + 1)))
        else:
            yield from (part[:LONGEST] for part in _parts(run["code"]))


def _pairs(han: str) -> Iterator[str]:
    return (han[at:at + 2] for at in range(len(han) - 1))


def _parts(code: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", code) if part]


def question(typed: str, *kind: str) -> Question | None:
    """All that was typed must be there, in any order; nothing if no letter or digit was. `kind` are words that must
    be there too."""
    fts5, tsquery, is_narrow = [f'"{word}"' for word in kind], [f"'{word}'" for word in kind], False
    for run in RUN.finditer(normal(typed)):
        if run["han"] and len(run["han"]) > 1:
            pairs = list(_pairs(run["han"]))
            fts5.append('"' + " ".join(pairs) + '"')
            tsquery.append("(" + " <-> ".join(f"'{pair}'" for pair in pairs) + ")")
        else:
            for word in _beginnings(run):
                fts5.append(f'"{word}"*')
                tsquery.append(f"'{word}':*")
                is_narrow |= len(word) >= TELLING
    found = terms(typed)
    return Question(
        " AND ".join(fts5), " & ".join(tsquery), found, joined(typed), _beside(typed), is_narrow) if found else None


def _beside(typed: str) -> tuple[str, ...]:
    runs: list[list[str]] = []
    end = -1
    for run in RUN.finditer(normal(typed)):
        if run.start() == end:
            runs[-1].append(run[0])
        else:
            runs.append([run[0]])
        end = run.end()
    return tuple("".join(parts) for parts in runs if len(parts) > 1)


def terms(typed: str) -> tuple[str, ...]:
    """The parts of what was typed, as they stand in a text."""
    return tuple(dict.fromkeys(run[0] for run in RUN.finditer(normal(typed))))


def _beginnings(run: re.Match[str]) -> list[str]:
    if run["han"]:
        return [run["han"]]
    is_code = any(char.isdigit() for char in run["code"])
    return [word[:LONGEST] for word in ([joined(run["code"])] if is_code else _parts(run["code"]))]


def pattern(parts: Iterable[str]) -> re.Pattern[str]:
    """Finds the parts in a text as people wrote it, whatever stands between the signs of a code."""
    between = r"[-_/.·:]?"
    each = [between.join(joined(part)) for part in sorted(parts, key=len, reverse=True)]
    return re.compile("|".join(each) or "(?!)", re.IGNORECASE)
