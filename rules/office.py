"""The office's clock: its zone, its days, months and working days. Moments go in and out as aware UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.calendar import is_published_workday
from models.spec import Period

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
_zone = ZoneInfo("Asia/Shanghai")


def set_zone(zone: ZoneInfo) -> None:
    """Called once by `create_app()`."""
    global _zone
    _zone = zone


def zone() -> ZoneInfo:
    return _zone


def now() -> datetime:
    """This moment, to the whole second: what is shown as on the limit is on the limit."""
    return datetime.now(UTC).replace(microsecond=0)


def local(moment: datetime) -> datetime:
    return moment.astimezone(_zone)


def today() -> date:
    return local(now()).date()


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), _zone).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The last second of the office's day."""
    return start_of(day + timedelta(days=1)) - timedelta(seconds=1)


def bounds(period: Period) -> tuple[datetime, datetime]:
    """The half-open span of a month, quarter or year: from its first midnight to the first one after it."""
    following = period.following()
    return (start_of(date(period.year, period.first_month, 1)),
            start_of(date(following.year, following.first_month, 1)))


def add_workdays(moment: datetime, count: int, is_workday: Callable[[date], bool] = is_published_workday) -> datetime:
    """The end of the count-th working day after the day of `moment`; by the office's own calendar: rules/workdays.py."""
    day = local(moment).date()
    while count > 0:
        day += timedelta(days=1)
        count -= is_workday(day)
    return end_of(day)
