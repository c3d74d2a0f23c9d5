"""The registry: what becomes of functions and their decorators."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import rowcall
from rowcall.app import Isolation, load_app
from rowcall.app.tasks import TaskFunction

Decorator: TypeAlias = Callable[[TaskFunction], TaskFunction]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def app() -> rowcall.App:
    return rowcall.App("billing")


def top_level(run: rowcall.Run) -> None:
    """Sums things up.

    In detail."""


async def top_level_async() -> None: ...


# ── tasks ──


def test_a_task_is_known_by_its_type_and_the_function_stays_itself(app: rowcall.App) -> None:
    @app.task("daily-report", capability="report-v1", timeout=600)
    async def daily_report(run: rowcall.Run) -> str:
        return "sent"

    task = app.tasks["daily-report"]
    assert task.function is daily_report
    assert task.capabilities == {"report-v1"}
    assert task.timeout_seconds == 600
    assert task.reference.endswith(
        "test_a_task_is_known_by_its_type_and_the_function_stays_itself.<locals>.daily_report"
    )


@pytest.mark.parametrize("decorate", [lambda app: app.task, lambda app: app.task()])
def test_a_task_without_a_type_is_called_like_its_function_with_dashes(
    app: rowcall.App, decorate: Callable[[rowcall.App], Decorator]
) -> None:
    @decorate(app)
    def _send_all_mails() -> None: ...

    assert list(app.tasks) == ["send-all-mails"]


def test_a_task_is_described_by_the_first_line_of_its_docstring_unless_told_otherwise(app: rowcall.App) -> None:
    app.task("one")(top_level)
    app.task("two", description="Other words.")(top_level)
    assert [task.description for task in app.tasks.values()] == ["Sums things up.", "Other words."]


def test_coroutine_functions_run_on_the_loop_and_plain_ones_in_threads(app: rowcall.App) -> None:
    class Callable:
        async def __call__(self) -> None: ...

    app.task("plain")(top_level)
    app.task("async")(top_level_async)
    app.task("partial")(partial(top_level_async))
    app.task("object")(Callable())
    app.task("own-loop", isolation="thread")(top_level_async)
    assert [task.isolation for task in app.tasks.values()] == [
        Isolation.THREAD,
        Isolation.ASYNC,
        Isolation.ASYNC,
        Isolation.ASYNC,
        Isolation.THREAD,
    ]


def test_a_callable_object_that_cannot_be_hashed_is_a_task_too(app: rowcall.App) -> None:
    class Callable:
        __hash__ = None  # type: ignore[assignment] # as of any class with an __eq__ of its own

        def __call__(self, run: rowcall.Run) -> None: ...

    app.schedule(interval=5)(app.task("object")(Callable()))
    assert [schedule.name for schedule in app.schedules] == ["object"]


def test_several_capabilities_can_be_named(app: rowcall.App) -> None:
    app.task("report", capability=["v1", "v2"])(top_level)
    assert app.tasks["report"].capabilities == {"v1", "v2"}


@pytest.mark.parametrize(
    ("function", "takes_run"),
    [
        (lambda run: None, True),
        (lambda: None, False),
        (lambda run=None: None, True),
        (lambda *args: None, True),
        (lambda **options: None, False),
        (partial(lambda a, b: None, 1), True),
        (print, True),
    ],
)
def test_a_task_takes_the_run_or_nothing(app: rowcall.App, function: Any, takes_run: bool) -> None:
    app.task("it")(function)
    assert app.tasks["it"].takes_run is takes_run


def test_annotations_that_only_type_checkers_can_resolve_do_no_harm(app: rowcall.App) -> None:
    def report(run: OnlyForTypeCheckers) -> None: ...  # type: ignore[name-defined] # noqa: F821 - that is the point

    app.task("it")(report)
    assert app.tasks["it"].takes_run


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "options", "field", "message"),
    [
        (lambda a, b: None, {}, "function", r"wants \(a, b\)"),
        (lambda *, a: None, {}, "function", r"wants \(a\)"),
        (generator, {}, "function", "has a yield"),
        (async_generator, {}, "function", "has a yield"),
        (5, {}, "function", "is not a function"),
        (top_level, {"isolation": "async"}, "isolation", "would block the loop"),
        (top_level, {"isolation": "fibre"}, "isolation", "none of async, thread, process"),
        (lambda: None, {"isolation": "process"}, "isolation", "can't be imported"),
        (top_level, {"timeout": 0}, "timeout", "above 0"),
        (top_level, {"timeout": float("nan")}, "timeout", "above 0"),
        (top_level, {"capability": "two words"}, "capability", "without spaces"),
    ],
)
def test_a_function_that_could_never_run_is_refused(
    app: rowcall.App, function: Any, options: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(rowcall.InvalidInput, match=message) as caught:
        app.task("it", **options)(function)
    assert caught.value.faults[0].field == field
    assert not app.tasks


@pytest.mark.parametrize("name", ["two words", "line\nbreak", "nul\0", "", "x" * 201, "task@capability", "\u00a0"])
def test_a_task_type_is_short_text_without_spaces(app: rowcall.App, name: str) -> None:
    with pytest.raises(rowcall.InvalidInput, match="1 to 200 characters"):
        app.task(name or " ")(top_level)


def test_a_task_type_is_taken_once(app: rowcall.App) -> None:
    app.task("it")(top_level)
    with pytest.raises(rowcall.InvalidInput, match=r"'it' is taken by .*:top_level"):
        app.task("it")(top_level_async)


# ── schedules ──


def test_schedules_stack_above_their_task(app: rowcall.App) -> None:
    @app.schedule(cron="0 9 * * *", timezone="Europe/London", priority=9, input_data={"kind": "long"})
    @app.schedule(interval={"hours": 1, "minutes": 30}, name="hourly")
    @app.task("daily-report")
    def daily_report() -> None: ...

    hourly, daily = app.schedules
    assert (hourly.source, hourly.name, hourly.task_type) == ("billing", "hourly", "daily-report")
    assert hourly.fields["interval_seconds"] == 5400
    assert dict(daily.fields) == {
        "name": "daily-report",
        "task_type": "daily-report",
        "schedule_type": "cron",
        "cron_expression": "0 9 * * *",
        "timezone": "Europe/London",
        "priority": 9,
        "input_data": {"kind": "long"},
    }


def test_a_schedule_may_stand_below_its_task(app: rowcall.App) -> None:
    @app.task("clean-up")
    @app.schedule(interval=5)
    def clean_up() -> None: ...

    assert [schedule.task_type for schedule in app.schedules] == ["clean-up"]


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        ({"cron": "@daily"}, {"schedule_type": "cron", "cron_expression": "@daily"}),
        ({"cron_fields": {"hour": 9}}, {"schedule_type": "cron", "cron_fields": {"hour": 9}}),
        ({"interval": 90}, {"schedule_type": "interval", "interval_seconds": 90}),
        ({"interval": timedelta(minutes=2)}, {"schedule_type": "interval", "interval_seconds": 120}),
        ({"interval": {"weeks": 1, "days": 1}}, {"schedule_type": "interval", "interval_seconds": 691200}),
        ({"at": NOON}, {"schedule_type": "one_time", "scheduled_time": NOON}),
    ],
)
def test_there_are_four_ways_to_say_when(app: rowcall.App, when: dict[str, Any], fields: dict[str, Any]) -> None:
    app.schedule(**when)(app.task("it")(top_level))
    assert fields.items() <= app.schedules[0].fields.items()


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({}, "exactly one .* found none"),
        ({"cron": "@daily", "interval": 5}, "found cron and interval"),
        ({"interval": 0}, "above 0"),
        ({"interval": 0.5}, "whole number of seconds"),
        ({"interval": float("inf")}, "whole number"),
        ({"interval": {"fortnights": 1}}, "'fortnights': the units are"),
        ({"interval": {"hours": "1"}}, "no span of time"),
        ({"interval": 5, "name": "a/b"}, "no slash"),
        ({"interval": 5, "name": "123"}, "not digits only"),
    ],
)
def test_a_schedule_that_says_no_clear_when_or_name_is_refused(
    app: rowcall.App, when: dict[str, Any], message: str
) -> None:
    with pytest.raises(rowcall.InvalidInput, match=message):
        app.schedule(**when)(app.task("it")(top_level))


def test_two_schedules_of_one_task_need_names(app: rowcall.App) -> None:
    app.task("it")(top_level)
    app.schedule(interval=5)(top_level)
    with pytest.raises(rowcall.InvalidInput, match="billing has a schedule 'it' already"):
        app.schedule(interval=6)(top_level)


def test_the_name_of_a_schedule_can_be_made_of_any_task_type(app: rowcall.App) -> None:
    app.schedule(interval=5)(app.task("mails/send")(top_level))
    assert app.schedules[0].name == "mails-send"


def test_a_schedule_without_a_task_is_found_out(app: rowcall.App) -> None:
    app.schedule(interval=5)(top_level)
    with pytest.raises(rowcall.InvalidInput, match=r"top_level has @app\.schedule but no @app\.task"):
        app.check()


# ── apps of apps ──


def test_an_included_app_keeps_the_source_of_its_schedules(app: rowcall.App) -> None:
    mails = rowcall.App("mails")
    mails.schedule(interval=5)(mails.task("send")(top_level))
    app.include(mails)
    app.include(mails)
    assert [(schedule.source, schedule.name) for schedule in app.schedules] == [("mails", "send")]
    assert list(app.tasks) == ["send"]


def test_an_included_app_cannot_take_a_task_type_that_is_taken(app: rowcall.App) -> None:
    mails = rowcall.App("mails")
    mails.task("send")(top_level)
    app.task("send")(top_level_async)
    with pytest.raises(rowcall.InvalidInput, match="taken"):
        app.include(mails)


# ── what a child process would find ──


def _main() -> None: ...


first_main = _main


def _main() -> None:  # type: ignore[no-redef]
    ...


class Jobs:
    def run_for_a_customer(self, run: rowcall.Run) -> None: ...

    @staticmethod
    def static() -> None: ...

    @classmethod
    def of_the_class(cls) -> None: ...


def wrapping(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def wrapped() -> None:
        function()

    return wrapped


def gone() -> None: ...


gone_function = gone
del gone

decorated = rowcall.App("decorated")


@wrapping
@decorated.task("above", isolation="process")
def decorated_above() -> None: ...


@decorated.task("below", isolation="process")
@wrapping
def decorated_below() -> None: ...


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (first_main, "another function"),
        (Jobs().run_for_a_customer, "another function"),
        (wrapping(top_level), "another function"),
        (gone_function, "nothing"),
    ],
)
def test_a_child_process_runs_no_other_function_than_was_registered(
    app: rowcall.App, function: TaskFunction, found: str
) -> None:
    app.task("bill-customers", isolation="process")(function)
    with pytest.raises(rowcall.InvalidInput, match=rf"'bill-customers'.* would find {found} under .*test_app:\w+"):
        app.check()
    with pytest.raises(rowcall.InvalidInput, match="would find"):
        rowcall.App("all").include(app)


def test_what_a_child_process_finds_as_registered_is_taken(app: rowcall.App) -> None:
    app.task("top", isolation="process")(top_level)
    app.task("static", isolation="process")(Jobs.static)
    app.task("marked-static", isolation="process")(vars(Jobs)["static"])
    app.task("class", isolation="process")(Jobs.of_the_class)
    app.include(decorated)
    app.check()


def test_a_module_that_runs_as_a_program_is_not_imported_anew(in_a_folder: Path) -> None:
    (in_a_folder / "shop.py").write_text(
        "import rowcall\napp = rowcall.App('shop')\n"
        "@app.task(isolation='process')\ndef sell(): ...\n"
        "app.check()\nprint(app.tasks['sell'].reference)\n"
    )
    ran = subprocess.run([sys.executable, "-m", "shop"], capture_output=True, text=True, check=True)
    assert ran.stdout == "shop:sell\n"


# ── loading ──


@pytest.fixture
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory of its own, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_an_app_is_found_by_module_and_attribute(in_a_folder: Path) -> None:
    (in_a_folder / "shop_tasks.py").write_text("import rowcall\napp = rowcall.App('shop')\nclass Other: inner = app\n")
    assert load_app("shop_tasks:app").name == "shop"
    assert load_app("shop_tasks").name == "shop"
    assert load_app("shop_tasks:Other.inner").name == "shop"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("", "write module:attribute"),
        (":app", "write module:attribute"),
        ("no_such_module:app", "there is no module 'no_such_module'"),
        ("no_such_package.tasks:app", "there is no module 'no_such_package'"),
        ("stall_tasks:nothing", "has no 'nothing'; it has stall_tasks:app"),
        ("stall_tasks:number", "is no rowcall.App, but of type int"),
        ("stall_lonely:app", "but no @app.task"),
    ],
)
def test_a_reference_that_leads_to_no_app_says_where_it_went_wrong(
    in_a_folder: Path, reference: str, message: str
) -> None:
    (in_a_folder / "stall_tasks.py").write_text("import rowcall\napp = rowcall.App('stall')\nnumber = 5\n")
    (in_a_folder / "stall_lonely.py").write_text(
        "import rowcall\napp = rowcall.App('stall')\n@app.schedule(interval=5)\ndef lonely(): ...\n"
    )
    with pytest.raises(rowcall.InvalidInput, match=message):
        load_app(reference)


def test_a_missing_module_that_the_tasks_import_is_not_mistaken_for_them(in_a_folder: Path) -> None:
    (in_a_folder / "market_tasks.py").write_text("import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        load_app("market_tasks:app")


def test_importing_rowcall_brings_in_no_heavy_library() -> None:
    heavy = "asyncpg asyncio croniter pydantic structlog typer importlib.metadata"
    seen = subprocess.run(
        [sys.executable, "-c", f"import rowcall, sys; print([n for n in '{heavy}'.split() if n in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == "[]"


def test_the_version_is_that_of_the_installed_package() -> None:
    from importlib.metadata import version

    assert rowcall.__version__ == version("rowcall")
