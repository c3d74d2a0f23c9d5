"""Error texts: what a person needs first, within a limit, and nothing that a database can't hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never

import pytest

from rowcall.worker.running.errors import cut, describe_error

PLENTY = 100_000


def caught(provoke: Callable[[], object]) -> BaseException:
    try:
        provoke()
    except BaseException as fault:  # noqa: BLE001 - the tests raise what tasks may raise
        return fault
    raise AssertionError("nothing was raised")


def fail(message: str = "bad") -> Never:
    raise ValueError(message)


def fail_because() -> None:
    try:
        fail("the cause")
    except ValueError as fault:
        raise RuntimeError("the effect") from fault


def fall(depth: int) -> Never:
    if depth:
        fall(depth - 1)
    fail()


class Broken(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


class Vicious(Exception):
    @property
    def __cause__(self) -> Never:  # type: ignore[override] # what is vicious about it
        raise ZeroDivisionError


def raiser(fault: BaseException) -> Callable[[], Never]:
    def provoke() -> Never:
        raise fault

    return provoke


def test_type_and_message_come_first_then_the_traceback() -> None:
    text = describe_error(caught(fail), PLENTY)
    assert text.startswith("ValueError: bad\n\nTraceback (most recent call last):\n")
    assert "raise ValueError(message)" in text


def test_the_cause_is_told() -> None:
    text = describe_error(caught(fail_because), PLENTY)
    assert text.startswith("RuntimeError: the effect")
    assert "ValueError: the cause" in text


def test_only_the_last_frames_are_kept() -> None:
    text = describe_error(caught(lambda: fall(100)), PLENTY)
    assert text.count("  File ") <= 13
    assert "in fail" in text


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit: 3"),
        (BaseExceptionGroup("all", [SystemExit(1), ValueError("x")]), "BaseExceptionGroup: all (2 sub-exceptions)"),
        (Broken(), "test_errors.Broken: <exception str() failed>"),
        (Vicious(), "Vicious"),
        (ValueError("nul \0 and surrogate \udc80"), "ValueError: nul \ufffd and surrogate \ufffd"),
    ],
)
def test_whatever_is_raised_can_be_told(fault: BaseException, text: str) -> None:
    assert text in describe_error(caught(raiser(fault)), PLENTY).split("\n\n")[0]


def test_a_text_within_the_limit_stays_as_it_is() -> None:
    assert cut("Grüße", 7) == "Grüße"


@pytest.mark.parametrize("text", ["begin" + "x" * 5000 + "end", "begin" + "ü🙂" * 5000 + "end"])
def test_a_text_over_the_limit_loses_its_middle(text: str) -> None:
    short = cut(text, 500)
    assert 450 < len(short.encode()) <= 500
    assert short.startswith("begin")
    assert short.endswith("end")
    assert "left out" in short


def test_an_error_over_the_limit_keeps_its_type_and_its_last_line() -> None:
    text = describe_error(caught(lambda: fail("x" * 10_000 + "!")), 400)
    assert text.startswith("ValueError: x")
    assert text.endswith("x!")
    assert len(text.encode()) <= 400
