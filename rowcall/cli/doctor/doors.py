"""Who may come in, and what goes out: API keys, the secret that signs webhooks, and webhooks that nobody took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rowcall.cli.first_key import needs_key
from rowcall.domain.access import Scope
from rowcall.domain.errors import Forbidden, InvalidInput
from rowcall.settings import Settings
from rowcall.store.database import Database
from rowcall.store.diagnosis import called_back, dead_deliveries, server_facts
from rowcall.store.keys import KeyRow, list_keys
from rowcall.vault.book import SIGNING
from rowcall.vault.file import SecretFile

from .findings import Finding

SOON = timedelta(days=7)
NEW_ADMIN = "rowcall keys create --scope admin --name ..."


async def look_at_doors(database: Database, settings: Settings) -> list[Finding]:
    """All findings on keys and webhooks. Raises StoreUnavailable when the server stops answering."""
    now = (await server_facts(database)).now
    return [
        _keys(await list_keys(database, include_invalid=True), now, needed=needs_key(settings)),
        await _webhooks(database, settings),
    ]


def _keys(keys: Sequence[KeyRow], now: datetime, *, needed: bool) -> Finding:
    kept = [key for key in keys if key["revoked_at"] is None]
    valid = [key for key in kept if key["expires_at"] is None or key["expires_at"] > now]
    if not valid and (needed or kept):
        return (Finding.fail if needed else Finding.warn)("keys", "no API key is valid", NEW_ADMIN)
    lasting = [key for key in valid if key["expires_at"] is None or key["expires_at"] > now + SOON]
    found = f"{len(valid)} valid"
    if valid and not any(Scope.ADMIN in key["scopes"] for key in lasting):
        was = [key for key in kept if Scope.ADMIN in key["scopes"]]
        if was:
            last = max(was, key=lambda key: key["expires_at"])
            told = "expired" if last["expires_at"] <= now else "expires"
            until = f"{last['expires_at']:%Y-%m-%d %H:%M} UTC"
            return Finding.warn("keys", f"{found}; the last one with the scope admin {told} {until}", NEW_ADMIN)
    return Finding.ok("keys", found if valid else "none, and none is needed on this machine")


async def _webhooks(database: Database, settings: Settings) -> Finding:
    clients = await called_back(database)
    try:
        book = SecretFile(settings.secrets_path).book()
    except (Forbidden, InvalidInput) as fault:
        return Finding.fail("webhooks", f"the secrets can't be read: {fault}", "correct the file")
    unsigned = [client for client in clients if not book.signing_values(client)]
    if unsigned:
        found = f"no secret on this machine signs what {len(unsigned)} of {len(clients)} clients are to be told"
        to_do = f"where workers run: rowcall secrets create {SIGNING}"
        return Finding.warn("webhooks", f"{found}: {', '.join(unsigned[:5])}", to_do)
    dead, target = await dead_deliveries(database)
    if dead:
        return Finding.warn(
            "webhooks", f"{dead} died within a day, the last for {target}", "rowcall webhooks list --status DEAD"
        )
    return Finding.ok("webhooks", f"{len(clients)} clients are told, none died within a day" if clients else "none")
