"""Measurements of a running Signet, each a command of the Makefile."""
