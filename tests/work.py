"""How much work something is for the processor, whatever else the machine does."""

import gc
import time
from collections.abc import Callable


def processor_seconds(act: Callable[[], object], *, times: int = 3) -> float:
    """What an act takes of the processor, the least of several times.

    Without the garbage that other tests have left: to look through it once takes longer than most
    acts.
    """
    gc.disable()
    try:
        return min(_seconds_of(act) for _ in range(times))
    finally:
        gc.enable()


def _seconds_of(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
