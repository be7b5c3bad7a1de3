"""首保登记表."""

from models.base import (
    Line, Record, day, integer, lines, link, longtext, moment, money, person, phone, signature,
    text, yes_no,
)
from models.spec import SYSTEM, Move, RecordType, Series, Workflow, states


class Item(Line, of="first_service_registration"):
    """走保项目."""

    item_name = text("走保项目", required=True)
    is_mandatory = yes_no("强制", origin="X", default=True)
    is_done = yes_no("已完成", required=True, origin="P", default=False)
    result = text("检查结果", origin="P")


class FirstServiceRegistration(Record):
    """A dealer registers the first (running-in) service it does on a new vehicle by the warranty
    manual, for customer service to accept and finance to settle."""

    dealer_id = link("dealer_ledger", "服务商", required=True)
    customer_id = link("customer", "用户", required=True)
    phone = phone("用户电话", origin="P", private=True)
    vehicle_id = link("vehicle", "车辆", required=True)
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    engine_no = text("发动机号", origin="P", derived="vehicle.engine_no")
    delivered_on = day("购车(交付)日期", origin="P", derived="vehicle.delivered_on")
    serviced_on = day("首保日期", required=True, origin="P")
    mileage = integer("首保里程", required=True, origin="P", measure="km")
    service_price_policy_id = link("service_price_policy", "质量保修手册(版本)")
    first_service_conditions = longtext("强制走保条件",
        derived="copied from service_price_policy.first_service_conditions at creation")
    is_within_condition = yes_no("符合走保条件", origin="X",
        derived=(
        "mileage not above first_service_max_km and serviced_on - delivered_on not above "
        "first_service_max_days (parameters)"))
    service_voucher_no = text("首保凭证号", origin="P")
    technician_id = person("维修技师", origin="P")
    signed_by = signature("用户签字", origin="P")
    signed_at = moment("用户签字时间", origin="P")
    amount = money("首保费用", origin="P")
    # SET_BY submit
    submitted_at = moment("上报时间", origin="X")
    # SET_BY accept, reject
    reviewed_at = moment("审核时间", origin="X")
    reject_reason = text("拒绝原因", origin="P")
    # SET_BY settle
    warranty_settlement_id = link("warranty_settlement", "保修结算单", origin="X")
    remark = longtext("备注", origin="P")
    items = lines(Item, "走保项目")

    spec = RecordType(
        code="FSR", zh="首保登记表", en="First service registration", source="004 §3, §5.3.3, §7.1",
        series=Series("FSR-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "dealer", "vin", "customer", "serviced_on", "mileage", "is_within_condition",
              "amount", "state"),
        search=("number", "vin", "engine_no", "service_voucher_no"),
        filters=("state", "dealer", "serviced_on", "is_within_condition"),
        links_in=("vehicle",),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已上报"), ("accepted", "已认可"), ("settled", "已结算"),
                ("rejected", "不予认可")),
            moves=(
                # WHEN every mandatory item is done
                Move("submit", "上报", source=("draft",), to="submitted", by=("dealer",),
                    requires=("vehicle", "customer", "serviced_on", "mileage", "items", "signed_by", "amount"),
                    stamps=("submitted_at",)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("customer_service",),
                    comment=True),
                Move("accept", "认可", source=("submitted",), to="accepted", by=("customer_service",),
                    stamps=("reviewed_at",)),
                Move("reject", "不予认可", source=("submitted",), to="rejected", by=("customer_service",),
                    requires=("reject_reason",), stamps=("reviewed_at",)),
                # WHEN the warranty_settlement that lists it is paid
                Move("settle", "结算", source=("accepted",), to="settled", by=(SYSTEM,),
                    stamps=("warranty_settlement",)),
            ),
        ),
        access={
            "customer_service": "AVX", "quality_engineer": "V", "quality_manager": "V", "dealer": "CEv",
            "appraiser": "v", "finance": "V", "deputy_gm": "V",
        },
        rules=(
            "one registration per vehicle that is not rejected",
            "mileage is above 0 and not below any earlier reading of the vehicle",
            "serviced_on is not before delivered_on and not in the future",
            "outside the condition (is_within_condition false) it is flagged to customer service, not "
            "blocked",
            "BR-30 any recognised dealer may do the first service, not only the selling dealer",
            "BR-31 a late, missed or elsewhere-done first service does not by itself void the statutory "
            "warranty",
            "the items are preset from service_price_policy.maintenance_items",
            "settled at most once",
        ),
    )
