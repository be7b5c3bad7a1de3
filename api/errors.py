"""How the API says no: one shape for everything."""

from __future__ import annotations

from typing import Any

from models.spec import Text


class ApiRefusal(Exception):
    """An answer that is not the one that was hoped for."""

    def __init__(self, status: int, code: str, message: Text, **extensions: Any) -> None:
        super().__init__(message.en)
        self.status, self.code, self.message, self.extensions = status, code, message, extensions

    def told(self, language: str) -> dict[str, Any]:
        return {"errors": [{"message": self.message.in_(language), "extensions": {"code": self.code, **self.extensions}}]}

    @property
    def headers(self) -> dict[str, str]:
        wait = self.extensions.get("retry_after")
        return {} if wait is None else {"Retry-After": str(wait)}
