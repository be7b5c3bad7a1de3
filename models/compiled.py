"""What the records that a report compiles have in common: how they are compiled again, and a figure of a quarter."""

from models.base import decimal, integer, money, percent, text, yes_no


def compile_again(record, act) -> None:
    """A person asks for the job; the job itself has written the figures before it makes the move."""
    if act.actor.id is not None:
        ask_for_compilation(record, act)
        act.stay = True


def ask_for_compilation(record, act) -> None:
    """Of the record's own month or quarter; where it is a dealer's, of this dealer."""
    about = [getattr(record, name) for name in ("period", "quarter") if name in record.spec.fields]
    dealer = act.get("dealer_ledger", record.dealer_id) if "dealer" in record.spec.fields else None
    act.request_report(record.spec.name, next(filter(None, about)), dealer.dealer_code if dealer else "")


class QuarterFigure:
    """One figure of the quarter with its inputs and what it was in the quarter before. Mixed into a line that says by
    its `section` which figure it is."""

    caption = text("名称", required=True, origin="X", system=True)
    case_count = integer("本季起数", "Records", origin="X", system=True)
    amount = money("金额", origin="X", system=True)
    numerator = decimal("分子", origin="X", system=True)
    denominator = decimal("分母", origin="X", system=True)
    rate = percent("比率", origin="X", system=True)
    previous_case_count = integer("上季起数", "Records in the quarter before", origin="X", system=True)
    change_rate = percent("环比", "Change", minimum=None, origin="X", system=True)
    is_new = yes_no("新增", "New", origin="X", system=True, help=(
        "上季没有，无法计算环比", "There was none in the quarter before: there is no change to compute"))
    is_applicable = yes_no("适用", origin="X", default=True, system=True)

    @property
    def key(self):
        """The figures of a quarter are not grouped."""
        return ""
