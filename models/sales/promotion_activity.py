"""宣传与展销活动记录."""

from models.base import Record, choice, day, integer, longtext, money, person, province, text, yes_no
from models.spec import Move, RecordType, Series, Workflow, states


class PromotionActivity(Record):
    """Written by sales for each exhibition, advertisement or brochure action by which products are
    presented to customers, with cost and result."""

    name = text("活动名称", required=True, origin="P")
    activity_type = choice("活动形式", ("exhibition", "展销会"), ("advertisement", "广告"), ("brochure", "宣传图册"),
        ("other", "其它形式"), required=True)
    # NOTE held at irregular times
    starts_on = day("开始日期", required=True)
    ends_on = day("结束日期", origin="P")
    place = text("地点", origin="P")
    province = province("省份", origin="P")
    is_new_product = yes_no("新产品推介", default=False)
    # NOTE performance, price, features, technical level
    product_info = longtext("产品信息", required=True)
    materials = text("宣传资料")
    handler_id = person("负责人", required=True, origin="P")
    budget = money("预算", origin="P")
    actual_cost = money("实际费用", origin="P")
    attendee_count = integer("到场人数", origin="P")
    lead_count = integer("线索数", origin="X",
        derived="number of hotline_consultation rows that name this activity")
    result_summary = longtext("活动总结", origin="P")

    spec = RecordType(
        code="PUB", zh="宣传与展销活动记录", en="Promotion and exhibition record", source="004 §5.1.1 a), b), §5.1.2",
        series=Series("PUB-{yyyy}-{n:03}"),
        title="name",
        list=("number", "name", "activity_type", "starts_on", "place", "budget", "actual_cost",
              "lead_count", "state"),
        search=("number", "name", "place", "product_info"),
        filters=("state", "activity_type", "province", "starts_on", "is_new_product", "handler"),
        retention_years=3,
        workflow=Workflow(
            states(("planned", "已计划"), ("held", "已举办"), ("closed", "已关闭"), ("cancelled", "已取消")),
            moves=(
                Move("hold", "举办", source=("planned",), to="held", by=("sales", "sales_lead"),
                    requires=("starts_on", "product_info")),
                Move("close", "关闭", source=("held",), to="closed", by=("sales", "sales_lead"),
                    requires=("actual_cost", "result_summary")),
                Move("cancel", "取消", source=("planned",), to="cancelled", by=("sales_lead",),
                    comment=True),
            ),
        ),
        access={
            "sales": "CEVX", "sales_lead": "CEVX", "deputy_gm": "V", "management_representative": "V",
            "general_manager": "V",
        },
        rules=(
            "ends_on is not before starts_on",
            "an activity cannot be held before starts_on",
            "actual_cost above budget needs a comment",
            "an exhibition needs a place",
            "a closed activity cannot be edited",
        ),
    )
