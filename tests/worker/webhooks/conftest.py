"""Receivers, the file of secrets, and the settings that tests of webhooks have in common."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.worker.webhooks.receiver import KEY, Receiver, receiving

WriteSecrets: TypeAlias = Callable[..., Path]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """One that takes everything."""
    async with receiving(Receiver()) as opened:
        yield opened


@pytest.fixture
def write_secrets(tmp_path: Path) -> WriteSecrets:
    """Write the operator's file: write_secrets(webhooks={"values": [...]})."""

    def write(**secrets: dict[str, Any]) -> Path:
        path = tmp_path / "secrets.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps({"secrets": secrets}))
        return path

    return write


@pytest.fixture
def quick(write_secrets: WriteSecrets) -> dict[str, Any]:
    """Settings: a signing secret, this machine may be called, and nobody waits long."""
    return {
        "secrets_file": write_secrets(webhooks={"values": [KEY]}),
        "http_allow": ("127.0.0.1",),
        "webhook_retry_seconds": 0.05,
        "webhook_timeout_seconds": 5.0,
    }


@pytest.fixture
def quick_process(quick: dict[str, Any]) -> dict[str, Any]:
    """The same for worker processes, with a short time to answer."""
    return quick | {"http_allow": "127.0.0.1", "webhook_timeout_seconds": 0.5}
