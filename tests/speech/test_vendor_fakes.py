"""The fakes refuse what the real services refuse: a test that passes against a lenient server proves nothing."""

import base64
import json
from urllib.parse import urlencode

import pytest

from engine.net.errors import SocketClosed, UpgradeRefused
from engine.net.websocket import WebSocket
from tests.fakes.deepgram_server import KEY, DeepgramServer
from tests.fakes.realtime_server import RealtimeServer

GOOD = {"model": "nova-3", "encoding": "linear16", "sample_rate": "8000"}
SESSION = {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000},
           "transcription": {"model": "whisper-1"}, "turn_detection": None}}}


@pytest.fixture
def deepgram():
    server = DeepgramServer()
    yield server
    server.close()


@pytest.fixture
def realtime():
    server = RealtimeServer()
    yield server
    server.close()


def listen(server, key=KEY, path="/v1/listen", **query):
    return WebSocket.connect(f"{server.url}{path}?{urlencode(GOOD | query)}", headers={"Authorization": f"Token {key}"})


@pytest.mark.parametrize(("wrong", "status"), [
    ({"key": "x"}, 401), ({"path": "/listen"}, 404), ({"model": "nova-9"}, 400), ({"sample_rate": "11025"}, 400),
    ({"encoding": "flac24"}, 400), ({"interim": "true"}, 400), ({"model": "nova-2", "keyterm": "a"}, 400),
])
def test_deepgram_refuses_a_wrong_request(deepgram, wrong, status):
    with pytest.raises(UpgradeRefused) as refused:
        listen(deepgram, **wrong)
    assert refused.value.status == status
    assert refused.value.headers["dg-error"]


@pytest.mark.parametrize("wrong", ["not json", '{"type": "Stop"}', b"", b"odd"])
def test_deepgram_ends_on_a_wrong_message(deepgram, wrong):
    """Text where audio is due, an unknown control message, an empty frame, half a sample."""
    socket = listen(deepgram)
    socket.send(wrong)
    with pytest.raises(SocketClosed) as closed:
        socket.receive(1)
    assert (closed.value.code, closed.value.reason) == (1008, "DATA-0000")


def test_deepgram_ends_an_idle_connection_and_after_close_stream(deepgram):
    deepgram.idle_s = 0.05
    socket = listen(deepgram)
    with pytest.raises(SocketClosed, match="1011 NET-0001"):
        socket.receive(1)
    socket = listen(deepgram)
    socket.send('{"type": "CloseStream"}')
    kinds = [json.loads(socket.receive(1))["type"] for _ in range(2)]
    assert kinds == ["Results", "Metadata"]
    with pytest.raises(SocketClosed, match="1000"):
        socket.receive(1)


def session(server, update=SESSION):
    socket = WebSocket.connect(f"{server.url}/realtime?intent=transcription",
                               headers={"Authorization": "Bearer sk-right"})
    assert json.loads(socket.receive(1))["type"] == "session.created"
    return socket, ask(socket, {"type": "session.update", "session": update, "event_id": "e"})


def ask(socket, event):
    socket.send(json.dumps(event))
    return json.loads(socket.receive(1))


def test_realtime_refuses_a_key_and_a_model_in_the_address(realtime):
    for path, key in (("?intent=transcription", "x"), ("?intent=transcription&model=whisper-1", "sk-right")):
        with pytest.raises(UpgradeRefused):
            WebSocket.connect(f"{realtime.url}/realtime{path}", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("change", [
    {"format": {"type": "audio/pcm", "rate": 8000}}, {"transcription": {"model": "none"}},
    {"transcription": {"model": "whisper-1", "keywords": ["a"]}}, {"turn_detection": {"type": "server_vad"}},
])
def test_realtime_refuses_a_wrong_session(realtime, change):
    wrong = {"type": "transcription", "audio": {"input": SESSION["audio"]["input"] | change}}
    answer = session(realtime, wrong)[1]
    assert answer["type"] == "error"


def test_realtime_refuses_wrong_audio(realtime):
    """Not base64, half a sample, too little to commit, a conversation's events, binary messages."""
    socket, answer = session(realtime)
    assert answer["type"] == "session.updated"
    for audio in ("???", base64.b64encode(b"odd").decode()):
        assert ask(socket, {"type": "input_audio_buffer.append", "audio": audio})["type"] == "error"
    answer = ask(socket, {"type": "input_audio_buffer.commit", "event_id": "mine"})
    assert (answer["error"]["code"], answer["error"]["event_id"]) == ("input_audio_buffer_commit_empty", "mine")
    assert ask(socket, {"type": "response.create"})["type"] == "error"
    socket.send(b"\x00\x00")
    with pytest.raises(SocketClosed, match="1003"):
        socket.receive(1)
