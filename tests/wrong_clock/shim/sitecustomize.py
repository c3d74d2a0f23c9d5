"""Python imports this first where PYTHONPATH leads to it: the wall clock is wrong from then on, and spans are right."""

import datetime as dt
import os
import time
from datetime import datetime as TrueDatetime  # noqa: N812 - the class, under the name that tells it from ours
from typing import Any

SHIFT = int(os.environ["ROWCALL_TEST_CLOCK_SHIFT_SECONDS"])
BY = dt.timedelta(seconds=SHIFT)

true_time, true_time_ns, true_clock_gettime = time.time, time.time_ns, time.clock_gettime
true_gmtime, true_localtime = time.gmtime, time.localtime

time.time = lambda: true_time() + SHIFT
time.time_ns = lambda: true_time_ns() + SHIFT * 1_000_000_000
time.gmtime = lambda seconds=None: true_gmtime(time.time() if seconds is None else seconds)
time.localtime = lambda seconds=None: true_localtime(time.time() if seconds is None else seconds)
time.clock_gettime = lambda clock: true_clock_gettime(clock) + SHIFT * (clock == time.CLOCK_REALTIME)


class _AsTheTrueOne(type):
    """What others made with the true class is an instance of the wrong one too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.__mro__[1])


class WrongDatetime(TrueDatetime, metaclass=_AsTheTrueOne):
    """Wrong about the present; every value it makes is of the true class."""

    __slots__ = ()  # of the true one's size, which extensions ask for

    def __new__(cls, *arguments: Any, **named: Any) -> TrueDatetime:  # type: ignore[misc] # as said above
        return TrueDatetime(*arguments, **named)  # noqa: DTZ001 - with a zone if one is given

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> TrueDatetime:  # type: ignore[override] # as said above
        return (TrueDatetime.now(dt.UTC) + BY).astimezone(tz) if tz else TrueDatetime.now() + BY  # noqa: DTZ005 - asked for

    @classmethod
    def utcnow(cls) -> TrueDatetime:  # type: ignore[override] # as said above
        return TrueDatetime.now(dt.UTC).replace(tzinfo=None) + BY

    @classmethod
    def today(cls) -> TrueDatetime:  # type: ignore[override] # as said above
        return cls.now()


dt.datetime = WrongDatetime  # type: ignore[misc] # that is what the shim is for
