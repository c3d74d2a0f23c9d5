"""What ``rowcall schedules pause|resume|delete|execute --label …`` does: it asks the API to do the same to many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from rowcall.domain.errors import InvalidInput
from rowcall.store.bulk import BulkAction
from rowcall.wire.bulk import BulkAnswer, BulkItem

from .options import pairs
from .output import print_json, print_table, say
from .reaching import an_api, whose

COLUMNS = ("ID", "NAME", "OUTCOME", "DETAIL")


def check_meant(schedule: str | None, labels: list[str] | None, single: list[str], *, dry_run: bool) -> None:
    """Raise InvalidInput unless it is either one schedule or some labels; `single` are options for one alone."""
    if (schedule is None) == (not labels):
        raise InvalidInput.of("SCHEDULE", "name one schedule, or give --label for all that carry it")
    if dry_run and schedule is not None:
        raise InvalidInput.of("--dry-run", "goes with --label")
    if single:
        raise InvalidInput.of(single[0], "goes with one schedule, not with --label")


async def do_to_many(
    action: BulkAction, client: str, labels: list[str], reason: str | None = None, *, dry_run: bool, as_json: bool
) -> None:
    """Do it to all that carry the labels, and tell what became of each."""
    wanted = pairs(labels, "--label")
    async with an_api() as api:
        many = api.client.schedules
        acts: dict[BulkAction, Callable[..., Awaitable[BulkAnswer]]] = {
            BulkAction.PAUSE: partial(many.pause_many, reason=reason),
            BulkAction.RESUME: many.resume_many,
            BulkAction.DELETE: many.delete_many,
            BulkAction.EXECUTE: many.execute_many,
        }
        answer = await acts[action](labels=wanted, client_id=whose(client), dry_run=dry_run)
    if as_json:
        print_json(answer.model_dump(mode="json"))
        return
    rows = [(each.schedule_id, each.name, each.outcome, _detail(each)) for each in answer.schedules]
    print_table(COLUMNS, rows, empty="No schedule carries these labels.")
    if rows:
        tried = "Nothing was done. It would be: " if dry_run else ""
        say(f"{tried}{answer.done} done, {answer.unchanged} unchanged, {answer.refused} refused.")


def _detail(item: BulkItem) -> str | None:
    return item.detail if item.execution_id is None else f"execution {item.execution_id}"
