"""Who works here: users, the roles they hold and where, and the list of departments."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Key, Moment, db


class User(db.Model):  # type: ignore[name-defined]
    """A person who signs in. Never deleted, only deactivated: records go on naming them."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    email: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_service: Mapped[bool] = mapped_column(default=False, server_default=sa.false())   # a program: no password, only tokens
    language: Mapped[str | None] = mapped_column(sa.String(2))
    # Every session carries this number; raising it ends them all (new password, deactivation, role change).
    session_epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(Moment())

    memberships: Mapped[list[Membership]] = relationship(
        back_populates="user", cascade="all, delete-orphan", lazy="selectin", order_by="Membership.id")

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(membership.role for membership in self.memberships)


class Membership(db.Model):  # type: ignore[name-defined]
    """One role that a person holds, and where: at which dealer, in which department."""

    __tablename__ = "memberships"
    __table_args__ = (sa.UniqueConstraint("user_id", "role", "dealer_id", "unit"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    user_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(sa.String(40), index=True)
    dealer_id: Mapped[int | None] = mapped_column(
        Key, sa.ForeignKey("dealer_ledger.id", deferrable=True, initially="DEFERRED"))
    unit: Mapped[str | None] = mapped_column(sa.String(50))

    user: Mapped[User] = relationship(back_populates="memberships")


class Delegation(db.Model):  # type: ignore[name-defined]
    """Somebody signs in another's place, for some days and some record types (none named: for all). Never deleted."""

    __tablename__ = "delegations"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    from_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"), index=True)
    to_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"), index=True)
    types: Mapped[list[str]] = mapped_column(sa.JSON)
    starts_on: Mapped[date] = mapped_column(sa.Date)
    ends_on: Mapped[date] = mapped_column(sa.Date)      # inclusive
    reason: Mapped[str] = mapped_column(sa.String(200))
    created_by_id: Mapped[int | None] = mapped_column(Key)
    created_at: Mapped[datetime] = mapped_column(Moment())
    ended_at: Mapped[datetime | None] = mapped_column(Moment())

    principal: Mapped[User] = relationship(foreign_keys=[from_id], lazy="joined")
    stand_in: Mapped[User] = relationship(foreign_keys=[to_id], lazy="joined")


class Unit(db.Model):  # type: ignore[name-defined]
    """A department or subsidiary of the list that the administrator keeps; records name it by its code."""

    __tablename__ = "units"

    code: Mapped[str] = mapped_column(sa.String(50), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    province: Mapped[str | None] = mapped_column(sa.String(20))
    is_active: Mapped[bool] = mapped_column(default=True)
