"""Which server and which key a client takes, where it is told neither."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from rowcall.client import Unauthorized, Unavailable
from rowcall.client.finding import server_of, showing
from rowcall.domain.errors import InvalidInput
from rowcall.settings import Settings
from tests.client.support import ROOT, a_client
from tests.folders import short_lived_folder
from tests.programs import ROWCALL, running, url_of

KEY, OTHER = (f"rowcall_{letter * 8}_{letter * 43}" for letter in "ab")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of somebody whose server left a key."""
    (tmp_path / "admin.key").write_text(f"{KEY}\n")
    return Settings(data_dir=tmp_path, port=8123)


def shown(given: str | None, server: str, settings: Settings) -> str | None:
    """The key that a client's first request shows."""
    with httpx2.Client(**showing(given, server, settings)) as http:
        request = http.build_request("GET", server)
        if http.auth is not None:
            next(http.auth.auth_flow(request))
    key: str | None = request.headers.get("x-api-key")
    return key


def test_what_is_given_comes_first_then_the_environment_then_the_file(settings: Settings) -> None:
    from dataclasses import replace

    here = "http://127.0.0.1:8123"
    told = replace(settings, server="https://rowcall.example.org/v1/", api_key=OTHER)
    assert server_of(None, settings) == here
    assert server_of(None, told) == "https://rowcall.example.org"
    assert server_of("http://[::1]:1", told) == "http://[::1]:1"
    assert shown(None, here, settings) == KEY
    assert shown(None, here, told) == OTHER
    assert shown(f" {KEY} ", here, told) == KEY


def test_a_client_is_made_whatever_database_the_program_around_it_has(
    face: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://shop@db/shop")
    monkeypatch.setenv("ROWCALL_CONCURRENCY", "many")
    with a_client(face, server) as client:
        assert client.stats().workers == 1
    for name, value in (("ROWCALL_PORT", "one"), ("ROWCALL_SERVR", "https://rowcall.example.org")):
        monkeypatch.setenv(name, value)
        with pytest.raises(InvalidInput, match=name), a_client(face):
            pass
        monkeypatch.delenv(name)


@pytest.mark.parametrize("server", ["https://rowcall.example.org", "http://10.0.0.1", "http://localhost.example.org"])
def test_the_key_of_this_machine_is_sent_to_no_other(settings: Settings, server: str) -> None:
    assert shown(None, server, settings) is None


@pytest.mark.parametrize("server", ["http://localhost:1", "http://127.0.0.2", "https://[::1]"])
def test_the_key_of_this_machine_is_sent_to_it(settings: Settings, server: str) -> None:
    assert shown(None, server, settings) == KEY


def test_a_file_with_something_else_in_it_is_no_key(settings: Settings) -> None:
    settings.key_file.write_text("hunter2")
    assert shown(None, "http://localhost", settings) is None


class Proxy(ThreadingHTTPServer):
    """A proxy that goes nowhere, and keeps what it was asked for and with which key."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusing)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[tuple[str, str | None]] = []


class _Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Proxy)
        self.server.asked.append((self.path, self.headers["X-API-Key"]))
        self.send_error(502)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy that the environment names."""
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield server
        server.shutdown()
        thread.join()


def test_a_proxy_learns_nothing_of_what_is_asked_on_this_machine(face: str, server: str, proxy: Proxy) -> None:
    data = Path(os.environ["ROWCALL_DATA_DIR"])
    data.mkdir()
    (data / "admin.key").write_text(KEY)
    with a_client(face, server) as client:
        assert client.stats().workers == 1
    assert proxy.asked == []
    with a_client(face, "http://rowcall.example.org", OTHER, retries=0) as client, pytest.raises(Unavailable):
        client.stats()
    assert [key for _, key in proxy.asked] == [OTHER]
    assert proxy.asked[0][0].startswith("http://rowcall.example.org/v1/stats")


def test_certificates_are_those_of_the_environment_on_this_machine_too(
    face: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    for address in ("https://localhost", "https://rowcall.example.org"):
        with pytest.raises(FileNotFoundError), a_client(face, address):
            pass


def test_the_key_that_a_server_leaves_is_found_by_its_clients(
    face: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with short_lived_folder() as folder:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        monkeypatch.setenv("ROWCALL_DATA_DIR", str(folder / "data"))
        environment = {"ROWCALL_AUTH": "keys", "ROWCALL_PORT": "0"}
        with running((*ROWCALL, "serve"), tmp_path / "output", cwd=ROOT, environment=environment) as program:
            url = url_of(program)
            key_file = Settings.from_environment().key_file
            assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
            with a_client(face, url) as client:
                assert client.stats().workers == 1
            monkeypatch.setenv("ROWCALL_API_KEY", OTHER)
            with a_client(face, url) as client, pytest.raises(Unauthorized):
                client.stats()
            assert program.stop() == 0


def test_a_key_that_another_server_here_left_is_put_aside_where_none_is_needed(face: str, server: str) -> None:
    data = Path(os.environ["ROWCALL_DATA_DIR"])
    data.mkdir()
    (data / "admin.key").write_text(KEY)

    with a_client(face, server) as client:
        assert client.stats().workers == 1
        assert client.schedules.create(task_type="quick", days=1).client_id == "default"
    with a_client(face, server, KEY) as client, pytest.raises(Unauthorized, match="not known here"):
        client.stats()
