"""``GET /metrics`` for Prometheus: what was issued and refused, how fast, and what runs out.

What a request comes to is counted when its answer is fixed, in memory that all workers of one
gunicorn share (``gunicorn.conf.py``), so any of them tells of all. What is in the database is
looked up when somebody asks. Every label comes from a table of the source, or is an id that an
admin or Signet itself has made: no caller can multiply them.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from signet import __version__
from signet.models.expiries import list_secret_expiries
from signet.models.signing_keys import list_signing_keys
from signet.oauth.jwks import SIGNING
from signet.oauth.refusal import Reason, Refusal
from signet.oauth.server import INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH
from signet.oauth.store import StoreUnavailableError
from signet.usage import UsageMemory
from signet.views.answer import Answer
from signet.views.exchange import Exchange
from signet.views.network_addresses import is_within
from signet.views.unknown_proxy import is_address_known
from signet.wiring import Wiring, wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# A second series for each, which workers that share their counts do not have either.
disable_created_metrics()  # type: ignore[no-untyped-call]

#: Seconds; around a hash and a signature, and up to where a caller gives up.
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
#: Secrets with less than this left are told of one by one, so many at most.
SOON, MOST_SECRETS = timedelta(days=90), 1_000
_DAY = timedelta(days=1)
_NO_STORE = ("Cache-Control", "no-store")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Metrics:
    """What one app counts; under gunicorn, in files that all its workers read."""

    def __init__(self, issuer_path: str, usage: UsageMemory) -> None:
        self._usage = usage
        self._registry = CollectorRegistry()
        self._issued = Counter(
            "signet_tokens_issued", "Access tokens issued.", registry=self._registry
        )
        refused = Counter(
            "signet_requests_refused",
            "Requests refused, by endpoint and true reason.",
            ("endpoint", "reason"),
            registry=self._registry,
        )
        self._duration = Histogram(
            "signet_token_request_seconds",
            "How long requests to the token endpoint took, refused ones too.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._lost = Counter(
            "signet_usage_lost",
            "Counts and refused requests that were never written to the tables of use.",
            registry=self._registry,
        )
        #: All there can be, made now: the files never grow while requests are served.
        self._refused = {
            (issuer_path + path, reason): refused.labels(path.rpartition("/")[2], reason)
            for path in (TOKEN_PATH, INTROSPECTION_PATH, REVOCATION_PATH)
            for reason in Reason
        }
        self._token_path = issuer_path + TOKEN_PATH
        self._seen_lost = 0

    def count(self, exchanges: Sequence[Exchange]) -> None:
        """Count those of these finished exchanges that the protocol has answered."""
        for exchange in exchanges:
            if exchange.served is None and exchange.refusal is None:
                continue
            if exchange.path == self._token_path:
                self._duration.observe(exchange.seconds)
            if exchange.refusal is not None:
                self._count_refusal(exchange.path, exchange.refusal)
        self._issued.inc(sum(exchange.served == "token" for exchange in exchanges))
        self._lost.inc(self._usage.lost - self._seen_lost)
        self._seen_lost = self._usage.lost

    def _count_refusal(self, path: str, refusal: Refusal) -> None:
        counter = self._refused.get((path, refusal.reason))
        if counter is not None:
            counter.inc()

    def text(self) -> bytes:
        """All that was counted, by every worker, in the format of Prometheus."""
        if not values.ValueClass._multiprocess:
            return generate_latest(self._registry)
        of_all_workers = CollectorRegistry()
        MultiProcessCollector(of_all_workers)  # type: ignore[no-untyped-call]
        return generate_latest(of_all_workers)


class LookedUp(Collector):
    """What is in the database at this moment."""

    def __init__(self, parts: Wiring) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """The metrics; those that only a database can tell are missing while it is away."""
        now = self._parts.clock()
        build = GaugeMetricFamily("signet_build_info", "The version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        is_up = self._parts.store.is_database_up()
        yield GaugeMetricFamily(
            "signet_database_up", "Whether the last look at the database was a good one.", is_up
        )
        if is_up:
            try:
                yield from (_days_of_keys(now), _days_of_secrets(now))
            except StoreUnavailableError:
                return


def serve_metrics(metrics: Metrics, environ: "WSGIEnvironment") -> Answer:
    """Tell whoever may know what was counted and what runs out."""
    parts = wiring()
    settings = parts.settings
    address = environ.get("REMOTE_ADDR") or ""
    if not is_address_known(environ, settings.trusted_proxies) or not is_within(
        address, settings.metrics_allow
    ):
        # Not the page of errors: a machine has asked.
        refusal = b"Only an address of SIGNET_METRICS_ALLOW may read this, and no unknown proxy.\n"
        return Answer(403, [_TEXT, _NO_STORE], refusal)
    parts.books.write_down()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LookedUp(parts))
    text = metrics.text() + generate_latest(registry)
    return Answer(200, [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4), _NO_STORE], text)


def _days_of_keys(now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "signet_signing_key_days_left",
        "Days until another key should sign, of each key that signs; negative: it is overdue.",
        labels=["kid", "alg"],
    )
    for key in list_signing_keys():
        if key.state(now) == SIGNING:
            family.add_metric([key.kid, key.alg], _days(key.due_at, now))
    return family


def _days_of_secrets(now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "signet_secret_days_left",
        f"Days that a secret still works, if {SOON.days} or less; not of one that was replaced.",
        labels=["owner_type", "owner", "secret_id"],
    )
    soon = list_secret_expiries(since=now, until=now + SOON, replaced=False, limit=MOST_SECRETS)
    for expiry in soon:
        labels = [expiry.owner_type, expiry.owner, expiry.secret.secret_id]
        family.add_metric(labels, _days(expiry.expires_at, now))
    return family


def _days(moment: datetime, now: datetime) -> float:
    return round((moment - now) / _DAY, 3)
