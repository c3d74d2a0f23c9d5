"""The built-in task type `shell`: a command that the operator wrote down, as a process of its own, without a shell."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping

from rowcall.app import Isolation, Run, RunCancelled, TaskDefinition
from rowcall.domain.errors import InvalidInput
from rowcall.worker.running.errors import Refused, Told, TookTooLong, storable

from .asking import asked_for
from .commands import Command, Ended
from .named_command import NamedCommand

TERM_SECONDS = 5.0
"""From SIGTERM to SIGKILL at the command's own time limit."""

HURRIED_TERM_SECONDS = 0.7
"""The same where the worker has no more time to give: it would take the run for one that nothing stops."""


def shell_task(
    commands: Mapping[str, NamedCommand], environment: Mapping[str, str], result_max_bytes: int, error_max_bytes: int
) -> TaskDefinition:
    """The task `shell`. `environment` is the worker's own, of which a command gets little."""

    async def shell(run: Run) -> object:
        try:
            named, values = asked_for(run, commands, "commands")
            arguments = named.arguments(values)
        except (InvalidInput, ValueError) as fault:
            raise Refused(str(fault)) from fault
        command = Command.start(
            arguments, named.variables(environment), named.cwd, keep=result_max_bytes, keep_errors=error_max_bytes // 2
        )
        try:
            ended = await _watched(run, command, named.timeout_seconds)
        finally:
            await command.close()
        if ended.code != 0:
            raise Told(_complaint(run.input_data["name"], ended, command))
        return _result(command, result_max_bytes)

    description = f"Runs a command that the operator wrote down: {', '.join(sorted(commands))}"
    return TaskDefinition("shell", shell, Isolation.ASYNC, description=description)


async def _watched(run: Run, command: Command, timeout_seconds: float | None) -> Ended:
    """Wait for the command's end, and bring it about where that is asked for, or where its time is up."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    forget = run.signal.listen(lambda: loop.call_soon_threadsafe(asked.set))
    request = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait({command.ended, request}, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        if command.ended.done():
            return command.ended.result()
        command.signal(signal.SIGTERM)
        if not asked.is_set():
            await asyncio.wait({command.ended}, timeout=TERM_SECONDS)
            raise TookTooLong(f"timed out after {timeout_seconds:g} s: the command and what it started were ended")
        run.signal.look()
        await asyncio.wait({command.ended})  # until the worker's grace is over
        raise RunCancelled(run.signal.reason)
    except asyncio.CancelledError:
        command.signal(signal.SIGTERM)
        await asyncio.wait({command.ended}, timeout=HURRIED_TERM_SECONDS)
        raise
    finally:
        forget()
        request.cancel()


def _complaint(name: str, ended: Ended, command: Command) -> str:
    """How it ended, and what it said of that."""
    for stream, tail in (("standard error", command.stderr), ("standard output", command.stdout)):
        if tail.text.strip():
            return f"{name} {ended.told}; the end of its {stream}:\n{tail.text.strip()}"
    return f"{name} {ended.told}, and said nothing"


def _result(command: Command, max_bytes: int) -> dict[str, object]:
    """What is kept of a command that went well: the end of what it wrote, as much as there is room for."""
    text = storable(command.stdout.text)
    while True:
        result = {"exit_code": 0, "stdout": text, "stdout_bytes": command.stdout.total}
        size = len(json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode())
        if size <= max_bytes or not text:
            return result
        text = text[len(text) - int(len(text) * max_bytes / size * 0.95) + 1 :]
