"""What a schedule takes where it says nothing: the installation's settings."""

from __future__ import annotations

from rowcall.domain.definitions import Defaults
from rowcall.settings import Settings


def defaults_of(settings: Settings) -> Defaults:
    """The defaults that these settings make."""
    return Defaults(
        timezone=settings.default_timezone,
        grace_period_seconds=settings.default_grace_period_seconds,
        coalesce=settings.default_coalesce,
        max_instances=settings.default_max_instances,
        timeout_seconds=settings.default_timeout_seconds,
        max_retries=settings.default_max_retries,
        min_interval_seconds=settings.min_interval_seconds,
    )
