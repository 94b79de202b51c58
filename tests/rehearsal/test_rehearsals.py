"""Scripted conversations: what they show of an agent, and that wrong expectations fail."""

import re

import pytest

FEE = "steps:\n  - caller: how much is the late fee\n    expect: {%s}"
OVER = "steps:\n  - caller: how much is the late fee\n  - %s\n    over_agent_ms: %d\n    expect: {%s}"
HAND_OVER = """
model:
  - calls: [{skill: transfer_to_human, arguments: {target: boss, summary: angry about the fee}}]
    reply: Can I do something else?
transfers: {%s}
steps:
  - caller: I want the boss
    expect: {%s}
"""


def said(result):
    return [(line.who, line.text) for line in result.played.run.history]


@pytest.mark.parametrize(
    ("expect", "wrong"),
    [
        ("said: six dollars", ""),
        ("said: [SIX dollars, '/days? without/']", ""),
        ("said: seven dollars", "said: expected 'seven dollars'; happened: 'The late fee is six"),
        ("not_said: seven", ""),
        ("not_said: [seven, /six|ten/]", "not_said: expected 'seven', '/six|ten/'; happened: 'The late"),
        ("decision: answer", ""),
        ("decision: unknown", "decision: expected 'unknown'; happened: answer"),
        ("cites: fee", ""),
        ("cites: parking", "cites: expected 'parking'; happened: fee"),
        ("asked_back: no", ""),
        ("asked_back: yes", "asked_back: expected True; happened: it did not ask"),
        ("ended: no", ""),
        ("ended: goodbye", "ended: expected 'goodbye'; happened: it goes on"),
        ("language: en", ""),
        ("language: fr", "language: expected 'fr'; happened: 'en'"),
        ("within_ms: 800", ""),
        ("within_ms: 400", "within_ms: expected 400; happened: 5[0-9]0 ms"),
        ("no_skill: any", ""),
        ("skill: search", "skill: expected search; happened: no skill ran"),
        ("transferred: no", ""),
        ("transferred: boss", "transferred: expected 'boss'; happened: to nobody"),
    ],
)
def test_an_answer_and_what_is_expected_of_it(play, expect, wrong):
    """Each expectation holds where it should and fails where it should, with what happened instead."""
    result = play(FEE % expect)
    assert len(result.wrong) == bool(wrong)
    if wrong:
        assert re.search(wrong, result.wrong[0].text)
        assert result.wrong[0].where.line == 5
        assert result.wrong[0].where.source.endswith("desk.tests.yaml")


@pytest.mark.parametrize(
    ("action", "at_ms", "expect", "wrong"),
    [
        ("caller: stop where can I park my car", 2000, "interrupted: yes, heard: six, not_heard: days", ""),
        ("caller: stop where can I park my car", 2000, "said: behind", ""),
        ("caller: stop where can I park my car", 2000, "interrupted: no", "it stopped for good"),
        ("caller: stop where can I park my car", 2000, "heard: fourteen", "happened: 'The late fee is six"),
        ("caller: stop where can I park my car", 2000, "not_heard: six", "happened: 'The late fee is six"),
        ("caller: stop where can I park my car", 2000, "stops_within_ms: 200", ""),
        ("caller: stop where can I park my car", 2000, "stops_within_ms: 20", r"happened: \d+ ms"),
        ("caller: uh-huh", 2000, "interrupted: no, heard: without payment", ""),
        ("noise_ms: 200", 2000, "interrupted: no, heard: without payment", ""),
        ("noise_ms: 200", 2000, "interrupted: yes", "it went on to its end"),
        ("caller: stop it please", 9000, "interrupted: yes", "the agent was silent by then"),
        ("caller: stop it please", 9000, "not_heard: xyz", "the agent was silent by then"),
    ],
)  # fmt: skip
def test_over_the_agents_speech(play, action, at_ms, expect, wrong):
    """What the caller heard of an interrupted reply comes from the playout ledger, in whole words."""
    result = play(OVER % (action, at_ms, expect))
    assert len(result.wrong) == bool(wrong), result.wrong
    if wrong:
        assert re.search(wrong, result.wrong[0].text)


@pytest.mark.parametrize(
    ("outcome", "expect", "ended"),
    [
        ("", "transferred: boss, ended: transferred, said: The boss is coming", "transferred"),
        ("boss: busy", "transferred: no, ended: no, said: [The boss is coming, nobody can take, something else]", ""),
    ],
)
def test_a_hand_over(play, outcome, expect, ended):
    """One that works ends the agent's part; after one that does not, the agent goes on."""
    result = play(HAND_OVER % (outcome, expect))
    assert not result.wrong, result.wrong
    assert result.played.run.ended == ended


def test_a_side_effect_waits_for_the_decision_and_happens_once(play):
    """The agent thinks ahead more than once; a ticket is made when the caller's turn is decided, and one only."""
    result = play("""
model:
  - calls: [{skill: create_ticket, arguments: {subject: noise, details: In the street.}, result: {number: 7}}]
    reply: It has the number seven.
steps:
  - caller: please make a ticket for the noise in my street
    expect: {said: number seven, skill: create_ticket}
""")
    assert not result.wrong, result.wrong
    run = result.played.run
    assert len(run.named("think")) > 1
    (ticket,) = [entry for entry in run.named("skill") if not entry.fields["repeated"]]
    (turn,) = run.named("turn")
    assert ticket.at >= turn.at


def test_skills_with_arguments(play):
    """Arguments are compared where they are named, texts by containing."""
    script = """
model:
  - calls: [{skill: search, arguments: {query: late fee}}]
    reply: Six dollars.
steps:
  - caller: how much is it
    expect:
      skill: {name: search, arguments: {%s}}
"""
    assert not play(script % "query: FEE").wrong
    assert not play(script % "").wrong
    for wrong in ("query: parking", "depth: 1"):
        assert "happened: search {'query': 'late fee'}" in play(script % wrong).wrong[0].text


def test_a_wrong_guess_at_the_callers_words_does_not_count(play):
    """The agent thinks ahead on half a sentence; what it looked up for that is nobody's business."""
    result = play("""
model:
  - {when: /^please tell$/, calls: [{skill: search, arguments: {query: fee}}], reply: Of what}
  - reply: There is no more.
steps:
  - caller: please tell me more
    expect: {no_skill: any, said: no more}
""")
    assert result.played.run.named("skill")
    assert not result.wrong, result.wrong


def test_a_skill_that_the_agent_may_not_use_is_a_fault(play):
    """A script must not show what the agent's file forbids."""
    result = play("""
model:
  - calls: [{skill: lookup_customer}]
    reply: Hello Jane.
steps:
  - caller: who am I
""")
    assert result.wrong[0].text == "desk may not use the skill lookup_customer"
    assert result.wrong[0].where.line == 4


def test_arguments_that_the_skill_refuses_are_a_fault(play):
    """The executor of calls checks them against the skill's schema; a script that skips it would prove nothing."""
    result = play("""
model:
  - calls: [{skill: create_ticket, arguments: {subjekt: noise}}]
    reply: It is written down.
steps:
  - caller: there is a noise
""")
    assert "create_ticket was refused: bad_arguments: subject: field required" in result.wrong[0].text


def test_skills_touch_nothing_outside(play, home):
    """A ticket of a test must not lie among those of callers."""
    result = play("""
model:
  - calls: [{skill: create_ticket, arguments: {subject: noise, details: In the street.}}]
    reply: It is written down.
steps:
  - caller: there is a noise
    expect: {skill: create_ticket, said: written down}
""")
    assert not result.wrong, result.wrong
    assert not list(home.rglob("tickets.jsonl"))


def test_a_turn_that_nothing_is_written_for_is_a_fault(play):
    """Else a test would pass on the apology."""
    result = play("model:\n  - reply: First.\nsteps:\n  - caller: one please\n  - caller: and another one please\n")
    assert "the model was asked 'and another one please'" in result.wrong[0].text


def test_answers_by_words_and_by_turn(play):
    """``when`` answers its turns, however often; the others are taken one a turn."""
    result = play("""
model:
  - {when: /again/, reply: As I said.}
  - reply: First.
  - reply: Second.
steps:
  - caller: tell me the first
    expect: {said: First}
  - caller: say that again please
    expect: {said: As I said}
  - caller: now the second
    expect: {said: Second}
  - caller: say that again please
    expect: {said: As I said}
""")
    assert not result.wrong, result.wrong


def test_a_failing_model_makes_the_agent_apologise(play):
    """As in a call: once more, then the apology of the language that is spoken."""
    result = play("model:\n  - {when: /./, fails: true}\nlanguage: fr\nsteps:\n  - caller: bonjour à vous\n"
                  "    expect: {said: il y a eu un problème, not_said: sorry}\n")
    assert not result.wrong, result.wrong
    assert result.played.run.named("retry")


def test_the_language_changes_the_fixed_phrases(play):
    """From the next words on, whoever says them."""
    result = play("""
model:
  - calls: [{skill: set_language, arguments: {language: fr}}]
    reply: Très bien.
  - reply: Non.
steps:
  - caller: en français s'il vous plaît
    expect: {language: fr}
  - noise_ms: 900
    expect: {said: Pardon, not_said: Sorry}
  - caller: auf deutsch bitte
    expect: {language: fr, said: Non}
""")
    assert not result.wrong, result.wrong


def test_silence_goodbye_and_what_comes_after(play):
    """Minutes of silence cost no time; steps after the end of the call are named, not passed over."""
    result = play("""
steps:
  - silence_s: 120
    expect: {said: [still there, Goodbye], ended: away}
  - caller: hello
""")
    assert [wrong.text for wrong in result.wrong] == ["step 2 was never begun: the call was over before (away)"]
    assert result.seconds < 5


def test_the_caller_hangs_up_in_the_middle(play):
    """What was heard by then is history."""
    result = play(OVER % ("hangup: true", 1500, "heard: The late, not_heard: fourteen"))
    assert not result.wrong, result.wrong


def test_a_final_that_never_comes_is_answered_all_the_same(play):
    """The partial transcript is taken for it."""
    result = play("steps:\n  - caller: how much is the late fee\n    final: false\n    expect: {not_said: catch}\n")
    assert not result.wrong, result.wrong
    assert result.played.run.named("promoted_interim")


def test_an_engine_that_does_worse_is_noticed(play):
    """The turn engine is the real one: where it may not be interrupted, expectations of an interruption fail."""
    script = OVER % ("caller: stop where can I park my car", 2000, "interrupted: yes")
    assert not play(script).wrong
    assert [wrong.text for wrong in play("turns: {barge_in: no}\n" + script).wrong] == [
        "interrupted: expected True; happened: it went on to its end"]


def test_every_run_is_the_same(play):
    """A failing test must fail again for the one who looks."""
    script = OVER % ("caller: stop where can I park my car", 1234, "said: behind")
    first, second = play(script).played.run, play(script).played.run
    assert [(entry.at, entry.name, entry.fields) for entry in first.entries] == [
        (entry.at, entry.name, entry.fields) for entry in second.entries]
