"""The parts of a client, `client.schedules` and so on: each call by its name, once for either face."""

from __future__ import annotations

from . import backfills, bulk, executions, schedules, webhooks
from .faces import AsyncFace, Face, does, does_async, iterates, iterates_async


class Part:
    """What is called through the client that waits."""

    def __init__(self, face: Face) -> None:
        self.carry_out = face.carry_out


class AsyncPart:
    """What is called through the client that is awaited."""

    def __init__(self, face: AsyncFace) -> None:
        self.carry_out = face.carry_out


class Schedules(Part):
    """`client.schedules`."""

    create = does(schedules.create)
    get = does(schedules.get)
    list = iterates(schedules.list_)
    update = does(schedules.update)
    replace = does(schedules.replace)
    delete = does(schedules.delete)
    pause = does(schedules.pause)
    resume = does(schedules.resume)
    execute = does(schedules.execute)
    backfill = does(schedules.backfill)
    try_backfill = does(schedules.try_backfill)
    upcoming = does(schedules.upcoming)
    explain = does(schedules.explain)
    executions = iterates(schedules.executions)
    pause_many = does(bulk.pause)
    resume_many = does(bulk.resume)
    delete_many = does(bulk.delete)
    execute_many = does(bulk.execute)


class AsyncSchedules(AsyncPart):
    """`client.schedules`, to be awaited."""

    create = does_async(schedules.create)
    get = does_async(schedules.get)
    list = iterates_async(schedules.list_)
    update = does_async(schedules.update)
    replace = does_async(schedules.replace)
    delete = does_async(schedules.delete)
    pause = does_async(schedules.pause)
    resume = does_async(schedules.resume)
    execute = does_async(schedules.execute)
    backfill = does_async(schedules.backfill)
    try_backfill = does_async(schedules.try_backfill)
    upcoming = does_async(schedules.upcoming)
    explain = does_async(schedules.explain)
    executions = iterates_async(schedules.executions)
    pause_many = does_async(bulk.pause)
    resume_many = does_async(bulk.resume)
    delete_many = does_async(bulk.delete)
    execute_many = does_async(bulk.execute)


class Executions(Part):
    """`client.executions`."""

    list = iterates(executions.list_)
    get = does(executions.get)
    cancel = does(executions.cancel)
    wait = does(executions.wait)


class AsyncExecutions(AsyncPart):
    """`client.executions`, to be awaited."""

    list = iterates_async(executions.list_)
    get = does_async(executions.get)
    cancel = does_async(executions.cancel)
    wait = does_async(executions.wait)


class Backfills(Part):
    """`client.backfills`; `client.schedules.backfill` starts one."""

    list = iterates(backfills.list_)
    get = does(backfills.get)
    cancel = does(backfills.cancel)


class AsyncBackfills(AsyncPart):
    """`client.backfills`, to be awaited."""

    list = iterates_async(backfills.list_)
    get = does_async(backfills.get)
    cancel = does_async(backfills.cancel)


class Webhooks(Part):
    """`client.webhooks`."""

    list = iterates(webhooks.list_)
    get = does(webhooks.get)
    redeliver = does(webhooks.redeliver)


class AsyncWebhooks(AsyncPart):
    """`client.webhooks`, to be awaited."""

    list = iterates_async(webhooks.list_)
    get = does_async(webhooks.get)
    redeliver = does_async(webhooks.redeliver)
