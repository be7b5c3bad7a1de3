"""What only the administrator does: people and their roles, departments, parameters. No business record is here."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from models.base import Record, db
from models.calendar import KINDS, PUBLISHED, CalendarDay
from models.choices import PROVINCES
from models.people import Unit, User
from models.settings import PARAMETERS, ParameterValue
from models.spec import AREAS, ROLES, Invalid, Refused, Text
from rules import areas, audit, office, parameters, passwords, people, registry, workdays

UNITS = {"h": Text("小时", "h"), "d": Text("天", "days"), "wd": Text("工作日", "working days"),
         "day": Text("日", "day of the month"), "month": Text("个月", "months"), "km": Text("公里", "km"), "yuan": Text("元", "yuan"),
         "count": Text("个", ""), "MB": Text("MB", "MB"), "rate": Text("比率", "rate"), "province": Text("省份", "province")}


class AdministrationView(BaseView):
    """Closed to everybody but administrators."""

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        if not current_user.is_authenticated:
            return door.login.unauthorized()
        return None if door.is_administrator() else door.page(403)

    def _sentences(self, invalid: Invalid) -> dict[str, str]:
        db.session.rollback()
        return {path: text.in_(door.language()) for path, text in invalid.errors.items()}


class ParametersView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="参数", endpoint="parameters", url="/admin/parameters")

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        name, text = request.form.get("name", ""), door.clean(request.form.get("value", ""))
        try:
            parameters.set_value(door.act(), name, text, day_in(request.form.get("valid_from", "")))
            db.session.commit()
        except Invalid as invalid:
            return self._page(self._sentences(invalid), 422)
        door.say("参数已保存，不影响已在办的记录", "Saved; records already under way keep the old value")
        return redirect("/admin/parameters/")

    def _page(self, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        dated: dict[str, list[tuple[str, str]]] = {}
        for row in db.session.scalars(sa.select(ParameterValue).order_by(ParameterValue.valid_from.desc())):
            dated.setdefault(row.name, []).append((row.valid_from.isoformat(), row.value))
        rows = [{"name": p.name, "label": p.label.in_(door.language()), "default": p.default, "source": p.source,
                 "value": str(parameters.value(db.session, p.name)), "unit": UNITS[p.unit].in_(door.language()),
                 "history": dated.get(p.name, [])} for p in PARAMETERS.values()]
        return self.render("administration/parameters.html", rows=rows, errors=errors or {}, given=request.form), status


def day_in(text: str, field: str = "valid_from") -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid({field: Text("日期应如 2026-10-31",
                                          "The day must be a date such as 2026-10-31")}) from None


class AreasView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="业务区", endpoint="areas", url="/admin/areas")

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        area, on = request.form.get("area", ""), request.form.get("on") == "1"
        try:
            areas.switch(door.act(), area, on=on)
            db.session.commit()
        except Invalid as invalid:
            return self._page(" ".join(self._sentences(invalid).values()), 422)
        except Refused as refused:
            db.session.rollback()
            return self._page(refused.reason.in_(door.language()), 409)
        if on:
            door.say("已启用，原有记录照旧可用", "Switched on: its records are there as they were")
        else:
            door.say("已停用，原有记录仍然保留", "Switched off: its records are kept")
        return redirect("/admin/areas/")

    def _page(self, problem: str = "", status: int = 200) -> Any:
        language, rows = door.language(), []
        for name, label in AREAS.items():
            needs = areas.needed_by(name) - areas.together(name) - {areas.ALWAYS_ON}
            rows.append({"name": name, "label": label.in_(language), "is_on": name not in areas.off(),
                         "is_fixed": name == areas.ALWAYS_ON,
                         "with": [AREAS[other].in_(language) for other in AREAS if other in areas.together(name) - {name}],
                         "needs": [AREAS[other].in_(language) for other in AREAS if other in needs],
                         "types": [spec.label.in_(language) for spec in registry.types().values() if spec.area == name]})
        return self.render("administration/areas.html", areas=rows, problem=problem), status


class UnitsView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="部门", endpoint="units", url="/admin/units")

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        try:
            self._save()
            db.session.commit()
        except Invalid as invalid:
            return self._page(self._sentences(invalid), 422)
        door.say("部门已保存", "Saved")
        return redirect("/admin/units/")

    def _save(self) -> None:
        code, name = door.clean(request.form.get("code", "")), door.clean(request.form.get("name", ""))
        province = request.form.get("province") or None
        if not code or len(code) > 50 or not name or len(name) > 80:
            raise Invalid({"code" if not code or len(code) > 50 else "name": Text(
                "请填写代码（50 字内）和名称（80 字内）", "Give a code (up to 50 characters) and a name (up to 80)")})
        if province is not None and province not in {value for value, _ in PROVINCES}:
            raise Invalid({"province": Text("请从列表中选择省份", "Choose a province of the list")})
        if db.session.scalar(sa.select(Unit.code).where(Unit.name == name, Unit.code != code)):
            raise Invalid({"name": Text("已有同名部门", "Another department has this name")})
        unit = db.session.get(Unit, code) or Unit(code=code)
        before = {"name": unit.name, "province": unit.province, "is_active": unit.is_active}
        unit.name, unit.province, unit.is_active = name, province, "is_active" in request.form
        db.session.add(unit)
        db.session.flush()
        after = {"name": unit.name, "province": unit.province, "is_active": unit.is_active}
        audit.note(db.session, door.act(), "set_unit", "unit", code,
                   {key: [before[key], after[key]] for key in after if before[key] != after[key]})

    def _page(self, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        units = db.session.scalars(sa.select(Unit).order_by(Unit.code)).all()
        provinces = [(value, label.in_(door.language())) for value, label in PROVINCES]
        return self.render("administration/units.html", units=units, provinces=provinces, errors=errors or {},
                           given=request.form), status


class CalendarView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="工作日历", endpoint="calendar", url="/admin/calendar")

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        try:
            day = day_in(request.form.get("day", ""), "day")
            if day is None:
                raise Invalid({"day": Text("请选择日期", "Choose a day")})
            if "forget" in request.form:
                workdays.forget_day(door.act(), day)
            else:
                workdays.set_day(door.act(), day, request.form.get("kind", ""), door.clean(request.form.get("name", "")))
            db.session.commit()
        except Invalid as invalid:
            return self._page(self._sentences(invalid), 422)
        door.say("工作日历已保存", "Saved")
        return redirect(f"/admin/calendar/?year={day.year}")

    def _page(self, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        asked, this_year = request.args.get("year", ""), office.today().year
        year = int(asked) if asked.isdecimal() and len(asked) == 4 else this_year
        changed = {row.day: row for row in db.session.scalars(sa.select(CalendarDay))}
        days = {day: (kind, name, "") for day, (kind, name) in PUBLISHED.items()}
        days |= {day: (row.kind, row.name, "changed") for day, row in changed.items()}
        kinds = {choice.value: choice.label.in_(door.language()) for choice in KINDS}
        years = sorted({day.year for day in days} | {this_year, this_year + 1, year})
        return self.render("administration/calendar.html", year=year, years=years, kinds=kinds, errors=errors or {},
                           days=sorted((day, *told) for day, told in days.items() if day.year == year),
                           given=request.form), status


class PeopleView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="人员", endpoint="people", url="/admin/people")

    @expose("/")
    def index(self) -> Any:
        dealer = Record.types["dealer_ledger"].model
        dealers = dict(db.session.execute(sa.select(dealer.id, dealer.dealer_code)).all())
        units = dict(db.session.execute(sa.select(Unit.code, Unit.name)).all())
        rows = [{"id": u.id, "username": u.username, "name": u.name, "is_active": u.is_active,
                 "href": f"/admin/people/{u.id}", "roles": [ROLES[r].label.in_(door.language()) for r in sorted(u.roles)],
                 "place": "、".join(dict.fromkeys(
                     dealers.get(m.dealer_id) or units.get(m.unit) or "" for m in u.memberships if m.dealer_id or m.unit))}
                for u in db.session.scalars(sa.select(User).order_by(User.username))]
        return self.render("administration/people.html", people=rows)

    @expose("/new", methods=["GET", "POST"])
    def new(self) -> Any:
        if request.method in door.SAFE:
            return self._person(None)
        form = request.form
        try:
            people.create(
                door.act(), door.clean(form.get("username", ""), 1000), form.get("password", ""), roles=form.getlist("roles"),
                name=door.clean(form.get("name", ""), 1000), email=door.clean(form.get("email", ""), 1000) or None,
                dealer=door.clean(form.get("dealer", ""), 1000) or None, unit=door.clean(form.get("unit", "")) or None)
            db.session.commit()
        except Invalid as invalid:
            return self._person(None, self._sentences(invalid), 422)
        door.say("人员已建立", "The person was created")
        return redirect("/admin/people/")

    @expose("/<int:id_>", methods=["GET", "POST"])
    def person(self, id_: int) -> Any:
        user = db.session.get(User, door.as_id(id_)) or abort(404)
        if request.method in door.SAFE:
            return self._person(user)
        form = request.form
        try:
            people.change(
                door.act(), user, roles=form.getlist("roles"), name=door.clean(form.get("name", ""), 1000),
                email=door.clean(form.get("email", ""), 1000) or None, dealer=door.clean(form.get("dealer", ""), 1000) or None,
                unit=door.clean(form.get("unit", "")) or None, is_active="is_active" in form)
            if form.get("password"):
                people.set_password(door.act(), user, form["password"])
            db.session.commit()
        except Invalid as invalid:
            return self._person(db.session.get(User, id_), self._sentences(invalid), 422)
        door.say("人员已保存", "Saved")
        return redirect("/admin/people/")

    def _person(self, user: User | None, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        given, posted = request.form, request.method == "POST"
        held = set(given.getlist("roles")) if posted else set(user.roles if user else ())
        dealer = Record.types["dealer_ledger"].model
        place = next((m.dealer_id for m in user.memberships if m.dealer_id), None) if user else None
        roles = [(name, role.label.in_(door.language()), name in held) for name, role in ROLES.items()]
        units = db.session.execute(sa.select(Unit.code, Unit.name).order_by(Unit.code)).all()
        code = db.session.scalar(sa.select(dealer.dealer_code).where(dealer.id == place)) if place else ""
        unit = next((m.unit for m in user.memberships if m.unit), "") if user else ""
        return self.render(
            "administration/person.html", person=user, roles=roles, units=units, errors=errors or {}, given=given,
            dealer=given.get("dealer", "") if posted else code, unit=given.get("unit", "") if posted else unit,
            suggested=passwords.random_password() if user is None else ""), status
