"""Calls of a real FreeSWITCH are offered to a program, OpenAI's stock SDK: accept, side-band, refer, reject."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured import NUMBER, Figures
from openai import OpenAI
from rtpstream import RATE, audible
from sipphone import CallFailed, SipPhone
from switchboard import HOST, ROOT, Engine, FreeSwitch, wait_for

pytestmark = pytest.mark.switch

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM="
Phones = Callable[..., SipPhone]


def tone(seconds: float) -> np.ndarray:
    """What the engine of these tests takes for a voice."""
    return (np.sin(2 * np.pi * 300 * np.arange(int(seconds * RATE)) / RATE) * 8000).astype(np.int16)


class Program:
    """The webhook. ``does(call_id)`` runs for each event that the SDK has verified."""

    def __init__(self) -> None:
        self.client = OpenAI(api_key="k", base_url="http://unset/v1", webhook_secret=SECRET)
        self.events: list[Any] = []
        self.does: Callable[[str], object] = lambda call_id: None
        program = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802  the library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = program.client.webhooks.unwrap(body, dict(self.headers.items()))
                program.events.append(event)
                self.send_response(200)
                self.end_headers()
                threading.Thread(target=program.does, args=(event.data.call_id,), daemon=True).start()

            def log_message(self, *_: object) -> None:
                """Not here."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program()
    yield program
    program.close()


@pytest.fixture(scope="module")
def engine(folder: Path, home: Path, engine_port: int, switch: FreeSwitch, program: Program) -> Iterator[Engine]:
    place = folder / "apps"
    place.mkdir(exist_ok=True)
    app = {"webhook": program.url, "secret_env": "APP_SECRET", "wait_s": 5}
    (place / "app.json").write_text(json.dumps(app))
    command = [sys.executable, str(ROOT / "tests/switch/app_engine.py"), str(place)]
    engine = Engine(place, engine_port, home, program=command, realtime={"refer_targets": ["tel:+4930*"]})
    engine.wait_ready()
    served = re.search(r"http://[\d.:]+", engine.output())
    assert served
    program.client = OpenAI(api_key="k", base_url=f"{served[0]}/v1", webhook_secret=SECRET)
    yield engine
    engine.child.end(10)


def test_a_program_answers_speaks_and_hears(
    engine: Engine, program: Program, phone: Phones, figures: Figures
) -> None:
    """The whole road of OpenAI's example: webhook, accept, side-band, a greeting on request, a question answered, a
    key, the end told. The caller hears it all, and no event is an error."""
    seen: list[Any] = []

    def hold(call_id: str) -> None:
        program.client.realtime.calls.accept(call_id, type="realtime", instructions="Be brief.")
        with program.client.realtime.connect(call_id=call_id) as connection:
            connection.response.create()
            for event in connection:
                seen.append(event)

    program.does = hold
    caller = phone()
    dialled = time.monotonic()
    caller.dial(NUMBER)
    figures.add("dialled to answered, accepted by a program", (caller.answered_at - dialled) * 1000, "ms")
    caller.last_sound(caller.first_sound())
    caller.say(tone(0.8))
    heard = caller.first_sound(time.monotonic())
    caller.last_sound(heard)
    caller.press_by_info("7")
    kinds = lambda: [event.type for event in seen]  # noqa: E731
    wait_for(lambda: "input_audio_buffer.dtmf_event_received" in kinds(), 5, "the key's event")
    wait_for(lambda: kinds().count("output_audio_buffer.stopped") == 2, 5, "the end of the answer")
    caller.hangup()
    call = engine.call_of(caller.name)
    call.wait("call_ended", 5)
    assert "error" not in kinds() and "response.output_audio.delta" not in kinds()
    said = [event.transcript for event in seen if event.type == "response.output_audio_transcript.done"]
    assert said[0].startswith("Good day, this is the program") and said[1].startswith("We open at nine")
    headers = {header.name: header.value for header in program.events[-1].data.sip_headers}
    assert caller.name in headers["From"] and NUMBER in headers["To"] and headers["Call-ID"] == caller.call_id
    assert not call.events("error")


def test_a_program_rejects(switch: FreeSwitch, engine: Engine, program: Program, phone: Phones) -> None:
    """The caller's phone gets the program's own SIP status, and nothing of the call is left."""
    program.does = lambda call_id: program.client.realtime.calls.reject(call_id, status_code=486)
    caller = phone()
    with pytest.raises(CallFailed) as refused:
        caller.dial(NUMBER)
    assert refused.value.status == 486
    wait_for(lambda: not switch.channels(), 5, "the channel to be gone")


def test_a_program_refers_the_caller(engine: Engine, program: Program, phone: Phones) -> None:
    """A SIP REFER with the program's target reaches the caller's side. While that does nothing, the call goes on
    and is heard."""
    referred = threading.Event()

    def refer(call_id: str) -> None:
        program.client.realtime.calls.accept(call_id, type="realtime")
        program.client.realtime.calls.refer(call_id, target_uri="tel:+4930123")
        referred.set()

    program.does = refer
    caller = phone()
    caller.dial(NUMBER)
    assert caller.wait(lambda: any(request.startswith("REFER") for request in caller.requests), 5)
    refer_to = caller.refer_to
    assert "sip:+4930123@" in refer_to
    caller.say(tone(0.8))
    caller.last_sound(caller.first_sound(time.monotonic()))
    assert not caller.ended_at
    caller.hangup()
    assert referred.wait(5)
    call = engine.call_of(caller.name)
    call.wait("call_ended", 5)
    assert not call.events("error")


def test_a_program_that_does_nothing(engine: Engine, program: Program, phone: Phones) -> None:
    """The agent answers, seconds later; the caller has heard ringing until then."""
    program.does = lambda call_id: None
    caller = phone()
    caller.dial(NUMBER, timeout=15)
    assert audible(caller.rtp.heard) or caller.first_sound()
    call = engine.call_of(caller.name)
    assert call.wait("app_answered", 5)[0]["verdict"] == "nobody"
    caller.hangup()
