"""Django admin on the same table, set up as its manual advises for large tables: related rows joined, links as raw ids.

A program of its own, with an environment of its own: the task comes as JSON on standard input, the seconds of each
request go as JSON to standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import django
from django.conf import settings

TASK: dict[str, Any] = json.load(sys.stdin)


def set_up() -> None:
    settings.configure(
        TASK=TASK, SECRET_KEY="for-measurements-only", DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
        TIME_ZONE="Asia/Shanghai", LANGUAGE_CODE="zh-hans", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        STATIC_URL="/static/", DATABASES={"default": TASK["database"]},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                        "django.contrib.messages", "office"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                                   "django.contrib.messages.context_processors.messages"]}}])
    sys.path.insert(0, str(Path(__file__).parent))
    django.setup()


def register() -> Any:
    from django.contrib import admin
    from django.urls import path
    from office.models import MODELS
    main = MODELS[TASK["table"]]
    links = [field.name for field in main._meta.fields if field.remote_field]
    shown = [name for name in TASK["columns"] if name in links]
    admin.site.register(main, type("Sheets", (admin.ModelAdmin,), {
        "list_display": TASK["columns"], "search_fields": TASK["searched"], "list_select_related": shown, "list_per_page": 50,
        "list_max_show_all": 50, "raw_id_fields": links, "list_filter": ("state",), "ordering": ("-id",)}))
    for model in MODELS.values():
        if model is not main:
            admin.site.register(model)
    return [path("admin/", admin.site.urls)]


def sign_in() -> Any:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    call_command("migrate", verbosity=0)
    somebody = User.objects.filter(username="rival").first() or User.objects.create_superuser("rival", password="rival-0123")
    client = Client()
    client.force_login(somebody)
    return client


def measured(client: Any, ask: dict[str, Any], count: int) -> list[float]:
    """Asked as often as the time allows: what takes seconds is not asked a hundred times."""
    address = f"/admin/office/{TASK['table'].lower()}/{ask['address']}"
    taken: list[float] = []
    began = perf_counter()
    for _ in range(count + 2):
        start = perf_counter()
        posted = {**ask["posted"], "number": f"DJ-{perf_counter():.9f}"} if ask.get("posted") else None
        answer = client.post(address, posted) if posted else client.get(address)
        wanted = 302 if posted else 200
        assert answer.status_code == wanted, f"{address}: {answer.status_code} {answer.content[-3000:].decode()}"
        taken.append(perf_counter() - start)
        if perf_counter() - began > TASK["seconds"]:
            break
    return taken[2:] if len(taken) > 4 else taken   # the first ones load what is loaded once


set_up()
urlpatterns = register()
if __name__ == "__main__":
    sys.modules.setdefault("django_admin", sys.modules["__main__"])
    person = sign_in()
    found = {name: measured(person, ask, TASK["requests"]) for name, ask in TASK["asks"].items()}
    json.dump({"version": f"Django {django.get_version()}", "seconds": found}, sys.stdout)
