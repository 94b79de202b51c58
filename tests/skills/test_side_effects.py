"""What changes something happens once: not on speculation, not cancelled by the caller, not twice, never forgotten."""

import json

import gevent
from gevent.event import Event as Flag
from hypothesis import given, settings
from hypothesis import strategies as st
from skill_world import World, call, settle, words

from engine.dialog import model_reply
from engine.dialog.persona import shipped
from engine.dialog.skills import done, failed, skill


class Shop:
    """A skill that orders: ``orders`` are those that were begun; each waits for ``hold``."""

    def __init__(self, outcome=None):
        self.orders, self.hold, self.finished = [], Flag(), 0
        self.hold.set()

        @skill(side_effect=True, timeout_s=20)
        def order(item: str) -> dict:
            """Order something.

            item: what
            """
            self.orders.append(item)
            self.hold.wait()
            self.finished += 1
            return outcome or done({"order": len(self.orders)})

        @skill
        def price(item: str) -> int:
            """Say what something costs.

            item: what
            """
            self.asked.append(item)
            return 5

        self.asked = []
        self.skills = [order, price]


TEA = call("order", '{"item": "tea"}')


def test_nothing_is_changed_before_the_turn_is_decided(world):
    """The caller may be in mid-sentence: what only reads runs, what orders waits."""
    shop, decided = Shop(), Flag()
    made = world([call("price", '{"item": "tea"}', "p"), TEA], "Ordered.", own=shop.skills)
    asking = made.start("tea please", decided=decided)
    settle()
    assert (shop.asked, shop.orders) == (["tea"], [])
    decided.set()
    assert words(asking.join()) == "Ordered." and shop.orders == ["tea"]
    assert [line["speculative"] for line in made.named("tool_call")] == [True, False]


def test_a_speculation_that_is_dropped_changes_nothing(world):
    """And leaves no trace in what the model is told later."""
    shop, decided = Shop(), Flag()
    made = world(["Tea. ", TEA], "What else?", own=shop.skills)
    asking = made.start("tea", decided=decided)
    settle()
    asking.kill()
    assert words(made.reply("no, coffee", generation=2)) == "What else?"
    assert shop.orders == [] and made.results() == []


def test_an_interruption_does_not_stop_what_was_begun_and_its_result_is_there_next_time(world, monkeypatch):
    monkeypatch.setattr(model_reply, "LETTERS_A_SECOND", 1e4)
    shop = Shop()
    shop.hold.clear()
    made = world(["One moment. ", TEA], "It is being ordered.", "It is number one.", own=shop.skills)
    asking = made.start("tea")
    settle()
    asking.kill()
    heard = (("user", "tea"), ("agent", "One moment."))
    assert words(made.reply("hello?", *heard, generation=2)) == "It is being ordered."
    assert json.loads(made.results()[0])["error"] == "running"
    shop.hold.set()
    settle()
    made.reply("and now?", *heard, ("user", "hello?"), ("agent", "It is being ordered."), generation=3)
    assert json.loads(made.results()[0])["data"] == {"order": 1}
    assert (len(shop.orders), shop.finished) == (1, 1)


def test_what_ends_while_another_reply_is_spoken_is_told_with_it(world):
    """The caller asked for something else meanwhile, and should not have to ask for the result."""
    shop = Shop()
    shop.hold.clear()
    made = world([TEA], "It is being ordered, and we close at six today.", "Your tea is ordered.", own=shop.skills)
    asking = made.start("tea")
    settle()
    asking.kill()
    asking = made.start("when do you close", ("user", "tea"), ("agent", "One moment"), generation=2)
    settle()
    shop.hold.set()
    assert words(asking.join()) == "It is being ordered, and we close at six today. Your tea is ordered."
    assert json.loads(made.results()[0])["data"] == {"order": 1}


def test_a_reply_does_not_wait_for_what_takes_longer_than_its_words(world, monkeypatch):
    monkeypatch.setattr(model_reply, "LETTERS_A_SECOND", 1e4)
    shop = Shop()
    shop.hold.clear()
    made = world([TEA], "It is being ordered.", own=shop.skills)
    asking = made.start("tea")
    settle()
    asking.kill()
    assert words(made.reply("well?", ("user", "tea"), ("agent", "One moment"), generation=2)) == "It is being ordered."
    shop.hold.set()


def test_what_the_caller_was_not_told_is_not_done_again(world):
    """Interrupted before the answer, the caller asks again; a model that orders again gets the first order."""
    shop = Shop()
    made = world([TEA], "Tea is on its way to you.", [TEA], "Yes.", own=shop.skills)
    made.reply("tea")
    # Cut after the first word: the caller cannot know.
    made.reply("did you get that?", ("user", "tea"), ("agent", "Tea"), generation=2)
    assert shop.orders == ["tea"]
    assert json.loads(made.results()[-1]) == json.loads(made.results()[0])
    assert made.named("tool_call")[-1]["repeated"]


def test_what_the_caller_was_told_can_be_asked_for_again(world):
    """"Another one, please" is another order."""
    shop = Shop()
    made = world([TEA], "Tea is on its way.", [TEA], "Two.", own=shop.skills)
    made.reply("tea")
    made.reply("another tea", ("user", "tea"), ("agent", "Tea is on its way."), generation=2)
    assert shop.orders == ["tea", "tea"]


def test_a_turn_that_is_thought_about_anew_orders_once(world):
    """The caller spoke on before a word was heard: one turn, longer words, the same order."""
    shop = Shop()
    made = world([TEA], ["Tea", Flag()], [TEA], "Tea is on its way.", own=shop.skills)
    asking = made.start("tea")
    settle()
    asking.kill()
    assert words(made.reply("tea, please, quickly", generation=2)) == "Tea is on its way."
    assert shop.orders == ["tea"]


def test_a_failure_that_changed_nothing_may_be_tried_again(world):
    shop = Shop(failed("sold_out", "There is none."))
    made = world([TEA], [TEA], "No.", own=shop.skills)
    made.reply("tea")
    assert shop.orders == ["tea", "tea"]


def test_what_may_have_happened_is_not_tried_again(world):
    """A deadline says nothing about whether the order went out."""
    shop = Shop()
    shop.hold.clear()
    slow = shop.skills[0].__class__(**{**vars(shop.skills[0]), "timeout_s": 0.02, "name": "order"})
    made = world([TEA], [TEA], "I cannot tell.", own=[slow])
    made.reply("tea")
    assert shop.orders == ["tea"]
    assert [json.loads(text)["error"] for text in made.results()] == ["timeout", "timeout"]
    assert "do not try again" in made.results()[0]


def test_a_call_that_ends_lets_an_order_finish(world):
    shop = Shop()
    shop.hold.clear()
    made = world([TEA], own=shop.skills)
    asking = made.start("tea")
    settle()
    asking.kill()
    made.brain.call_ended("call-1")
    settle()
    shop.hold.set()
    settle()
    assert shop.finished == 1
    assert made.named("tool_result")[0]["success"]


def test_what_changes_something_runs_alone(world):
    """In the order of the model: "cancel the old one, then book the new one"."""
    running, most = [], []

    @skill(side_effect=True)
    def book(day: str) -> str:
        """Book.

        day: when
        """
        running.append(day)
        most.append(list(running))
        gevent.sleep(0.001)
        running.remove(day)
        return day

    made = world([call("book", '{"day": "a"}', "1"), call("book", '{"day": "b"}', "2")], "Both.", own=[book])
    made.reply()
    assert most == [["a"], ["b"]]


def test_what_needs_a_yes_waits_for_it(world):
    """A model cannot agree for the caller: the second call counts only after the caller has spoken."""
    orders = []

    @skill(side_effect=True, confirm=True)
    def pay(amount: int) -> str:
        """Pay.

        amount: how much
        """
        orders.append(amount)
        return "paid"

    payment = call("pay", '{"amount": 9}')
    made = world([payment], [payment], "Nine euros, right?", [payment], "Paid.", own=[pay])
    made.reply("pay")
    assert orders == [] and json.loads(made.results()[-1])["error"] == "not_confirmed"
    assert words(made.reply("yes", ("user", "pay"), ("agent", "Nine euros, right?"), generation=2)) == "Paid."
    assert orders == [9]


# ---------------------------------------------------------------- fillers


def test_a_slow_skill_is_covered_by_words(world):
    shop = Shop()
    shop.hold.clear()
    made = world([TEA], "Ordered.", own=shop.skills, filler_after_ms=200, language="fr")
    asking = made.start("thé")
    gevent.sleep(0.25)
    assert asking.words == shipped("fr").fillers[0]
    shop.hold.set()
    assert words(asking.join()) == f"{shipped('fr').fillers[0]} Ordered."
    assert made.named("filler")[0]["skill"] == "order"


def test_nothing_is_said_on_speculation_to_cover_a_wait(world):
    """Not even "one moment": the caller may still be speaking."""
    hold, decided = Flag(), Flag()

    @skill(filler={"en": "I am looking."})
    def look() -> str:
        """Look."""
        hold.wait(5)
        return "there"

    asking = world([call("look")], "There.", own=[look], filler_after_ms=200).start(decided=decided)
    gevent.sleep(0.3)
    assert asking.words == ""
    decided.set()
    gevent.sleep(0.1)
    assert asking.words == "I am looking."
    hold.set()
    assert words(asking.join()) == "I am looking. There."


# ---------------------------------------------------------------- any interleaving

EVENTS = st.lists(st.sampled_from(
    ["speculate", "ask", "decide", "interrupt", "finish", "hear_all", "hear_start"]), max_size=30)


class Conversation:
    """A caller who does ``events`` in any order; the model orders tea whenever it has no result of this turn."""

    def __init__(self):
        self.shop = Shop()
        self.shop.hold.clear()
        self.world = World(own=self.shop.skills)
        self.model = self.world.model
        self.model.scripts = [self.answer] * 1000
        self.history, self.asking, self.decided, self.generation, self.text = [], None, Flag(), 0, ""
        self.started, self.finished, self.done = [], Flag(), set()

    @staticmethod
    def answer(messages):
        return "Your tea is ordered now." if messages[-1].role == "tool" else ["Well. ", TEA]

    def think(self, decided):
        self.drop()
        self.generation += 1
        self.text = f"tea {self.generation}"
        self.decided = Flag()
        if decided:
            self.decided.set()
        self.asking = self.world.start(self.text, *self.history, generation=self.generation, decided=self.decided)

    def drop(self):
        if self.asking:
            self.asking.kill()
            assert self.asking.fault is None, self.asking.fault
            self.asking = None

    def hear(self, words_heard):
        """The turn is decided and the reply was heard so far; then the caller has the floor."""
        if self.asking and self.decided.is_set():
            heard = " ".join(self.asking.words.split()[:words_heard])
            if heard:
                self.history += [("user", self.text), ("agent", heard)]
            self.drop()

    def do(self, event):
        before = (len(self.shop.orders), self.decided.is_set())
        if event in ("speculate", "ask"):
            self.think(event == "ask")
        elif event == "decide":
            self.decided.set()
        elif event == "interrupt":
            self.drop()
        elif event == "finish":
            self.shop.hold.set()
            settle()
            self.shop.hold.clear()
        elif event == "hear_all":
            self.hear(100)
        elif event == "hear_start":
            self.hear(2)
        settle()
        assert len(self.shop.orders) == before[0] or self.decided.is_set(), "ordered on speculation"

    def told(self):
        """How often the caller heard that tea is ordered."""
        return sum("is ordered" in text for who, text in self.history if who == "agent")

    def close(self):
        self.drop()
        self.shop.hold.set()
        settle()
        self.world.close()


@settings(max_examples=600)
@given(EVENTS)
def test_however_the_caller_interrupts(events):
    """At most one order more than the caller was told of; none while nothing is decided; and every order that was begun
    is in what the model is told next, running or done (the model itself refuses calls without results)."""
    talk = Conversation()
    try:
        for event in events:
            talk.do(event)
            assert len(talk.shop.orders) <= talk.told() + 1
        orders = len(talk.shop.orders)
        talk.drop()
        talk.shop.hold.set()
        settle()
        talk.model.scripts = ["Nothing."]
        talk.world.reply("well?", *talk.history, generation=talk.generation + 1)
        results = [json.loads(text) for text in talk.world.results()]
        numbers = {result["data"]["order"] for result in results if result["success"]}
        assert numbers == set(range(1, orders + 1))
    finally:
        talk.close()
