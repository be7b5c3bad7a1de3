"""退换车辆登记(备注)."""

from models.base import (
    Record, choice, day, integer, link, longtext, moment, person, signature, text, yes_no,
)
from models.spec import Move, RecordType, Series, Workflow, states


class ReturnedVehicleRegister(Record):
    """The storekeeper of finished vehicles registers and remarks every vehicle that comes back by
    return or exchange, until disclosed resale or scrapping."""

    vehicle_id = link("vehicle", "退/换回车辆", required=True)
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    kind = choice("类别", ("return", "退回"), ("exchange", "换回"),
        ("recall", "召回收回", "Taken back in a recall"), required=True)
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    recall_vehicle_id = link("recall_vehicle", "召回车辆明细", origin="X")
    received_at = moment("入库时间", required=True, origin="P")
    handler_id = person("成车保管员", required=True)
    mileage = integer("里程", required=True, origin="P", measure="km")
    condition = longtext("车况", required=True, origin="P")
    accessories = text("随车附件资料", origin="P")
    return_reason = longtext("退换原因", required=True, origin="P")
    storage_location = text("存放位置", origin="P")
    remark = longtext("备注", required=True)
    # SET_BY reinspect
    reinspected_at = moment("复检时间", origin="X")
    reinspection_text = longtext("复检结果", origin="X")
    is_reinspection_passed = yes_no("复检合格", origin="X")
    destination = choice("去向", ("resale", "按三包换退车销售", "Resale as returned vehicle"), ("scrap", "报废"),
        ("internal_use", "公司自用"), origin="P")
    disclosed_on = day("书面告知日期", origin="X")
    disclosure_signed_by = signature("受让人告知签字", origin="X")
    # SET_BY resell, scrap
    disposed_at = moment("处置时间", origin="X")

    spec = RecordType(
        code="RVR", zh="退换车辆登记(备注)", en="Returned vehicle register", source="004 §5.3.4 (second)",
        series=Series("RVR-{yyyy}{mm}-{n:04}"),
        list=("number", "vin", "kind", "received_at", "handler", "mileage", "is_reinspection_passed",
              "destination", "state"),
        search=("number", "vin", "remark", "return_reason"),
        filters=("state", "kind", "destination", "received_at"),
        links_in=("return_exchange_claim", "recall_vehicle"),
        retention_years=10,
        workflow=Workflow(
            states(("received", "已登记", "Registered"), ("stored", "已入库"), ("reinspected", "已复检"),
                ("resold", "已告知并售出", "Resold with disclosure"), ("scrapped", "已报废")),
            moves=(
                # THEN the vehicle becomes returned
                Move("store", "入库", source=("received",), to="stored", by=("warehouse",),
                    requires=("vehicle", "kind", "received_at", "mileage", "condition", "return_reason", "storage_location", "remark")),
                Move("reinspect", "复检", source=("stored", "reinspected"), to="reinspected",
                    by=("warehouse",), requires=("reinspection_text", "is_reinspection_passed"),
                    stamps=("reinspected_at",)),
                # WHEN is_reinspection_passed is true; destination is resale or internal_use
                # THEN the vehicle is marked is_return_resale
                Move("resell", "告知后售出或自用", "Resell with disclosure", source=("reinspected",),
                    to="resold", by=("warehouse",),
                    requires=("destination", "disclosed_on", "disclosure_signed_by"),
                    stamps=("disposed_at",)),
                # WHEN destination is scrap
                Move("scrap", "报废", source=("stored", "reinspected"), to="scrapped", by=("warehouse",),
                    requires=("destination",), stamps=("disposed_at",), comment=True),
            ),
        ),
        access={
            "customer_service": "V", "quality_engineer": "V", "quality_manager": "V",
            "warehouse": "CEVX", "finance": "V",
        },
        rules=(
            "BR-28 every returned or exchanged vehicle is registered and remarked by the storekeeper "
            "(remark is never empty)",
            "return or exchange needs return_exchange_claim, recall needs recall_vehicle, each of the "
            "same vehicle",
            "resale is blocked without a passed reinspection and the buyer's signed written disclosure "
            "(三包换退车)",
            "one open row per vehicle",
            "mileage is not below the vehicle's earlier readings",
        ),
    )
