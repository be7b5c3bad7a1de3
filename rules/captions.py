"""What the group of a figure is called in the reader's language: the words of the choice that it is a group of, else what the
report wrote beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from models.base import Record
from models.spec import Text

NAMES = frozenset({"section", "key", "caption"})   # the fields of a line that is called so
NOT_GIVEN = Text("未填", "Not given")
# Keys that are no choice of any field.
WORDS = {"-": NOT_GIVEN, "in_province": Text("省内", "In the province"), "out_of_province": Text("省外", "Out of the province"),
         "1万公里以下": Text("1万公里以下", "Under 10,000 km"), "1–2万公里": Text("1–2万公里", "10,000 to 20,000 km"),
         "2–3万公里": Text("2–3万公里", "20,000 to 30,000 km"), "3–5万公里": Text("3–5万公里", "30,000 to 50,000 km"),
         "5–8万公里": Text("5–8万公里", "50,000 to 80,000 km"), "8万公里及以上": Text("8万公里及以上", "80,000 km and more")}


def said(line: Any, language: str) -> str:
    """The caption of a line that names its group by `section` and `key`."""
    if language == "zh":
        return str(line.caption or "")
    section = type(line).fields["section"]
    if not line.key:
        label = section.choice_label(line.section)
        return label.in_(language) if label else line.caption
    word = WORDS.get(line.key) or _choice(line.__tablename__, line.key)
    return word.in_(language) if word is not None and _is_word(word, line.caption) else str(line.caption or "")


@lru_cache(2048)
def _choice(table: str, key: str) -> Text | None:
    """Of the tables beside it: what is counted there is grouped by their choices."""
    spec = next(spec for spec in Record.types.values() if any(child.model.__tablename__ == table for child in spec.lines.values()))
    labels = (field.choice_label(key) for child in spec.lines.values() for field in child.fields.values())
    return next((label for label in labels if label is not None), None)


def _is_word(word: Text, caption: str | None) -> bool:
    """A product may be called like some choice: then the report has written another word for it."""
    return word.zh == caption
