"""产品质量信息处置结果反馈单."""

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, money, multichoice,
    person, signature, text, unit,
)
from models.choices import SATISFACTION_LEVELS
from models.spec import Deadline, Default, Move, RecordType, Series, Workflow, states


class Product(Line, of="quality_disposition_feedback"):
    """退换或补偿产品."""

    mode = choice("处理类别", ("exchange", "换货"), ("return", "退货"), ("resupply", "补货", "Replenishment"),
        ("compensate_product", "补偿产品", "Compensation in product"), required=True)
    reason = text("原因", required=True)
    product_name = text("产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="X")


class QualityDispositionFeedback(Record):
    """The service person records the on-site result, has the user sign or seal it and hands it to the
    quality department and the sales branch, where the callback is noted."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True)
    product_inspection_record_id = link("product_inspection_record", "现场检查检测试验记录", origin="X")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True, origin="X")
    technician_id = person("售后服务人员", required=True, default=Default.CURRENT_USER)
    handled_at = moment("现场处理完成时间", required=True, origin="P")
    disposition_result = longtext("处置结果", required=True)
    dispositions = multichoice("处置方式", ("repair", "修复", "Repaired"), ("exchange", "换货"),
        ("return", "退货"), ("resupply", "补货", "Replenishment"), ("compensation", "补偿"),
        ("destruction", "报废销毁"), ("assist_expired", "协助处理(超保质期)", "Assistance only (past shelf life)"),
        ("guidance", "指导使用", "Guidance on use"), ("other", "其他"))
    usage_guidance = longtext("传授使用知识、指导贮存使用")
    cause = longtext("原因判定", origin="P")
    suggestion = longtext("处理建议", origin="P")
    direct_loss = money("直接质量损失", origin="X", default=0)
    compensation_request_id = link("compensation_request", "退换/补偿审批单")
    customer_opinion = longtext("用户意见", origin="P")
    latent_needs = longtext("用户潜在需求")
    satisfaction_level = choice("用户满意度", SATISFACTION_LEVELS, origin="P")
    sign_kind = choice("用户认可方式", ("signature", "签字"), ("seal", "盖章"))
    signed_by = signature("用户签字(盖章)")
    # SET_BY sign
    signed_at = moment("签字时间")
    submit_due_at = moment("反馈期限", origin="X", derived="handled_at + 3 working days")
    # SET_BY submit
    submitted_at = moment("反馈时间", origin="X")
    # SET_BY receive_quality
    quality_received_at = moment("质量部签收时间")
    # SET_BY receive_marketing
    marketing_received_at = moment("营销分公司签收时间")
    all_received_at = moment("全部签收时间", origin="X",
        derived=(
        "the later of quality_received_at and marketing_received_at, empty until both are set"))
    # NOTE copied from the callback_record
    remark = longtext("备注(电话回访情况)")
    # SET_BY record_callback
    callback_recorded_at = moment("回访登记时间", origin="X")
    # NOTE year of received_at of the quality_info_transfer
    # SET_BY archive
    archive_year = integer("归档年度")
    products = lines(Product, "退换或补偿产品")

    spec = RecordType(
        code="QDF", zh="产品质量信息处置结果反馈单", en="Quality disposition feedback sheet", source="003 三(三)2, 三(三)7, 三(四)-(七), 五(十)",
        series=Series("QDF-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "quality_info_transfer", "customer", "technician", "handled_at",
              "satisfaction_level", "submit_due_at", "submitted_at", "state"),
        search=("number", "disposition_result", "remark"),
        filters=("state", "customer", "responsible_unit", "technician", "handled_at",
                 "satisfaction_level", "archive_year"),
        links_in=("quality_info_transfer", "product_inspection_record"),
        workflow=Workflow(
            states(("draft", "草稿"), ("signed", "用户已签字", "Signed by user"), ("submitted", "已反馈"),
                ("callback_recorded", "已登记回访"), ("archived", "已归档")),
            moves=(
                Move("sign", "用户签字", source=("draft",), to="signed", by=("technician",),
                    requires=("disposition_result", "handled_at", "sign_kind", "signed_by"),
                    stamps=("signed_at",)),
                # WHEN products is empty, or compensation_request is approved and its compensation_agreement is signed
                # THEN writes direct_loss into quality_info_transfer
                Move("submit", "反馈", source=("signed",), to="submitted", by=("technician",),
                    requires=("signed_by",), stamps=("submitted_at",)),
                # NOTE clears the signature; the user signs again
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_engineer",),
                    comment=True),
                Move("receive_quality", "质量部签收", "Receive at quality", source=("submitted",),
                    to="submitted", by=("quality_engineer",), stamps=("quality_received_at",)),
                Move("receive_marketing", "营销分公司签收", "Receive at sales branch", source=("submitted",),
                    to="submitted", by=("sales", "sales_lead"), stamps=("marketing_received_at",)),
                # WHEN the callback_record of this sheet is done, reported or unreachable
                Move("record_callback", "登记回访", source=("submitted",), to="callback_recorded",
                    by=("quality_engineer",),
                    requires=("remark", "quality_received_at", "marketing_received_at"),
                    stamps=("callback_recorded_at",)),
                Move("archive", "按年度归档", source=("callback_recorded",), to="archived",
                    by=("unit", "unit_lead"), stamps=("archive_year",)),
            ),
        ),
        deadlines=(
            Deadline("hand_in", "feedback_hand_in_days", starts="handled_at", met_by="all_received_at",
                tell=("owner", "unit_lead", "quality_manager"), id="SLA-18"),
        ),
        access={
            "technician": "CEV", "quality_engineer": "KEAVX", "quality_manager": "VX", "sales": "KV",
            "sales_lead": "KV", "unit": "VXE", "unit_lead": "VXE", "management_representative": "V",
            "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-04 no submit and no archive without the user's signature or seal",
            "every products row has reason, product_name, specification and quantity",
            "a sheet with products cannot be submitted while the compensation_request is not approved "
            "or the agreement is not signed",
            "BR-19 the telephone callback is noted in remark before archiving",
            "BR-18 the responsible unit archives the sheet by year",
            "SLA-18 the hand-in limit is a parameter, default 3 working days",
            "products quantities do not exceed the approved compensation_request items",
            "one sheet per quality_info_transfer and site visit",
            "BR-07 a product past its shelf life is only assisted: dispositions assist_expired, no "
            "products row for it",
            "a repairable product is repaired (dispositions repair), only one that cannot be repaired "
            "is exchanged or returned (003 三(三)6)",
        ),
    )
