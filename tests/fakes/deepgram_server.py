"""A strict fake of Deepgram's ``/v1/listen`` socket on loopback. Hears number speech; knobs are attributes."""

import contextlib
import json
from urllib.parse import parse_qs, urlsplit

import gevent

from tests.fakes.number_speech import hear
from tests.fakes.socket_server import Gone, SocketServer

KEY = "dg-right"
PARAMETERS = {"model", "encoding", "sample_rate", "channels", "interim_results", "punctuate", "endpointing", "language",
              "keyterm", "keywords", "smart_format", "numerals", "mip_opt_out", "tag", "no_delay"}
MODELS = {"nova-3", "nova-2"}
PART_S = 1.0  # so much audio after the last final, and a gap makes the words before it final


class DeepgramServer(SocketServer):
    """``queries`` are those of all connections, ``messages`` all control messages."""

    def __init__(self):
        super().__init__()
        self.latency_s = 0.0
        self.refuse = None  # (status, headers, body)
        self.idle_s = 10.0
        self.drop_after_s = []  # of audio, of the next connections in turn
        self.stall = False  # takes audio, says nothing
        self.mute_finalize = False  # no answer to Finalize when nothing is waiting
        self.error = None
        self.queries, self.messages, self.seconds = [], [], 0.0

    def check(self, request):
        parts = urlsplit(request.target)
        query = parse_qs(parts.query, keep_blank_values=True)
        self.queries.append(query)
        headers = {name.decode().lower(): value.decode() for name, value in request.extra_headers}
        if self.refuse:
            return self.refuse
        if headers.get("authorization") != f"Token {KEY}":
            return refusal(401, "INVALID_AUTH", "Invalid credentials.")
        if parts.path != "/v1/listen":
            return refusal(404, "NOT_FOUND", "no such path")
        unknown = query.keys() - PARAMETERS
        if unknown:
            return refusal(400, "Bad Request", f"unknown parameter {', '.join(sorted(unknown))}")
        if query.get("model", [""])[0] not in MODELS:
            return refusal(400, "Bad Request", "No such model/language/tier combination found.")
        if query.get("encoding") == ["linear16"] and "sample_rate" not in query:
            return refusal(400, "Bad Request", "sample_rate is required with encoding")
        if query.get("encoding") != ["linear16"] or query["sample_rate"][0] not in ("8000", "16000", "24000", "48000"):
            return refusal(400, "Bad Request", "Invalid encoding or sample rate")
        if "keyterm" in query and query["model"] != ["nova-3"]:
            return refusal(400, "Bad Request", "Keyterms are only supported by nova-3")
        return None

    def serve(self, peer):
        query = self.queries[-1]
        Session(self, peer, int(query["sample_rate"][0]), query.get("interim_results") == ["true"]).run()


class Session:
    """One connection."""

    def __init__(self, server, peer, rate, interim):
        self.server, self.peer, self.rate, self.interim = server, peer, rate, interim
        self.audio = bytearray()
        self.final_to = 0.0
        self.told = ""
        self.drop_at = server.drop_after_s.pop(0) if server.drop_after_s else None
        self.closing = False

    def run(self):
        while True:
            message = self.peer.receive(self.server.idle_s)
            if message is None:
                return self.end(1011, "NET-0001")
            if isinstance(message, str):
                if self.control(message):
                    return None
            elif self.take_audio(message):
                return None

    def take_audio(self, message):
        if self.closing or not message or len(message) % 2:
            return self.end(1008, "DATA-0000") or True
        self.audio += message
        self.server.seconds += len(message) / 2 / self.rate
        if self.drop_at is not None and self.seconds >= self.drop_at:
            self.peer.drop()
            raise Gone(1006)
        if self.server.error:
            self.say(self.server.error)
            self.server.error = None
        if self.interim and not self.server.stall:
            self.hear()
        return False

    @property
    def seconds(self):
        return len(self.audio) / 2 / self.rate

    def words(self):
        return [word for word in hear(self.audio, self.rate) if word[1] >= self.final_to - 0.01]

    def hear(self):
        words = self.words()
        text = " ".join(word for word, _, _ in words)
        if words and words[-1][2] < self.seconds - 0.02 and self.seconds - self.final_to > PART_S:
            self.results(words, words[-1][2], final=True)
        elif text != self.told:
            self.told = text
            self.results(words, self.seconds)

    def results(self, words, to, final=False, flushed=False):
        start = self.final_to
        if final:
            self.final_to, self.told = to, ""
        text = " ".join(word for word, _, _ in words)
        self.say({"type": "Results", "channel_index": [0, 1], "start": round(start, 6),
                  "duration": round(to - start, 6), "is_final": final, "speech_final": flushed,
                  "from_finalize": flushed,
                  "channel": {"alternatives": [{"transcript": text, "confidence": 0.98 if text else 0.0, "words": [
                      {"word": word, "punctuated_word": word, "start": begin, "end": end, "confidence": 0.98}
                      for word, begin, end in words]}]},
                  "metadata": {"request_id": "r", "model_uuid": "m"}})

    def control(self, message):
        try:
            kind = json.loads(message)["type"]
        except (ValueError, KeyError, TypeError):
            return self.end(1008, "DATA-0000") or True
        self.server.messages.append(kind)
        if kind == "Finalize":
            if not self.server.stall and not (self.server.mute_finalize and not self.words()):
                self.results(self.words(), self.seconds, final=True, flushed=True)
        elif kind == "CloseStream":
            self.closing = True
            self.results(self.words(), self.seconds, final=True)
            self.say({"type": "Metadata", "request_id": "r", "duration": self.seconds, "channels": 1})
            return self.end(1000, "") or True
        elif kind != "KeepAlive":
            return self.end(1008, "DATA-0000") or True
        return False

    def say(self, content):
        if self.server.latency_s:
            gevent.spawn_later(self.server.latency_s, self._say, json.dumps(content))
        else:
            self.peer.send(json.dumps(content))

    def _say(self, text):
        with contextlib.suppress(Gone):
            self.peer.send(text)

    def end(self, code, reason):
        self.peer.close(code, reason)
        self.server.ended.append(code)


def refusal(status, code, message):
    return status, {"dg-error": message}, json.dumps({"err_code": code, "err_msg": message, "request_id": "r"})
