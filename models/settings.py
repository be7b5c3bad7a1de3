"""Every number the office may change: its default, unit and source here; its dated values in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, db
from models.spec import Text, humanised


@dataclass(frozen=True)
class Parameter:
    """`unit` is h (hours), d (calendar days), wd (working days), day (of the month), month, km, yuan, count, MB, rate
    or province."""

    name: str
    default: str
    unit: str
    label: Text
    source: str


PARAMETERS: Mapping[str, Parameter] = {p.name: p for p in (
    Parameter("home_province", "重庆市", "province", Text("本厂所在省", "Home province"), "003 一(三)"),
    Parameter("reply_hours", "24", "h", Text("答复期限", "Reply limit"), "000 §5.2.1c; 001 §5.3.5"),
    Parameter("arrival_hours_in_province", "24", "h", Text("省内到场期限", "Arrival limit in province"), "003 一(三)"),
    Parameter("arrival_hours_out_of_province", "48", "h",
              Text("省外到场期限", "Arrival limit out of province"), "003 一(三)"),
    Parameter("major_incident_loss", "20000.00", "yuan",
              Text("较大以上质量事故的直接损失", "Direct loss of a major incident"), "003 三(三)8"),
    Parameter("callback_days", "3", "d", Text("回访期限", "Callback limit"), "003 三(六)"),
    Parameter("callback_attempts", "3", "count",
              Text("判定无法联系前的拨打次数", "Failed calls before giving up"), "003 三(六)"),
    Parameter("corrective_action_days", "15", "wd",
              Text("纠正措施默认期限", "Default limit of a corrective action"), "001 §5.3.6"),
    Parameter("effectiveness_days", "30", "d", Text("有效性检查间隔", "Days to the effectiveness check"), "003 三(五)"),
    Parameter("repeat_days", "90", "d", Text("重复发生判定期", "Window in which a problem is a repeat"), "003 三(八)"),
    Parameter("urgent_shipping_hours", "24", "h", Text("急件发运期限", "Urgent order shipping limit"), "004 §5.3.5"),
    Parameter("first_training_days", "30", "d", Text("首次培训期限", "Limit of the first training"), "004 §5.4.2"),
    Parameter("recurrence_count", "3", "count", Text("重复发生起数", "Cases that make a recurrence"), "003 三(八)"),
    Parameter("dealer_report_day", "5", "day",
              Text("服务商月报上报日（次月）", "Dealer reports are due on this day of the next month"),
              "004 §5.3.3b, §5.4.5"),
    Parameter("warranty_months", "36", "month", Text("包修期", "Warranty"), "004 §5.3.3, §5.3.4"),
    Parameter("warranty_km", "60000", "km", Text("包修里程", "Warranty mileage"), "004 §5.3.3, §5.3.4"),
    Parameter("exchange_months", "24", "month", Text("三包有效期", "Exchange period"), "004 §5.3.3, §5.3.4"),
    Parameter("exchange_km", "50000", "km", Text("三包里程", "Exchange mileage"), "004 §5.3.3, §5.3.4"),
    Parameter("qualification_months", "36", "month",
              Text("培训授予资格的有效期", "Validity of a qualification granted by training"), "004 §5.3.4"),
    Parameter("survey_approval_day", "60", "d",
              Text("季度调查方案批准期限（季度第几天）", "Survey plan approved by this day of the quarter"),
              "000 §5.2.4.1"),
    Parameter("questionnaire_return_days", "30", "d",
              Text("调查表回收期限", "Limit for returning a questionnaire"), "000 §5.2.4.1"),
    Parameter("valid_answer_share", "0.50", "rate",
              Text("调查表有效的最低答题比例", "Share of items answered that makes a questionnaire valid"),
              "000 §5.2.4.2"),
    *(Parameter(f"survey_weight_{item}", weight, "rate", Text(f"满意度权重：{zh}", f"Satisfaction weight: {item}"),
                "000 §5.2.4.1; 001 §5.4.3")
      for item, weight, zh in (("quality", "0.40", "产品质量"), ("delivery", "0.20", "交货期"),
                               ("service", "0.25", "售后服务"), ("price", "0.15", "价格"))),
    *(Parameter(f"{scale}_{level}", points, "count",
                Text(f"{zh}得分：{word}", f"Points on the {humanised(scale).lower()} scale: {level}"), "000 §5.2.4.2")
      for scale, zh, rows in (
          ("five_level", "五级制", (("very_satisfied", "100", "很满意"), ("satisfied", "80", "满意"),
                                 ("neutral", "60", "一般"), ("dissatisfied", "40", "不满意"),
                                 ("very_dissatisfied", "20", "很不满意"))),
          ("three_level", "三级制", (("very_satisfied", "100", "很满意"), ("satisfied", "80", "满意"),
                                  ("dissatisfied", "20", "不满意"))))
      for level, points, word in rows),
    Parameter("complaint_days", "5", "wd", Text("投诉处理期限", "Complaint limit"), "002 投诉处理; 004 §5.3.7"),
    Parameter("repeat_return_days", "30", "d",
              Text("同故障返修判定期", "Window in which the same fault is a return"), "004 §5.4.5"),
    Parameter("substitute_vehicle_days", "5", "d",
              Text("提供备用车的维修天数", "Repair days before a substitute vehicle is due"), "004 §5.3.6"),
    Parameter("appraisal_reply_hours", "24", "h",
              Text("保修鉴定处理措施答复期限", "Limit for the instruction on an appraisal"), "004 §5.3.4"),
    Parameter("parts_plan_day", "10", "day",
              Text("配件需求计划提交日", "Demand plans are due on this day of the month"), "004 §5.5.1"),
    *(Parameter(f"grade_weight_{indicator}", weight, "count",
                Text(f"考核权重：{zh}", f"Grade weight: {humanised(indicator).lower()}"), "004 §5.4.5")
      for indicator, weight, zh in (
          ("report_timeliness", "10", "报表及时率"), ("first_time_fix", "20", "一次修复率"),
          ("arrival_timeliness", "15", "响应及时率"), ("customer_satisfaction", "20", "顾客满意度"),
          ("complaint_closing", "15", "投诉按期关闭率"), ("appraisal_pass", "10", "保修鉴定合格率"),
          ("parts_plan_timeliness", "5", "配件计划及时率"), ("training_pass", "5", "培训合格率"))),
    *(Parameter(f"grade_{grade}_from", score, "rate",
                Text(f"{grade.upper()}级最低成绩", f"Lowest score of grade {grade.upper()}"), "004 §5.4.5")
      for grade, score in (("a", "90.00"), ("b", "80.00"), ("c", "70.00"))),
    *(Parameter(f"grade_{grade}_coefficient", value, "rate",
                Text(f"结算系数：{zh}", f"Settlement coefficient: {en}"), "004 §5.4.5")
      for grade, value, zh, en in (
          ("a", "1.05", "A级", "grade A"), ("b", "1.00", "B级", "grade B"), ("c", "0.95", "C级", "grade C"),
          ("d", "0.90", "D级", "grade D"), ("not_rated", "1.00", "不评级", "not rated"),
          ("veto", "0.90", "否决", "veto"))),
    Parameter("grade_appeal_days", "5", "wd", Text("考核申诉期限", "Limit for an appeal against a grade"), "004 §5.4.5"),
    Parameter("grade_rectify_days", "30", "d",
              Text("D级整改期限", "Limit of the rectification after a grade D"), "004 §5.4.5"),
    *(Parameter(f"approval_from_{role}", amount, "yuan", Text(f"起需{zh}审批的金额", f"Amount from which the {en} signs too"),
                "003 三(三)6; 002 核决权限")
      for role, amount, zh, en in (
          ("quality_manager", "5000.00", "质量负责人", "quality manager"),
          ("deputy_gm", "20000.00", "主管副总", "deputy general manager"),
          ("general_manager", "100000.00", "总经理", "general manager"))),
    Parameter("signature_days", "2", "wd", Text("会签签署期限", "Limit for each signature of a round"), "002 投诉处理; 001 §4.3"),
    Parameter("signature_escalation_days", "2", "wd",
              Text("会签超期后上报期限", "Overdue signature: next level told after"), "002 投诉处理"),
    Parameter("feedback_hand_in_days", "3", "wd",
              Text("处置结果反馈单交回期限", "Limit for handing in the feedback slip"), "003 三(四)"),
    Parameter("major_incident_report_hours", "2", "h",
              Text("较大以上质量事故报告期限", "Limit for reporting a major incident"), "003 三(三)8"),
    Parameter("assistance_reply_hours", "24", "h",
              Text("技术支援答复期限", "Limit for answering a request for technical help"), "004 §5.3.4"),
    Parameter("overdue_level_2_hours", "24", "h", Text("逾期二级升级", "Overdue: second level after"), "002 投诉处理"),
    Parameter("overdue_level_3_hours", "72", "h", Text("逾期三级升级", "Overdue: third level after"), "002 投诉处理"),
    Parameter("deadline_warning_hours", "24", "h",
              Text("期限提醒最早提前量（期限末四分之一时段内）", "Longest warning before a limit (within its last quarter)"),
              "002 投诉处理"),
    Parameter("promise_warning_hours", "24", "h",
              Text("承诺到期提醒提前量", "Warning before a promise ends"), "001 §5.3.6"),
    Parameter("expiry_warning_days", "30", "d",
              Text("资格、合同、文件到期提醒提前量", "Warning before a qualification, contract or document ends"), "004 §5.3.4"),
    Parameter("dispute_plan_days", "3", "d",
              Text("争议处理方案期限", "Limit for the plan of a dispute"), "004 §5.3.6b"),
    Parameter("recurrence_days", "30", "d",
              Text("重复发生的统计期", "Window in which cases make a recurrence"), "003 三(八)"),
    Parameter("handover_km", "50", "km",
              Text("零公里交付的最高里程", "Highest mileage of a zero-kilometre handover"), "004 §3"),
    Parameter("field_records_per_visit", "1", "count",
              Text("上门派工单关闭前须提交的现场服务记录份数（0为不要求）",
                   "Field service records before a visit's work order closes (0: none)"), "000 §5.2.2"),
    Parameter("attachment_megabytes", "100", "MB", Text("单个附件的大小上限", "Largest attachment"), "003 三(三)7"),
    Parameter("attachment_count", "100", "count", Text("每条记录的附件数上限", "Most attachments of a record"),
              "003 三(三)7"),
    Parameter("first_service_max_km", "5000", "km",
              Text("首保最高里程", "Highest mileage of a first service"), "004 §5.3.3"),
    Parameter("first_service_max_days", "180", "d",
              Text("首保最迟天数（交付后）", "Days after delivery within which the first service is due"), "004 §5.3.3"),
    Parameter("exchange_repair_days", "30", "d",
              Text("可退换的累计修理天数（超过）", "Repair days above which a vehicle may be exchanged"),
              "家用汽车三包规定 第24条"),
    Parameter("exchange_fault_repairs", "4", "count",
              Text("可退换的同一故障修理次数（超过）", "Repairs of one fault above which a vehicle may be exchanged"),
              "家用汽车三包规定 第24条"),
    Parameter("use_fee_rate_max", "0.005", "rate",
              Text("使用补偿系数上限", "Highest rate of the use fee"), "家用汽车三包规定 第27条"),
    Parameter("threebao_answer_days", "10", "wd",
              Text("三包答复期限", "Limit for answering a vehicle claim"), "家用汽车三包规定 第28条"),
    Parameter("threebao_completion_days", "20", "wd",
              Text("三包退换完成期限", "Limit for carrying out a vehicle claim"), "家用汽车三包规定 第28条"),
    Parameter("authority_mediation_days", "45", "wd",
              Text("主管部门调解期限", "Limit of the authority's mediation"), "市场监督管理投诉举报处理暂行办法"),
    Parameter("quarter_report_day", "10", "day",
              Text("季度总结提交日（季度次月）", "Quarterly summaries are due on this day of the next month"),
              "000 §5.2.5; 002 网点管理 3"),
    Parameter("analysis_issue_day", "8", "day",
              Text("月分析报告上报日（次月）", "The monthly analysis is issued by this day of the next month"), "004 §5.3.3b"),
    Parameter("nonconformity_minor_days", "30", "d",
              Text("一般不符合整改期限", "Limit for a minor nonconformity"), "002 现场评价 不符合"),
    Parameter("nonconformity_major_days", "15", "d",
              Text("严重不符合整改期限", "Limit for a major nonconformity"), "002 现场评价 不符合"),
    Parameter("evaluation_notice_days", "3", "d",
              Text("评价计划提前提交天数", "Days by which an evaluation plan is sent ahead"), "002 现场评价 评价计划"),
    Parameter("certificate_months", "36", "month",
              Text("认证证书有效期", "Validity of a certificate"), "002 现场评价 评价内容"),
    Parameter("export_rows_at_once", "20000", "count",
              Text("直接导出的最多行数（更多转后台）", "Most rows of an export that is not made in the background"), "—"),
    Parameter("export_days", "7", "d", Text("导出文件保留天数", "Days for which an exported file is kept"), "—"),
    Parameter("import_rows_at_once", "200", "count",
              Text("直接导入的最多行数（更多转后台）", "Most rows of an import that is not made in the background"), "—"),
    Parameter("import_days", "30", "d",
              Text("导入文件保留天数（其间可撤销）", "Days for which an imported file is kept and can be undone"), "—"),
    Parameter("focus_share", "0.80", "rate", Text("重点类别累计占比", "Cumulative share of the focus"), "004 §5.3.3b"),
)}


class ParameterValue(db.Model):  # type: ignore[name-defined]
    """A value that replaces the default from a day on. Never changed afterwards: a new value is a new row."""

    __tablename__ = "parameter_values"
    __table_args__ = (sa.UniqueConstraint("name", "valid_from"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(60), index=True)
    value: Mapped[str] = mapped_column(sa.String(200))
    valid_from: Mapped[date] = mapped_column(sa.Date)


class SwitchedOff(db.Model):  # type: ignore[name-defined]
    """An area that this company does without; its records stay."""

    __tablename__ = "areas_switched_off"

    area: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
