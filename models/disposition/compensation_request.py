"""退换/补偿审批单."""

from models.base import (
    Line, Record, choice, day, decimal, file, lines, link, longtext, moment, money, person, text,
    unit, yes_no,
)
from models.spec import SIGNER, SYSTEM, Default, Move, RecordType, Series, Step, Workflow, states


class Item(Line, of="compensation_request"):
    """退换/补偿产品."""

    product_batch_id = link("product_batch", "问题产品批次", required=True)
    product_name = text("退换或补偿产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    expires_on = day("有效期至", derived="expires_on of product_batch (the defective product)")
    unit_price = money("单价", required=True, origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price")


class CompensationRequest(Record):
    """The service person or the subsidiary asks the leaders within their authority to approve an
    exchange, return or compensation before the agreement is signed with the user."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    product_inspection_record_id = link("product_inspection_record", "现场检查检测试验记录", origin="X")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True)
    technician_id = person("售后服务人员", origin="P", default=Default.CURRENT_USER)
    # NOTE compared with the expiry date of each product
    claimed_on = day("用户提出日期", required=True, origin="X")
    mode = choice("处理方式", ("exchange", "换货"), ("return", "退货"), ("resupply", "补货", "Replenishment"),
        ("compensate_product", "补偿产品", "Compensation in product"),
        ("compensate_cash", "现金赔偿", "Compensation in cash"), required=True)
    reason = longtext("退换/补偿原因", required=True)
    customer_demand = longtext("用户诉求", required=True)
    is_within_validity = yes_no("产品在有效期内",
        derived="true when every items row has expires_on empty or expires_on >= claimed_on")
    direct_loss = money("用户直接损失", origin="X", default=0)
    loss_calculation = longtext("损失计算", origin="P")
    evidence_id = file("证据材料", origin="P")
    # NOTE required when mode is compensate_cash
    cash_reason = longtext("现金赔偿理由", origin="X")
    cash_amount = money("现金金额", origin="P", default=0)
    amount = money("退换/补偿金额", origin="P",
        derived="sum of items.amount + cash_amount; decides the approval level")
    major_incident_report_id = link("major_incident_report", "较大以上质量事故报告", origin="X")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    # SET_BY execute
    executed_at = moment("执行完成时间", origin="X")
    remark = text("备注", origin="P")
    items = lines(Item, "退换/补偿产品")

    spec = RecordType(
        code="CPR", zh="退换/补偿审批单", en="Exchange and compensation request", source="003 三(三)6, 三(三)7, 二(三); 002 客户投诉管理办法 (二) 核决权限",
        series=Series("CPR-{yyyy}{mm}-{n:04}"),
        numbered_at="submit",
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "mode", "amount", "claimed_on", "is_within_validity",
              "responsible_unit", "approved_at", "state"),
        search=("number", "reason", "customer_demand"),
        filters=("state", "mode", "customer", "responsible_unit", "claimed_on", "amount"),
        links_in=("quality_info_transfer", "quality_disposition_feedback", "complaint_case",
                  "product_inspection_record"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("approving", "审批中", "In approval"), ("approved", "已批准"),
                ("agreement_signed", "协议已签"), ("executed", "已执行"), ("rejected", "不批准"),
                ("cancelled", "已撤回")),
            moves=(
                # WHEN is_within_validity is true; items or cash_amount is filled; cash_reason is filled for compensate_cash
                # THEN creates major_incident_report when amount or direct_loss >= 20000.00 and none is linked
                # NOTE assigns the number
                Move("submit", "提交", source=("draft",), to="approving",
                    by=("technician", "unit", "unit_lead"),
                    requires=("customer", "claimed_on", "mode", "reason", "customer_demand"),
                    opens_round=True),
                # NOTE approved_at is stamped by the last required signature
                Move("approve", "批准", source=("approving",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("approving",), to="draft", by=(SIGNER,), comment=True),
                Move("reject", "不批准", source=("approving",), to="rejected", by=(SIGNER,), comment=True),
                # WHEN a compensation_agreement of this request is signed
                Move("sign_agreement", "协议已签", "Agreement signed", source=("approved",),
                    to="agreement_signed", by=("unit", "unit_lead", SYSTEM)),
                # WHEN the compensation_agreement is fulfilled and for return or exchange of goods the return_destruction_record is executed
                Move("execute", "执行完成", source=("agreement_signed",), to="executed",
                    by=("unit", "unit_lead"), stamps=("executed_at",)),
                Move("cancel", "撤回", source=("draft", "approved"), to="cancelled",
                    by=("unit", "unit_lead"), comment=True),
            ),
            approval=(Step("unit_lead"), Step("quality_manager", "approval_from_quality_manager", "amount"), Step("deputy_gm", "approval_from_deputy_gm", "amount"), Step("general_manager", "approval_from_general_manager", "amount")),
        ),
        access={
            "technician": "CEV", "quality_engineer": "V", "quality_manager": "AVX", "sales": "V",
            "sales_lead": "V", "unit": "CEV", "unit_lead": "CEAV", "finance": "VK", "deputy_gm": "AVX",
            "general_manager": "AVX", "management_representative": "V",
        },
        rules=(
            "BR-07 an items row with expires_on before claimed_on blocks the request; expires_on equal "
            "to claimed_on is still valid",
            "BR-07b approval within authority comes before the agreement is signed",
            "BR-34 compensation in product is preferred; compensate_cash needs cash_reason",
            "authority: below 5000 unit lead, from 5000 also quality manager, from 20000 also deputy "
            "general manager, from 100000 also general manager",
            "BR-15 amount or direct_loss of 20000.00 or more needs a major_incident_report",
            "nobody approves a request he created",
            "quality_info_transfer or complaint_case is set",
            "an approved request is not changed any more; a new request is made instead",
        ),
    )
