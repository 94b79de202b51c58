"""What must hold whatever providers do: invariants of fail-over over random faults and times."""

from hypothesis import given, settings
from hypothesis import strategies as st
from routing_world import KERALA, QUESTION, Clock, World, fault

from engine.dialog.model import Words
from engine.errors import ProviderFault
from engine.routing.routed import RoutedModel

STEPS = st.sampled_from([
    ["ok"], ["ok"], [fault()], [fault("timeout")], [fault("broken")], [], ["half", fault("broken")],
    [fault("auth")], [fault("refused")], [fault("rate_limit", 5.0)], [fault("rate_limit", 0.0)],
])


class Watched:
    """Connections that note who is asked, and how all were doing at that moment."""

    def __init__(self, world, clock):
        self.inner, self.world, self.clock, self.asked = world.connections, world, clock, []

    def able(self, choice):
        return self.inner.able(choice)

    def model(self, choice):
        standing = self.world.route.order("llm").standing
        self.asked.append((choice.provider, {one.choice.provider: one.vitals for one in standing}))
        return self.inner.model(choice)


@settings(max_examples=60)
@given(st.lists(st.tuples(STEPS, STEPS, STEPS, st.sampled_from([0.0, 0.5, 4.0, 20.0, 400.0])), min_size=1, max_size=25),
       st.booleans())
def test_nobody_is_asked_twice_and_nobody_open_before_somebody_closed(rounds, one_call):
    """The two promises of fail-over: a request meets each provider once, and never one known to be down while another
    is up. Once more is allowed only after a wait that the provider itself asked for."""
    clock = Clock()
    world = World(clock=clock, breaker_failures=2, rate_limit_hold_ms=0)
    watched = world.router.connectors = Watched(world, clock)
    route = world.route
    for a, b, c, wait in rounds:
        for name, steps in zip("abc", (a, b, c), strict=True):
            world.scripts[name].steps, world.scripts[name].asked = [steps], 0
        if not one_call:
            route = world.router.for_call(KERALA, world.lines)
        watched.asked.clear()
        waits_before = len(world.lines.of("provider_wait"))
        text, failed = [], None
        try:
            text = [part.text for part in RoutedModel(route).stream(QUESTION) if isinstance(part, Words)]
        except ProviderFault as wrong:
            failed = wrong
        assert bool(text) != bool(failed)
        waits = [line["provider"] for line in world.lines.of("provider_wait")[waits_before:]]
        names = [name for name, _ in watched.asked]
        for name in names:
            assert names.count(name) <= 1 + waits.count(name) <= 2, names
        for number, (name, states) in enumerate(watched.asked):
            free = [other for other, vitals in states.items()
                    if other not in names[:number + 1] and vitals.state == "closed" and vitals.resting_s == 0]
            assert not (free and states[name].state == "open"), (names, states)
        assert world.idle()
        clock.now += wait


@settings(max_examples=60)
@given(st.lists(st.tuples(STEPS, st.sampled_from([0.0, 1.0, 30.0])), min_size=1, max_size=30))
def test_a_provider_that_is_well_again_is_used_again(rounds):
    """No history of faults may lock a provider out for good."""
    clock = Clock()
    world = World(clock=clock, rate_limit_hold_ms=0)
    for steps, wait in rounds:
        world.does(a=[steps], b=[steps], c=[steps])
        try:
            list(RoutedModel(world.route).stream(QUESTION))
        except ProviderFault:
            clock.now += 0.1
        clock.now += wait
    world.does(a=[["well"]], b=[["other"]], c=[["other"]])
    clock.now += 3600
    (part,) = RoutedModel(world.router.for_call(KERALA, world.lines)).stream(QUESTION)
    assert part.text == "well"
