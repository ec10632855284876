"""The HTTP surface: read the request, call one function, answer.

``protocol.py`` names all that a client of the protocol meets; the pages are in ``admin/``.
"""
