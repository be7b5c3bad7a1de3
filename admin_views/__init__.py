"""The HTML door: one Flask-Admin view class for every record type, and a few views of their own kind."""

from __future__ import annotations

from flask import Flask, redirect
from flask_admin import Admin

from admin_views import door, sign_in
from admin_views.addresses import LateRule
from admin_views.administration import AreasView, CalendarView, ParametersView, PeopleView, UnitsView
from admin_views.dashboard import DashboardView
from admin_views.delegations import DelegationsView
from admin_views.exports import ExportsView
from admin_views.factory import record_views
from admin_views.health import health
from admin_views.inbox import InboxView
from admin_views.jobs import HealthView, JobsView
from admin_views.kpis import KpisView
from admin_views.notices import NoticesView
from admin_views.reports import ReportsView
from admin_views.retention import RetentionView
from admin_views.search import SearchView
from admin_views.tokens import TokensView
from admin_views.webhooks import WebhooksView


def init_app(app: Flask) -> None:
    app.url_rule_class = LateRule
    door.init_app(app)
    sign_in.init_app(app)
    admin = Admin(app, name="Aftercare", index_view=DashboardView(name="Aftercare", url="/admin"))
    for view in (
            *record_views(), InboxView(), DelegationsView(), ReportsView(), KpisView(), ExportsView(), NoticesView(),
            RetentionView(), SearchView(), ParametersView(), PeopleView(), UnitsView(), AreasView(), CalendarView(), JobsView(),
            HealthView(), TokensView(), WebhooksView()):
        admin.add_view(view)
    app.register_blueprint(health)
    app.add_url_rule("/", "root", lambda: redirect("/admin/"))
