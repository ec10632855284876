"""Tests of Signet; the rig is in conftest.py, databases.py, running.py and browser.py."""
