"""How the API says no: one shape, `{"errors": [{"message", "extensions": {"code", ...}}]}`, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.spec import Invalid, NoSuchTarget, NotUnique, Refused, Text
from rules import access

NOT_YOURS = Text("没有这项内容，或您不能查看", "There is no such thing here, or it is not yours to see")
SIGN_IN = Text("请先登录或提供令牌", "Sign in, or send a token")
CSRF = Text("用会话登录时，修改数据须带 X-CSRFToken", "With a session, a change needs the header X-CSRFToken")
NO_JSON = Text("内容不是有效的 JSON", "The body is not valid JSON")
NOT_JSON = Text("内容须为 application/json", "The body must be application/json")
TOO_LARGE = Text("提交的内容太大", "What was sent is too large")
STALE = Text("记录已被修改，您看到的不是最新版本", "The record has changed: what you saw is not its present revision")
BROKEN = Text("系统出错，已记入日志；没有保存任何内容", "Something went wrong and was logged; nothing was saved")
BUSY = Text("系统正忙，没有保存任何内容，请稍后再试", "The house is busy and nothing was saved: try again in a moment")
NO_WAY = Text("这里没有这种操作方式", "This is not done that way here")
CODES = {NotUnique: "RECORD_NOT_UNIQUE", NoSuchTarget: "INVALID_FOREIGN_KEY"}


class Failure(Exception):
    """An answer that is not the one that was hoped for."""

    def __init__(self, status: int, code: str, message: Text, **extensions: Any) -> None:
        super().__init__(message.en)
        self.status, self.errors = status, [(code, message, extensions)]

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` where a wait helps."""
        waits = [more["retry_after"] for _, _, more in self.errors if "retry_after" in more]
        return {"Retry-After": str(max(waits))} if waits else {}

    def told(self, language: str) -> dict[str, Any]:
        return {"errors": [
            {"message": message.in_(language),
             "extensions": {"code": code, **{key: value.in_(language) if isinstance(value, Text) else value
                                             for key, value in more.items()}}}
            for code, message, more in self.errors]}


def forbidden(reason: Text | None = None) -> Failure:
    """Not there, not yours, or not open to you: who asks is not told which, unless there is a reason to tell."""
    return Failure(403, "FORBIDDEN", reason or NOT_YOURS, **({"reason": reason} if reason else {}))


def wrong_query(zh: str, en: str) -> Failure:
    return Failure(400, "INVALID_QUERY", Text(zh, en), reason=Text(zh, en))


def wrong_payload(message: Text) -> Failure:
    return Failure(400, "INVALID_PAYLOAD", message, reason=message)


def allow(verdict: access.Verdict) -> None:
    if verdict.reason is not None:
        raise forbidden(verdict.reason)


def of_refusal(refused: Refused) -> Failure:
    if refused.stale:
        return Failure(412, "PRECONDITION_FAILED", refused.reason, reason=refused.reason)
    return forbidden(refused.reason)


def of_invalid(invalid: Invalid, index: int | None = None) -> Failure:
    """One error per field; `index` says which record of a list."""
    failure = Failure(400, "FAILED_VALIDATION", NO_JSON)
    place: Mapping[str, Any] = {} if index is None else {"index": index}
    failure.errors = [(_code(text), text, {"field": path, **place}) for path, text in invalid.errors.items()]
    return failure


def _code(text: Text) -> str:
    return CODES.get(type(text), "FAILED_VALIDATION")
