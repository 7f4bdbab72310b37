"""Connectors: one folder per kind of system that data is fetched from. A folder has ``connect.py`` and nothing else.

A connector is a class with

* ``Settings``: a pydantic model, the keys that a connection of this kind may have;
* ``reach(settings, secrets)``: a context in which the system can be asked; it reads and never writes there;
* ``waiting(memory, start)`` of what ``reach`` gives: everything that was not handed over yet, in order, as
  :class:`~xinlu.exchange.connectors.contract.Parcel`, and what must wait, as
  :class:`~xinlu.exchange.connectors.contract.Postponed`.

Adding one: copy a folder, name the class in :data:`CONNECTORS`, test it against a server of its own, tell it in
``docs/connectors.md``.
"""

from __future__ import annotations

from xinlu.exchange.connectors.contract import Connector
from xinlu.exchange.connectors.directory.connect import Directory
from xinlu.exchange.connectors.sftp.connect import Sftp
from xinlu.exchange.connectors.sql.connect import Sql

CONNECTORS: dict[str, type[Connector]] = {"directory": Directory, "sftp": Sftp, "sql": Sql}
"""Name in a connection's file → connector."""
