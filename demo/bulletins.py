"""Bulletins about proven problems, and the rectification orders that followed where one fault came again and again."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from demo import people
from demo.ladder import NOW, climbed, on
from demo.people import SUBSIDIARIES
from demo.story import Clock, Rec
from demo.terms import Found
from models.choices import FAULT_CATEGORIES

LABELS = dict(FAULT_CATEGORIES)


def add(clock: Clock, found: Found) -> None:
    themes = _themes(found)
    bulletins = [_bulletin(clock, sheets, target) for sheets, target in zip(themes, _targets(len(themes)), strict=True)]
    found["quality_bulletin"] = sorted(bulletins, key=lambda row: row["created_at"])
    found["quality_rectification_order"] = _orders(clock, [(row, sheets) for row, sheets in zip(bulletins, themes, strict=True)
                                                           if row["state"] in ("published", "acknowledged")])
    _name_orders(found)
    _name_repeats(found)


def _themes(found: Found) -> list[list[Rec]]:
    """The proven cases about one batch and fault, the oldest theme first; one a month or so."""
    groups: dict[tuple[int, str], list[Rec]] = defaultdict(list)
    for sheet in found["quality_info_transfer"]:
        if sheet.get("is_substantiated") and sheet["state"] in ("closed", "called_back"):
            groups[id(sheet["product_batch"]), sheet["fault_category"]].append(sheet)
    themes = sorted((rows for rows in groups.values() if len(rows) >= 2), key=lambda rows: rows[-1]["disposed_at"])
    return themes[::max(1, len(themes) // 18)][-19:]


def _targets(count: int) -> list[str]:
    ends = ["published", "published", "signing", "draft"]
    return ["acknowledged"] * 3 + ["void"] + ["acknowledged"] * (count - 4 - len(ends)) + ends


def _bulletin(clock: Clock, sheets: list[Rec], target: str) -> Rec:
    sheet = sheets[-1]
    label, unit = LABELS[sheet["fault_category"]].zh, sheet["product_batch"]["production_unit"]
    begun = clock.soon(sheet["disposed_at"], 60, 200)
    signed = [{"unit": code, "signed_by": people.of_unit(code), "signed_at": NOW} for code in SUBSIDIARIES]
    rungs: list[tuple[str, Any]] = [
        ("signing", {"_pace": (0, 0)}), ("published", {"published_at": NOW, "receipts": [{"unit": code} for code in SUBSIDIARIES],
                                                       "_pace": (0, 1)}),
        ("acknowledged", {"receipts": signed, "acknowledged_at": NOW, "_pace": (1, 3)})]
    if target == "void":
        rungs = [("void", {})]
    row = climbed(
        clock, "quality_engineer", begun, "draft", rungs, target, department="QA",
        subject=f"关于{sheet['product_name']}{sheet['batch_no']}批{label}类问题的通报",
        quality_info_transfer=sheet, product_batch=sheet["product_batch"], fault_category=sheet["fault_category"],
        problem=f"{sheet['product_name']}（{sheet['batch_no']}）用户反馈：{sheet['fault_description']}经现场检查属实。",
        cause="过程控制点缺少防错和记录。",
        responsible_unit=unit, responsibility="责任单位当月质量考核扣分，班组通报。",
        requirement="各单位举一反三，一周内完成同类工序排查并报质量部。",
        bulletin_scope="各子（分）公司", is_order_needed=len(sheets) > 2)
    row["_unnumbered"] = row["state"] in ("draft", "signing", "void")
    return row


def _orders(clock: Clock, issued: list[tuple[Rec, list[Rec]]]) -> list[Rec]:
    """For what was representative or came again: old ones closed, the young ones on every desk."""
    ends = ["verified", "completed", "rectifying", "issued", "signing", "signing", "draft"]
    chosen = issued[-13:]
    targets = ["closed"] * (len(chosen) - len(ends) - 1) + ["cancelled", *ends]
    rows = [_order(clock, bulletin, sheets, target) for (bulletin, sheets), target in zip(chosen, targets, strict=True)]
    return sorted(rows, key=lambda row: row["created_at"])


def _order(clock: Clock, bulletin: Rec, sheets: list[Rec], target: str) -> Rec:
    unit, action = bulletin["responsible_unit"], next((row["corrective_action"] for row in sheets if row.get("corrective_action")), None)
    rungs: list[tuple[str, Any]] = [
        ("signing", {"_pace": (0, 0)}), ("issued", {"issued_at": NOW, "_pace": (0, 1)}),
        ("rectifying", {"received_at": NOW, "_pace": (0, 1)}),
        ("completed", {"cause": "过程控制点缺少防错和记录。", "corrective_measure": "增加防错装置，检验由抽检改为全检。",
                       "completed_at": NOW, "_pace": (2, 6)}),
        ("verified", {"verification_text": "现场抽查两个班次，均按新要求执行。", "verified_by": "quality_engineer2", "verified_at": NOW}),
        ("closed", {"closed_at": NOW, "corrective_action": action, "_pace": (1, 3)})]
    if target == "cancelled":
        rungs = [("cancelled", {})]
    due = (clock.end + timedelta(days=20)).date() if target == "signing" else on(30)
    row = climbed(
        clock, "quality_engineer", bulletin["published_at"] + timedelta(minutes=40), "draft", rungs, target, department="QA",
        quality_bulletin=bulletin,
        basis="recurrent" if len(sheets) > 2 else "representative", is_proposed_by_system=target == "draft", responsible_unit=unit,
        product_batch=bulletin["product_batch"], fault_category=bulletin["fault_category"],
        problem=f"{bulletin['problem']}共{len(sheets)}起。",
        requirement="查清原因，落实措施，追究责任，教育员工，按期提交整改报告。", due_on=due,
        penalty="扣责任单位当月质量考核3分。", cases=[{"quality_info_transfer": sheet} for sheet in sheets])
    if action is None or (target == "closed" and not all(action.get(name) for name in (
            "is_cause_found", "is_measure_implemented", "is_accountability_done", "is_education_done"))):
        row["state"] = "verified" if row["state"] == "closed" else row["state"]
        row.pop("closed_at", None)
    row["_unnumbered"] = row["state"] in ("draft", "cancelled")
    return row


def _name_orders(found: Found) -> None:
    """The summaries show which repetition an order was made of."""
    orders = {(id(row["product_batch"]), row["fault_category"]): row for row in found["quality_rectification_order"]
              if not row["_unnumbered"]}
    for summary in found["quality_info_summary"]:
        for line in summary["recurrences"]:
            line["quality_rectification_order"] = orders.get((id(line["product_batch"]), line["fault_category"]))


def _name_repeats(found: Found) -> None:
    """An action on a problem that an earlier one had closed lately says so."""
    actions = [row for row in found["corrective_action"] if row.get("product_batch") and row.get("fault_category")]
    for row in actions:
        before = [other for other in actions if other["state"] == "closed" and other["fault_category"] == row["fault_category"]
                  and other["product_batch"]["product_name"] == row["product_batch"]["product_name"]
                  and timedelta(0) < row["created_at"] - other["closed_at"] < timedelta(days=90)]
        if before:
            row["repeat_of"] = max(before, key=lambda other: other["closed_at"])
