"""What goes wrong: a fault after another, chosen by the seed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random

from tests.namespaces import Host

from .proxy import Proxy, Slowness
from .replicas import Replica
from .workload import People


class Faults:
    """Injects faults and counts them. Those that last run on beside the next ones."""

    def __init__(
        self,
        replicas: list[Replica],
        proxy: Proxy,
        people: People,
        cluster: Path,
        lease_seconds: float,
        random: Random,
        hosts: Sequence[Host] = (),
    ) -> None:
        self._replicas = replicas
        self._proxy = proxy
        self._people = people
        self._cluster = cluster
        self._lease = lease_seconds
        self._random = random
        self._hosts = hosts
        self._lasting: set[asyncio.Task[object]] = set()
        self.counts: Counter[str] = Counter()
        self._choices: list[tuple[int, Callable[[], Awaitable[str]]]] = [
            (6, self.kill_a_worker),
            (4, self.freeze_a_worker),
            (3, self.roll_a_worker),
            (2, self.restart_postgres_fast),
            (1, self.restart_postgres_immediately),
            (2, self.kill_the_postmaster),
            (4, self.cut_connections),
            (2, self.stall_connections),
            (3, self.slow_connections),
            (5, self.lose_the_answer_to_a_commit),
            (12, self.let_people_act),
        ]
        if hosts:
            self._choices += [(3, self.cut_a_host_off), (3, self.make_a_host_half_open)]

    async def one(self) -> str:
        """Inject one fault; what it was."""
        weights = [weight for weight, _ in self._choices]
        fault = self._random.choices([choice for _, choice in self._choices], weights)[0]
        name = await fault()
        self.counts[name] += 1
        return name

    async def end(self) -> None:
        """Wait until the lasting faults are over, and make everything healthy."""
        while self._lasting:
            await asyncio.wait(self._lasting)
        self._proxy.commits_to_lose = 0
        for replica in self._replicas:
            replica.start()

    def _last(self, fault: Awaitable[object]) -> None:
        task = asyncio.ensure_future(fault)
        self._lasting.add(task)
        task.add_done_callback(self._lasting.discard)

    async def kill_a_worker(self) -> str:
        replica = self._random.choice(self._replicas)
        replica.kill()
        self._last(self._start_later(replica, self._random.uniform(0.1, 3.0)))
        return "worker killed (SIGKILL)"

    async def _start_later(self, replica: Replica, seconds: float) -> None:
        await asyncio.sleep(seconds)
        replica.start()

    async def freeze_a_worker(self) -> str:
        seconds = self._lease * self._random.uniform(0.5, 2.5)
        self._last(self._random.choice(self._replicas).freeze(seconds))
        return "worker frozen (SIGSTOP, SIGCONT)"

    async def roll_a_worker(self) -> str:
        replica = self._random.choice(self._replicas)
        if not replica.frozen:
            self._last(self._roll(replica))
        return "worker rolled (SIGTERM, restart)"

    async def _roll(self, replica: Replica) -> None:
        await replica.stop()
        replica.start()

    async def restart_postgres_fast(self) -> str:
        self._signal_postmaster(signal.SIGINT)
        return "PostgreSQL restarted (fast)"

    async def restart_postgres_immediately(self) -> str:
        self._signal_postmaster(signal.SIGQUIT)
        return "PostgreSQL restarted (immediate)"

    async def kill_the_postmaster(self) -> str:
        self._signal_postmaster(signal.SIGKILL)
        return "postmaster killed (SIGKILL)"

    def _signal_postmaster(self, number: signal.Signals) -> None:
        """The supervisor starts it again by itself."""
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, number)
        except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            return  # it is down already

    async def cut_connections(self) -> str:
        self._proxy.cut()
        return "all connections cut"

    async def stall_connections(self) -> str:
        self._last(self._proxy.stall(self._lease * self._random.uniform(0.3, 2.0)))
        return "all connections stalled"

    async def slow_connections(self) -> str:
        """A bad line to one of the hosts, or a slow machine behind it: nothing is lost on it, and all of it is late."""
        slowness = Slowness(self._lease * self._random.uniform(0.01, 0.2), 10 ** self._random.uniform(3.5, 5.5))
        place = self._random.choice(self._proxy.hosts)
        self._last(self._proxy.slow(self._lease * self._random.uniform(0.5, 3.0), slowness, place))
        return "connections of a host slowed" if self._hosts else "all connections slowed"

    async def lose_the_answer_to_a_commit(self) -> str:
        self._proxy.commits_to_lose += self._random.randint(1, 3)
        return "answers to COMMIT lost"

    async def cut_a_host_off(self) -> str:
        self._last(self._fail_for_a_while(self._random.choice(self._hosts), Host.cut_off))
        return "host cut off (link down)"

    async def make_a_host_half_open(self) -> str:
        self._last(self._fail_for_a_while(self._random.choice(self._hosts), Host.fall_half_open))
        return "host half open (no answers)"

    async def _fail_for_a_while(self, host: Host, fail: Callable[[Host], None]) -> None:
        """From a fraction of a lease to some of them."""
        seconds = self._lease * self._random.uniform(0.3, 2.0)
        fail(host)
        try:
            await asyncio.sleep(seconds)
        finally:
            host.mend()

    async def let_people_act(self) -> str:
        return f"API: {await self._people.do_something()}"
