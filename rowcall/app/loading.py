"""Find an app by its reference, as in ``rowcall worker --app billing.tasks:app``."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

from rowcall.domain.errors import InvalidInput

from .registry import App


def load_app(reference: str) -> App:
    """Import "module:attribute" (":app" where left out), with the working directory on the path, and return the App.

    Raises InvalidInput if there is no such module or attribute, or no App in it. What the module itself raises
    at its import goes through as it is: that traceback is the one to read.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or module_name.startswith("."):
        raise InvalidInput.of("app", f"{reference!r} is no reference; write module:attribute, as in billing.tasks:app")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    module = _import(module_name, here)
    found: object = module
    for part in (attribute or "app").split("."):
        found = _attribute(found, part, module_name)
    if not isinstance(found, App):
        raise InvalidInput.of("app", f"{reference!r} is no rowcall.App, but of type {type(found).__name__}")
    found.check()
    return found


def _import(name: str, here: str) -> object:
    """The module of that name; a missing module that *it* imports is not mistaken for itself."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name is None or not (name == fault.name or name.startswith(fault.name + ".")):
            raise
        raise InvalidInput.of("app", f"there is no module {fault.name!r}, neither in {here} nor installed") from fault


def _attribute(owner: object, name: str, module_name: str) -> object:
    """One step of the path; the apps that are there are named where it misses."""
    try:
        return getattr(owner, name)
    except AttributeError:
        apps = [f"{module_name}:{key}" for key, value in inspect.getmembers_static(owner) if isinstance(value, App)]
        there = f"; it has {', '.join(apps)}" if apps else ""
        raise InvalidInput.of("app", f"module {module_name!r} has no {name!r}{there}") from None
