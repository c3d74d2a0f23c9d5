"""Deliveries of webhooks, and their tries."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from .base import Json, View


class DeliveryAttempt(View):
    """One try."""

    attempt: int
    at: datetime
    status: int | None = Field(description="What the receiver answered; null where it did not.")
    error: str | None
    seconds: float


class DeliveryView(View):
    """A webhook, and how its delivery went."""

    delivery_id: int
    webhook_id: str = Field(description="The header `webhook-id`: the same at every try.")
    schedule_id: int
    execution_id: int
    client_id: str
    event: str = Field(description="The status that is told.")
    target: str = Field(description="Scheme, host and port of the receiver; the rest of the address is not shown.")
    status: str = Field(description="PENDING, DELIVERED or DEAD.")
    status_reason: str | None = Field(description="Why it is dead.")
    attempt: int = Field(description="Tries so far.")
    next_attempt_at: datetime | None
    history: list[DeliveryAttempt] = Field(description="The last thirty tries, the oldest first.")
    payload: Json
    created_at: datetime
    finished_at: datetime | None


class DeliveryList(View):
    """A page of deliveries, the newest first."""

    webhooks: list[DeliveryView]
    next_cursor: str | None = Field(description="The cursor of the next page; null on the last.")
