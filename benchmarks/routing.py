"""What routing costs, and how long a lost recogniser is deaf. ``python -m benchmarks routing`` prints the figures."""

from time import perf_counter, process_time

import gevent

from benchmarks.figure import Figure
from engine.config import RoutingOptions
from engine.dialog.model import Words
from engine.errors import ProviderFault
from engine.routing.connections import Connections
from engine.routing.facts import Facts
from engine.routing.plan import plan
from engine.routing.recogniser import RoutedRecogniser
from engine.routing.routed import RoutedModel
from engine.routing.router import Router
from engine.routing.routesfile import parse

COMMAND = "python -m benchmarks routing"
PROVIDERS, MODELS, RULES, TOKENS = 5, 3, 10, 2000
FACTS = Facts(language="ml", dialect="malabar", region="kerala", called="+914842222222", hour=11)
FRAME = bytes(320)


class Nowhere:
    """The log of nobody."""

    def write(self, event, /, **fields):
        pass


class Talker:
    """A model that says ``TOKENS`` words at once."""

    name = "talker"

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None):
        for _ in range(TOKENS):
            yield Words("word ")

    def warm(self):
        pass

    def close(self):
        pass


class Ear:
    """A recogniser whose streams keep nothing; ``lost``: they raise."""

    def __init__(self):
        self.lost, self.frames = False, 0

    def open(self, rate, deliver):
        return self

    def feed(self, frame):
        if self.lost:
            raise ProviderFault("p0", "unavailable", "the socket is gone")
        self.frames += 1

    def voice_on(self, sample):
        pass

    def voice_off(self, sample):
        pass

    def close(self):
        pass


def _router():
    models = "".join(f"      m{number}: {{capabilities: [stt, llm, tts], languages: [ml, en], cost_per_minute: 0.01}}\n"
                     for number in range(MODELS))
    providers = "".join(f"  p{number}:\n    models:\n{models}" for number in range(PROVIDERS))
    rules = "".join(f"  r{number}: {{condition: \"region == 'r{number}' and language in ['ml', 'ta']\", "
                    f"priority_providers: [p{number % PROVIDERS}]}}\n" for number in range(RULES))
    connections = Connections()
    ears = {}
    for number in range(PROVIDERS):
        ears[f"p{number}"] = Ear()
        connections.add_model(f"p{number}", lambda choice: Talker())
        connections.add_recogniser(f"p{number}", lambda choice, on_fault: ears[choice.provider])
    text = f"priority_providers: [p0, p1, p2]\nproviders:\n{providers}routing_rules:\n{rules}"
    return Router(parse(text.encode(), "bench"), RoutingOptions(), connections), ears


def _cost_us(what, times=2000):
    """Microseconds of CPU of one ``what()``: the least of five rounds, so that others on the machine do not count."""
    rounds = []
    for _ in range(5):
        began = process_time()
        for _ in range(times):
            what()
        rounds.append((process_time() - began) / times * 1e6)
    return min(rounds)


def _deaf_ms(router, ears):
    """From the frame at which a recogniser is lost to the moment when the next one has heard the last 2 s, at its worst
    of 50 calls; fakes, so what is measured is ours alone."""
    worst = 0.0
    for _ in range(50):
        stream = RoutedRecogniser(router.for_call(FACTS, Nowhere())).open(8000, lambda heard: None)
        gevent.sleep(0)
        for number in range(150):
            stream.feed(FRAME)
            if number == 60:
                stream.voice_on(9000)
        using = stream._live.choice.provider
        ears[using].lost = True
        before = sum(ear.frames for ear in ears.values())
        began = perf_counter()
        stream.feed(FRAME)
        while sum(ear.frames for ear in ears.values()) < before + 90:
            gevent.sleep(0)
        worst = max(worst, (perf_counter() - began) * 1000)
        ears[using].lost = False
        stream.close()
        router.health.__init__(router.options)  # every call begins with a provider that is well
    return worst


def figures() -> list[Figure]:
    """Decisions with 15 models and 10 rules; overhead a token and a frame; deafness after a loss."""
    router, ears = _router()
    route = router.for_call(FACTS, Nowhere())
    model = RoutedModel(route)
    for planned in plan(router.routes, "llm", FACTS).candidates:  # all of them known, as after a day of calls
        ticket = router.health.begin(planned.choice, router.clock())
        router.health.began(planned.choice, router.clock(), 300.0)
        router.health.bad(planned.choice, router.clock(), ticket, "timeout")
    first_us = _cost_us(lambda: plan(router.routes, "llm", FACTS), 500)
    again_us = _cost_us(lambda: route.order("llm"))
    whole_us = _cost_us(lambda: list(model.stream([])), 20) / TOKENS
    bare_us = _cost_us(lambda: list(Talker().stream([])), 20) / TOKENS
    token_us = whole_us - bare_us
    stream = RoutedRecogniser(route).open(8000, lambda heard: None)
    gevent.sleep(0)
    frame_us = _cost_us(lambda: stream.feed(FRAME))
    stream.close()
    deaf_ms = _deaf_ms(router, ears)
    rows = [
        ("routing decision in a call, 15 models", again_us, "us", 50.0),
        ("reading the rules for a new call, 10 rules, 15 models", first_us, "us", 200.0),
        ("routing, CPU added to a streamed token", token_us, "us", 10.0),
        ("routing, CPU added to a frame for the recogniser", frame_us, "us", 10.0),
        ("recogniser lost: until the next has heard the last 2 s, our share, worst of 50", deaf_ms, "ms", 50.0),
    ]
    return [Figure(name, round(got, 1), unit, f"<= {aim:g}", got <= aim, COMMAND) for name, got, unit, aim in rows]


if __name__ == "__main__":
    for row in figures():
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
