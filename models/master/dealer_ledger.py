"""服务商管理台账."""

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    day,
    decimal,
    integer,
    lines,
    longtext,
    person,
    province,
    text,
    yes_no,
)
from models.base import phone as telephone
from models.conditions import if_so, is_true, one_of, while_used
from models.spec import SYSTEM, Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

needs_a_parts_store = one_of("outlet_type", "repair_station", "franchised_shop", "service_outlet")


def is_trained(dealer, act) -> bool:
    """Somebody of the dealer has passed an assessed training."""
    training = dealer.types["training_record"]
    row = training.lines["attendees"].model
    return act.session.scalar(
        sa.select(row.id).join(training.model, training.model.id == row.record_id).where(
            row.dealer_id == dealer.id, row.result == "passed",
            training.model.state.in_(("assessed", "archived"))).limit(1)) is not None


TRAINED = Condition(is_trained, Text(
    "该服务商尚无考核合格的培训记录，请先登记培训和考核",
    "Nobody of this dealer has passed a training yet: record the training and its assessment first"))


class Equipment(Line, of="dealer_ledger"):
    """Repair equipment that the outlet was given."""

    equipment_name = text("设备名称", required=True)
    model = text("型号", origin="P")
    quantity = integer("数量", required=True)
    provided_on = day("配备日期", origin="P")
    remark = text("备注", origin="P")


class DealerLedger(Record):
    """Kept by customer service for every repair station, franchised shop and service outlet, so that jobs,
    parts, training, reports and grades are counted per dealer."""

    name = text("服务商名称", required=True, origin="P", group=("网点", "Outlet"))
    dealer_code = text("服务商代码", required=True, origin="P", unique=True, help=(
        "印在考核表上的简码，如 F001；退出后不再启用",
        "Short code printed on grade sheets, e.g. F001; never reused"))
    outlet_type = choice(
        "网点类型", ("repair_station", "维修站"), ("franchised_shop", "专营店"),
        ("service_outlet", "服务网点"), ("sales_outlet", "销售网点"), required=True, help=(
            "销售网点不建配件库，不报月报和配件计划，不参加考评",
            "A sales outlet needs no parts store, owes no monthly reports or parts plan and is not graded"))
    repair_class = choice(
        "维修资质类别", ("class_1", "一类"), ("class_2", "二类"), ("class_3", "三类"), origin="P")
    contact_person = text("负责人", required=True, origin="P", group=("联系方式", "Contact"))
    phone = telephone("联系电话", required=True, origin="P")
    hotline = telephone("24小时服务热线", "24 h service hotline", origin="P")
    complaint_handler_id = person("投诉处理专人", help=(
        "专人记录、解答和处理用户反馈", "The person named to record, answer and handle user feedback"))
    address = text("地址", required=True, origin="P")
    province = province("省份", required=True, origin="P")
    established_on = day("建立日期", required=True, group=("建立与合同", "Founding and contract"), help=(
        "建立后应及时接受培训", "Training follows the founding without delay"))
    plan_basis = text("发展规划依据", help=(
        "网点按公司发展规划设立", "Outlets are set up by the development plan"))
    contract_signed_on = day("签约日期", origin="P")
    contract_ends_on = day("合同到期日", origin="P")
    task_order_channel = text("任务单下单方式", group=("业务与设施", "Business and facilities"))
    parts_supply = text("备品备件供给方式")
    has_parts_store = yes_no("已建配件库", default=False)
    parts_store_area = decimal("配件库面积", origin="P", measure="m²")
    bay_count = integer("工位数", origin="P")
    bank_account = text("结算账户", origin="P", private=True)
    first_training_passed_on = day("首次培训合格日期", group=("培训与考评", "Training and grade"))
    current_grade = choice(
        "当前等级", ("a", "A级", "Grade A"), ("b", "B级", "Grade B"), ("c", "C级", "Grade C"),
        ("d", "D级", "Grade D"), origin="X", derived="grade of the latest published dealer_grade_sheet")
    withdrawn_on = day("退出日期", origin="X")
    remark = longtext("备注", origin="P")
    equipment = lines(Equipment, "维修设备配备")

    spec = RecordType(
        code="SPL", zh="服务商管理台账", en="Dealer ledger",
        source="004 §5.4.1, §5.4.2, §5.4.5, §5.5.1, §7.9; 002 网点 1, 2",
        series=Series("SPL-{n:04}"), title="name", scope={"dealer": "id", "appraiser": "id"},
        list=("number", "dealer_code", "name", "outlet_type", "province", "contact_person", "current_grade",
              "contract_ends_on", "state"),
        inline=("contact_person", "province"),
        search=("number", "dealer_code", "name", "contact_person", "phone"),
        filters=("state", "outlet_type", "repair_class", "province", "current_grade", "has_parts_store",
                 "contract_ends_on"),
        retention_years=10,
        workflow=Workflow(
            states(("candidate", "筹建"), ("trained", "已培训"), ("active", "运营"), ("rectifying", "整改中"),
                   ("suspended", "暂停"), ("withdrawn", "已退出")),
            moves=(
                Move("confirm_training", "确认培训", source=("candidate",), to="trained",
                     by=("customer_service",), stamps=("first_training_passed_on",), when=(while_used("training_record", TRAINED),)),
                Move("activate", "批准运营", source=("trained",), to="active",
                     by=("quality_manager", "deputy_gm"),
                     requires=("has_parts_store", "contract_signed_on", "contact_person", "phone"),
                     when=(if_so(needs_a_parts_store, is_true("has_parts_store")),)),
                Move("rectify", "责令整改", "Put under rectification", source=("active",), to="rectifying",
                     by=(SYSTEM, "quality_manager"), comment=True),
                Move("restore", "恢复运营", source=("rectifying", "suspended"), to="active",
                     by=("quality_manager",), comment=True),
                Move("suspend", "暂停", source=("active", "rectifying"), to="suspended",
                     by=("quality_manager", "deputy_gm"), comment=True),
                Move("withdraw", "退出", source=("candidate", "trained", "active", "rectifying", "suspended"),
                     to="withdrawn", by=("deputy_gm",), stamps=("withdrawn_on",), comment=True),
            ),
            maintained=("candidate", "trained", "active", "rectifying", "suspended")),
        deadlines=(
            Deadline("first_training", starts="established_on", met_by="first_training_passed_on",
                     limit="first_training_days", during=("candidate", "trained"),
                     tell=("customer_service", "evaluator")),
            Deadline("contract_renewal", limit="contract_ends_on", warn="expiry_warning_days",
                     during=("active", "rectifying", "suspended"), tell=("customer_service",)),
        ),
        access={
            "customer_service": "CEVX", "dispatcher": "V", "quality_engineer": "V", "quality_manager": "AV",
            "sales": "V", "sales_lead": "V", "dealer": "v", "appraiser": "v", "warehouse": "V",
            "finance": "V", "deputy_gm": "AV", "management_representative": "V", "general_manager": "V",
            "evaluator": "V", "technician": "V",
        },
        rules=(
            "a dealer is activated only after a passed training and with a parts store (004 §5.4.2, §5.5.1)",
            "BR-20 the dealer's appraisers are its valid staff_qualification rows of type appraiser; "
            "without one it may not file warranty_appraisal",
            "BR-27 a verified veto conduct_violation sets the grade of that period to D",
            "one grade D puts the dealer under rectification; two D in a row propose its withdrawal to the "
            "deputy general manager",
            "only active and rectifying dealers get work orders, parts and settlements",
            "an active or rectifying dealer that is no sales outlet owes the two monthly reports and the "
            "parts plan; others owe none",
            "current_grade is never typed",
            "dealer_code is not reused after withdrawal",
            "a dealer user sees only its own row and edits nothing in it",
        ),
    )
