"""补偿协议."""

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, money, person, signature,
    text, unit,
)
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="compensation_agreement"):
    """退换或补偿产品."""

    product_batch_id = link("product_batch", "产品/批次", origin="X")
    product_name = text("产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    delivered_on = day("交付日期", origin="P")


class CompensationAgreement(Record):
    """The subsidiary draws it up from an approved request and signs it with the user for the exchanged
    or compensated products."""

    compensation_request_id = link("compensation_request", "退换/补偿审批单", required=True, unique=True)
    customer_id = link("customer", "用户(乙方)", required=True)
    responsible_unit = unit("子(分)公司(甲方)", required=True)
    technician_id = person("经办售后服务人员", origin="P")
    party_a = text("甲方名称", required=True, origin="P")
    party_b = text("乙方名称", required=True, origin="P", private=True)
    amount = money("协议金额", origin="P", derived="amount of compensation_request")
    settlement_clause = longtext("一次性了结条款", origin="P")
    copies = integer("份数", origin="P", default=2)
    company_signed_by_id = person("公司签署人")
    company_signed_at = moment("公司签署时间")
    signed_by = signature("用户签署(盖章)")
    # SET_BY sign
    signed_at = moment("签署时间")
    fulfilment_text = longtext("履行情况", origin="P")
    # SET_BY fulfil
    fulfilled_at = moment("履行完成时间", origin="X")
    remark = text("备注", origin="P")
    items = lines(Item, "退换或补偿产品")

    spec = RecordType(
        code="CAG", zh="补偿协议", en="Compensation agreement", source="003 三(三)6, 二(三)",
        series=Series("CAG-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "compensation_request", "customer", "responsible_unit", "amount", "signed_at",
              "fulfilled_at", "state"),
        search=("number", "party_a", "party_b"),
        filters=("state", "customer", "responsible_unit", "signed_at"),
        links_in=("compensation_request",),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("signed", "已签署"), ("fulfilled", "已履行"), ("cancelled", "已取消")),
            moves=(
                # WHEN compensation_request is in state approved and items equal the approved items
                # THEN moves compensation_request to agreement_signed
                Move("sign", "双方签署", source=("draft",), to="signed", by=("unit", "unit_lead"),
                    requires=("company_signed_by", "company_signed_at", "signed_by"),
                    stamps=("signed_at",)),
                # WHEN every items row has delivered_on
                Move("fulfil", "履行完成", source=("signed",), to="fulfilled", by=("unit", "unit_lead"),
                    requires=("fulfilment_text",), stamps=("fulfilled_at",)),
                Move("cancel", "取消", source=("draft",), to="cancelled", by=("unit", "unit_lead"),
                    comment=True),
            ),
        ),
        access={
            "technician": "v", "quality_manager": "V", "unit": "CEVX", "unit_lead": "CEVX",
            "finance": "V", "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-07b signing is blocked until the compensation_request is fully approved",
            "items product_name, specification and quantity equal those of the approved request",
            "one agreement per compensation_request",
            "a signed agreement is not changed",
        ),
    )
