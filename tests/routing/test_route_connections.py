"""How a choice of the routing file finds its connection."""

import pytest
from routing_world import FakeModel, Script, World

from engine.routing.connections import Connections
from engine.routing.errors import RoutingError
from engine.routing.facts import Facts
from engine.routing.plan import plan
from engine.routing.routesfile import parse


def choice(capability="llm", language="ml", more=""):
    routes = parse(f"providers: {{x: {{models: {{m: {{capabilities: [stt, llm, tts]{more}}}}}}}}}".encode(), "r.yaml")
    return plan(routes, capability, Facts(language=language)).candidates[0].choice


@pytest.mark.parametrize(("names", "found"), [
    (["x"], "x"), (["x", "x_llm"], "x_llm"), (["x", "x_llm", "x_llm_ml"], "x_llm_ml"), (["x_llm_ta", "x"], "x"),
    (["x_tts"], None), ([], None),
])
def test_the_most_special_connection_is_taken(names, found):
    """One connection may serve a whole provider, or one a language."""
    connections, asked = Connections(), []
    for name in names:
        connections.add_model(name, lambda choice, name=name: asked.append(name) or FakeModel(Script()))
    assert connections.able(choice()) == bool(found)
    if found:
        connections.model(choice())
        assert asked == [found]
    else:
        with pytest.raises(RoutingError, match="no connection x_llm_ml or x_llm or x for llm"):
            connections.model(choice())


def test_a_connection_may_be_named():
    """Then only that one counts."""
    connections = Connections()
    connections.add_model("x", lambda choice: FakeModel(Script()))
    assert not connections.able(choice(more=", connection: gpt"))
    connections.add_model("gpt", lambda choice: FakeModel(Script()))
    assert connections.able(choice(more=", connection: gpt"))


def test_each_is_made_once_and_closed_once():
    """Calls share connections; the dialect makes no new one; one object for two languages is one."""
    connections, shared, closed = Connections(), FakeModel(Script()), []
    shared.close = lambda: closed.append(1)
    made = []
    connections.add_model("x", lambda choice: made.append(choice.language) or shared)
    for language in ("ml", "ta", "ml"):
        assert connections.model(choice(language=language)) is shared
    connections.close()
    connections.close()
    assert (made, closed) == (["ml", "ta"], [1])


def test_who_is_not_connected_is_no_candidate_and_says_so():
    """A routing file may name more than is set up on this machine."""
    world = World()
    del world.connections._models["a"]
    decision = world.route.order("llm")
    assert [one.choice.provider for one in decision.standing] == ["b", "c"]
    assert [one.why for one in decision.excluded if one.provider == "a"] == [
        "there is no connection a_llm_ml or a_llm or a for llm"]
