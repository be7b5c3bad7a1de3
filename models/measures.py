"""What the department measures: one name and one label for each figure that reports, the dashboard and people ask for."""

from models.spec import Choice, Text

LABELS = {
    "quality_info_received": Text("质量信息接收", "Quality information received"),
    "complaints_received": Text("投诉接收", "Complaints received"),
    "enquiries_received": Text("咨询与热线", "Enquiries received"),
    "contacts": Text("顾客联系", "Contacts with customers"),
    "visits": Text("顾客走访", "Visits to customers"),
    "repairs": Text("完成维修", "Repairs completed"),
    "direct_loss": Text("直接质量损失", "Direct loss"),
    "receivable": Text("应收未收款", "Sums still due"),
    "reply_on_time": Text("响应及时率（答复）", "Replies on time"),
    "enquiry_reply_on_time": Text("咨询答复及时率", "Enquiries answered on time"),
    "arrival_on_time": Text("到场及时率", "Arrivals on time"),
    "first_time_fix": Text("一次修复率", "First-time fix"),
    "closed": Text("质量信息结案率", "Quality information closed"),
    "complaint_closed": Text("投诉关闭率", "Complaints closed"),
    "complaint_on_time": Text("投诉按期关闭率", "Complaints closed on time"),
    "complaint_share": Text("投诉率", "Share of complaints"),
    "warranty_rejected": Text("保修拒赔率（单数）", "Warranty claims rejected"),
    "warranty_rejected_amount": Text("保修拒赔率（金额）", "Warranty claims rejected, by amount"),
    "parts_line_fill": Text("配件满足率（行）", "Parts fill rate, lines"),
    "parts_quantity_fill": Text("配件满足率（数量）", "Parts fill rate, quantity"),
    "parts_on_time": Text("配件交付及时率", "Parts delivered on time"),
    "callback": Text("回访率", "Callbacks"),
    "satisfaction": Text("满意率", "Satisfaction"),
    "faults_per_thousand": Text("千台故障率", "Faults per thousand vehicles"),
    "recall_done": Text("召回完成率", "Recall completion"),
    "action_on_time": Text("纠正预防措施按期完成率", "Corrective actions on time"),
}
# What the quarter of a salesperson and that of an outlet's technician is told by, in the order of their pages.
OF_SALESPEOPLE = (
    "quality_info_received", "complaints_received", "enquiries_received", "contacts", "visits", "direct_loss",
    "reply_on_time", "enquiry_reply_on_time", "closed", "complaint_closed", "complaint_on_time")
OF_TECHNICIANS = ("repairs", "first_time_fix", "arrival_on_time", "callback", "satisfaction", "receivable")


def choices(names: tuple[str, ...]) -> tuple[Choice, ...]:
    return tuple(Choice(name, LABELS[name]) for name in names)
