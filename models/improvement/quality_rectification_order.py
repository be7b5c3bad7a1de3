"""质量整改令."""

from models.base import (
    Line, Record, choice, day, file, lines, link, longtext, moment, person, text, unit, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.spec import SIGNER, Deadline, Move, RecordType, Series, Step, Workflow, states


class Cas(Line, of="quality_rectification_order"):
    """相关质量信息."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True, origin="X")
    remark = text("说明", origin="P")


class QualityRectificationOrder(Record):
    """The company quality department orders a subsidiary, on top of a bulletin, to rectify a
    representative, repeated or systemic quality problem and verifies the result."""

    quality_bulletin_id = link("quality_bulletin", "质量通报")
    basis = choice("整改依据", ("representative", "具有代表性"), ("recurrent", "重复发生"), ("systemic", "系统性原因"),
        required=True)
    # NOTE true when BR-23 proposed it
    is_proposed_by_system = yes_no("系统提议", origin="X", default=False)
    responsible_unit = unit("责任子(分)公司")
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    problem = longtext("质量问题", required=True)
    requirement = longtext("整改要求")
    due_on = day("整改期限", origin="P")
    penalty = longtext("处罚", origin="P")
    # SET_BY sign
    issued_at = moment("下发时间", origin="X")
    # SET_BY receive
    received_at = moment("签收时间", origin="X")
    cause = longtext("原因分析", origin="P")
    corrective_measure = longtext("整改措施", origin="P")
    # SET_BY finish
    completed_at = moment("整改完成时间", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    evidence_id = file("整改证据", origin="P")
    verification_text = longtext("复查意见", origin="P")
    # SET_BY verify
    verified_by_id = person("复查人", origin="P")
    # SET_BY verify
    verified_at = moment("复查时间", origin="P")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    cases = lines(Cas, "相关质量信息")

    spec = RecordType(
        code="QRO", zh="质量整改令", en="Quality rectification order", source="003 三(八)",
        series=Series("QRO-{yyyy}{mm}-{n:04}"),
        numbered_at="submit",
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "basis", "responsible_unit", "fault_category", "issued_at", "due_on",
              "completed_at", "state"),
        search=("number", "problem", "requirement"),
        filters=("state", "basis", "responsible_unit", "product_batch", "fault_category", "issued_at",
                 "due_on"),
        links_in=("quality_bulletin",),
        workflow=Workflow(
            states(("draft", "草稿"), ("signing", "签发中", "Being signed"), ("issued", "已下发"),
                ("rectifying", "整改中"), ("completed", "整改完成"), ("verified", "已复查"), ("closed", "已关闭"),
                ("cancelled", "已取消")),
            moves=(
                # WHEN the quality_bulletin is published or acknowledged
                # NOTE assigns the number
                Move("submit", "送签", source=("draft",), to="signing", by=("quality_engineer",),
                    requires=("quality_bulletin", "basis", "responsible_unit", "problem", "requirement", "due_on"),
                    opens_round=True),
                Move("sign", "签发", source=("signing",), to="issued", by=(SIGNER,),
                    stamps=("issued_at",), signs=True),
                Move("send_back", "退回", source=("signing",), to="draft", by=(SIGNER,), comment=True),
                Move("receive", "签收", source=("issued",), to="rectifying", by=("unit", "unit_lead"),
                    stamps=("received_at",)),
                Move("finish", "整改完成", source=("rectifying",), to="completed", by=("unit", "unit_lead"),
                    requires=("cause", "corrective_measure", "evidence"), stamps=("completed_at",)),
                Move("verify", "复查合格", source=("completed",), to="verified", by=("quality_engineer",),
                    requires=("verification_text", "evidence"), stamps=("verified_by", "verified_at")),
                Move("verify_fail", "复查不合格", "Verification failed", source=("completed",),
                    to="rectifying", by=("quality_engineer",), comment=True),
                Move("close", "关闭", source=("verified",), to="closed", by=("quality_manager",),
                    requires=("evidence", "verification_text"), stamps=("closed_at",)),
                Move("cancel", "取消", source=("draft",), to="cancelled",
                    by=("quality_engineer", "quality_manager"), comment=True),
            ),
            approval=(Step("quality_manager"), Step("deputy_gm")),
        ),
        deadlines=(
            Deadline("rectification", "due_on", starts="issued_at", met_by="completed_at",
                tell=("unit_lead", "quality_manager")),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AVX", "unit": "KEV", "unit_lead": "KEV",
            "management_representative": "V", "deputy_gm": "AV", "general_manager": "V",
        },
        rules=(
            "BR-22 an order needs a published quality_bulletin first",
            "BR-23 three or more cases of the same product or batch and fault_category within 30 days "
            "propose a draft order with basis recurrent",
            "basis recurrent needs at least two rows in cases",
            "BR-14 the four no-pass conditions hold in the linked corrective_action before closing",
            "closing needs verification evidence",
            "due_on is not before the day of issued_at",
        ),
    )
