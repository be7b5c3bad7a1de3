"""质量通报."""

from models.base import Line, Record, choice, lines, link, longtext, moment, person, text, unit, yes_no
from models.choices import FAULT_CATEGORIES
from models.spec import SIGNER, Move, RecordType, Series, Step, Workflow, states


class Receipt(Line, of="quality_bulletin"):
    """各单位签收."""

    unit = unit("签收单位", required=True, origin="X")
    signed_by_id = person("签收人", origin="P")
    signed_at = moment("签收时间", origin="P")


class QualityBulletin(Record):
    """The company quality department publishes a confirmed quality problem to all subsidiaries, each of
    which acknowledges it."""

    subject = text("通报标题", required=True, origin="P")
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    problem = longtext("属实的质量问题", required=True)
    cause = longtext("原因", origin="P")
    responsible_unit = unit("责任子(分)公司", required=True, origin="P")
    responsibility = longtext("责任认定", origin="P")
    requirement = longtext("要求", origin="P")
    bulletin_scope = text("通报范围", required=True, default='各子(分)公司')
    # NOTE representative, recurrent or systemic problem
    is_order_needed = yes_no("需下发质量整改令")
    # SET_BY publish
    published_at = moment("发布时间", origin="P")
    # SET_BY acknowledge
    acknowledged_at = moment("全部签收时间", origin="X")
    receipts = lines(Receipt, "各单位签收")

    spec = RecordType(
        code="QBL", zh="质量通报", en="Quality bulletin", source="003 三(八), 二(一)",
        series=Series("QBL-{yyyy}{mm}-{n:04}"),
        numbered_at="publish",
        title="subject",
        list=("number", "subject", "quality_info_transfer", "responsible_unit", "fault_category",
              "is_order_needed", "published_at", "state"),
        search=("number", "subject", "problem"),
        filters=("state", "responsible_unit", "product_batch", "fault_category", "published_at",
                 "is_order_needed"),
        links_in=("quality_info_transfer",),
        workflow=Workflow(
            states(("draft", "草稿"), ("signing", "审批中", "In approval"), ("published", "已发布"),
                ("acknowledged", "全部签收")),
            moves=(
                # WHEN the quality_info_transfer has is_substantiated true
                Move("submit", "送审", source=("draft",), to="signing", by=("quality_engineer",),
                    requires=("subject", "quality_info_transfer", "problem", "bulletin_scope"),
                    opens_round=True),
                # THEN creates one receipts row per subsidiary and notifies them
                Move("publish", "批准发布", source=("signing",), to="published", by=(SIGNER,),
                    stamps=("published_at",), signs=True),
                Move("send_back", "退回", source=("signing",), to="draft", by=(SIGNER,), comment=True),
                # WHEN the last open receipts row gets its signed_at
                Move("acknowledge", "签收完成", source=("published",), to="acknowledged",
                    by=("unit", "unit_lead"), stamps=("acknowledged_at",)),
            ),
            approval=(Step("quality_manager"),),
        ),
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
