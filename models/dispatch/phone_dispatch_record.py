"""电话派工记录."""

from models.base import Default, Record, choice, day, link, longtext, moment, person, phone, province, text
from models.spec import Move, RecordType, Series, Text, Workflow, states


def write_work_order(request, act) -> None:
    """The work order is written from the record, which fills it in; one that was written before is enough."""
    orders = act.find("work_order", phone_dispatch_record_id=request.id)
    if all(order.state == "cancelled" for order in orders):
        act.new("work_order", source="phone_dispatch", phone_dispatch_record=request.id,
                technician=request.technician_id, urgency=request.urgency or "normal",
                warranty_status=request.warranty_status)


class PhoneDispatchRecord(Record):
    """The service department writes down every repair request (hotline call or scanned QR code), looks up the
    warranty time, and the dispatcher writes the work order from it."""

    channel = choice("信息渠道", ("hotline", "客服热线电话", "Service hotline"),
                     ("qr_scan", "科室扫描二维码", "QR code scanned by a customer department"), required=True,
                     group=("报修信息", "The request"))
    handed_over_by = text("转交人(非服务部专人)", help=(
        "扫码报修由他人接到的，由其到服务部登记；服务部自己接到的填接到人",
        "Who took the scanned request and brought it to the service department"))
    received_at = moment("来电(报修)时间", required=True, origin="P", default=Default.NOW, help=(
        "到场期限自此时起算", "The arrival limit counts from here"))
    customer_id = link("customer", "客户", required=True, group=("客户与服务地", "Customer and place"))
    customer_department = text("报修科室", origin="P")
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    address = text("服务地址", origin="P", private=True)
    province = province("省份", origin="P")
    vehicle_id = link("vehicle", "车辆", origin="P", group=("产品与故障", "Product and fault"), help=(
        "选定后自动带出购买日期和保修到期日", "Fills the day of purchase and the end of the warranty"))
    product_name = text("产品名称", origin="P")
    serial_no = text("产品序列号", origin="P")
    purchased_on = day("购买日期", origin="P")
    fault_description = longtext("问题描述", required=True)
    urgency = choice("紧急程度", ("normal", "一般"), ("urgent", "紧急"), ("important", "重要"), origin="P",
                     default="normal")
    preferred_at = moment("客户期望时间", origin="P")
    warranty_status = choice("保修时间查询结果", ("in", "保修期内", "In warranty"),
                             ("out", "保修期外", "Out of warranty"), ("unknown", "未查明"), default="unknown",
                             group=("保修与派工", "Warranty and dispatch"))
    warranty_expires_on = day("保修到期日", help=(
        "查明保修内外的必填", "Needed once it is known whether the warranty still runs"))
    warranty_checked_at = moment("保修查询时间", origin="X")
    technician_id = person("派出维修人员", origin="P")
    dispatched_at = moment("派工时间", origin="X")
    remark = longtext("备注", origin="P")

    def start_from(self, source, act):
        self.received_at = source.received_at
        self.fault_description = source.content

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        if vehicle is not None:
            self.purchased_on = self.purchased_on or vehicle.invoiced_on or vehicle.delivered_on
            self.warranty_expires_on = self.warranty_expires_on or vehicle.warranty_ends_on

    def check(self, act):
        if self.channel == "qr_scan" and not self.handed_over_by:
            yield "handed_over_by", Text("扫码报修须填写转交人", "Name who took the scanned request")
        if self.warranty_status not in ("in", "out"):
            return
        if self.warranty_expires_on is None:
            yield "warranty_expires_on", Text("已查明保修内外的，请填写保修到期日",
                                              "Give the day on which the warranty ends")
        elif (self.warranty_expires_on >= act.local(self.received_at).date()) != (self.warranty_status == "in"):
            yield "warranty_expires_on", Text(
                "保修到期日与查询结果不符：报修当日及以后到期为保修期内，之前到期为保修期外",
                "The day contradicts the result: a warranty runs to the end of its last day")

    spec = RecordType(
        code="PDR", zh="电话派工记录", en="Phone dispatch record", source="002 报修流程(1)(2)",
        series=Series("PDR-{yyyy}{mm}-{n:04}"), scope={"technician": "technician"},
        list=("number", "received_at", "channel", "customer", "fault_description", "warranty_status",
              "urgency", "technician", "state"),
        inline=("urgency", "technician"),
        search=("number", "fault_description", "serial_no", "phone", "contact_person"),
        filters=("state", "channel", "customer", "province", "warranty_status", "urgency", "received_at"),
        links_in=("hotline_consultation",),
        workflow=Workflow(
            states(("recorded", "已登记"), ("warranty_checked", "已查保修"), ("dispatched", "已派工"),
                   ("cancelled", "已取消")),
            moves=(
                Move("check_warranty", "查询保修时间", source=("recorded",), to="warranty_checked",
                     by=("customer_service", "dispatcher"), requires=("warranty_status",),
                     stamps=("warranty_checked_at",)),
                Move("dispatch", "派工", source=("warranty_checked",), to="dispatched", by=("dispatcher",),
                     requires=("customer", "contact_person", "phone", "address", "province",
                               "fault_description", "warranty_status", "technician"),
                     stamps=("dispatched_at",), then=write_work_order),
                Move("cancel", "取消", source=("recorded", "warranty_checked"), to="cancelled",
                     by=("customer_service", "dispatcher"), comment=True),
            )),
        access={
            "customer_service": "CEVX", "dispatcher": "CEVX", "technician": "v", "quality_manager": "V",
        },
        rules=(
            "a request taken by a person outside the service department is still recorded here; channel "
            "qr_scan needs handed_over_by",
            "cannot dispatch before the warranty time has been looked up (state warranty_checked)",
            "the record must be complete before dispatch: customer, contact_person, phone, address, "
            "province, fault_description, warranty_status",
            "warranty_status in needs warranty_expires_on on or after the day of received_at; "
            "warranty_status out needs it before that day",
            "one record leads to one or more work orders; a dispatched record always has at least one",
        ),
    )
