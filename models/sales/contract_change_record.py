"""合同变更与交付特殊情况记录."""

from models.base import (
    Default, Line, Record, choice, day, decimal, file, lines, link, longtext, moment, person, signature, text, unit,
    yes_no,
)
from models.conditions import (
    actor_is_not_creator, all_signed, both, either, filled, if_so, is_changed, is_false, is_true, one_of, saying,
)
from models.spec import Condition, Copies, Deadline, Move, RecordType, Series, Text, Workflow, states

# What the departments sign for, and what the customer does.
REVIEWED = ("customer", "contract_no", "product_name", "quantity", "is_contract_changed", "change_content",
            "original_terms", "new_terms", "situation_stage", "special_situation", "explanation",
            "original_promised_at", "countersigns")
CONFIRMED = ("promised_at", "customer_confirmed_at", "signed_by", "confirmation_file")


def ask_departments(record, act) -> None:
    """Every department signs for what is submitted now, also if it signed for an earlier version."""
    for row in record.countersigns:
        row.signed_by_id = row.signed_at = None


def is_told_in_time(record, act) -> bool:
    """A later promise is the customer's before the one before has passed."""
    before = record.original_promised_at
    is_later = before is not None and record.promised_at is not None and record.promised_at > before
    return not is_later or record.customer_confirmed_at <= before


SOMETHING_CHANGES = saying(
    either(both(is_true("is_contract_changed"), filled("change_content")),
           both(filled("special_situation"), filled("explanation"))),
    "请填写变更内容，或临时特殊情况及其解释；没有变更的请用“无变更关闭”",
    "Fill in what changes, or the special situation with its explanation; else use “Close without change”")
TERMS_COMPARED = saying(
    if_so(is_true("is_contract_changed"), both(*map(filled, ("change_content", "original_terms", "new_terms")))),
    "合同有变更的，须填写变更内容、原条款和新条款", "A changed contract needs the change, the old terms and the new ones")
SITUATION_EXPLAINED = saying(
    if_so(one_of("situation_stage", "production", "delivery"),
          both(filled("special_situation"), filled("explanation"))),
    "生产中或交付时有特殊情况的，须填写临时特殊情况和解释内容",
    "A special situation in production or at delivery is described and explained")
NOTHING_CHANGES = saying(
    both(is_false("is_contract_changed"),
         Condition(lambda record, act: not record.special_situation, Text("", ""))),
    "合同有变更或有特殊情况的，须提交评审", "A change or a special situation is submitted for review")
TOLD_IN_TIME = Condition(is_told_in_time, Text(
    "延期须在原承诺交付时间之前得到顾客确认；已过期的，原承诺按逾期处理，请清空新承诺交付时间",
    "The customer confirms a later delivery before the promised time; else the promise is broken: clear the new one"))


class Countersign(Line, of="contract_change_record"):
    """A department that the change concerns, and its signature."""

    responsible_unit = unit("影响部门", required=True, origin="P")
    opinion = text("会签意见", origin="P")
    signed_by_id = person("会签人", origin="P", system=True)
    signed_at = moment("会签时间", origin="P", system=True)


class ContractChangeRecord(Record):
    """Written by sales during a running contract when the customer changes it, or when production or delivery
    departs from it and the customer must be told why."""

    customer_id = link("customer", "顾客", required=True, group=("合同", "The contract"))
    hotline_consultation_id = link("hotline_consultation", "来源咨询", origin="X")
    contract_no = text("合同号", required=True, origin="P")
    product_name = text("产品名称", origin="P")
    quantity = decimal("数量", origin="P")
    asked_on = day("询问日期", required=True, origin="P", default=Default.TODAY)
    handler_id = person("经办人", required=True, origin="P", default=Default.CURRENT_USER)
    is_contract_changed = yes_no("合同有变更", required=True, default=False,
                                 group=("变更与特殊情况", "Change and special situation"))
    change_content = longtext("变更内容", help=(
        "有变更的，变更内容、原条款和新条款均须填写", "A change needs its content, the old terms and the new ones"))
    original_terms = longtext("原条款", origin="P")
    new_terms = longtext("新条款", origin="P")
    situation_stage = choice("特殊情况阶段", ("none", "无"), ("production", "生产中", "In production"),
                             ("delivery", "交付时", "At delivery"))
    special_situation = longtext("临时特殊情况")
    explanation = longtext("解释内容")
    original_promised_at = moment("原承诺交付时间", origin="P")
    promised_at = moment("新承诺交付时间", origin="P", help=(
        "延期的，须在原承诺交付时间之前得到顾客确认", "The customer confirms a later one before the promised time"))
    review_opinion = longtext("评审意见", origin="P", group=("评审与顾客确认", "Review and confirmation"))
    reviewed_at = moment("评审时间", origin="X")
    customer_confirmed_at = moment("顾客确认时间", origin="P")
    signed_by = signature("顾客确认签字", origin="P")
    confirmation_file_id = file("顾客确认凭据", origin="P")
    closed_at = moment("关闭时间", origin="X")
    countersigns = lines(Countersign, "影响部门会签")

    def start_from(self, source, act):
        if source.spec.name == "hotline_consultation":
            self.contract_no, self.change_content = source.order_no, source.content
            self.is_contract_changed = source.category == "order_change"

    def check(self, act):
        seen = set()
        for n, row in enumerate(self.countersigns):
            if row.responsible_unit in seen:
                yield f"countersigns-{n}-responsible_unit", Text("每个部门只列一行", "Each department has one row")
            seen.add(row.responsible_unit)
        if self.customer_confirmed_at and self.customer_confirmed_at > act.now:
            yield "customer_confirmed_at", Text("顾客确认时间不能晚于现在",
                                                "The customer has not confirmed in the future")
        if self.state != "draft" and act.move is None:
            stands = (*REVIEWED, *(CONFIRMED if self.state == "customer_confirmed" else ()))
            yield from ((name, Text("已提交评审或顾客已确认的内容不能再改", "What was submitted or confirmed stays"))
                        for name in stands if is_changed(self, name))

    spec = RecordType(
        code="OCC", zh="合同变更与交付特殊情况记录", en="Contract change and delivery exception record",
        source="004 §5.2 a), b); 001 §5.2.1", series=Series("OCC-{yyyy}{mm}-{n:04}"),
        scope={"unit": "countersigns.responsible_unit", "unit_lead": "countersigns.responsible_unit"},
        list=("number", "customer", "contract_no", "is_contract_changed", "situation_stage", "asked_on",
              "promised_at", "state"),
        search=("number", "contract_no", "change_content", "special_situation"),
        filters=("state", "customer", "is_contract_changed", "situation_stage", "asked_on", "handler"),
        links_in=("hotline_consultation", "customer"),
        copies=Copies("countersigns", key="responsible_unit"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "评审中", "Under review"), ("reviewed", "已评审"),
                   ("customer_confirmed", "顾客已确认", "Confirmed by customer"), ("closed", "已关闭"),
                   ("rejected", "未通过")),
            moves=(
                Move("submit", "提交评审", "Submit for review", source=("draft",), to="submitted",
                     by=("sales", "sales_lead"), requires=("customer", "contract_no", "asked_on", "countersigns"),
                     when=(SOMETHING_CHANGES, TERMS_COMPARED, SITUATION_EXPLAINED), then=ask_departments),
                Move("close_unchanged", "无变更关闭", "Close without change", source=("draft",), to="closed",
                     by=("sales", "sales_lead"), requires=("customer", "contract_no", "asked_on"),
                     stamps=("closed_at",), when=(NOTHING_CHANGES,)),
                Move("review", "评审", source=("submitted",), to="reviewed", by=("quality_manager",),
                     requires=("review_opinion",), stamps=("reviewed_at",),
                     when=(actor_is_not_creator(), all_signed("countersigns"))),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_manager",), comment=True),
                Move("confirm", "顾客确认", "Customer confirms", source=("reviewed",), to="customer_confirmed",
                     by=("sales", "sales_lead"), when=(TOLD_IN_TIME,),
                     requires=("customer_confirmed_at", "signed_by", "confirmation_file")),
                Move("close", "关闭", source=("customer_confirmed",), to="closed", by=("sales", "sales_lead"),
                     stamps=("closed_at",)),
                Move("reject", "否决", source=("submitted", "reviewed"), to="rejected",
                     by=("quality_manager", "sales_lead"), comment=True),
            )),
        deadlines=(
            Deadline("tell_customer", "original_promised_at", met_by="customer_confirmed_at",
                     tell=("sales", "sales_lead"), id="SLA-05", warn="promise_warning_hours"),
        ),
        access={
            "quality_manager": "VA", "sales": "CEVX", "sales_lead": "CEVXA", "unit": "Kv", "unit_lead": "Kv",
            "deputy_gm": "V", "management_representative": "V", "general_manager": "V",
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
            "what was submitted for review or confirmed by the customer is not changed",
            "closed and rejected records cannot be edited",
        ),
    )
