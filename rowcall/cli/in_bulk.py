"""What ``rowcall schedules pause|resume|delete|execute --label …`` does: the same to many, in one transaction."""

from __future__ import annotations

from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from rowcall.store.bulk import BulkAction, Outcome, Selection, in_bulk
from rowcall.store.deleted import cancel_left_over
from rowcall.store.releasing import release_waiting
from rowcall.webapi.resources.bulk import bulk_view
from rowcall.wire.bulk import BulkItem

from .access import a_database
from .options import pairs
from .output import print_json, print_table, say
from .who import who

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
    selection = Selection(client_id=client, labels=pairs(labels, "--label"))
    async with a_database(Settings.from_environment(), purpose="cli") as place:
        results = await in_bulk(place.database, action, selection, by=who(), reason=reason, dry_run=dry_run)
        ids = [result.schedule["schedule_id"] for result in results if result.outcome is Outcome.DONE]
        if not dry_run and action is BulkAction.EXECUTE:
            await release_waiting(place.database, ids)
        if not dry_run and action is BulkAction.DELETE:
            await cancel_left_over(place.database, ids)
    answer = bulk_view(action, results, dry_run=dry_run)
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
