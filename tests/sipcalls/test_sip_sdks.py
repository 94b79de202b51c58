"""A program that nobody here wrote: the stock ``openai-agents`` holds a telephone call, greeting, tool and all."""

import json
import os
import sys
from pathlib import Path

from call_providers import LookUp, providers, voice
from call_world import wait
from gevent import subprocess

from engine.dialog.brain import ClientCall, Text

HERE = Path(__file__).parent


class Weather(LookUp):
    """Greets when it is asked to speak first; knows the weather from the client only."""

    def reply(self, request):
        self.requests.append(request)
        results = [call.result for call in request.terms.calls if call.result is not None]
        if request.text.startswith("weather"):
            request.wait_decided(5)
            yield ClientCall("call_1", "weather", '{"city":"Kochi"}')
        elif results and not request.text:
            yield Text(f"It is {results[-1]}.")
        else:
            yield Text("Welcome to the weather line.")


def test_the_agents_sdk_holds_a_telephone_call(place):
    """Webhook, accept with the agent's own payload, ``call_id`` as its model configuration: no error, the greeting and
    the answer are heard on the phone, the tool runs in the program, its history has both sides."""
    brain = Weather()
    ran = []

    def run(app, call_id, event):
        environment = {**os.environ, "OPENAI_AGENTS_DISABLE_TRACING": "1"}
        ran.append(subprocess.Popen([sys.executable, str(HERE / "sdk_sip.py"), at.web.url, call_id],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment))

    with place(providers(["weather please"], brain=brain), app={"wait_s": 60}) as at:
        at.app.does = run
        call = at.place()
        wait(lambda: ran, "the app was not asked")
        call.hears(timeout=40)
        call.hears_silence()
        call.say(voice(0.6))
        wait(lambda: len(brain.requests) == 3, "the tool's result did not come", timeout=20)
        call.hears()
        call.hears_silence()
        call.pause(0.3)
        call.hangup()
        out, err = ran[0].communicate(timeout=40)
        at.over(call)
    assert ran[0].returncode == 0, err[-3000:]
    seen = json.loads(out.splitlines()[-1])
    assert seen["errors"] == [] and at.app.faults == []
    assert seen["ran"] == ["Kochi"]
    assert [text for text in seen["agent"] if text] == ["Welcome to the weather line.", "It is sunny."]
    assert seen["user"] == ["weather please"]
    assert brain.requests[0].terms.instructions == "Be brief."
    assert "response.output_audio.delta" not in seen["raw"]
