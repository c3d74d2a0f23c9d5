"""A reader who does what a page says, at a terminal of their own, and holds what happens against the page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from rowcall.embedded.binaries import find_binaries
from tests.docs.likeness import ANY, difference
from tests.docs.pages import Command, File, Query, Step
from tests.programs import Program, running

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.1
API, SECOND_API, RECEIVER = "8000", "8001", "9000"
"""The ports that the pages speak of. What the reader really uses is free ones, as several read at the same time."""

_READS = re.compile(
    r"curl (?!.* -(?:X|d|-data|-json) ?)|rowcall (?:schedules|executions|webhooks) (?:list|show|explain)", re.DOTALL
)
_READS_SQL = re.compile(r"(?:\s*--[^\n]*\n)*\s*(?:SELECT|WITH)\b")


class Reader:
    """Does one step after the other, in one folder and one environment. Ends all programs at the end."""

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        *,
        programs: Path | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._folder = folder
        self._patience_seconds = patience_seconds
        self._ports = {API: API, SECOND_API: _free_port(), RECEIVER: _free_port()}
        self._programs: list[Program] = []
        self._stack = ExitStack()
        self._environment = os.environ | {
            "PATH": _path(programs), "LOGNAME": "ada", "COLUMNS": "200", "PGTZ": "UTC", "PSQLRC": os.devnull,
            "ROWCALL_PORT": "0", "ROWCALL_DATABASE_POOL_SIZE": "4", "ROWCALL_LOG_LEVEL": "error",
            "RECEIVER_PORT": self._ports[RECEIVER], "ROWCALL_SECRETS_FILE": str(folder / "secrets.json"),
            "ROWCALL_DATA_DIR": str(folder / "data"),
        } | settings  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            for program in reversed(self._programs):
                program.stop()

    def does(self, step: Step) -> tuple[str, str | None]:
        """Do it: what was said, and how that differs from the page, None if it does not.

        What only reads is done again and again for a while, until it says what the page says.
        """
        if isinstance(step, File):
            (self._folder / step.name).write_text(self.with_real_places(step.text))
            return "", None
        if isinstance(step, Command) and step.stays:
            return self._starts(step)
        deadline = time.monotonic() + (self._patience_seconds if _only_reads(step) else 0)
        exact = isinstance(step, Command) and step.exact
        while True:
            said = self._run(step)
            found = None if step.said is None else difference(said, step.said, exact=exact)
            if found is None or time.monotonic() >= deadline:
                return said, found
            time.sleep(PAUSE_SECONDS)

    def with_real_places(self, text: str) -> str:
        """The text with the ports, and the database, that are used in place of those that pages speak of."""
        text = _AS_ROLE.sub(lambda found: shlex.quote(self._database_as(found[1])), text)
        return _AUTHORITY.sub(lambda found: f"{found[1]}{self._ports.get(found[2], found[2])}", text)

    def _starts(self, step: Command) -> tuple[str, str | None]:
        """Start a program, and wait until it is ready and has said what the page says."""
        if step.text.startswith("rowcall serve"):  # the reader's only one: the port would be taken
            while self._programs:
                self._programs.pop().stop()
        output = self._folder / f".output-{step.line}"
        command = ["bash", "-c", self.with_real_places(step.replacing_shell())]
        program = self._stack.enter_context(running(command, output, cwd=self._folder, environment=self._environment))
        self._programs.append(program)
        self._wait_until_ready(program, step)
        deadline = time.monotonic() + self._patience_seconds
        while True:
            said = self._with_shown_ports(program.output)
            found = difference(said, step.said or ANY, goes_on=True)
            if found is None or time.monotonic() > deadline:
                return said, found
            time.sleep(PAUSE_SECONDS)

    def _wait_until_ready(self, program: Program, step: Command) -> None:
        if "receiver" in step.text:
            _wait_for_port(int(self._ports[RECEIVER]))
        elif "rowcall worker" in step.text:
            program.says(r": a worker for ")
        else:
            port = program.says(r"API +http://\S+:(\d+)/v1/schedules\n(?:.*\n)*?.*database ")[1]
            self._ports[API if "--port" not in step.text else SECOND_API] = port

    def _database_as(self, account: str) -> str:
        """The URL of the reader's database, for another account."""
        parts = urlsplit(self._environment["DATABASE_URL"])
        return parts._replace(netloc=f"{account}@{parts.netloc.rpartition('@')[2]}").geturl()

    def _run(self, step: Step) -> str:
        if isinstance(step, Query):
            command, given = ["psql", self._environment["DATABASE_URL"], "-v", "ON_ERROR_STOP=1", "-f", "-"], step.text
        else:
            command, given = ["bash", "-o", "pipefail", "-c", self.with_real_places(step.text)], ""
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, input=given, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        )  # fmt: skip
        said = self._with_shown_ports(done.stdout)
        assert done.returncode == 0, f"line {step.line} ended with {done.returncode}:\n{step.text}\n{said}"
        return said

    def _with_shown_ports(self, text: str) -> str:
        shown = {real: port for port, real in self._ports.items()}
        return _AUTHORITY.sub(lambda found: f"{found[1]}{shown.get(found[2], found[2])}", text)


_AS_ROLE = re.compile(r"postgresql://(\w+:\w+)@localhost/shop")
_AUTHORITY = re.compile(r"(localhost:|127\.0\.0\.1:|--port )(\d+)\b")


def _only_reads(step: Step) -> bool:
    return (_READS_SQL if isinstance(step, Query) else _READS).match(step.text) is not None


def _path(programs: Path | None) -> str:
    """Where programs are found: in this folder, beside this Python, and psql in the wheel where there is no other."""
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if programs is not None:
        folders.insert(0, str(programs))
    if shutil.which("psql") is None:
        folders.append(str(Path(find_binaries().tool("psql")).parent))
    return os.pathsep.join(folders)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return
