"""服务网点季度工作总结."""

from models.base import Record, day, integer, link, longtext, moment, money, person, quarter
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class OutletQuarterlySummary(Record):
    """Written each quarter by the maintenance staff of every outlet for the service department: service
    work done, sums due, problems and suggestions."""

    dealer_id = link("dealer_ledger", "服务网点", required=True)
    technician_id = person("维修人员", required=True)
    quarter = quarter("季度", required=True)
    service_content = longtext("售后服务内容", required=True)
    # NOTE the document prints 应款; 'none' is an allowed text
    receivable_text = longtext("应收款情况", required=True)
    problems = longtext("存在的问题", required=True)
    suggestion = longtext("工作建议", required=True)
    receivable_amount = money("应收款金额", origin="P")
    repair_count = integer("本季维修次数", origin="P")
    revisit_count = integer("本季返修次数", origin="P")
    # SET_BY submit
    signed_by_id = person("签字", origin="P")
    # SET_BY submit
    signed_at = moment("签字时间", origin="P")
    due_on = day("提交期限", origin="X", derived="10th of the month after the quarter")
    # SET_BY submit
    submitted_at = moment("提交时间", origin="X")
    review_opinion = longtext("服务部意见", origin="P")
    # SET_BY review
    reviewed_at = moment("审阅时间", origin="X")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")

    spec = RecordType(
        code="OQS", zh="服务网点季度工作总结", en="Outlet quarterly work summary", source="002 网点管理 3",
        series=Series("OQS-{yyyy}-{n:04}"),
        scope={"dealer": "dealer", "technician": "technician"},
        list=("number", "dealer", "technician", "quarter", "receivable_amount", "submitted_at", "due_on",
              "state"),
        search=("number", "service_content", "problems", "suggestion"),
        filters=("state", "dealer", "technician", "quarter"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("reviewed", "已审阅"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("technician", "dealer"),
                    requires=("dealer", "technician", "quarter", "service_content", "receivable_text", "problems", "suggestion"),
                    stamps=("submitted_at", "signed_by", "signed_at")),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("customer_service",),
                    comment=True),
                Move("review", "审阅", source=("submitted",), to="reviewed", by=("customer_service",),
                    requires=("review_opinion",), stamps=("reviewed_at",)),
                Move("cancel", "取消", source=("draft", "submitted"), to="cancelled",
                    by=("customer_service",), comment=True),
            ),
        ),
        deadlines=(
            # NOTE 10th of the month after the quarter (document: each quarter, no day)
            Deadline("submit", "due_on", starts="quarter", met_by="submitted_at",
                tell=("owner", "customer_service"), id="SLA-15"),
        ),
        access={
            "customer_service": "AVX", "dispatcher": "V", "technician": "CEv", "quality_manager": "V",
            "dealer": "CEv", "finance": "V",
        },
        rules=(
            "One summary per technician and quarter at an outlet, cancelled ones not counted.",
            "All four sections (service content, sums due, problems, suggestions) are filled before "
            "submit.",
            "The reviewer is not the writer; a reviewed summary is read-only.",
            "quarter may not lie in the future.",
        ),
    )
