"""Two versions of one app, as a rollout has them side by side."""

from __future__ import annotations

import rowcall

old, new = rowcall.App("shop"), rowcall.App("shop")


async def count() -> None:
    """Is done at once."""


for _app, _cron in ((old, "0 9 * * *"), (new, "0 10 * * *")):
    _app.schedule(cron=_cron, name="changed")(count)
    _app.schedule(cron="0 7 * * *", name="same")(count)
    _app.task("count")(count)
old.schedule(cron="0 8 * * *", name="removed")(count)
new.schedule(cron="0 11 * * *", name="added")(count)
