"""Secrets: values that the operator keeps in one file, and that everybody else only knows by name.

A definition holds `{"$secret": "partner-token"}`; the value is looked up at the moment of the call and goes nowhere
else. `book` is what the file says and how it may be changed, `file` reads and writes it, `references` puts values in
the place of names. The database never holds a value, so no dump, view, replica or SQL of a client's can give one away.
"""

from __future__ import annotations

from .book import Secret, SecretBook, signing_name
from .file import SecretFile

__all__ = ["Secret", "SecretBook", "SecretFile", "signing_name"]
