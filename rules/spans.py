"""Spans of days told in words that stay true: `last_month` in a kept link is the month before the day it is opened."""

from __future__ import annotations

import re
from datetime import date, timedelta

from models.spec import Period, Text

WORDS = {
    "today": Text("今天", "today"), "yesterday": Text("昨天", "yesterday"), "tomorrow": Text("明天", "tomorrow"),
    "this_week": Text("本周", "this week"), "last_week": Text("上周", "last week"), "next_week": Text("下周", "next week"),
    "this_month": Text("本月", "this month"), "last_month": Text("上月", "last month"),
    "next_month": Text("下月", "next month"), "this_quarter": Text("本季度", "this quarter"),
    "last_quarter": Text("上季度", "last quarter"), "this_year": Text("今年", "this year"),
    "last_year": Text("去年", "last year"),
}
LAST, NEXT = Text("最近 {n} 天", "the last {n} days"), Text("今后 {n} 天", "the next {n} days")
OFFERED = ("today", "yesterday", "this_week", "last_week", "last_7_days", "last_30_days", "this_month", "last_month",
           "this_quarter", "last_quarter", "this_year", "last_year", "next_7_days", "next_30_days")
_COUNTED = re.compile(r"(last|next)_([1-9][0-9]{0,2})_days")
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_STEPS = {"last": -1, "this": 0, "next": 1}


def label(word: str) -> Text | None:
    """What the word is called; None where it is no such word."""
    counted = _COUNTED.fullmatch(word)
    if counted:
        return (LAST if counted[1] == "last" else NEXT).with_(n=counted[2])
    return WORDS.get(word)


def days(word: str, today: date) -> tuple[date, date] | None:
    """The first day of the span and the one after its last; today counts among the last and the next days."""
    counted = _COUNTED.fullmatch(word)
    if counted:
        count = timedelta(days=int(counted[2]))
        day = timedelta(days=1)
        return (today + day - count, today + day) if counted[1] == "last" else (today, today + count)
    if word not in WORDS:
        return None
    if word in _DAYS:
        start = today + timedelta(days=_DAYS[word])
        return start, start + timedelta(days=1)
    which, _, unit = word.partition("_")
    if unit == "week":
        monday = today + timedelta(days=7 * _STEPS[which] - today.weekday())
        return monday, monday + timedelta(days=7)
    span = _around(today, {"month": 1, "quarter": 3, "year": 12}[unit], which)
    return span.day(1), span.following().day(1)


def period(word: str, months: int, today: date) -> str | None:
    """`last_month` as the month that it is today, for fields that hold a month or a quarter."""
    which, _, unit = word.partition("_")
    if word not in WORDS or unit != {1: "month", 3: "quarter"}[months]:
        return None
    return str(_around(today, months, which))


def _around(today: date, months: int, which: str) -> Period:
    now = Period(today.year, (today.month - 1) // months * months + 1, months)
    return {"last": now.previous(), "this": now, "next": now.following()}[which]
