"""带回设备清单/返修单."""

from models.base import (
    Line, Record, choice, integer, lines, link, longtext, moment, money, person, signature, text,
    yes_no,
)
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Item(Line, of="equipment_takeback"):
    """带回设备清单."""

    equipment_name = text("设备名称", required=True)
    serial_no = text("设备序列号", origin="P")
    quantity = integer("数量", required=True, origin="P", default=1)
    appearance = text("外观", origin="P")
    accessories = text("附件", origin="P")
    inspection_result = text("检查情况", required=True)


class EquipmentTakeback(Record):
    """The technician lists the equipment taken away for repair, gives one copy to the customer and one
    to the dispatcher, and follows it until the customer signs for its return."""

    work_order_id = link("work_order", "派工单", required=True)
    customer_id = link("customer", "客户", required=True, derived="work_order.customer")
    technician_id = person("维修人员", required=True)
    situation = longtext("带回情况")
    is_inspected = yes_no("设备已检查")
    # SET_BY give_copy
    customer_copy_given_at = moment("客户联交付时间")
    taken_back_at = moment("带回时间", origin="P")
    # SET_BY check_in
    dispatcher_copy_returned_at = moment("调度联交回时间")
    loaner_equipment = text("备用机", origin="P")
    promised_at = moment("预计归还时间", origin="P")
    promise_renotified_at = moment("再次知会客户时间", origin="X")
    repair_route = choice("返修途径", ("self", "自行解决", "Solved by the technician"),
        ("colleague", "同事协助", "Colleague helped"),
        ("rework_procedure", "进入物品返修程序", "Item repair procedure"),
        ("spare_part", "启动备品备件程序", "Spare-part procedure"))
    cause = longtext("故障原因", origin="P")
    solution = longtext("解决方法")
    test_result = longtext("检测结果", origin="P")
    amount = money("费用", origin="P", default=0)
    # SET_BY hand_back
    returned_at = moment("归还时间", origin="X")
    signed_by = signature("归还签收", origin="X")
    remark = longtext("备注", origin="P")
    items = lines(Item, "带回设备清单")

    spec = RecordType(
        code="ETB", zh="带回设备清单/返修单", en="Equipment take-back list and repair slip", source="002 报修流程(5)(6)",
        series=Series("ETB-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician"},
        list=("number", "work_order", "customer", "technician", "taken_back_at", "promised_at",
              "returned_at", "state"),
        search=("number", "situation", "solution"),
        filters=("state", "customer", "technician", "repair_route", "promised_at"),
        links_in=("work_order",),
        workflow=Workflow(
            states(("listed", "已列清单"), ("copy_given", "客户联已交", "Customer copy given"),
                ("in_workshop", "返修中"), ("repaired", "已修复"), ("unrepairable", "无法修复"),
                ("returned", "已归还签收", "Returned and signed"), ("cancelled", "已取消")),
            moves=(
                # WHEN is_inspected is true
                Move("give_copy", "交付客户联", "Give customer copy", source=("listed",), to="copy_given",
                    by=("technician",), requires=("items", "is_inspected", "promised_at"),
                    stamps=("customer_copy_given_at",)),
                Move("check_in", "收调度联入修", "Check in with dispatcher copy", source=("copy_given",),
                    to="in_workshop", by=("dispatcher",), requires=("taken_back_at",),
                    stamps=("dispatcher_copy_returned_at",)),
                # WHEN an amount above 0 needs an accepted service_charge_notice of the work order
                Move("repair", "修复", "Repaired", source=("in_workshop",), to="repaired",
                    by=("technician",), requires=("repair_route", "cause", "solution", "test_result")),
                Move("declare_unrepairable", "判定无法修复", source=("in_workshop",), to="unrepairable",
                    by=("technician",), requires=("repair_route", "cause", "test_result"), comment=True),
                Move("hand_back", "归还", source=("repaired", "unrepairable"), to="returned",
                    by=("technician", "dispatcher"), requires=("signed_by",), stamps=("returned_at",)),
                Move("cancel", "取消(客户不同意带回)", source=("listed",), to="cancelled",
                    by=("technician", "dispatcher"), comment=True),
            ),
        ),
        deadlines=(
            Deadline("return_promise", "promised_at", starts="customer_copy_given_at",
                met_by="returned_at", tell=("dispatcher", "owner"), id="SLA-05"),
        ),
        access={"customer_service": "V", "dispatcher": "AVX", "technician": "CEV", "quality_manager": "V"},
        rules=(
            "BR-11 equipment cannot go to in_workshop before the customer copy is given and the other "
            "copy is with the dispatcher",
            "customer_copy_given_at is not later than taken_back_at (the copy is given before leaving)",
            "BR-05 if it cannot be returned by promised_at, promise_renotified_at must be before the "
            "old promised_at",
            "the list needs at least one item, each with its inspection_result",
            "returned needs the customer's signature",
            "BR-08 out of warranty: amount above 0 needs an accepted service_charge_notice before "
            "repair",
            "BR-09 unrepairable or not worth repairing: replacement is advised on the work order",
        ),
    )
