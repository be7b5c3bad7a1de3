"""The departments and people of the demo company: somebody for every role, and a second one where two must act."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Department(NamedTuple):
    code: str
    name: str
    province: str


class Person(NamedTuple):
    username: str
    name: str
    roles: tuple[str, ...]
    unit: str = ""
    dealer: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@demo.example"


DEPARTMENTS = (
    Department("QA", "质量部", "重庆市"), Department("MKT", "营销分公司", "重庆市"),
    Department("CS", "客户服务部", "重庆市"), Department("WH", "仓储物流部", "重庆市"),
    Department("FIN", "财务部", "重庆市"), Department("GMO", "总经理办公室", "重庆市"),
    Department("SUB-CQ", "重庆整车子公司", "重庆市"), Department("SUB-SC", "四川动力子公司", "四川省"),
    Department("SUB-HB", "湖北底盘子公司", "湖北省"),
)
SUBSIDIARIES = ("SUB-CQ", "SUB-SC", "SUB-HB")
DEALER_CODES = tuple(f"F{n:03}" for n in range(1, 9))

STAFF = (
    Person("customer_service", "周晓岚", ("customer_service",), "CS"),
    Person("customer_service2", "冯雨桐", ("customer_service",), "CS"),
    Person("dispatcher", "何志强", ("dispatcher",), "CS"),
    Person("technician", "罗建军", ("technician",), "CS"),
    Person("technician2", "邓海波", ("technician",), "CS"),
    Person("technician3", "向明亮", ("technician",), "CS"),
    Person("quality_engineer", "陈思远", ("quality_engineer",), "QA"),
    Person("quality_engineer2", "蒋文静", ("quality_engineer",), "QA"),
    Person("quality_manager", "唐国华", ("quality_manager",), "QA"),
    Person("sales", "李娜", ("sales",), "MKT"),
    Person("sales2", "王浩然", ("sales",), "MKT"),
    Person("sales_lead", "赵立新", ("sales_lead",), "MKT"),
    Person("unit", "杨柳", ("unit",), "SUB-CQ"),
    Person("unit2", "彭大海", ("unit",), "SUB-SC"),
    Person("unit3", "余秀珍", ("unit",), "SUB-HB"),
    Person("unit_lead", "谭永辉", ("unit_lead",), "SUB-CQ"),
    Person("unit_lead2", "熊志平", ("unit_lead",), "SUB-SC"),
    Person("unit_lead3", "胡建国", ("unit_lead",), "SUB-HB"),
    Person("warehouse", "刘长青", ("warehouse",), "WH"),
    Person("finance", "孙慧敏", ("finance",), "FIN"),
    Person("deputy_gm", "郑卫东", ("deputy_gm",), "GMO"),
    Person("management_representative", "石宏伟", ("management_representative",), "GMO"),
    Person("general_manager", "吴启明", ("general_manager",), "GMO"),
    Person("evaluator", "许静", ("evaluator",), "QA"),
)
_DEALER_PEOPLE = (
    ("黄河", "田甜"), ("马骏", "曾丽"), ("高山", "叶青"), ("林峰", "苏梅"),
    ("梁栋", "韩雪"), ("宋涛", "方圆"), ("贺强", "汪洋"), ("龙飞", "白露"),
)
_MECHANICS = ("石磊", "江波", "丁锐", "柯勇", "万里", "康健", "严正", "卢松")


def people() -> tuple[Person, ...]:
    """Everybody who signs in, the dealers' people last. A mechanic who goes out for a dealer is dispatched like the
    company's own."""
    outside = []
    for code, (manager, appraiser), mechanic in zip(DEALER_CODES, _DEALER_PEOPLE, _MECHANICS, strict=True):
        outside.append(Person(f"dealer_{code.lower()}", manager, ("dealer",), dealer=code))
        outside.append(Person(f"appraiser_{code.lower()}", appraiser, ("appraiser",), dealer=code))
        outside.append(Person(f"technician_{code.lower()}", mechanic, ("technician",), "CS"))
    return (*STAFF, *outside)


@cache
def name_of(username: str) -> str:
    return next(person.name for person in people() if person.username == username)


def of_unit(code: str, *, lead: bool = False) -> str:
    """The user name of somebody of a subsidiary."""
    place = SUBSIDIARIES.index(code)
    return ("unit_lead" if lead else "unit") + ("", "2", "3")[place]
