"""Python imports this first where PYTHONPATH leads to it: the wall clock is wrong from then on, and spans are right."""

import datetime as dt
import os
import time

SHIFT = int(os.environ["ROWCALL_TEST_CLOCK_SHIFT_SECONDS"])
BY = dt.timedelta(seconds=SHIFT)

true_time, true_time_ns, true_clock_gettime = time.time, time.time_ns, time.clock_gettime
true_gmtime, true_localtime = time.gmtime, time.localtime
TrueDate, TrueDatetime = dt.date, dt.datetime

time.time = lambda: true_time() + SHIFT
time.time_ns = lambda: true_time_ns() + SHIFT * 1_000_000_000
time.gmtime = lambda seconds=None: true_gmtime(time.time() if seconds is None else seconds)
time.localtime = lambda seconds=None: true_localtime(time.time() if seconds is None else seconds)
time.clock_gettime = lambda clock: true_clock_gettime(clock) + SHIFT * (clock == time.CLOCK_REALTIME)


class _AsTheTrueOne(type):
    """What others made with the true class is an instance of the wrong one too."""

    def __instancecheck__(cls, instance):
        return isinstance(instance, cls.__mro__[1])

    def __subclasscheck__(cls, subclass):
        return issubclass(subclass, cls.__mro__[1])


class WrongDatetime(TrueDatetime, metaclass=_AsTheTrueOne):
    """Wrong about the present; every value it makes is of the true class."""

    __slots__ = ()  # of the true one's size, which extensions ask for

    def __new__(cls, *arguments, **named):
        return TrueDatetime(*arguments, **named)

    @classmethod
    def now(cls, tz=None):
        return (TrueDatetime.now(dt.UTC) + BY).astimezone(tz) if tz else TrueDatetime.now() + BY

    @classmethod
    def utcnow(cls):
        return TrueDatetime.now(dt.UTC).replace(tzinfo=None) + BY

    @classmethod
    def today(cls):
        return cls.now()


dt.datetime = WrongDatetime
