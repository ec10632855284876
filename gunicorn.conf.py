"""How gunicorn serves Signet: ``gunicorn wsgi:app`` needs no flag.

The master process reads this file and imports nothing of Signet but its settings, its worker and
the form of its log: a master that has imported a database driver hands its workers a wait that
blocks them.
"""

import ctypes
import gc
import itertools
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from signet.json_log import JsonFormatter, without_token
from signet.settings import ROOT, SettingsError, load_settings
from signet.worker import Connections

try:
    settings = load_settings()
except SettingsError as error:
    sys.exit(f"Error: {error.format_message()}")


def forbid_dumps() -> None:
    """Keep the keys in memory out of core files and away from other processes of this user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pr_set_dumpable = 4  # <linux/prctl.h>; a fork inherits it
        ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


class Log(Logger):
    """gunicorn's own lines in the form of Signet's, and without what a caller sent."""

    def setup(self, cfg: Any) -> None:
        """Take the form; gunicorn has set its own before."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())

    def warning(self, msg: str, *args: object, **kwargs: Any) -> None:
        """A warning, cut before the offending part of a request: it may hold a secret."""
        if msg.startswith("Invalid request from ip="):
            msg = ": ".join(msg.split(": ", 2)[:2])
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: object, **kwargs: Any) -> None:
        """An error with its traceback; the URL of a request loses its query and a token."""
        addresses = (without_token(str(arg).partition("?")[0]) for arg in args)
        super().exception(msg, *addresses, **kwargs)


forbid_dumps()
os.umask(0o077)

chdir = str(ROOT)
bind = [settings.bind, settings.admin_bind] if settings.has_admin_listener else [settings.bind]
workers = settings.workers
# Slow readers and slow writers cost a greenlet each, not a thread: gevent's worker, and a little.
worker_class = "signet.worker.Worker"
worker_connections = 1000
# Every worker makes its own connections and decrypts the keys itself, after the fork.
preload_app = False

# Seconds. A worker that does not even run its own clock for `timeout` is replaced.
timeout = 30
# Requests in flight may finish; below the 30 s after which an orchestrator kills.
graceful_timeout = 20
# How long a connection may wait for its next request, and a request for the end of its headers.
keepalive = 5

# Bytes. A header may hold a client certificate with its chain (RFC 9440).
limit_request_field_size = 16_384
limit_request_line = 4_094
limit_request_fields = 100
# `X_Forwarded_For` and `X-Forwarded-For` are one variable in WSGI, so the first is refused.
header_map = "refuse"
# The parser that the tests know, whatever else is installed.
http_parser = "python"

# Nobody's X-Forwarded-* is believed here: Signet does it itself, for SIGNET_TRUSTED_PROXIES hops.
# gunicorn would trust loopback, and would read FORWARDED_ALLOW_IPS.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

control_socket_disable = True
umask = 0o077
# The heartbeat of a worker must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# Where the workers count what they serve (views/metrics.py), and how the library is told of it. In
# memory, like the heartbeat; by the process id, because a reload reads this file anew.
METRICS = "signet-metrics-"
metrics_folder = Path(worker_tmp_dir or tempfile.gettempdir(), f"{METRICS}{os.getpid()}")
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={metrics_folder}"]

# Signet writes one line per request itself, without the query; gunicorn says only what goes wrong.
accesslog = None
errorlog = "-"
loglevel = "warning"
logger_class = Log


#: How many connections each worker has.
connections = Connections()


def on_starting(server: object) -> None:
    """Stop here, with one line, if something is missing that serving needs.

    In a child, because a check imports the database driver; and before the first worker, because
    one that cannot start would be replaced for ever.
    """
    check = multiprocessing.get_context("fork").Process(target=check_preparation)
    check.start()
    check.join()
    if check.exitcode != 0:
        sys.exit(1)
    make_metrics_folder()


def on_exit(server: object) -> None:
    """Leave nothing behind."""
    shutil.rmtree(metrics_folder, ignore_errors=True)


def make_metrics_folder() -> None:
    """Have an empty folder of metrics; those that killed masters have left go."""
    for left in metrics_folder.parent.glob(METRICS + "*"):
        master = left.name.removeprefix(METRICS)
        is_over = master == str(os.getpid()) or not is_running(master)
        if is_over and left.lstat().st_uid == os.getuid():
            shutil.rmtree(left, ignore_errors=True)
    try:
        metrics_folder.mkdir(mode=0o700)
    except OSError as error:
        sys.exit(f"Error: cannot make {metrics_folder}: {error.strerror}")


def is_running(pid: str) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ValueError, ProcessLookupError):
        return False
    return True


def check_preparation() -> None:
    """Do what ``flask prepare --check`` does, without the pages and commands that it would load."""
    gc.disable()  # as below, and this process ends soon
    from app import create_app
    from signet.operations import preparation

    try:
        with create_app(settings, with_entrances=False).app_context():
            preparation.check(settings, now=datetime.now(UTC))
    except SettingsError as error:
        error.show()
        sys.exit(1)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker a place that no other has now; one that ended leaves its own to it.

    By its place it has a file of metrics: so counts go on where they were, and there are no more
    files than ever were workers at once.
    """
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = next(number for number in itertools.count(1) if number not in taken)
    worker.connections = connections


def post_fork(server: object, worker: Any) -> None:
    """Let a worker import the app without looking for garbage: a sixth of its start."""
    gc.disable()
    from prometheus_client import values  # not in the master, which needs none

    values.ValueClass = values.MultiProcessValue(lambda: worker.place)


def post_worker_init(worker: Any) -> None:
    """Start what runs beside the requests, once per worker, after the fork."""
    from signet import background  # not in the master, see above

    # What is there by now stays: no later collection needs to look at it again.
    gc.freeze()
    gc.enable()
    worker.connections.enter(worker.place)
    background.start(worker.wsgi)


def child_exit(server: object, worker: Any) -> None:
    """Count no connection of a worker that is gone; called in the master, however it ended."""
    worker.connections.leave(worker.place)


def worker_exit(server: object, worker: Any) -> None:
    """Write down what the worker has served, if it ends in peace."""
    from signet import background  # not in the master, see above

    # A worker that could not even load the app has served nothing.
    if (app := getattr(worker, "wsgi", None)) is not None:
        background.stop(app)
