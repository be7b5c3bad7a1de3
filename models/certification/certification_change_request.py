"""获证组织变更申请."""

from models.base import (
    Line, Record, choice, day, file, lines, longtext, moment, multichoice, person, text, yes_no,
)
from models.conditions import filled, if_so, one_of, saying
from models.spec import (
    SIGNER, Condition, Deadline, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)

# Which kinds of change each side brings about.
OF_THE_ORGANISATION = {"certificate_information", "service_system", "certified_service"}
ON_THE_CERTIFICATE = {"registered_name", "organisation_code", "address"}
NEVER_OTHERWISE = {"registered_name", "address"}


def names_details(request, act) -> bool:
    items = {row.item for row in request.changes}
    return "certificate_information" not in request.change_types or (
        bool(items & ON_THE_CERTIFICATE) and request.evidence_file_id is not None)


def was_visited(request, act) -> bool:
    return not request.is_onsite_needed or any(
        plan.state == "executed" for plan in act.find("evaluation_plan", certification_change_request_id=request.id))


BY_THE_BODY = one_of("initiated_by", "body")
DETAILS_NAMED = Condition(names_details, Text(
    "证书信息变更须列明名称、机构代码或地址，并上传证明文件",
    "A change of the certificate names what changes on it, with a file that proves it"))
VISITED = Condition(was_visited, Text(
    "需现场评价的，须有本申请的评价计划已实施", "An evaluation plan of this request has to be executed first"))
UPDATED = saying(
    if_so(one_of("conclusion", "update_certificate", "both"), filled("certificate_updated_on")),
    "请填写证书更新日期", "Say when the certificate was updated")
MEASURED = saying(
    if_so(one_of("conclusion", "other_measures", "both"), filled("other_measures")), "请填写其他措施", "Name the other measures")
ON_PAPER = Condition(
    lambda request, act: request.conclusion != "other_measures" or not (
        {row.item for row in request.changes} & NEVER_OTHERWISE),
    Text("名称或地址变更须更新证书", "A change of name or address is always updated on the certificate"))
NOT_REFUSED = saying(
    one_of("conclusion", "update_certificate", "other_measures", "both"), "不予变更的请用“不予变更”",
    "Use “Reject” for a change that is refused")


class Change(Line, of="certification_change_request"):
    """What changes, from what to what."""

    item = choice("变更项目", ("registered_name", "注册名称"), ("organisation_code", "组织机构代码"),
        ("address", "地址描述"), ("management_system", "管理体系"), ("organisation_structure", "组织架构"),
        ("service_environment", "服务环境"), ("service_facility", "服务设施", "Service facilities"),
        ("service_process", "服务流程"), ("certified_service", "获证服务"),
        ("certification_basis", "认证依据", "Certification standard"), ("certification_scheme", "认证方案"),
        ("implementation_rules", "认证实施规则"), required=True)
    before_text = text("变更前", required=True, origin="P")
    after_text = text("变更后", required=True, origin="P")


class CertificationChangeRequest(Record):
    """Filed by the quality manager when the certified organisation, its service system or its certified
    services change, or when the certification body changes its scheme, until the certificate is
    updated."""

    initiated_by = choice("变更方", ("organisation", "获证组织", "Certified organisation"),
        ("body", "认证机构", "Certification body"), required=True, group=("变更申请", "Request"))
    change_types = multichoice("变更类别", ("certificate_information", "认证证书信息变更"),
        ("service_system", "对服务有重要影响的变更", "Change with major effect on the service"),
        ("certified_service", "获证服务变更", "Certified services"),
        ("certification_basis", "认证依据变更", "Certification standard"), ("certification_scheme", "认证方案变更"),
        ("implementation_rules", "认证实施规则变更"), required=True)
    certificate_no = text("证书编号", required=True, origin="P")
    change_reason = longtext("变更原因", required=True, origin="P")
    effective_on = day("变更生效日期", required=True, origin="P")
    handler_id = person("经办人", required=True, origin="P", default=Default.CURRENT_USER)
    evidence_file_id = file("证明文件", origin="P")
    submitted_at = moment("提交时间", origin="X")
    impact_assessment = longtext("影响评价", group=("评价与确认", "Assessment and confirmation"))
    is_onsite_needed = yes_no("需现场评价", origin="P", default=False)
    assessed_at = moment("评价时间", origin="X")
    conclusion = choice("确认结果", ("update_certificate", "更新认证证书", "Update the certificate"),
        ("other_measures", "采取其他措施"), ("both", "更新证书并采取措施"), ("refuse", "不予变更"))
    other_measures = longtext("其他措施")
    confirmed_at = moment("确认时间", origin="X")
    notice_method = choice("通知方式", ("document", "文件通知", "By document"),
        ("online", "网上公告", "Online notice"), ("other", "其他方式"))
    transition_plan = longtext("认证转换计划")
    transition_due_on = day("转换期限", origin="P")
    certificate_updated_on = day("证书更新日期")
    changes = lines(Change, "变更内容")

    def check(self, act):
        for n, row in enumerate(self.changes):
            if (row.before_text or "").strip() == (row.after_text or "").strip():
                yield f"changes-{n}-after_text", Text("变更前后内容相同", "Nothing changes on this line")
        wrong = {kind for kind in self.change_types or ()
                 if (kind in OF_THE_ORGANISATION) != (self.initiated_by == "organisation")}
        if wrong:
            yield "change_types", Text("变更类别与变更方不符", "These kinds of change are the other side's")

    spec = RecordType(
        code="CCR", zh="获证组织变更申请", en="Certified organisation change request",
        source="002 获证组织变更 a)-c) and following two paragraphs",
        series=Series("CCR-{yyyy}-{n:03}"),
        list=("number", "initiated_by", "change_types", "certificate_no", "effective_on", "submitted_at",
              "conclusion", "certificate_updated_on", "state"),
        search=("number", "certificate_no", "change_reason"),
        filters=("state", "initiated_by", "change_types", "conclusion", "effective_on"),
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("submitted", "已提交"),
                ("impact_assessed", "已评价影响"), ("confirmed", "已确认"), ("completed", "已更新"),
                ("rejected", "不予变更")),
            moves=(
                Move("submit", "提交审批", source=("draft",), to="in_approval", by=("quality_manager",),
                    requires=("initiated_by", "change_types", "certificate_no", "change_reason", "effective_on",
                              "changes"),
                    opens_round=True,
                    when=(DETAILS_NAMED, if_so(BY_THE_BODY, filled("notice_method")),
                          if_so(BY_THE_BODY, filled("transition_plan")),
                          if_so(BY_THE_BODY, filled("transition_due_on")))),
                Move("approve", "批准报送", "Approve filing", source=("in_approval",), to="submitted",
                    by=(SIGNER,), stamps=("submitted_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                Move("assess", "评价影响", "Assess impact", source=("submitted",), to="impact_assessed",
                    by=("evaluator",), requires=("impact_assessment",), stamps=("assessed_at",)),
                Move("confirm", "确认", source=("impact_assessed",), to="confirmed", by=("evaluator",),
                    requires=("conclusion",), stamps=("confirmed_at",),
                    when=(NOT_REFUSED, ON_PAPER, VISITED)),
                Move("complete", "更新完成", source=("confirmed",), to="completed",
                    by=("quality_manager", "evaluator"), when=(UPDATED, MEASURED)),
                Move("reject", "不予变更", source=("submitted", "impact_assessed"), to="rejected",
                    by=("evaluator",), requires=("conclusion",), comment=True,
                    when=(one_of("conclusion", "refuse"),)),
            ),
            approval=(Step("management_representative"),),
        ),
        deadlines=(
            Deadline("transition", "transition_due_on", met_by="certificate_updated_on",
                tell=("quality_manager", "management_representative")),
        ),
        access={
            "quality_engineer": "V", "quality_manager": "CEVX", "deputy_gm": "V",
            "management_representative": "AV", "general_manager": "V", "evaluator": "AV",
        },
        rules=(
            "initiated_by organisation takes the first three change types, initiated_by body the last "
            "three",
            "initiated_by body needs notice_method, transition_plan and transition_due_on before submit",
            "certificate_information needs a line for registered_name, organisation_code or address, "
            "and an evidence_file",
            "before_text and after_text differ on every line",
            "is_onsite_needed true needs an executed evaluation_plan that names this request before "
            "confirm",
            "a change of registered_name or address is updated on the certificate, never closed with "
            "other_measures only",
            "completed and rejected requests cannot be edited",
        ),
    )
