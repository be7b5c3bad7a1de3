"""Django models of tables that are there already, as the task that came on standard input tells their columns."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

FIELDS = {"int": models.BigIntegerField, "bool": models.BooleanField, "datetime": models.DateTimeField,
          "date": models.DateField, "text": models.TextField}
DEFAULTS = {"revision": 1, "content_hash": "", "audit_head": "", "created_at": timezone.now, "updated_at": timezone.now}


def _field(column: dict[str, Any]) -> models.Field:
    options: dict[str, Any] = {"null": column["empty"], "blank": column["empty"], "db_column": column["name"]}
    if column["name"] in DEFAULTS:
        options |= {"default": DEFAULTS[column["name"]]}
    if column["name"] == "id":
        return models.BigAutoField(primary_key=True)
    if column["to"]:
        return models.ForeignKey(column["to"], models.DO_NOTHING, db_constraint=False, related_name="+", **options)
    if column["kind"] == "char":
        return models.CharField(max_length=column["length"], **options)
    if column["kind"] == "decimal":
        return models.DecimalField(max_digits=18, decimal_places=column["places"], **options)
    return FIELDS[column["kind"]](**options)


def _model(table: str, columns: list[dict[str, Any]], shown: str) -> type[models.Model]:
    fields: dict[str, Any] = {column["name"].removesuffix("_id"): _field(column) for column in columns}
    meta = type("Meta", (), {"managed": False, "db_table": table, "ordering": ["-id"] if table == settings.TASK["table"] else []})
    return type(table, (models.Model,), {
        **fields, "Meta": meta, "__module__": __name__, "__str__": lambda row: str(getattr(row, shown) or "")})


MODELS = {name: _model(name, table["columns"], table["shown"]) for name, table in settings.TASK["tables"].items()}
