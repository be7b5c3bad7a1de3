"""质量通报."""

import sqlalchemy as sa

from models.base import Line, Record, choice, lines, link, longtext, moment, person, text, unit, yes_no
from models.choices import FAULT_CATEGORIES
from models.people import Membership, Unit
from models.spec import SIGNER, Condition, Copies, Move, RecordType, Series, Step, Text, Workflow, states


def send_to_subsidiaries(bulletin, act) -> None:
    """Every department in which somebody answers for quality problems gets the line in which it signs."""
    answerable = sa.select(Membership.unit).where(Membership.role.in_(("unit", "unit_lead")))
    codes = act.session.scalars(
        sa.select(Unit.code).where(Unit.is_active, Unit.code.in_(answerable)).order_by(Unit.code))
    bulletin.receipts = [Receipt(unit=code, position=n) for n, code in enumerate(codes)]


def open_rows(bulletin, actor) -> list:
    return [row for row in bulletin.receipts if row.signed_at is None and row.unit in actor.units]


def sign(bulletin, act) -> None:
    """Each subsidiary signs its own line; with the last one the bulletin is acknowledged."""
    for row in open_rows(bulletin, act.actor):
        row.signed_by_id, row.signed_at = act.actor.id, act.now
    act.stay = any(row.signed_at is None for row in bulletin.receipts)


IS_SUBSTANTIATED = Condition(
    lambda bulletin, act: act.get("quality_info_transfer", bulletin.quality_info_transfer_id).is_substantiated is True,
    Text("只有“是否属实”为“是”的质量信息才予通报", "Only a quality information that proved true is published"))
MAY_SIGN = Condition(
    lambda bulletin, act: bool(open_rows(bulletin, act.actor)) or all(row.signed_at for row in bulletin.receipts),
    Text("本单位已签收，其他单位尚未全部签收", "Your department has signed already; others have not yet"))


class Receipt(Line, of="quality_bulletin"):
    """One subsidiary and its signature."""

    unit = unit("签收单位", required=True, origin="X", system=True)
    signed_by_id = person("签收人", origin="P", system=True)
    signed_at = moment("签收时间", origin="P", system=True)


class QualityBulletin(Record):
    """The company quality department publishes a confirmed quality problem to all subsidiaries, each of
    which acknowledges it."""

    subject = text("通报标题", required=True, origin="P", group=("通报", "The bulletin"))
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True, help=(
        "须为已查明属实的质量信息", "One that proved true"))
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    problem = longtext("属实的质量问题", "Problem that proved true", required=True)
    cause = longtext("原因", origin="P", group=("原因与责任", "Cause and responsibility"))
    responsible_unit = unit("责任子(分)公司", required=True, origin="P")
    responsibility = longtext("责任认定", origin="P")
    requirement = longtext("要求", origin="P", group=("要求与签收", "Requirement and receipts"))
    bulletin_scope = text("通报范围", "Scope", required=True, default="各子(分)公司")
    is_order_needed = yes_no("需下发质量整改令", "Rectification order needed", help=(
        "具有代表性、重复发生或因系统性原因造成的", "A representative, recurrent or systemic problem"))
    published_at = moment("发布时间", origin="P")
    acknowledged_at = moment("全部签收时间", "All receipts signed at", origin="X")
    receipts = lines(Receipt, "各单位签收")

    def start_from(self, source, act):
        self.problem = self.problem or getattr(source, "fault_description", None)

    spec = RecordType(
        code="QBL", zh="质量通报", en="Quality bulletin", source="003 三(八), 二(一)",
        series=Series("QBL-{yyyy}{mm}-{n:04}"), numbered_at="publish", title="subject",
        list=("number", "subject", "quality_info_transfer", "responsible_unit", "fault_category",
              "is_order_needed", "published_at", "state"),
        search=("number", "subject", "problem"),
        filters=("state", "responsible_unit", "product_batch", "fault_category", "published_at",
                 "is_order_needed"),
        links_in=("quality_info_transfer",), copies=Copies("receipts", key="unit"),
        workflow=Workflow(
            states(("draft", "草稿"), ("signing", "审批中", "In approval"), ("published", "已发布"),
                   ("acknowledged", "全部签收")),
            moves=(
                Move("submit", "送审", source=("draft",), to="signing", by=("quality_engineer",),
                     requires=("subject", "quality_info_transfer", "problem", "bulletin_scope"),
                     opens_round=True, when=(IS_SUBSTANTIATED,)),
                Move("publish", "批准发布", source=("signing",), to="published", by=(SIGNER,),
                     stamps=("published_at",), signs=True, then=send_to_subsidiaries,
                     tells=("unit", "unit_lead")),
                Move("send_back", "退回", source=("signing",), to="draft", by=(SIGNER,), comment=True, signs=True),
                Move("acknowledge", "签收完成", source=("published",), to="acknowledged",
                     by=("unit", "unit_lead"), stamps=("acknowledged_at",), when=(MAY_SIGN,), then=sign),
            ),
            approval=(Step("quality_manager"),)),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AV", "unit": "KV", "unit_lead": "KV",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-22 a bulletin is made only for a quality_info_transfer with is_substantiated true",
            "every subsidiary has exactly one receipts row and all sign",
            "is_order_needed true expects a quality_rectification_order that names this bulletin",
            "a published bulletin is not changed",
        ),
    )
