"""mod_audio_stream (free build) for the stand-in FreeSWITCH, as strict as the real one.

Its answers, its events and what it refuses are the module's (ec2a781): ``start`` is +OK whoever is there; a second one,
and ``stop`` of nothing, are refused; a stream whose WebSocket has ended stays on the channel until it is stopped.
"""

import base64
import json
import re
from contextlib import suppress

import gevent
import numpy as np
import soundfile

from engine.net.errors import ConnectFailed, SocketClosed, UpgradeRefused
from engine.net.websocket import WebSocket
from engine.standin import api
from engine.standin.activities import Activity

SUCCESS, FAILED = "+OK Success\n", "-ERR Operation Failed\n"
START = re.compile(r"start (wss?://[^\s/]+/\S+) (mono|mixed|stereo) (8k|16k)")


class AudioStreamModule:
    """Loaded into every stand-in of a test by ``install``; ``close`` it."""

    def __init__(self, folder):
        self.folder, self.streams, self.ended, self.started = folder, {}, [], []

    def install(self, monkeypatch):
        heard = Activity.hears

        def hears(activity, channel, frame):
            heard(activity, channel, frame)
            stream = self.streams.get(channel.uuid)
            if stream is not None:
                stream.caller(frame)

        monkeypatch.setattr(Activity, "hears", hears)
        monkeypatch.setitem(api._PER_CHANNEL, "uuid_audio_stream", (self._command, 2, "<uuid> [start | stop ...]"))
        exists = api._GLOBAL["module_exists"]
        monkeypatch.setitem(api._GLOBAL, "module_exists", lambda switch, words, now: (
            "true" if words == ["mod_audio_stream"] else exists(switch, words, now)))

    def files(self):
        return list(self.folder.glob("*.tmp.r*"))

    def close(self):
        for stream in [*self.streams.values(), *self.ended]:
            stream.end()

    def _command(self, switch, channel, words):
        if words == ["stop"]:
            stream = self.streams.pop(channel.uuid, None)
            if stream is None:
                return FAILED
            self.ended.append(stream)
            stream.stop()
            return SUCCESS
        asked = START.fullmatch(" ".join(words))
        if asked is None or channel.uuid in self.streams:
            return FAILED
        url, _, rate = asked.groups()
        assert rate == f"{channel.codec.rate // 1000}k", "this one does not resample"
        self.started.append(url)
        self.streams[channel.uuid] = Stream(self, channel, url)
        return SUCCESS


class Stream:
    """One channel's."""

    def __init__(self, module, channel, url):
        self.module, self.channel, self.url = module, channel, url
        self.socket, self.files = None, []
        self.stopped = False
        self.greenlet = gevent.spawn(self._run)

    def caller(self, frame):
        """20 ms of the caller, or None without RTP, which is streamed as silence."""
        if self.socket is not None and not self.socket.closed:
            with suppress(SocketClosed):
                self.socket.send(frame or bytes(self.channel.codec.rate // 50 * 2))

    def stop(self):
        """Stopped, or the call is over: files are deleted, the WebSocket is closed, and nothing is told any more."""
        self.stopped = True
        for path in self.files:
            path.unlink()
        self.files = []

    def end(self):
        self.stop()
        self.greenlet.join(2)
        self.greenlet.kill()

    def _run(self):
        try:
            self.socket = WebSocket.connect(self.url, timeout_s=2)
        except (ConnectFailed, UpgradeRefused) as fault:
            # The media bug closes itself, so that another start is taken.
            self.module.streams.pop(self.channel.uuid, None)
            self._tell("error", {"status": "error", "message": {"code": 6, "error": str(fault)}})
            return
        self._tell("connect", {"status": "connected"})
        try:
            while not (self.stopped or self.channel.cause):
                message = self.socket.receive(0.02)
                if isinstance(message, str):
                    self._take(message)
        except SocketClosed as closed:
            message = {"code": closed.code, "reason": str(closed)}
            self._tell("disconnect", {"status": "disconnected", "message": message})
        finally:
            self.socket.close()
        while not (self.stopped or self.channel.cause):
            gevent.sleep(0.02)  # it stays on the channel
        self.stop()

    def _take(self, message):
        told = json.loads(message)
        data = told.get("data")
        if told.get("type") != "streamAudio" or not data or data.get("audioDataType") != "raw":
            self._tell("json", told)
            return
        assert data["sampleRate"] == self.channel.codec.rate
        pcm = np.frombuffer(base64.b64decode(data.pop("audioData"), validate=True), "<i2")
        rate = data["sampleRate"]
        path = self.module.folder / f"{self.channel.uuid}_{len(self.files)}.tmp.r{rate // 1000}"
        # The stand-in finds the rate in a header, FreeSWITCH in the name.
        with path.open("wb") as file:
            soundfile.write(file, pcm, rate, format="WAV", subtype="PCM_16")
        self.files.append(path)
        self._tell("play", {**data, "file": str(path)})

    def _tell(self, what, body):
        """An event with the next frame, for controllers that have asked for it."""
        if not self.stopped:
            self.channel.later(0.0, "audio_stream", lambda: self._deliver(f"mod_audio_stream::{what}", body))

    def _deliver(self, subclass, body):
        channel = self.channel
        headers = [("Event-Subclass", subclass), ("Event-Name", "CUSTOM"), *channel.headers(),
                   *channel.variable_headers()]
        for session in channel.sessions:
            asked = [command.argument.split() for _, command in session.commands if command.name == "event"]
            if any("CUSTOM" in words and subclass in words[words.index("CUSTOM"):] for words in asked):
                session.deliver(headers, json.dumps(body))
