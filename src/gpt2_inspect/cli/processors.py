"""How many processors there are for this run: BLAS gets as many threads, and many texts as many processes."""

import os
import time
from pathlib import Path


def choose_threads() -> None:
    """Give BLAS as many threads as there are idle processors for this process, unless the user has set a number.

    By default it counts the machine's, which in a container can be many more; past eight, single tokens do not get
    faster: they wait for memory. And its threads wait for each other in a loop: beside another busy program, which
    takes turns with them, a run would be several times slower than on one thread.
    """
    if not any(name in os.environ for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")):
        os.environ["OPENBLAS_NUM_THREADS"] = str(min(8, processors_for_us()))


def processors_for_us() -> int:
    """The idle processors that this process may use; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    idle = 0
    for _ in range(LOOKS):
        idle = max(idle, idle_processors())
        if idle >= cores:
            break
        time.sleep(PAUSE_S)
    return max(1, min(cores, idle))


LOOKS, PAUSE_S = 4, 0.001
"""What is busy at one moment, such as the shell that has started this, may be done in the next."""


def idle_processors() -> int:
    """Processors that nothing else runs on at this moment; all of them where the system does not tell.

    On Linux the fourth field of /proc/loadavg is `running/existing` threads, of which this is one (proc_loadavg(5)).
    """
    processors = os.cpu_count() or 1
    try:
        running = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return processors
    return processors - (running - 1)
