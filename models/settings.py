"""Every number the office may change: its default, unit and source here; its dated values in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, db
from models.spec import Text


@dataclass(frozen=True)
class Parameter:
    """`unit` is h (hours), d (calendar days), wd (working days), yuan, count, rate or province."""

    name: str
    default: str
    unit: str
    label: Text
    source: str


PARAMETERS: Mapping[str, Parameter] = {p.name: p for p in (
    Parameter("home_province", "重庆市", "province", Text("本厂所在省", "Home province"), "003 一(三)"),
    Parameter("reply_hours", "24", "h", Text("答复期限", "Reply limit"), "000 §5.2.1c; 001 §5.3.5"),
    Parameter("arrival_hours_in_province", "24", "h", Text("省内到场期限", "Arrival limit in province"), "003 一(三)"),
    Parameter("arrival_hours_out_of_province", "48", "h",
              Text("省外到场期限", "Arrival limit out of province"), "003 一(三)"),
    Parameter("major_incident_loss", "20000.00", "yuan",
              Text("较大以上质量事故的直接损失", "Direct loss of a major incident"), "003 三(三)8"),
    Parameter("callback_days", "3", "d", Text("回访期限", "Callback limit"), "003 三(六)"),
    Parameter("callback_attempts", "3", "count",
              Text("判定无法联系前的拨打次数", "Failed calls before giving up"), "003 三(六)"),
    Parameter("corrective_action_days", "15", "wd",
              Text("纠正措施默认期限", "Default limit of a corrective action"), "001 §5.3.6"),
    Parameter("effectiveness_days", "30", "d", Text("有效性检查间隔", "Days to the effectiveness check"), "003 三(五)"),
    Parameter("repeat_days", "90", "d", Text("重复发生判定期", "Window in which a problem is a repeat"), "003 三(八)"),
    Parameter("urgent_shipping_hours", "24", "h", Text("急件发运期限", "Urgent order shipping limit"), "004 §5.3.5"),
    Parameter("first_training_days", "30", "d", Text("首次培训期限", "Limit of the first training"), "004 §5.4.2"),
    Parameter("recurrence_count", "3", "count", Text("重复发生起数", "Cases that make a recurrence"), "003 三(八)"),
    Parameter("focus_share", "0.80", "rate", Text("重点类别累计占比", "Cumulative share of the focus"), "004 §5.3.3b"),
)}


class ParameterValue(db.Model):  # type: ignore[name-defined]
    """A value that replaces the default from a day on. Never changed afterwards: a new value is a new row."""

    __tablename__ = "parameter_values"
    __table_args__ = (sa.UniqueConstraint("name", "valid_from"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60), index=True)
    value: Mapped[str] = mapped_column(sa.String(200))
    valid_from: Mapped[date] = mapped_column(sa.Date)
