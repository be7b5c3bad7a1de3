"""合同变更与交付特殊情况记录."""

from models.base import (
    Line, Record, choice, day, decimal, file, lines, link, longtext, moment, person, signature,
    text, unit, yes_no,
)
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Countersign(Line, of="contract_change_record"):
    """影响部门会签."""

    responsible_unit = unit("影响部门", required=True, origin="P")
    opinion = text("会签意见", origin="P")
    signed_by_id = person("会签人", origin="P")
    signed_at = moment("会签时间", origin="P")


class ContractChangeRecord(Record):
    """Written by sales during a running contract when the customer changes it, or when production or
    delivery departs from it and the customer must be told why."""

    customer_id = link("customer", "顾客", required=True)
    hotline_consultation_id = link("hotline_consultation", "来源咨询", origin="X")
    contract_no = text("合同号", required=True, origin="P")
    product_name = text("产品名称", origin="P")
    quantity = decimal("数量", origin="P")
    asked_on = day("询问日期", required=True, origin="P")
    handler_id = person("经办人", required=True, origin="P")
    is_contract_changed = yes_no("合同有变更", required=True, default=False)
    change_content = longtext("变更内容")
    original_terms = longtext("原条款", origin="P")
    new_terms = longtext("新条款", origin="P")
    situation_stage = choice("特殊情况阶段", ("none", "无"), ("production", "生产中", "In production"),
        ("delivery", "交付时", "At delivery"))
    special_situation = longtext("临时特殊情况")
    explanation = longtext("解释内容")
    original_promised_at = moment("原承诺交付时间", origin="P")
    promised_at = moment("新承诺交付时间", origin="P")
    review_opinion = longtext("评审意见", origin="P")
    # SET_BY review
    reviewed_at = moment("评审时间", origin="X")
    customer_confirmed_at = moment("顾客确认时间", origin="P")
    signed_by = signature("顾客确认签字", origin="P")
    confirmation_file_id = file("顾客确认凭据", origin="P")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    countersigns = lines(Countersign, "影响部门会签")

    spec = RecordType(
        code="OCC", zh="合同变更与交付特殊情况记录", en="Contract change and delivery exception record", source="004 §5.2 a), b); 001 §5.2.1",
        series=Series("OCC-{yyyy}{mm}-{n:04}"),
        scope={"unit": "countersigns.responsible_unit", "unit_lead": "countersigns.responsible_unit"},
        list=("number", "customer", "contract_no", "is_contract_changed", "situation_stage", "asked_on",
              "promised_at", "state"),
        search=("number", "contract_no", "change_content", "special_situation"),
        filters=("state", "customer", "is_contract_changed", "situation_stage", "asked_on", "handler"),
        links_in=("hotline_consultation", "customer"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "评审中", "Under review"), ("reviewed", "已评审"),
                ("customer_confirmed", "顾客已确认", "Confirmed by customer"), ("closed", "已关闭"),
                ("rejected", "未通过")),
            moves=(
                # WHEN is_contract_changed with change_content, or special_situation with explanation
                Move("submit", "提交评审", "Submit for review", source=("draft",), to="submitted",
                    by=("sales", "sales_lead"),
                    requires=("customer", "contract_no", "asked_on", "countersigns")),
                # WHEN is_contract_changed is false and there is no special_situation
                Move("close_unchanged", "无变更关闭", "Close without change", source=("draft",), to="closed",
                    by=("sales", "sales_lead"), requires=("customer", "contract_no", "asked_on"),
                    stamps=("closed_at",)),
                # WHEN every countersign line is signed
                Move("review", "评审", source=("submitted",), to="reviewed", by=("quality_manager",),
                    requires=("review_opinion",), stamps=("reviewed_at",)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_manager",),
                    comment=True),
                Move("confirm", "顾客确认", "Customer confirms", source=("reviewed",),
                    to="customer_confirmed", by=("sales", "sales_lead"),
                    requires=("customer_confirmed_at", "signed_by", "confirmation_file")),
                Move("close", "关闭", source=("customer_confirmed",), to="closed",
                    by=("sales", "sales_lead"), stamps=("closed_at",)),
                Move("reject", "否决", source=("submitted", "reviewed"), to="rejected",
                    by=("quality_manager", "sales_lead"), comment=True),
            ),
        ),
        deadlines=(
            Deadline("tell_customer", "original_promised_at", met_by="customer_confirmed_at",
                tell=("sales", "sales_lead"), id="SLA-05"),
        ),
        access={
            "quality_manager": "VA", "sales": "CEVX", "sales_lead": "CEVXA", "unit": "Kv",
            "unit_lead": "Kv", "deputy_gm": "V", "management_representative": "V",
            "general_manager": "V",
        },
        rules=(
            "the record cannot be confirmed or closed without the customer's confirmation on file, "
            "except by close_unchanged (the customer was asked and nothing changed)",
            "is_contract_changed true requires change_content, original_terms and new_terms",
            "situation_stage production or delivery requires special_situation and explanation",
            "BR-05 when original_promised_at cannot be kept, the customer has confirmed the new "
            "promised_at before original_promised_at passes",
            "the reviewer is not the creator",
            "each affected unit signs its own countersign line once",
            "closed and rejected records cannot be edited",
        ),
    )
