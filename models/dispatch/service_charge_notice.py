"""收费告知/报价单."""

from models.base import (
    Line, Record, choice, decimal, lines, link, longtext, moment, money, person, signature, text,
)
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="service_charge_notice"):
    """收费项目."""

    item_name = text("项目", required=True, origin="P")
    kind = choice("费用类别", ("labour", "工时费"), ("part", "配件费", "Parts"), ("travel", "上门费"),
        ("other", "其他"), required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P", default=1)
    unit_price = money("单价", required=True, origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price")


class ServiceChargeNotice(Record):
    """The technician or dealer tells the customer the warranty position and the charge by the published
    price standard, and gets consent before repairing."""

    work_order_id = link("work_order", "派工单", origin="P")
    # NOTE for a repair at a dealer without a work order
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X")
    customer_id = link("customer", "客户", required=True,
        derived="customer of the work order or repair file")
    technician_id = person("维修人员")
    dealer_id = link("dealer_ledger", "服务商/网点", origin="X",
        derived="dealer of the work order or repair file")
    warranty_status = choice("保修情况", ("in", "保修期内", "In warranty"), ("out", "保修期外", "Out of warranty"),
        required=True)
    service_price_policy_id = link("service_price_policy", "维修收费标准(版本)", required=True)
    labour_fee = money("工时费", origin="P", derived="sum of items.amount where kind is labour")
    parts_fee = money("配件费", origin="P", derived="sum of items.amount where kind is part")
    other_fee = money("其他费用", origin="P", derived="sum of items.amount where kind is travel or other")
    amount = money("收费合计", required=True, derived="labour_fee + parts_fee + other_fee")
    told_mode = choice("告知方式", ("phone", "电话", "By phone"), ("on_site", "当面", "In person"),
        ("message", "短信微信", "By message"), origin="P")
    # SET_BY tell
    told_at = moment("告知时间", origin="X")
    signed_by = signature("客户同意签字", origin="P")
    # SET_BY accept
    signed_at = moment("同意时间", origin="P")
    decline_reason = text("不同意原因", origin="P")
    payment_method = choice("收款方式", ("cash", "现金"), ("transfer", "转账", "Bank transfer"),
        ("mobile", "移动支付", "Mobile payment"), ("free", "免收", "Free of charge"), origin="P")
    # SET_BY charge
    paid_at = moment("收款时间", origin="P")
    receipt_no = text("收据/发票号", origin="P")
    remark = longtext("备注", origin="P")
    items = lines(Item, "收费项目")

    spec = RecordType(
        code="SQT", zh="收费告知/报价单", en="Service charge notice (quotation)", source="002 报修流程(3)(5)",
        series=Series("SQT-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "dealer": "dealer"},
        list=("number", "work_order", "customer", "warranty_status", "amount", "told_at", "paid_at",
              "state"),
        search=("number", "receipt_no"),
        filters=("state", "customer", "technician", "dealer", "warranty_status", "told_at"),
        links_in=("work_order", "customer_repair_file"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("told", "已告知"), ("accepted", "客户同意"), ("charged", "已收款/免收"),
                ("declined", "客户不同意")),
            moves=(
                # WHEN out of warranty needs at least one items line
                Move("tell", "告知客户", "Tell customer", source=("draft",), to="told",
                    by=("technician", "dealer"),
                    requires=("warranty_status", "service_price_policy", "amount", "told_mode"),
                    stamps=("told_at",)),
                # THEN writes told_at to the work order's charge_told_at when that is empty
                Move("accept", "客户同意", "Customer accepts", source=("told",), to="accepted",
                    by=("technician", "dealer"), requires=("signed_by",), stamps=("signed_at",)),
                Move("decline", "客户不同意", "Customer declines", source=("told",), to="declined",
                    by=("technician", "dealer"), requires=("decline_reason",)),
                # WHEN the work order is finished or the repair file completed; payment_method free exactly when amount is 0
                Move("charge", "收款/免收", source=("accepted",), to="charged", by=("technician", "dealer"),
                    requires=("payment_method",), stamps=("paid_at",)),
            ),
        ),
        access={
            "customer_service": "VX", "dispatcher": "V", "technician": "CEv", "dealer": "CEv",
            "finance": "VX",
        },
        rules=(
            "BR-08 out of warranty: a notice with told_at and the customer's consent exists before the "
            "work order is finished or the repair file completed",
            "exactly one of work_order and customer_repair_file is set",
            "in warranty the amount must be 0",
            "service_price_policy must be the version in force on the day of told_at",
            "unit prices are not above the published price standard",
            "a declined notice is final; a new price needs a new notice",
            "BR-27 nothing may be collected from the customer beyond an accepted notice",
        ),
    )
