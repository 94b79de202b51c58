"""The stock ``OpenAI`` client, synchronous and in this process, at both addresses that it is used with."""

import base64

import gevent
import pytest
from call_providers import ANSWER, CHAR_S, providers, voice
from openai import OpenAI
from test_npm_clients import LONG, SCRIPT, Weather

RATE = 24000
TOOL = {"type": "function", "name": "weather", "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
PLAYED_MS = 700


class Talk:
    """One connection. ``until`` gives the next event of a type; an ``error`` event fails the test."""

    def __init__(self, connection):
        self.connection, self.seen = connection, []

    def say(self, seconds=0.6):
        """All of it at once: the engine hears it as it was spoken, whatever else this machine does meanwhile."""
        pcm = voice(seconds, RATE).tobytes() + bytes(RATE)
        for at in range(0, len(pcm), 4800):
            self.connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + 4800]).decode())

    def until(self, kind):
        with gevent.Timeout(20, AssertionError(f"no {kind}")):
            for event in self.connection:
                self.seen.append(event.type)
                assert event.type != "error", (event, self.seen)
                if event.type == kind:
                    return event
        raise AssertionError(f"the connection ended before {kind}")

    def answered(self):
        """What is said next, to its end."""
        response = self.until("response.done").response
        assert response.status == "completed"
        return response.output[0].content[0].transcript


def first_visit(talk):
    """A spoken turn, a tool, an answer that is cut off by a voice, of which the client has played 0.7 s."""
    talk.connection.session.update(session={"type": "realtime", "tools": [TOOL]})
    talk.say()
    assert talk.answered() == ANSWER
    talk.say()
    call = talk.until("response.function_call_arguments.done")
    assert (call.name, call.arguments) == ("weather", '{"city":"Kochi"}')
    talk.until("response.done")
    talk.connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
    talk.connection.response.create()
    assert talk.answered() == "It is sunny."
    talk.say()
    item = talk.until("response.output_audio.delta").item_id
    gevent.sleep(1)
    talk.say(0.8)
    cut = talk.until("response.done").response
    assert (cut.status, cut.status_details.reason) == ("cancelled", "turn_detected")
    talk.connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=PLAYED_MS)
    assert talk.until("conversation.item.truncated").audio_end_ms == PLAYED_MS
    talk.connection.conversation.item.retrieve(item_id=item)
    heard = talk.until("conversation.item.retrieved").item.content[0].transcript
    assert heard and LONG.startswith(heard) and len(heard) * CHAR_S * 1000 <= PLAYED_MS
    assert talk.answered() == "At ten."
    talk.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say it again."}]})
    talk.connection.response.create()
    assert talk.answered() == ANSWER
    return heard


def second_visit(talk):
    """Everything anew."""
    talk.say()
    assert talk.answered() == ANSWER


@pytest.mark.parametrize("path", ["/v1", "/openai/v1"])
def test_the_synchronous_sdk(place, path):
    """A spoken turn, a tool call, an interruption and another connection; only what was played counts."""
    brain = Weather(long=LONG, what="At ten.")
    with place(providers(SCRIPT, SCRIPT, brain=brain)) as at:
        client = OpenAI(api_key="k", base_url=at.web.url + path)
        with client.realtime.connect(model="gpt-realtime") as connection:
            heard = first_visit(Talk(connection))
        with client.realtime.connect(model="gpt-realtime") as connection:
            second_visit(Talk(connection))
        client.close()
    again = next(request for request in brain.requests if request.text == "Say it again.")
    assert ("agent", heard) in again.history
