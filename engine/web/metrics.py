"""``/metrics``: the figures of engine and server in the text format of Prometheus. Nothing is counted here."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from engine import __version__
from engine.lifecycle import FOLLOWING
from engine.service import Engine
from engine.telemetry.figures import Histogram
from engine.web.clients import Networks
from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route
from engine.web.traffic import Traffic


def routes(engine: Engine, traffic: Traffic) -> list[Route]:
    """One path. Who may read it without a key is in ``http.metrics_from``."""
    allowed = Networks(engine.config.http.metrics_from)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(engine, traffic))
    ProcessCollector(registry=registry)

    def metrics(asked: Asked) -> Answer:
        if asked.remote not in allowed and not (asked.key and "read" in asked.key.scopes):
            raise ApiError(401, "invalid_api_key", "send an API key with the scope read, or add this address to "
                           "http.metrics_from", type="authentication_error", headers={"WWW-Authenticate": "Bearer"})
        return Answer(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return [Route("GET", "/metrics", metrics, "Figures for Prometheus.\n\nFor addresses of `http.metrics_from`, or "
                  "with a key that has the scope `read`.", produces=("text/plain",))]


class _Figures(Collector):
    """Asked at every scrape."""

    def __init__(self, engine: Engine, traffic: Traffic) -> None:
        self._engine = engine
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        """Everything, now."""
        yield InfoMetricFamily("trunkline", "The running version.", value={"version": __version__})
        yield from self._service()
        yield from self._conversations()
        yield from self._providers()
        yield from self._server()

    def _service(self) -> Iterator[Metric]:
        now = self._engine.snapshot()
        figures = self._engine.figures
        yield GaugeMetricFamily("trunkline_up", "1: takes calls; 0: draining or down.",
                                value=float(now.status in ("ok", "degraded")))
        yield _labelled(GaugeMetricFamily("trunkline_component_ok", "1: ok; 0: degraded or down.",
                                          labels=["component"]),
                        {(name,): float(one.status == "ok") for name, one in now.components.items()})
        yield GaugeMetricFamily("trunkline_calls_active", "Calls in progress.", value=now.calls_active)
        yield GaugeMetricFamily("trunkline_calls_max", "Calls that are taken at once.", value=now.calls_max)
        yield CounterMetricFamily("trunkline_calls", "Calls taken.", value=figures.calls)
        yield _labelled(CounterMetricFamily("trunkline_calls_ended", "Calls that are over, by who ended them.",
                                            labels=["by"]), _ones(figures.ended))
        states = Counter(call.events.state for call in self._engine.live.values())
        yield _labelled(GaugeMetricFamily("trunkline_sessions", "Sessions in progress, by their state.",
                                          labels=["state"]), _ones(dict.fromkeys(FOLLOWING, 0) | states))
        yield _labelled(CounterMetricFamily("trunkline_sessions_over", "Sessions that are over, by their last state.",
                                            labels=["state"]), _ones(figures.outcomes))
        yield _labelled(CounterMetricFamily("trunkline_call_errors", "Faults in calls.", labels=["where"]),
                        _ones(figures.errors))
        yield from _gauges("trunkline_frame_clock", "Of the frame clock, last minutes.", now.frame_clock)
        yield from _gauges("trunkline_hub", "Of the greenlet hub, since the start.", now.hub)

    def _conversations(self) -> Iterator[Metric]:
        figures = self._engine.figures
        yield _histogram("trunkline_turn_latency_seconds", "From the caller's last voiced frame to the agent's first.",
                         {(): figures.turns}, [])
        yield _histogram("trunkline_part_latency_seconds", "stt: final transcript after the voice; llm: first token; "
                         "tts: first audio; kb: passages found.",
                         {(name,): part.delays for name, part in figures.parts.items()}, ["part"])
        yield CounterMetricFamily("trunkline_replies_interrupted", "Replies that callers cut.", value=figures.cuts)
        for name, text, label, counts in (
            ("trunkline_handovers", "Hand-overs to humans.", "result", figures.handovers),
            ("trunkline_knowledge_decisions", "What the knowledge base decided.", "decision", figures.grounds),
            ("trunkline_language_switches", "Languages that calls turned out to be in.", "language", figures.languages),
            ("trunkline_cost", "Money spent on providers.", "currency", figures.cost),
        ):
            yield _labelled(CounterMetricFamily(name, text, labels=[label]), _ones(counts))

    def _providers(self) -> Iterator[Metric]:
        figures, casting = self._engine.figures, self._engine.casting
        yield _labelled(CounterMetricFamily("trunkline_provider_failures", "Failed requests to providers.",
                                            labels=["capability", "provider", "kind"]), figures.faults)
        if casting is not None and casting.router is not None:
            router = casting.router
            yield _labelled(GaugeMetricFamily("trunkline_breaker_open", "1: the provider is not asked.",
                                              labels=["capability", "provider"]),
                            {(capability, provider): float(state != "closed") for provider, capability, state, _
                             in router.health.breakers(router.clock())})

    def _server(self) -> Iterator[Metric]:
        traffic = self._traffic
        yield _labelled(CounterMetricFamily("trunkline_http_requests", "Requests answered.",
                                            labels=["method", "path", "status"]),
                        {(method, path, str(status)): count for (method, path, status), count
                         in traffic.requests.items()})
        yield _histogram("trunkline_http_seconds", "From the head of a request to the head of its answer.",
                         traffic.durations, ["method", "path"])
        yield _labelled(GaugeMetricFamily("trunkline_websockets_open", "WebSockets open.", labels=["path"]),
                        _ones(traffic.sockets))
        yield _labelled(CounterMetricFamily("trunkline_websockets_ended", "WebSockets that are over, by close code.",
                                            labels=["path", "code"]),
                        {(path, str(code)): count for (path, code), count in traffic.sockets_ended.items()})
        yield GaugeMetricFamily("trunkline_http_connections", "Connections held.", value=traffic.connections)
        yield CounterMetricFamily("trunkline_http_connections_refused", "Connections beyond the bound of an address.",
                                  value=traffic.connections_refused)


def _ones(counts: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    return {(name,): float(count) for name, count in counts.items()}


def _labelled(family: Any, values: Mapping[Any, float]) -> Metric:
    """``values`` by tuples of their labels."""
    for labels, value in values.items():
        family.add_metric(list(labels), value)
    assert isinstance(family, Metric)
    return family


def _gauges(prefix: str, text: str, values: Mapping[str, Any]) -> Iterator[Metric]:
    for name, value in values.items():
        if isinstance(value, int | float):
            yield GaugeMetricFamily(f"{prefix}_{name}", text, value=value)


def _histogram(name: str, text: str, values: Mapping[Any, Histogram], labels: list[str]) -> Metric:
    """``values`` by tuples of their labels."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for one, histogram in values.items():
        seen, buckets = 0, []
        for edge, count in zip((*map(str, histogram.edges_s), "+Inf"), histogram.counts, strict=True):
            seen += count
            buckets.append((edge, seen))
        family.add_metric(list(one), buckets, histogram.total_s)
    return family
