"""The one thing a task can say about its retries: that they would be of no use."""

from __future__ import annotations


class DoNotRetry(Exception):
    """Raised by a task: this execution has FAILED, whatever retries it has left.

    For what is the same tomorrow: input that makes no sense, a customer that is gone. The message is kept as of any
    other error. In a group of exceptions one is enough.
    """


DoNotRetry.__module__ = "rowcall"  # the name it is imported by is the one to read in the history
