"""首保登记表."""

import sqlalchemy as sa

from models.base import (
    Line, Record, day, integer, lines, link, longtext, moment, money, person, phone, signature, text, yes_no,
)
from models.conditions import is_changed, linked, saying
from models.master.vehicle import note_reading, terms_in_force, wrong_reading
from models.spec import SYSTEM, Condition, Move, RecordType, Series, Text, Workflow, states

MANDATORY_IS_DONE = Condition(
    lambda registration, act: all(item.is_done for item in registration.items if item.is_mandatory),
    Text("强制走保项目须全部完成", "Every mandatory item must be done"))
BEING_PAID = saying(
    linked("warranty_settlement", "approved", "paid"), "只随所列保修结算单付款一并结算",
    "Settled only with the payment of the settlement that lists it")


class Item(Line, of="first_service_registration"):
    """Something that the first service looks after."""

    item_name = text("走保项目", required=True)
    is_mandatory = yes_no("强制", origin="X", default=True)
    is_done = yes_no("已完成", required=True, origin="P", default=False)
    result = text("检查结果", origin="P")


class FirstServiceRegistration(Record):
    """A dealer registers the first (running-in) service it does on a new vehicle by the warranty
    manual, for customer service to accept and finance to settle."""

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("用户与车辆", "User and vehicle"))
    customer_id = link("customer", "用户", required=True)
    phone = phone("用户电话", origin="P", private=True)
    vehicle_id = link("vehicle", "车辆", required=True, help=(
        "任何服务商均可首保，不限于售出服务商", "Any dealer may do it, not only the one that sold the vehicle"))
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    engine_no = text("发动机号", origin="P", derived="vehicle.engine_no")
    delivered_on = day("购车(交付)日期", origin="P", derived="vehicle.delivered_on")
    serviced_on = day("首保日期", required=True, origin="P", group=("首保", "The service"))
    mileage = integer("首保里程", required=True, origin="P", measure="km", minimum=1)
    service_price_policy_id = link("service_price_policy", "质量保修手册(版本)", help=(
        "不填时自动带出首保当日生效的版本及其走保项目",
        "Filled with the version in force on the day, and its items, if left empty"))
    first_service_conditions = longtext("强制走保条件", derived=(
        "copied from service_price_policy.first_service_conditions at creation"))
    is_within_condition = yes_no("符合走保条件", origin="X", derived=(
        "mileage not above first_service_max_km and serviced_on - delivered_on not above "
        "first_service_max_days (parameters)"), help=(
        "超出走保条件不影响法定三包", "Outside the condition the statutory warranty stands all the same"))
    service_voucher_no = text("首保凭证号", origin="P")
    technician_id = person("维修技师", origin="P")
    signed_by = signature("用户签字", origin="P", group=("验收与费用", "Acceptance and charge"))
    signed_at = moment("用户签字时间", origin="P")
    amount = money("首保费用", origin="P")
    submitted_at = moment("上报时间", origin="X", group=("审核与结算", "Review and settlement"))
    reviewed_at = moment("审核时间", origin="X")
    reject_reason = text("拒绝原因", origin="P")
    warranty_settlement_id = link("warranty_settlement", "保修结算单", origin="X", system=True)
    remark = longtext("备注", origin="P")
    items = lines(Item, "走保项目")

    def start_from(self, source, act):
        """A vehicle that comes for its first service: its terms of today with the items."""
        terms = terms_in_force(act, source, act.today)
        self.service_price_policy_id = terms and terms.id
        self._preset(terms)

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        for name in ("vin", "engine_no", "delivered_on"):
            setattr(self, name, vehicle and getattr(vehicle, name))
        if self.state == "draft":
            self._take_terms(act, vehicle)
        self.is_within_condition = self._is_within(act)

    def _take_terms(self, act, vehicle):
        if self.service_price_policy_id is None and vehicle and self.serviced_on and not act.is_history:
            terms = terms_in_force(act, vehicle, self.serviced_on)
            self.service_price_policy_id = terms and terms.id
        terms = act.get("service_price_policy", self.service_price_policy_id)
        self.first_service_conditions = terms and terms.first_service_conditions
        if self.id is None and not self.items and not act.is_history:
            self._preset(terms)

    def _preset(self, terms):
        self.items = [Item(position=n, item_name=row.item_name, is_mandatory=row.is_mandatory, is_done=False)
                      for n, row in enumerate(terms.maintenance_items if terms else ())]

    def _is_within(self, act):
        if None in (self.mileage, self.serviced_on, self.delivered_on):
            return None
        at = act.start_of(self.serviced_on)
        days = (self.serviced_on - self.delivered_on).days
        return self.mileage <= act.parameter("first_service_max_km", at=at) and (
            days <= act.parameter("first_service_max_days", at=at))

    def check(self, act):
        yield from wrong_reading(self, act)
        if self.serviced_on and self.serviced_on > act.today:
            yield "serviced_on", Text("首保日期不能晚于今天，请更正", "A service is not registered before it is done")
        if self.serviced_on and self.delivered_on and self.serviced_on < self.delivered_on:
            yield "serviced_on", Text("首保日期不能早于交付日期，请更正", "It cannot be serviced before it was delivered")
        if is_changed(self, "vehicle"):
            yield from self._registered_already(act)

    def _registered_already(self, act):
        cls = type(self)
        other = act.session.scalar(sa.select(cls.number).where(
            cls.vehicle_id == self.vehicle_id, cls.state.not_in(("void", "rejected")), cls.id != (self.id or 0)).limit(1))
        if other:
            yield "vehicle", Text(f"该车首保已登记在 {other}，每车只登记一次",
                                  f"The first service of this vehicle is registered in {other} already")

    spec = RecordType(
        code="FSR", zh="首保登记表", en="First service registration", source="004 §3, §5.3.3, §7.1",
        series=Series("FSR-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "dealer", "vin", "customer", "serviced_on", "mileage", "is_within_condition",
              "amount", "state"),
        search=("number", "vin", "engine_no", "service_voucher_no"),
        filters=("state", "dealer", "serviced_on", "is_within_condition"), links_in=("vehicle",),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已上报"), ("accepted", "已认可"), ("settled", "已结算"),
                   ("rejected", "不予认可")),
            moves=(
                Move("submit", "上报", source=("draft",), to="submitted", by=("dealer",),
                     requires=("vehicle", "customer", "serviced_on", "mileage", "items", "signed_by", "amount"),
                     stamps=("submitted_at",), when=(MANDATORY_IS_DONE,), then=note_reading),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("customer_service",),
                     comment=True),
                Move("accept", "认可", source=("submitted",), to="accepted", by=("customer_service",),
                     stamps=("reviewed_at",)),
                Move("reject", "不予认可", source=("submitted",), to="rejected", by=("customer_service",),
                     requires=("reject_reason",), stamps=("reviewed_at",)),
                Move("settle", "结算", source=("accepted",), to="settled", by=(SYSTEM,), when=(BEING_PAID,)),
            )),
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
