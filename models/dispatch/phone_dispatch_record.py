"""电话派工记录."""

from models.base import Record, choice, day, link, longtext, moment, person, phone, province, text
from models.spec import Move, RecordType, Series, Workflow, states


class PhoneDispatchRecord(Record):
    """The service department writes down every repair request (hotline call or scanned QR code), looks
    up the warranty time, and the dispatcher writes the work order from it."""

    channel = choice("信息渠道", ("hotline", "客服热线电话", "Service hotline"),
        ("qr_scan", "科室扫描二维码", "QR code scanned by a customer department"), required=True)
    # NOTE who took the QR request outside the service department; filled when channel is qr_scan and the taker is not service staff
    handed_over_by = text("转交人(非服务部专人)")
    # NOTE start of the arrival clock; copied to the work order
    received_at = moment("来电(报修)时间", required=True, origin="P")
    customer_id = link("customer", "客户", required=True)
    customer_department = text("报修科室", origin="P")
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    address = text("服务地址", origin="P", private=True)
    province = province("省份", origin="P")
    vehicle_id = link("vehicle", "车辆", origin="P")
    product_name = text("产品名称", origin="P")
    serial_no = text("产品序列号", origin="P")
    purchased_on = day("购买日期", origin="P")
    fault_description = longtext("问题描述", required=True)
    urgency = choice("紧急程度", ("normal", "一般"), ("urgent", "紧急"), ("important", "重要"), origin="P",
        default='normal')
    preferred_at = moment("客户期望时间", origin="P")
    warranty_status = choice("保修时间查询结果", ("in", "保修期内", "In warranty"),
        ("out", "保修期外", "Out of warranty"), ("unknown", "未查明"), default='unknown')
    warranty_expires_on = day("保修到期日")
    # SET_BY check_warranty
    warranty_checked_at = moment("保修查询时间", origin="X")
    # NOTE filled from the work order written at dispatch
    technician_id = person("派出维修人员", origin="P")
    # SET_BY dispatch
    dispatched_at = moment("派工时间", origin="X")
    remark = longtext("备注", origin="P")

    spec = RecordType(
        code="PDR", zh="电话派工记录", en="Phone dispatch record", source="002 报修流程(1)(2)",
        series=Series("PDR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician"},
        list=("number", "received_at", "channel", "customer", "fault_description", "warranty_status",
              "urgency", "technician", "state"),
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
                # THEN creates a work_order (source phone_dispatch) with customer, contact, fault_description, urgency, warranty_status, technician and received_at copied
                Move("dispatch", "派工", source=("warranty_checked",), to="dispatched",
                    by=("dispatcher",),
                    requires=("customer", "contact_person", "phone", "address", "province", "fault_description", "warranty_status", "technician"),
                    stamps=("dispatched_at",)),
                Move("cancel", "取消", source=("recorded", "warranty_checked"), to="cancelled",
                    by=("customer_service", "dispatcher"), comment=True),
            ),
        ),
        access={
            "customer_service": "CEVX", "dispatcher": "CEVX", "technician": "v", "quality_manager": "V",
        },
        rules=(
            "a request taken by a person outside the service department is still recorded here; channel "
            "qr_scan and a taker outside the service department needs handed_over_by",
            "cannot dispatch before the warranty time has been looked up (state warranty_checked)",
            "the record must be complete before dispatch: customer, contact_person, phone, address, "
            "province, fault_description, warranty_status",
            "warranty_status in needs warranty_expires_on on or after the day of received_at; "
            "warranty_status out needs it before that day",
            "one record leads to one or more work orders; a dispatched record always has at least one",
        ),
    )
