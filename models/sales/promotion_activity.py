"""宣传与展销活动记录."""

import sqlalchemy as sa

from models.base import Default, Record, choice, day, integer, longtext, money, person, province, text, yes_no
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, states

HAS_BEGUN = Condition(
    lambda activity, act: activity.starts_on <= act.today,
    Text("活动开始日期未到，不能登记为已举办", "The activity has not begun yet"))
COST_EXPLAINED = Condition(
    lambda activity, act: activity.budget is None or activity.actual_cost <= activity.budget or bool(
        act.comment.strip()),
    Text("实际费用超过预算的，请写明理由", "The cost is above the budget: give the reason"))


class PromotionActivity(Record):
    """Written by sales for each exhibition, advertisement or brochure action by which products are presented to
    customers, with cost and result."""

    name = text("活动名称", required=True, origin="P", group=("活动", "The activity"))
    activity_type = choice("活动形式", ("exhibition", "展销会"), ("advertisement", "广告"), ("brochure", "宣传图册"),
                           ("other", "其它形式"), required=True)
    starts_on = day("开始日期", required=True, help=("活动不定期举办", "Held at irregular times"))
    ends_on = day("结束日期", origin="P")
    place = text("地点", origin="P", help=("展销会必填", "Needed for an exhibition"))
    province = province("省份", origin="P")
    is_new_product = yes_no("新产品推介", default=False, group=("产品", "Products"))
    product_info = longtext("产品信息", required=True, help=(
        "性能、价格、特点及技术水平", "Performance, price, features and technical level"))
    materials = text("宣传资料")
    handler_id = person("负责人", required=True, origin="P", default=Default.CURRENT_USER,
                        group=("费用与效果", "Cost and result"))
    budget = money("预算", origin="P")
    actual_cost = money("实际费用", origin="P")
    attendee_count = integer("到场人数", origin="P")
    lead_count = integer("线索数", origin="X", derived=(
        "number of hotline_consultation rows that name this activity"))
    result_summary = longtext("活动总结", origin="P")

    def derive(self, act):
        call = self.types["hotline_consultation"].model
        self.lead_count = 0 if self.id is None else act.session.scalar(
            sa.select(sa.func.count()).select_from(call).where(
                call.promotion_activity_id == self.id, call.state != VOID))

    def check(self, act):
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            yield "ends_on", Text("结束日期不能早于开始日期", "It cannot end before it starts")
        if self.activity_type == "exhibition" and not self.place:
            yield "place", Text("展销会须填写地点", "An exhibition needs its place")

    spec = RecordType(
        code="PUB", zh="宣传与展销活动记录", en="Promotion and exhibition record", source="004 §5.1.1 a), b), §5.1.2",
        series=Series("PUB-{yyyy}-{n:03}"), title="name",
        list=("number", "name", "activity_type", "starts_on", "place", "budget", "actual_cost", "lead_count",
              "state"),
        search=("number", "name", "place", "product_info"),
        filters=("state", "activity_type", "province", "starts_on", "is_new_product", "handler"),
        retention_years=3,
        workflow=Workflow(
            states(("planned", "已计划"), ("held", "已举办"), ("closed", "已关闭"), ("cancelled", "已取消")),
            moves=(
                Move("hold", "举办", source=("planned",), to="held", by=("sales", "sales_lead"),
                     requires=("starts_on", "product_info"), when=(HAS_BEGUN,)),
                Move("close", "关闭", source=("held",), to="closed", by=("sales", "sales_lead"),
                     requires=("actual_cost", "result_summary"), when=(COST_EXPLAINED,)),
                Move("cancel", "取消", source=("planned",), to="cancelled", by=("sales_lead",), comment=True),
            )),
        access={
            "customer_service": "V", "sales": "CEVX", "sales_lead": "CEVX", "deputy_gm": "V",
            "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "ends_on is not before starts_on",
            "an activity cannot be held before starts_on",
            "actual_cost above budget needs a comment",
            "an exhibition needs a place",
            "a closed activity cannot be edited",
        ),
    )
