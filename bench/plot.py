"""The result as a picture."""

from bench.report import Result


def write_plot(result: Result) -> None:
    """Draw it."""
