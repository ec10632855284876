"""Signet: an identity provider for machines.

Two travellers cross four rooms, and imports only go down:
``views`` and ``cli`` → ``operations`` → ``models`` → ``oauth``.
A client that wants a token goes from ``views/connect.py``, which ``views/entrance.py`` serves in
front of Flask, straight to ``oauth/``, which asks its ``Store`` (answered by ``models/store.py``).
What is left to do for an answered request goes into ``bookkeeping.py``. An operator goes from a
page or a command to ``operations/`` (one act, one transaction, one audit entry) and from there to
the tables in ``models/``. ``app.py`` is the one place that knows every room; ``settings.py`` the
only one that reads the environment.
"""

__version__ = "0.1.0"
