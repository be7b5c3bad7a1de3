"""带回设备清单/返修单."""

import sqlalchemy as sa

from models.base import (
    Default, Line, Record, choice, integer, lines, link, longtext, moment, money, person, signature, text, yes_no,
)
from models.conditions import is_changed, is_true
from models.dispatch.service_charge_notice import agreed_amount
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

LISTED = ("work_order", "is_inspected", "items")   # what stands on the customer's copy


def takebacks(order, act) -> list:
    """What was taken back on a work order, in as far as the customer agreed."""
    found = act.find("equipment_takeback", work_order_id=order.id)
    return [takeback for takeback in found if takeback.state != "cancelled"]


def is_beyond_repair(takeback) -> bool:
    """What is handed back without a solution could not be repaired."""
    return takeback.state in ("unrepairable", "returned") and not takeback.solution


def is_all_beyond_repair(takebacks) -> bool:
    return bool(takebacks) and all(map(is_beyond_repair, takebacks))


def note_on_order(takeback, act) -> None:
    """The work order says what was taken along, and when the customer got the list."""
    order = act.get("work_order", takeback.work_order_id)
    if order.spec.workflow.is_terminal(order.state):
        return
    listed = "；".join(f"{item.equipment_name} × {item.quantity}" for item in takeback.items)
    order.takeback_description = order.takeback_description or listed
    order.customer_copy_given_at = order.customer_copy_given_at or act.now
    act.touch(order)


def is_charge_agreed(takeback, act) -> bool:
    agreed = agreed_amount(act, work_order_id=takeback.work_order_id)
    return not takeback.amount or (agreed is not None and takeback.amount <= agreed)


PROMISED_AHEAD = Condition(
    lambda takeback, act: takeback.promised_at > act.now,
    Text("预计归还时间须晚于现在", "The promised return lies in the future"))
CHARGE_AGREED = Condition(is_charge_agreed, Text(
    "维修收费须先由客户在收费告知单上同意，且不超过同意的金额",
    "A charge needs a notice that the customer has accepted, and is not above it"))
NO_SOLUTION = Condition(
    lambda takeback, act: not takeback.solution,
    Text("已填写解决方法的，请用“修复”", "It says how it was solved: use “Repaired”"))


class Item(Line, of="equipment_takeback"):
    """A piece of equipment that is taken away, as it was found."""

    equipment_name = text("设备名称", required=True)
    serial_no = text("设备序列号", origin="P")
    quantity = integer("数量", required=True, origin="P", default=1, minimum=1)
    appearance = text("外观", origin="P")
    accessories = text("附件", origin="P")
    inspection_result = text("检查情况", required=True)


class EquipmentTakeback(Record):
    """The technician lists the equipment taken away for repair, gives one copy to the customer and one to the
    dispatcher, and follows it until the customer signs for its return."""

    work_order_id = link("work_order", "派工单", required=True, group=("带回", "Taking back"))
    customer_id = link("customer", "客户", required=True, derived="work_order.customer")
    technician_id = person("维修人员", required=True, default=Default.CURRENT_USER)
    situation = longtext("带回情况")
    is_inspected = yes_no("设备已检查")
    customer_copy_given_at = moment("客户联交付时间", group=("两联与承诺", "Both copies and the promise"))
    taken_back_at = moment("带回时间", origin="P", help=(
        "客户联交付之后方可带回", "Not before the customer has got the copy"))
    dispatcher_copy_returned_at = moment("调度联交回时间")
    loaner_equipment = text("备用机", origin="P")
    promised_at = moment("预计归还时间", origin="P", help=(
        "需延后的，须在原预计时间之前再次知会客户", "Put off only after the customer was told, before it passes"))
    promise_renotified_at = moment("再次知会客户时间", origin="X")
    promise_reason = longtext("承诺变更原因", "Reason of the new promise", origin="X")
    repair_route = choice("返修途径", ("self", "自行解决", "Solved by the technician"),
                          ("colleague", "同事协助", "Colleague helped"),
                          ("rework_procedure", "进入物品返修程序", "Item repair procedure"),
                          ("spare_part", "启动备品备件程序", "Spare-part procedure"), group=("返修", "Repair"))
    cause = longtext("故障原因", origin="P")
    solution = longtext("解决方法", help=("无法修复的不填", "Left empty where it cannot be repaired"))
    test_result = longtext("检测结果", origin="P")
    amount = money("费用", origin="P", default=0)
    returned_at = moment("归还时间", origin="X", group=("归还", "Return"))
    signed_by = signature("归还签收", origin="X")
    remark = longtext("备注", origin="P")
    items = lines(Item, "带回设备清单")

    def start_from(self, source, act):
        self.technician_id = source.technician_id
        self.situation = source.takeback_description
        if source.product_name:
            self.items = [Item(position=0, equipment_name=source.product_name, serial_no=source.serial_no, quantity=1)]

    def derive(self, act):
        order = act.get("work_order", self.work_order_id)
        self.customer_id = order and order.customer_id

    def check(self, act):
        given, taken = self.customer_copy_given_at, self.taken_back_at
        if given and taken and taken < given:
            yield "taken_back_at", Text("带回时间不能早于客户联交付时间",
                                        "It is taken back after the customer has got the copy")
        if self.state != "listed" and act.move is None:
            yield from ((name, Text("客户联已交付，清单不能再改", "The customer holds the list: it stays as it is"))
                        for name in LISTED if is_changed(self, name))
        if given and not is_changed(self, "customer_copy_given_at"):
            yield from self._broken_promise(act)

    def _broken_promise(self, act):
        """The promise is put off only if the customer was told so before it had passed."""
        before = next(iter(sa.inspect(self).attrs.promised_at.history.deleted or ()), None)
        if before is None or (self.promised_at and self.promised_at <= before):
            return
        if self.promised_at is None:
            yield "promised_at", Text("已告知客户的归还时间不能清空", "The customer was promised a return: give the time")
        if not (self.promise_reason and is_changed(self, "promise_reason")):
            yield "promise_reason", Text("承诺延期须填写新的原因", "Give the reason why the promise changes")
        told = self.promise_renotified_at
        if told is None or not is_changed(self, "promise_renotified_at") or told >= before:
            yield "promise_renotified_at", Text(
                "延后归还须在原预计时间之前再次知会客户，并填写知会时间；已过期的按逾期处理",
                "A return is put off only if the customer was told before the promised time: fill in when; what has "
                "passed is late")
        elif told > act.now:
            yield "promise_renotified_at", Text("知会时间不能晚于现在", "The customer was not told in the future")

    spec = RecordType(
        code="ETB", zh="带回设备清单/返修单", en="Equipment take-back list and repair slip",
        source="002 报修流程(5)(6)", series=Series("ETB-{yyyy}{mm}-{n:04}"), scope={"technician": "technician"},
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
                Move("give_copy", "交付客户联", "Give customer copy", source=("listed",), to="copy_given",
                     by=("technician",), requires=("items", "is_inspected", "promised_at"),
                     stamps=("customer_copy_given_at",), when=(is_true("is_inspected"), PROMISED_AHEAD),
                     then=note_on_order),
                Move("check_in", "收调度联入修", "Check in with dispatcher copy", source=("copy_given",),
                     to="in_workshop", by=("dispatcher",), requires=("taken_back_at",),
                     stamps=("dispatcher_copy_returned_at",)),
                Move("repair", "修复", "Repaired", source=("in_workshop",), to="repaired", by=("technician",),
                     requires=("repair_route", "cause", "solution", "test_result"), when=(CHARGE_AGREED,)),
                Move("declare_unrepairable", "判定无法修复", source=("in_workshop",), to="unrepairable",
                     by=("technician",), requires=("repair_route", "cause", "test_result"), comment=True,
                     when=(NO_SOLUTION,)),
                Move("hand_back", "归还", source=("repaired", "unrepairable"), to="returned",
                     by=("technician", "dispatcher"), requires=("signed_by",), stamps=("returned_at",)),
                Move("cancel", "取消(客户不同意带回)", source=("listed",), to="cancelled",
                     by=("technician", "dispatcher"), comment=True),
            )),
        deadlines=(
            Deadline("return_promise", "promised_at", starts="customer_copy_given_at", met_by="returned_at",
                     tell=("dispatcher", "owner"), id="SLA-05",
                     warn="promise_warning_hours", holder="technician"),
        ),
        access={"customer_service": "V", "dispatcher": "AVX", "technician": "CEV", "quality_manager": "V"},
        rules=(
            "BR-11 equipment cannot go to in_workshop before the customer copy is given and the other "
            "copy is with the dispatcher; what stands on the copies is not changed",
            "customer_copy_given_at is not later than taken_back_at (the copy is given before leaving)",
            "BR-05 if it cannot be returned by promised_at, promise_renotified_at must be before the "
            "old promised_at",
            "the list needs at least one item, each with its inspection_result",
            "returned needs the customer's signature",
            "BR-08 amount above 0 needs an accepted service_charge_notice before repair",
            "BR-09 unrepairable or not worth repairing: replacement is advised on the work order",
        ),
    )
