"""From a function that makes a call to a method that carries it out: at once, or as a coroutine.

Signature and documentation are the function's, for type checkers and for `help()`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from pydantic import BaseModel

from .calls import Pages, Procedure

P = ParamSpec("P")
T = TypeVar("T")
Page = TypeVar("Page", bound=BaseModel)


class Face(Protocol):
    """Carries procedures out while the caller waits."""

    def carry_out(self, procedure: Procedure[T]) -> T:
        """What comes of it."""


class AsyncFace(Protocol):
    """Carries procedures out on an event loop."""

    async def carry_out(self, procedure: Procedure[T]) -> T:
        """What comes of it."""


def does(make: Callable[P, Procedure[T]]) -> Callable[Concatenate[Face, P], T]:
    """A method that carries out what is made."""

    @wraps(make)
    def method(face: Face, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return face.carry_out(make(*args, **kwargs))

    return method


def does_async(make: Callable[P, Procedure[T]]) -> Callable[Concatenate[AsyncFace, P], Awaitable[T]]:
    """The same, to be awaited."""

    @wraps(make)
    def method(face: AsyncFace, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return face.carry_out(make(*args, **kwargs))

    return method


def iterates(make: Callable[P, Pages[Page, T]]) -> Callable[Concatenate[Face, P], Iterator[T]]:
    """A method whose items come page after page."""

    @wraps(make)
    def method(face: Face, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        pages, page, taken = make(*args, **kwargs), None, 0
        while (call := pages.call(page, taken)) is not None:
            page = face.carry_out(call)
            items = pages.items(page)
            yield from items
            taken += len(items)

    return method


def iterates_async(make: Callable[P, Pages[Page, T]]) -> Callable[Concatenate[AsyncFace, P], AsyncIterator[T]]:
    """The same, for `async for`."""

    @wraps(make)
    async def method(face: AsyncFace, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        pages, page, taken = make(*args, **kwargs), None, 0
        while (call := pages.call(page, taken)) is not None:
            page = await face.carry_out(call)
            items = pages.items(page)
            for item in items:
                yield item
            taken += len(items)

    return method
