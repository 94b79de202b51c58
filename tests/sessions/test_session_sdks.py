"""Clients that nobody here wrote: each holds a spoken turn, a tool call, an interruption, and comes back, without one
error of the protocol."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from call_providers import ANSWER, LookUp, providers, voice
from openai import OpenAI

from engine.dialog.brain import ClientCall, Text

HERE = Path(__file__).parent
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
SCRIPT = ["when do you open", "weather please", "long please", "what about Monday"]


class Weather(LookUp):
    """Knows the weather from the client only."""

    def reply(self, request):
        results = [call.result for call in request.terms.calls if call.result is not None]
        if request.text.startswith("weather"):
            request.wait_decided(5)
            yield ClientCall("call_1", "weather", '{"city":"Kochi"}')
        elif not request.text and results:
            yield Text(f"It is {results[-1]}. ")
        else:
            yield from super().reply(request)


def given():
    return providers(SCRIPT, SCRIPT, brain=Weather(long=LONG, what="At ten."))


def run(script, url):
    """The client's account of what it saw."""
    environ = {**os.environ, "OPENAI_AGENTS_DISABLE_TRACING": "1"}
    ran = subprocess.run([sys.executable, str(HERE / script), url], capture_output=True, text=True, timeout=90,
                         env=environ)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_asynchronous_sdk(place):
    """``AsyncOpenAI``."""
    with place(given()) as at:
        seen = run("sdk_async.py", at.web.url)
    assert seen["errors"] == []
    assert seen["call"] == ["weather", '{"city":"Kochi"}'] and seen["cut"] == "turn_detected"
    assert seen["said"] == [ANSWER, "It is sunny.", "At ten.", ANSWER]


def test_the_agents_sdk(place):
    """``openai-agents``: it keeps its own history, runs tools and truncates what its user did not hear."""
    with place(given()) as at:
        seen = run("sdk_agents.py", at.ws)
    assert seen["errors"] == []
    assert seen["ran"] == ["Kochi"]
    assert seen["said"][:2] == [ANSWER, "It is sunny."] and seen["said"][-1] == "At ten."


@pytest.mark.parametrize("path", ["/v1", "/openai/v1"])
def test_the_synchronous_sdk(place, path):
    """``OpenAI`` within this process; the second address is Azure's shape."""
    with place(given()) as at:
        client = OpenAI(api_key="k", base_url=at.web.url + path)
        for _ in range(2):
            with client.realtime.connect(model="gpt-realtime") as connection:
                speaking = gevent.spawn(speak, connection)
                kinds = []
                for event in connection:
                    kinds.append(event.type)
                    if event.type == "response.done":
                        break
                speaking.join()
                assert event.response.output[0].content[0].transcript == ANSWER
                assert "error" not in kinds
        client.close()


def speak(connection):

    pcm = voice(0.6, 24000).tobytes() + bytes(24000)
    for at in range(0, len(pcm), 4800):
        connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + 4800]).decode())
        gevent.sleep(0.1)
