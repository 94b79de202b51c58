"""Conversations by the Realtime protocol, over real sockets, on the engine's own turn-taking."""

from call_providers import ANSWER, CHAR_S, LookUp, providers
from call_world import named

TURN = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.added", "conversation.item.done"]  # fmt: skip
RESPONSE = ["response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added",
            "response.output_audio_transcript.delta", "response.output_audio.delta"]
DONE = ["response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
        "conversation.item.done", "response.output_item.done", "response.done"]  # fmt: skip


def test_a_spoken_turn(place):
    """What is said is answered in the order that the protocol promises; the log, the history and the audio agree."""
    given = providers(["when do you open"])
    with place(given) as at:
        with at.client() as client:
            client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
            client.say()
            done = client.wait_for("response.done")["response"]
        (events,) = at.logs()
    assert done["status"] == "completed" and not client.faults
    kinds = [kind for kind in client.kinds() if kind.split(".")[0] != "session"]
    turn = [kind for kind in kinds if "transcription" not in kind]
    assert turn[:5] == TURN
    assert turn[5:11] == RESPONSE and turn[-6:] == DONE
    (item,) = done["output"]
    assert item["content"][0]["transcript"] == ANSWER
    said_s = sum(len(event["text"]) for event in named(events, "clause")) * CHAR_S
    assert abs(client.heard_s(item["id"]) - said_s) < 0.05
    (transcript,) = client.of("conversation.item.input_audio_transcription.completed")
    assert transcript["transcript"] == "when do you open"
    assert [event["text"] for event in named(events, "agent_said")] == [ANSWER]
    assert events[0]["transport"] == "ws" and events[-1]["event"] == "call_ended"


def test_an_interruption(place):
    """The caller's voice over the agent's counts once it has words: then the response ends, and history has the words
    that were heard and no more."""
    given = providers(["when do you open", "what about Monday"], brain=LookUp(what="At ten."))
    with place(given) as at:
        with at.client() as client:
            client.say()
            client.wait_for("response.output_audio.delta")
            client.say(seconds=0.8)
            cut = client.wait_for("response.done")["response"]
            second = client.wait_for("response.done")["response"]
        (events,) = at.logs()
    assert cut["status"] == "cancelled" and cut["status_details"]["reason"] == "turn_detected"
    assert second["status"] == "completed" and second["output"][0]["content"][0]["transcript"] == "At ten."
    assert not client.faults
    said = named(events, "agent_said")
    assert 0 < len(said[0]["text"]) < len(ANSWER) and ANSWER.startswith(said[0]["text"])
    assert given.brain.requests[-1].history == (("user", "when do you open"), ("agent", said[0]["text"]))
    assert given.brain.requests[-1].text == "what about Monday"
