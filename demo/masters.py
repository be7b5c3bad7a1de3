"""Dealers, customers and product batches of the demo company."""

from __future__ import annotations

from datetime import timedelta

from demo import people
from demo.faults import PRODUCTS
from demo.story import Clock, Rec, Story, tell

CITIES = {
    "重庆市": ("渝北", "九龙坡", "巴南", "万州", "涪陵", "永川"), "四川省": ("成都", "绵阳", "宜宾", "南充"),
    "贵州省": ("贵阳", "遵义"), "湖北省": ("武汉", "襄阳", "宜昌"), "云南省": ("昆明", "曲靖"),
    "湖南省": ("长沙",), "陕西省": ("西安",), "广东省": ("佛山",),
}
TRADES = (
    ("物流运输有限公司", "direct_user", "物流", "truck"), ("商用车制造有限公司", "manufacturer", "整车制造", "engine"),
    ("客运出租有限公司", "direct_user", "客运", "van"), ("汽车贸易有限公司", "trade_dealer", "汽车销售", "van"),
    ("专用汽车厂", "manufacturer", "专用车", "gearbox"), ("建材配送有限公司", "direct_user", "建材", "truck"),
    ("农机装备有限公司", "manufacturer", "农机", "brake"), ("冷链食品有限公司", "direct_user", "冷链", "truck"),
    ("底盘系统有限公司", "manufacturer", "零部件", "steering"), ("快递服务有限公司", "direct_user", "快递", "van"),
)
BRANDS = ("鑫达", "恒通", "华盛", "嘉陵", "川江", "宏远", "瑞丰", "长顺", "金桥", "天际", "巨力", "安驰")
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡", ("经理", "主任", "师傅", "女士", "先生", "工")

_DEALERS = (
    # code, name, type, class, province, manager, state
    ("F001", "重庆渝北汽车维修站", "repair_station", "class_1", "重庆市", "黄河", "active"),
    ("F002", "成都蓉通汽车服务有限公司", "repair_station", "class_1", "四川省", "马骏", "active"),
    ("F003", "贵阳黔顺专营店", "franchised_shop", "class_2", "贵州省", "高山", "active"),
    ("F004", "武汉江城汽车维修站", "repair_station", "class_1", "湖北省", "林峰", "active"),
    ("F005", "昆明滇达汽车服务网点", "service_outlet", "class_2", "云南省", "梁栋", "active"),
    ("F006", "重庆万州平湖维修站", "repair_station", "class_2", "重庆市", "宋涛", "active"),
    ("F007", "绵阳涪城专营店", "franchised_shop", "class_2", "四川省", "贺强", "rectifying"),
    ("F008", "襄阳汉水服务网点", "service_outlet", "class_3", "湖北省", "龙飞", "suspended"),
    ("F009", "宜宾三江服务网点", "service_outlet", "class_3", "四川省", "罗江", "candidate"),
    ("F010", "遵义红城维修站", "repair_station", "class_2", "贵州省", "申明", "trained"),
    ("F011", "曲靖珠源服务网点", "service_outlet", "class_3", "云南省", "段然", "withdrawn"),
    ("F012", "宜昌峡江销售部", "sales_outlet", None, "湖北省", "向东", "void"),
)
EQUIPMENT = (("四柱举升机", "QJY-4.0"), ("故障诊断仪", "X-431"), ("四轮定位仪", "KW-860"), ("制动检测台", "FZ-3000"))


def dealers(clock: Clock) -> list[Rec]:
    return [_dealer(clock, place, *row) for place, row in enumerate(_DEALERS)]


def _dealer(clock: Clock, place: int, code: str, name: str, kind: str, class_: str | None, province: str,
            manager: str, state: str) -> Rec:
    young = state in ("candidate", "trained", "void")
    founded = clock.today - timedelta(days=20 + 5 * place) if young else clock.first - timedelta(days=200 + 90 * place)
    trained = founded + timedelta(days=18 + place)
    passed = trained if state not in ("candidate", "void") and trained < clock.today else None
    signed = None if young else trained + timedelta(days=10)
    return Rec(
        number=f"SPL-{place + 1:04}", state=state, created_at=clock.at(founded), created_by="customer_service",
        department="CS", name=name, dealer_code=code, outlet_type=kind, repair_class=class_, contact_person=manager,
        phone=f"139{place + 10:02}8866{place + 10:02}", hotline=f"400-820-{place + 10:02}19",
        address=f"{province}{CITIES[province][place % len(CITIES[province])]}汽车产业大道{10 + place}号", province=province,
        established_on=founded, plan_basis="年度网点发展规划", contract_signed_on=signed,
        contract_ends_on=signed and clock.today + timedelta(days=25 + 40 * place), task_order_channel="系统派单，电话确认",
        parts_supply="月度计划加急件订单", has_parts_store=kind != "sales_outlet" and not young,
        parts_store_area=None if young else 60 + 15 * place, bay_count=None if young else 4 + place % 5,
        bank_account=None if young else f"6222 0231 0000 {1000 + place}", first_training_passed_on=passed,
        withdrawn_on=clock.first + timedelta(days=240) if state == "withdrawn" else None,
        complaint_handler=f"dealer_{code.lower()}" if code in people.DEALER_CODES else None,
        equipment=[{"equipment_name": item, "model": model, "quantity": 1 + place % 2, "provided_on": signed}
                   for item, model in EQUIPMENT[: 2 + place % 3]] if signed else [])


def customers(clock: Clock, outlets: list[Rec]) -> list[Rec]:
    """About sixty; each is served by a working outlet of its province, if there is one."""
    serving: dict[str, list[Rec]] = {}
    for outlet in outlets:
        if outlet["state"] in ("active", "rectifying"):
            serving.setdefault(outlet["province"], []).append(outlet)
    places = [(province, city) for province, cities in CITIES.items() for city in cities]
    rows = [_customer(clock, n, *places[n % len(places)], serving) for n in range(62)]
    for row, state in zip(rows[-6:], ("draft", "draft", "inactive", "inactive", "void", "active"), strict=True):
        row["state"] = state
    return rows


def _customer(clock: Clock, n: int, province: str, city: str, serving: dict[str, list[Rec]]) -> Rec:
    dice = clock.dice
    trade, kind, industry, product = TRADES[n % len(TRADES)]
    founded = clock.today - timedelta(days=70 - n) if n > 55 else clock.first - timedelta(days=400 - 6 * n)
    near = serving.get(province, [])
    return Rec(
        number=f"CUS-{n + 1:05}", created_at=clock.at(founded), created_by=dice.choice(("sales", "sales2")), state="active",
        department="MKT", name=f"{city}{BRANDS[(n * 5 + n // 12) % len(BRANDS)]}{trade}", customer_type=kind,
        contact_person=dice.choice(SURNAMES) + dice.choice(GIVEN), contact_way="电话",
        phone=f"13{dice.randint(0, 9)}{dice.randint(10_000_000, 99_999_999)}", email=f"service{n + 1}@customer.example",
        address=f"{province}{city}工业园区{dice.randint(1, 199)}号", province=province, industry=industry,
        product_info=f"使用{PRODUCTS[product].name}（{'、'.join(PRODUCTS[product].models)}）约{dice.randint(2, 80)}台套",
        credit_code=f"9150010{n:02}MA5U{dice.randint(10000, 99999)}", is_key_customer=n % 4 == 0,
        account_manager=dice.choice(("sales", "sales2")), dealer=near[n % len(near)] if near else None,
        contact_interval_days=7 if n % 12 == 0 else 30, consent_basis="contract", _product=product)


def batches(clock: Clock, customers_: list[Rec]) -> list[Rec]:
    """Forty batches of the last twenty months, made by the subsidiaries and delivered to two or three customers."""
    products, stories = list(PRODUCTS.values()), []
    for n in range(42):
        product = products[n % len(products)]
        made = clock.first - timedelta(days=180) + timedelta(days=n * 13)
        if made >= clock.today:
            made = clock.today - timedelta(days=1 + n % 5)
        takers = clock.dice.sample(customers_[:56], 3)
        story = Story(
            clock.at(made, 16, 17), people.of_unit(product.maker), "active", department=product.maker,
            product_name=product.name, model=product.models[n % 2], part_no=product.part_no,
            batch_no=f"B{made:%y%m}{n % 100:02}", produced_on=made, production_site=f"{product.maker[-2:]}一厂",
            production_unit=product.maker, shift=("甲班", "乙班", "丙班")[n % 3], shelf_life_months=product.shelf_life,
            quantity=clock.dice.choice((60, 120, 200, 350)), unit_of_measure=product.measure, standard="Q/CJ 01-2024",
            inspection_no=f"CJ-{made:%Y%m%d}-{n:02}", _product=product.key, deliveries=[
                {"customer": taker, "delivered_on": min(made + timedelta(days=6 + 4 * k), clock.today - timedelta(days=1)),
                 "quantity": 10 + 5 * k}
                for k, taker in enumerate(takers)])
        if n in (0, 7):
            story.then(clock.at(made + timedelta(days=150)), "discontinued")
        stories.append(story)
    stories.append(_mistaken(stories[20], clock))
    rows = tell(stories, clock, ())
    for n, row in enumerate(rows, 1):
        row["number"] = f"PRD-{n:06}"
    return rows


def _mistaken(story: Story, clock: Clock) -> Story:
    """A batch that was entered twice; the second one was voided the same day."""
    twin = {key: value for key, value in story.record.items() if key not in ("state", "created_at", "created_by")}
    made = story.record["created_at"]
    again = Story(clock.soon(made), story.record["created_by"], "active", **twin | {"deliveries": []})
    return again.then(clock.soon(made, 120, 180), "void")
