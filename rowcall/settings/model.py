"""The settings themselves, each with its default, its unit and what it means."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .environment import SettingDescription, describe, read_environment, setting
from .readers import MOST_DAYS, boolean, choice, folder, number, text, url, whole, words, zone

if TYPE_CHECKING:  # reading settings is quick, and most of those who do have no use for the definition of a schedule
    from rowcall.domain.definitions import Defaults


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. `Settings()` is the defaults, `Settings.from_environment()` what the environment says."""

    # where the data is
    database_url: str | None = setting(
        url("postgresql", "postgres"),
        None,
        "The PostgreSQL server to use. Without it, Rowcall runs one of its own in the data folder.",
        name="DATABASE_URL",
        shown="the embedded server",
        secret=True,
    )
    direct_database_url: str | None = setting(
        url("postgresql", "postgres"),
        None,
        "The same database past the pooler that DATABASE_URL leads through: for notifications and `rowcall migrate`.",
        shown="DATABASE_URL, where no pooler stands",
        secret=True,
    )
    pooler: str = setting(
        choice("auto", "transaction"),
        "auto",
        "Whether DATABASE_URL leads through a pooler in transaction mode; auto finds out.",
    )
    database_pool_size: int = setting(whole(1, 1000), 10, "Connections to the server, per process.", unit="connections")
    database_timeout_seconds: float = setting(number(0.1, 3600), 30.0, "The longest that one statement may take.")
    data_dir: Path | None = setting(  # noqa: RUF009 - a dataclass field, like all the others
        folder,
        None,
        "The folder of the embedded server and of local secrets. It belongs to one user and to one machine.",
        shown="the user's data folder; of root, /var/lib/rowcall",
    )
    run_as: str | None = setting(
        text,
        None,
        "The unprivileged account that the embedded server runs as, when Rowcall is started as root.",
        unit="account",
        shown="postgres, else nobody",
    )

    # the API
    host: str = setting(text, "127.0.0.1", "The address that the API listens on.", unit="address")
    port: int = setting(whole(0, 65535), 8000, "The port that the API listens on; 0 takes a free one.", unit="port")
    probe_port: int | None = setting(
        whole(0, 65535),
        None,
        "The port at which `rowcall worker` answers /livez, /readyz and /metrics, at ROWCALL_HOST; 0 takes a free one.",
        unit="port",
        shown="none",
    )
    allowed_hosts: tuple[str, ...] = setting(
        words, ("localhost", "127.0.0.1", "[::1]"), "The Host names that requests may be sent to.", unit="list of names"
    )
    auth: str = setting(
        choice("auto", "keys"),
        "auto",
        "Who needs an API key: keys means everyone; auto lets in, without one, who comes straight from this machine to "
        "a loopback address.",
    )
    requests_per_minute: int = setting(
        whole(0, 10_000_000),
        6000,
        "How many requests a key may send in a minute to this process; above it, 429. 0 sets no limit.",
        unit="requests",
    )
    max_body_bytes: int = setting(whole(1024, 2**30), 2**20, "The largest body of a request; above it, 413.")

    # who calls the API: the command line, and programs
    server: str | None = setting(
        url("https", "http"),
        None,
        "The API that commands and `rowcall.Client` talk to, instead of a database.",
        shown="the database; of `rowcall.Client`, this machine's",
    )
    api_key: str | None = setting(
        text,
        None,
        "The key that they send.",
        unit="key",
        shown="on this machine, the one that `rowcall serve` left",
        secret=True,
    )

    # the worker
    scheduler_enabled: bool = setting(
        boolean,
        default=True,
        description="Whether schedules run at all; off, the API answers such calls 503.",
    )
    concurrency: int = setting(
        whole(1, 100_000),
        100,
        "How many executions a worker runs at once. Each holds a coroutine or a thread, so many short tasks want many; "
        "10 is plenty where every task is heavy.",
        unit="executions",
    )
    processes: int = setting(
        whole(1, 1000),
        4,
        'How many child processes a worker keeps for tasks with isolation="process".',
        unit="processes",
    )
    capabilities: tuple[str, ...] = setting(
        words, (), "Capabilities that this worker has for all its tasks, besides what they name.", unit="list of names"
    )
    poll_interval_seconds: float = setting(
        number(0.1, 3600), 30.0, "The full look for due schedules, whether or not anything woke the worker."
    )
    notifications: bool = setting(
        boolean,
        default=True,
        description="Whether workers listen for notifications to wake early. "
        "Off, or behind a pooler without ROWCALL_DIRECT_DATABASE_URL, runs may start late, and none is lost.",
    )
    look_back_seconds: float = setting(
        number(0, 10**9),
        1.0,
        "Looks begin so long before what was due first at the last one; the sweep finds what stands before that.",
    )
    catch_up_after_seconds: float = setting(
        number(0.1, 86400),
        30.0,
        "What has been due for longer is late: it has a lane of its own, behind what is due now.",
    )
    catch_up_share: float = setting(
        number(0.01, 1),
        0.5,
        "The share of a worker's slots that late work may hold; at least one.",
        unit="of the slots",
    )
    catch_up_rate: float = setting(
        number(0, 100_000), 0.0, "How much late work a worker starts; 0 is no limit.", unit="runs per second"
    )
    heartbeat_seconds: float = setting(number(0.1, 600), 5.0, "How often a worker renews its right to what it runs.")
    heartbeats_missed: int = setting(
        whole(2, 100),
        4,
        "After so many beats without one, a worker counts as dead and its work is given away.",
        unit="beats",
    )
    drain_timeout_seconds: float = setting(
        number(0, 86400), 25.0, "How long a stopping worker lets its work end before giving it back."
    )

    # what schedules take when they don't say otherwise
    min_interval_seconds: int = setting(whole(1, 86400), 1, "Shorter intervals are refused.")
    default_timezone: str = setting(zone, "UTC", "The zone of schedules that name none.", unit="IANA name")
    default_timeout_seconds: float = setting(
        number(0.001, 365 * 86400), 3600.0, "The longest that one attempt may run."
    )
    default_max_retries: int = setting(whole(0, 1000), 3, "Attempts after the first.", unit="attempts")
    default_grace_period_seconds: int = setting(
        whole(0, 3_155_760_000), 900, "How late an occurrence may still run; past it, it is missed."
    )
    default_coalesce: str = setting(
        choice("latest", "all"), "latest", "Whether several late occurrences become one run, or one run each."
    )
    default_max_instances: int = setting(
        whole(1, 1000), 1, "How many executions of one schedule may be open at once.", unit="executions"
    )

    # what is kept
    result_max_bytes: int = setting(whole(256, 2**24), 65536, "A larger result is kept as its beginning and its size.")
    error_max_bytes: int = setting(whole(256, 2**24), 16384, "A longer error text is cut in its middle.")
    retention_days: int = setting(
        whole(0, MOST_DAYS), 90, "How long executions are kept; 0 keeps them for ever.", unit="days"
    )

    rollup_retention_days: int = setting(
        whole(0, MOST_DAYS),
        1095,
        "How long the figures of dropped days are kept; 0 keeps them for ever.",
        unit="days",
    )
    audit_log_retention_days: int = setting(
        whole(0, MOST_DAYS), 365, "How long the log of changes is kept; 0 keeps it for ever.", unit="days"
    )

    # the http task
    http_allow: tuple[str, ...] = setting(
        words,
        (),
        "Networks and host names inside your own walls that http tasks may call: 10.0.0.0/8, *.internal.",
        unit="list of networks and names",
    )
    http_max_response_bytes: int = setting(whole(0, 2**26), 2**20, "The most that is read of an answer.")

    # webhooks, and secrets for them and for http tasks
    webhook_concurrency: int = setting(
        whole(1, 1000),
        20,
        "How many webhooks a worker delivers at once, beside its executions; to one receiver, half of them.",
        unit="deliveries",
    )
    webhook_timeout_seconds: float = setting(number(0.1, 300), 10.0, "How long a receiver may take to answer.")
    webhook_retry_seconds: float = setting(
        number(0.01, 3600),
        5.0,
        "The wait after the first failure; each further one is five times what has passed, 6 hours at the most.",
    )
    webhook_give_up_seconds: float = setting(
        number(1, 30 * 86400), 86400.0, "What was tried for so long in vain is dead, until it is sent anew."
    )
    webhook_history_days: int = setting(
        whole(1, 3650), 30, "How long deliveries are kept once they are over.", unit="days"
    )
    secrets_file: Path | None = setting(  # noqa: RUF009
        folder,
        None,
        "The file (JSON, mode 0600) of the secrets that sign webhooks, and that http tasks send.",
        shown="secrets.json in the data folder",
    )

    # the sql and shell tasks
    named_sql: Path | None = setting(  # noqa: RUF009 - a dataclass field, like all the others
        folder,
        None,
        "The file (TOML) of the statements that sql tasks may run, each under a name.",
        shown="none: no sql tasks",
    )
    sql_database_url: str | None = setting(
        url("postgresql", "postgres"),
        None,
        "The same database as DATABASE_URL, as the role of its own that sql tasks log in as.",
        shown="none: no sql tasks",
        secret=True,
    )
    named_commands: Path | None = setting(  # noqa: RUF009
        folder,
        None,
        "The file (TOML) of the commands that shell tasks may run, each under a name; it may be the same file.",
        shown="none: no shell tasks",
    )

    # what is told
    log_level: str = setting(
        choice("debug", "info", "warning", "error", "critical"), "info", "The least that is logged."
    )
    log_format: str = setting(
        choice("auto", "console", "json"), "auto", "How it is logged; auto is console on a terminal, else json."
    )

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, only: Collection[str] | None = None
    ) -> Settings:
        """Read the environment, or `only` these fields of it; an empty value counts as not set.

        Raises InvalidInput with every fault in it at once, names that start with ROWCALL_ but mean nothing included.
        """
        return cls(**read_environment(cls, os.environ if environ is None else environ, only))

    @classmethod
    def table(cls) -> list[SettingDescription]:
        """All settings for people to read, in the order of their declaration."""
        return describe(cls)

    @property
    def lease(self) -> timedelta:
        """How long a worker's silence is taken for life: its beats, times how many may be missed."""
        return timedelta(seconds=self.heartbeat_seconds * self.heartbeats_missed)

    @property
    def schedule_defaults(self) -> Defaults:
        """What a schedule takes where it says nothing."""
        from rowcall.domain.definitions import Defaults

        return Defaults(
            timezone=self.default_timezone,
            grace_period_seconds=self.default_grace_period_seconds,
            coalesce=self.default_coalesce,
            max_instances=self.default_max_instances,
            timeout_seconds=self.default_timeout_seconds,
            max_retries=self.default_max_retries,
            min_interval_seconds=self.min_interval_seconds,
        )

    @property
    def secrets_path(self) -> Path:
        """The file of secrets: the one that is set, or the one in the data folder."""
        return self.secrets_file or self.data_folder / "secrets.json"

    @property
    def key_file(self) -> Path:
        """Where `rowcall serve` leaves its first key, for its own account to read."""
        return self.data_folder / "admin.key"

    @property
    def data_folder(self) -> Path:
        """The data folder: the one that is set, or the default of this user."""
        if self.data_dir is not None:
            return self.data_dir
        if os.name == "posix" and os.geteuid() == 0:
            return Path("/var/lib/rowcall")
        from platformdirs import user_data_path

        return user_data_path("rowcall")
