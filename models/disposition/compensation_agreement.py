"""补偿协议."""

import sqlalchemy as sa

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, money, person, signature, text, unit,
)
from models.conditions import every_line, is_changed, linked, saying
from models.disposition.compensation_request import same_goods, totals, wrong_quantities
from models.people import Unit
from models.spec import Condition, Move, RecordType, Series, Text, Workflow, states

AFTER_SIGNING = ("fulfilment_text", "remark")   # and when each item is delivered
GOODS = ("product_name", "specification")


def sign_request(agreement, act) -> None:
    """The request goes on with its agreement."""
    agreement.signed_at = act.now
    act.make(act.get("compensation_request", agreement.compensation_request_id), "sign_agreement")


def is_what_was_approved(agreement, act) -> bool:
    request = act.get("compensation_request", agreement.compensation_request_id)
    return totals(agreement.items, *GOODS) == totals(request.items, *GOODS)


APPROVED = saying(
    linked("compensation_request", "approved"), "退换/补偿审批单经权限范围内领导批准后方可签署协议",
    "The request must be approved within authority before the agreement is signed")
AS_APPROVED = Condition(is_what_was_approved, Text(
    "协议产品的名称、规格和数量须与已批准的审批单一致",
    "Name, specification and quantity of the products must be those of the approved request"))


class Item(Line, of="compensation_agreement"):
    """Product that is exchanged or given, and when the user got it."""

    product_batch_id = link("product_batch", "产品/批次", origin="X")
    product_name = text("产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    delivered_on = day("交付日期", origin="P")


class CompensationAgreement(Record):
    """The subsidiary draws it up from an approved request and signs it with the user for the exchanged or
    compensated products."""

    compensation_request_id = link("compensation_request", "退换/补偿审批单", required=True, unique=True,
                                   group=("双方", "The parties"))
    customer_id = link("customer", "用户(乙方)", required=True)
    responsible_unit = unit("子(分)公司(甲方)", required=True)
    technician_id = person("经办售后服务人员", origin="P")
    party_a = text("甲方名称", required=True, origin="P")
    party_b = text("乙方名称", required=True, origin="P", private=True)
    amount = money("协议金额", origin="P", derived="amount of compensation_request", group=("协议内容", "Terms"))
    settlement_clause = longtext("一次性了结条款", origin="P")
    copies = integer("份数", origin="P", default=2)
    company_signed_by_id = person("公司签署人", group=("签署", "Signatures"))
    company_signed_at = moment("公司签署时间")
    signed_by = signature("用户签署(盖章)")
    signed_at = moment("签署时间")
    fulfilment_text = longtext("履行情况", origin="P", group=("履行", "Fulfilment"))
    fulfilled_at = moment("履行完成时间", origin="X")
    remark = text("备注", origin="P")
    items = lines(Item, "退换或补偿产品")

    def derive(self, act):
        request = act.get("compensation_request", self.compensation_request_id)
        self.amount = request and request.amount

    def check(self, act):
        request = act.get("compensation_request", self.compensation_request_id)
        for name in ("customer_id", "responsible_unit"):
            if getattr(self, name) != getattr(request, name):
                yield name.removesuffix("_id"), Text("与所选审批单不一致，请更正", "It differs from the request: correct it")
        yield from wrong_quantities(self.items, "items")
        if self.state == "signed" and act.move is None:
            yield from self._changed_after_signing()

    def _changed_after_signing(self):
        signed = Text("协议已签署，内容不能再改", "The agreement is signed and stays as it is")
        for name, field in self.spec.fields.items():
            if field.typed and name not in AFTER_SIGNING and is_changed(self, name):
                yield name, signed
        if sa.inspect(self).attrs["items"].history.has_changes():
            yield "items", signed
        for index, row in enumerate(self.items):
            for name, field in row.fields.items():
                if name != "delivered_on" and sa.inspect(row).attrs[field.column].history.has_changes():
                    yield f"items-{index}-{name}", signed

    def start_from(self, source, act):
        unit, customer = act.session.get(Unit, source.responsible_unit), act.get("customer", source.customer_id)
        self.party_a, self.party_b = unit and unit.name, customer.name
        self.items = same_goods(source.items, Item)

    spec = RecordType(
        code="CAG", zh="补偿协议", en="Compensation agreement", source="003 三(三)6, 二(三)",
        series=Series("CAG-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "compensation_request", "customer", "responsible_unit", "amount", "signed_at",
              "fulfilled_at", "state"),
        search=("number", "party_a", "party_b"),
        filters=("state", "customer", "responsible_unit", "signed_at"),
        links_in=("compensation_request",), retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("signed", "已签署"), ("fulfilled", "已履行"), ("cancelled", "已取消")),
            moves=(
                Move("sign", "双方签署", source=("draft",), to="signed", by=("unit", "unit_lead"),
                     requires=("company_signed_by", "company_signed_at", "signed_by"), stamps=("signed_at",),
                     when=(APPROVED, AS_APPROVED), then=sign_request),
                Move("fulfil", "履行完成", source=("signed",), to="fulfilled", by=("unit", "unit_lead"),
                     requires=("fulfilment_text",), stamps=("fulfilled_at",),
                     when=(every_line("items", "delivered_on"),)),
                Move("cancel", "取消", source=("draft",), to="cancelled", by=("unit", "unit_lead"),
                     comment=True),
            )),
        access={
            "technician": "v", "quality_manager": "V", "unit": "CEVX", "unit_lead": "CEVX", "finance": "V",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-07b signing is blocked until the compensation_request is fully approved",
            "items product_name, specification and quantity equal those of the approved request",
            "one agreement per compensation_request",
            "a signed agreement is not changed",
        ),
    )
