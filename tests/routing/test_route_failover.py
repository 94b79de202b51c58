"""Fail-over of models and voices: what a caller hears when providers fail, stall or have enough."""

from contextlib import closing

import gevent
import numpy as np
import pytest
from routing_world import KERALA, QUESTION, STALL, THREE, Clock, World, fault

from engine.dialog.model import Usage, Words
from engine.errors import ProviderFault, TrunklineError
from engine.routing.routed import RoutedModel, RoutedVoice


def ask(world, route=None):
    return "".join(part.text for part in RoutedModel(route or world.route).stream(QUESTION) if isinstance(part, Words))


def test_the_first_of_the_list_answers_and_the_log_says_so_once():
    """Nobody else is asked, nothing is repeated in the log."""
    world = World()
    assert (ask(world), ask(world)) == ("ok", "ok")
    assert world.asked() == {"a": 2}
    assert world.lines.names() == ["provider_chosen"]
    assert world.lines.of("provider_chosen")[0] == {
        "capability": "llm", "provider": "a", "model": "m", "language": "ml", "by": "language ml", "place": 0,
        "score": pytest.approx(0.26)}


@pytest.mark.parametrize("how", [
    fault(), fault("auth"), fault("timeout"), fault("broken"), fault("refused"), fault("rate_limit", 30.0),
    TrunklineError("no such voice"), ZeroDivisionError("a bug"), gevent.Timeout(3),
])
def test_what_fails_before_its_first_word_is_asked_of_the_next(how):
    """The caller notices nothing: a fault of whatever sort is the provider's, not the call's."""
    world = World()
    world.does(a=[[how]], b=[["hello", " there"]])
    assert ask(world) == "hello there"
    assert world.asked() == {"a": 1, "b": 1}
    failed = world.lines.of("provider_failed")[0]
    assert (failed["provider"], failed["begun"]) == ("a", False)
    assert world.idle()


def test_an_answer_with_nothing_in_it_is_a_failure():
    """Silence is not an answer."""
    world = World()
    world.does(a=[[]], b=[["yes"]])
    assert ask(world) == "yes"
    assert world.lines.of("provider_failed")[0]["kind"] == "broken"


def test_who_does_not_begin_in_time_is_cancelled_and_the_next_is_asked():
    """A stalled connection must not become silence on the line."""
    world = World(first_text_ms=50)
    world.does(a=[[STALL]])
    assert ask(world) == "ok"
    assert world.idle() and world.scripts["a"].cancelled == 1
    assert world.lines.of("provider_failed")[0]["kind"] == "timeout"


def test_the_last_one_gets_more_time():
    """To give up on the only one left is worse than to wait for it."""
    world = World(first_text_ms=50, stall_ms=5000)
    world.does(a=[[fault()]], b=[[fault()]], c=[[0.1, "late"]])
    assert ask(world) == "late"


def test_when_nobody_is_left_the_fault_names_them():
    """It becomes the spoken apology; the log says who was asked."""
    world = World()
    world.does(a=[[fault()]], b=[[fault()]], c=[[fault("timeout", provider="c")]])
    with pytest.raises(ProviderFault, match=r"asked: a/m, b/m, c/m.*c: as told") as caught:
        ask(world)
    assert (caught.value.provider, caught.value.kind) == ("routing", "timeout")
    assert world.asked() == {"a": 1, "b": 1, "c": 1}


def test_a_provider_that_is_alone_speaks_for_itself():
    """No list of one, no second account of what it said."""
    world = World("providers: {a: {models: {m: {capabilities: [llm]}}}}")
    world.does(a=[[fault("auth")]])
    with pytest.raises(ProviderFault) as caught:
        ask(world)
    assert (caught.value.provider, str(caught.value)) == ("a", "a: as told")


def test_without_any_candidate_the_fault_says_how_to_find_out_why():
    """Nothing was asked, nothing has failed."""
    world = World("providers: {a: {models: {m: {capabilities: [stt]}}}}")
    with pytest.raises(ProviderFault, match="trunkline route explain --capability llm"):
        ask(world)


def test_who_is_overloaded_and_says_for_how_long_is_left_alone_so_long():
    """Also when it is no rate limit: a 503 with Retry-After."""
    clock = Clock()
    world = World(clock=clock)
    world.does(a=[[fault("unavailable", 5.0)], ["back"]])
    for wait, answer in ((0, "ok"), (1, "ok"), (5, "back")):
        clock.now += wait
        assert ask(world, world.router.for_call(KERALA, world.lines)) == answer


def test_a_request_that_two_refuse_goes_no_further():
    """The request is the problem; a third refusal costs only time."""
    world = World()
    world.does(a=[[fault("refused")]], b=[[fault("refused")]])
    with pytest.raises(ProviderFault):
        ask(world)
    assert world.asked() == {"a": 1, "b": 1}
    assert world.router.health.vitals(world.route.order("llm").standing[0].choice, 0).failed == 0


def test_an_answer_that_breaks_off_is_not_begun_again_but_the_next_request_goes_elsewhere():
    """Half an answer and then another one from the start is worse than an apology."""
    world = World()
    world.does(a=[["half ", fault("broken")]])
    words = []
    with pytest.raises(ProviderFault) as caught:
        for part in RoutedModel(world.route).stream(QUESTION):
            words.append(part.text)
    assert (words, caught.value.kind, world.asked()) == (["half "], "broken", {"a": 1})
    assert world.lines.of("provider_failed")[0]["begun"] is True
    assert ask(world) == "ok"
    assert world.asked() == {"a": 1, "b": 1}
    assert world.lines.of("provider_switched")[0]["before"] == "a/m"


def test_other_calls_still_begin_with_the_one_that_failed_once():
    """One failure is no breaker; who failed in a call is avoided in that call only."""
    world = World()
    world.does(a=[[fault()], ["fine"]])
    assert ask(world) == "ok"
    assert ask(world, world.router.for_call(KERALA, world.lines)) == "fine"


def test_an_answer_that_goes_silent_is_ended():
    """As one that breaks off; every wait has a deadline."""
    world = World(stall_ms=100)
    world.does(a=[["well", STALL]])
    with pytest.raises(ProviderFault, match="went silent") as caught:
        ask(world)
    assert caught.value.kind == "timeout"
    assert world.idle()


@pytest.mark.parametrize("steps", [["one", "two"], [STALL], ["one", STALL]])
def test_closing_or_killing_ends_the_request(steps):
    """A caller who interrupts must not leave requests running."""
    world = World()
    world.does(a=[steps])
    stream = RoutedModel(world.route).stream(QUESTION)
    reader = gevent.spawn(list, stream)
    gevent.sleep(0.01)
    reader.kill()
    assert world.idle()
    with closing(RoutedModel(world.route).stream(QUESTION)) as stream:
        if steps[0] is not STALL:
            next(stream)
    assert world.idle()


def test_what_the_caller_cancels_is_no_failure():
    """Interruptions are daily; they say nothing about the provider."""
    world = World()
    world.does(a=[["one", STALL]])
    for _ in range(5):
        with closing(RoutedModel(world.route).stream(QUESTION)) as stream:
            next(stream)
    choice = world.route.order("llm").standing[0].choice
    assert choice.provider == "a" and world.router.health.vitals(choice, world.route.now).failed == 0


def test_three_failures_open_the_breaker_for_all_calls_and_a_try_closes_it():
    """One call finds out, the others are spared; the provider comes back by itself."""
    clock = Clock()
    world = World(clock=clock, avoid_s=0)
    world.does(a=[[fault()]] * 3 + [["back"]])
    for _ in range(3):
        ask(world)
    assert world.lines.of("breaker_opened") == [{"capability": "llm", "provider": "a", "seconds": 10.0}]
    other = world.router.for_call(KERALA, world.lines)
    assert ask(world, other) == "ok" and world.asked() == {"a": 3, "b": 4}
    clock.now += 10
    assert ask(world, other) == "back"
    assert world.lines.of("breaker_closed") == [{"capability": "llm", "provider": "a"}]


def test_when_all_are_open_one_is_asked_all_the_same():
    """A small chance is better than a certain apology; rests for rate limits are kept."""
    world = World(clock=Clock(), breaker_failures=1)
    world.does(a=[[fault()], ["back"]], b=[[fault()]], c=[[fault("rate_limit", 60.0)]])
    with pytest.raises(ProviderFault):
        ask(world)
    assert ask(world) == "back"
    assert world.asked() == {"a": 2, "b": 1, "c": 1}
    assert "breaker_closed" in world.lines.names()


# ---------------------------------------------------------------- rate limits


def test_a_short_rate_limit_is_waited_for():
    """The same provider, a moment later, and only once."""
    world = World()
    world.does(a=[[fault("rate_limit", 0.02)], ["here"]])
    assert ask(world) == "here"
    assert world.asked() == {"a": 2}
    assert world.lines.of("provider_wait")[0]["alone"] is False
    world = World()
    world.does(a=[[fault("rate_limit", 0.02)]])
    assert ask(world) == "ok"
    assert world.asked() == {"a": 2, "b": 1}


def test_with_nobody_else_left_a_longer_one_is_waited_for_and_the_caller_is_told():
    """The shortest wait, with a notice to speak meanwhile."""
    world, told = World(rate_limit_wait_ms=10), []
    world.route.on_wait = told.append
    world.does(a=[[fault("rate_limit", 30.0)]], b=[[fault()]], c=[[fault("rate_limit", 0.05)], ["finally"]])
    assert ask(world) == "finally"
    assert told == [pytest.approx(0.05, abs=0.02)]
    assert world.asked() == {"a": 1, "b": 1, "c": 2}


def test_a_wait_that_is_too_long_is_an_apology_with_the_time():
    """Who speaks it can say when to call again."""
    world, told = World(rate_limit_hold_ms=100), []
    world.route.on_wait = told.append
    world.does(**{name: [[fault("rate_limit", 30.0)]] for name in "abc"})
    with pytest.raises(ProviderFault) as caught:
        ask(world)
    assert (caught.value.kind, caught.value.retry_after_s, told) == ("rate_limit", 30.0, [])


def test_who_rests_is_not_asked_by_the_next_request():
    """The limit is the provider's, not the call's."""
    world = World(clock=Clock())
    world.does(a=[[fault("rate_limit", 30.0)]])
    for _ in range(3):
        assert ask(world, world.router.for_call(KERALA, world.lines)) == "ok"
    assert world.asked() == {"a": 1, "b": 3}


# ---------------------------------------------------------------- hedging


def test_a_second_one_is_started_when_the_first_takes_longer_than_usual():
    """The first word wins, the other request is cancelled, and nobody has failed."""
    world = World(THREE.replace("latency_ms: 400", "latency_ms: 20"), hedge_models=True)
    world.does(a=[[STALL]], b=[["quick"]])
    assert ask(world) == "quick"
    assert world.idle() and world.asked() == {"a": 1, "b": 1}
    assert not world.lines.of("provider_failed")


def test_who_is_always_outrun_is_known_to_be_slow():
    """Else its delay would be measured by its quick answers alone, and it would stay the first for ever."""
    world = World(THREE.replace("latency_ms: 400", "latency_ms: 20"), hedge_models=True)
    world.does(a=[[STALL]], b=[["quick"]])
    ask(world)
    choice = next(one.choice for one in world.route.order("llm").standing if one.choice.provider == "a")
    vitals = world.router.health.vitals(choice, world.route.now)
    assert vitals.measured > 0.9 and vitals.failed == 0


def test_with_hedging_the_first_one_may_still_win():
    """It is a race, not a change."""
    world = World(THREE.replace("latency_ms: 400", "latency_ms: 20"), hedge_models=True)
    world.does(a=[[0.05, "first"]], b=[[STALL]])
    assert ask(world) == "first"
    assert world.idle() and world.asked() == {"a": 1, "b": 1}


def test_without_hedging_slow_is_waited_for():
    """It costs money; only who asks for it gets it."""
    world = World(THREE.replace("latency_ms: 400", "latency_ms: 20"))
    world.does(a=[[0.08, "slow"]])
    assert ask(world) == "slow" and world.asked() == {"a": 1}


# ---------------------------------------------------------------- voices


def speak(world, text="Good morning."):
    return int(sum(len(chunk.pcm) for chunk in RoutedVoice(world.route).render(text)))


def test_a_voice_that_fails_before_its_first_audio_is_replaced_and_the_new_one_stays():
    """A call does not change its voice to and fro."""
    clock = Clock()
    world = World(clock=clock)
    world.does(a=[[0, fault()], [800]], b=[[80]])
    assert [speak(world) for _ in range(3)] == [80, 80, 80]
    clock.now += 3600
    assert speak(world) == 80, "also when the first one has long been well again"
    assert world.asked() == {"a": 1, "b": 4}


def test_a_clause_that_broke_off_is_not_spoken_again():
    """The caller heard half of it; the rest is the reply's to mend."""
    world = World()
    world.does(a=[[160, fault("broken")]], b=[[80]])
    heard = []
    with pytest.raises(ProviderFault):
        for chunk in RoutedVoice(world.route).render("Good morning."):
            heard.append(len(chunk.pcm))
    assert (heard, world.asked()) == ([160], {"a": 1})
    assert speak(world, "Sorry.") == 80


def test_a_clause_with_nothing_to_speak_may_be_silent():
    """"..." is no failure, "yes" without a sound is one."""
    world = World()
    world.does(a=[[]], b=[[80]])
    assert speak(world, "...") == 0 and world.asked() == {"a": 1}
    assert speak(world, "Yes.") == 80 and world.asked() == {"a": 2, "b": 1}


def test_a_change_of_language_takes_another_voice_and_finds_the_old_one_again():
    """Connections are made by language; each language keeps its own voice in a call."""
    world = World(avoid_s=0)
    world.does(a=[[fault()], [10]], b=[[20]])
    assert speak(world) == 20
    world.route.set_facts(language="en")
    assert speak(world) == 10
    world.route.set_facts(language="ml")
    assert speak(world) == 20
    assert {(choice.provider, choice.language) for choice in world.made} == {("a", "ml"), ("b", "ml"), ("a", "en")}


def test_audio_comes_through_as_it_is():
    """Not a sample more or less, and as it comes."""
    world = World()
    world.does(a=[[3, 0, 5]])
    chunks = list(RoutedVoice(world.route).render("Good."))
    assert [chunk.pcm.tolist() for chunk in chunks] == [[7] * 3, [7] * 5]
    assert all(chunk.pcm.dtype == np.int16 for chunk in chunks)


# ---------------------------------------------------------------- cost, warmth


def test_what_a_call_costs_is_told_by_provider():
    """Tokens as told, or estimated and marked; audio by the second; one line at the end."""
    clock = Clock()
    world = World(clock=clock)
    world.does(a=[["four", Usage(1000, 50)]], b=[[8000]])
    ask(world)
    world.route.account.thought(world.route.order("llm").standing[1].choice, 10, 5, 60.0, estimated=True)
    world.route.account.heard(world.route.order("stt").standing[0].choice, 30.0)
    world.route.close()
    (cost,) = world.lines.of("cost")
    assert cost["providers"]["a"] == {"requests": 2, "input_tokens": 1000, "output_tokens": 50, "heard_s": 30.0,
                                      "cost": 0.03}
    assert cost["providers"]["b"]["estimated"] is True
    assert cost["total"] == pytest.approx(0.06)


def test_an_answer_that_was_cut_is_paid_for_all_the_same():
    """The provider charges for what it wrote."""
    world = World()
    world.does(a=[["twelve chars", STALL]])
    with closing(RoutedModel(world.route).stream(QUESTION)) as stream:
        next(stream)
    spent = world.route.account.by_provider["a"]
    assert (spent.output_tokens, spent.estimated) == (3, True)


def test_a_call_that_used_nothing_has_no_line():
    """Calls without models are free."""
    world = World()
    world.route.close()
    assert world.lines.all == []


def test_warming_opens_connections_to_the_first_two():
    """The one that will be asked, and the one that takes over."""
    world = World()
    RoutedModel(world.route).warm()
    assert [choice.provider for choice in world.made] == ["a", "b"]
