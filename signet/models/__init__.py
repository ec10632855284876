"""The tables, the questions asked of them, and the Store that answers the protocol.

One file per aggregate. What leaves this room is a frozen value, never a row. ``database.py`` holds
the only two doors; ``audit.py`` the log that is also the feed of changes.
"""
