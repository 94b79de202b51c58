"""A strict fake of the OpenAI-compatible ``POST /v1/audio/transcriptions`` on loopback. Knobs are attributes."""

import io
import json
import wave

import gevent
from gevent.pywsgi import WSGIServer

from tests.fakes.number_speech import hear, words_of

KEY = "sk-right"
FIELDS = {"file", "model", "language", "prompt", "response_format", "temperature", "include[]", "keywords[]",
          "timestamp_granularities[]", "languages[]"}
FORMATS = {"whisper-1": {"json", "verbose_json"}, "gpt-4o-transcribe": {"json"}, "gpt-transcribe": {"json"}}
"""What each model knows (of what matters here)."""


class TranscriptionServer:
    """Hears number speech. ``requests`` are the fields of all that were understood, ``started`` counts all."""

    def __init__(self):
        self.latency_s = 0.0
        self.refuse = None  # (status, headers, message)
        self.refuse_times = 10**9
        self.stall = False
        self.drop = 0  # connections cut in the middle of the next so many requests
        self.garbage = None
        self.silence = False  # hears words in silence and is not sure
        self.language = "english"
        self.started = 0
        self.cancelled = 0
        self.requests = []
        self.warmed = 0
        self._server = WSGIServer(("127.0.0.1", 0), self._app, log=None, error_log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self):
        self._server.stop(timeout=0.1)

    def _app(self, environ, start_response):
        status, headers, body = self._answer(environ)
        start_response(f"{status} X", [("Content-Type", "application/json"), *headers.items()])
        return [body if isinstance(body, bytes) else json.dumps(body).encode()]

    def _answer(self, environ):
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/v1/models":
            self.warmed += 1
            return 200, {}, {"object": "list", "data": []}
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("POST", "/v1/audio/transcriptions"):
            return fault(404, "not found")
        self.started += 1
        if self.drop:
            self.drop -= 1
            environ["wsgi.input"].socket.close()
            raise ConnectionResetError
        if self.stall:
            gevent.sleep(30)
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {KEY}":
            return fault(401, "Incorrect API key provided")
        if self.refuse and self.refuse_times:
            self.refuse_times -= 1
            status, headers, message = self.refuse
            return fault(status, message, headers)
        answer = self._understand(environ.get("CONTENT_TYPE", ""), body)
        gevent.sleep(self.latency_s)
        return answer if self.garbage is None else (200, {}, self.garbage)

    def _understand(self, kind, body):
        if not kind.startswith("multipart/form-data; boundary="):
            return fault(400, "Could not parse multipart form")
        fields = parts(body, kind.partition("boundary=")[2])
        unknown = fields.keys() - FIELDS
        if unknown:
            return fault(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        model, form = text(fields, "model"), text(fields, "response_format") or "json"
        if model not in FORMATS:
            return fault(404, f"The model `{model}` does not exist")
        if form not in FORMATS[model]:
            return fault(400, f"response_format '{form}' is not compatible with model '{model}'")
        if "keywords[]" in fields and model != "gpt-transcribe":
            return fault(400, "keywords are not supported by this model")
        if "include[]" in fields and (form != "json" or model != "gpt-4o-transcribe"):
            return fault(400, "include is not supported here")
        if "file" not in fields:
            return fault(400, "file is required")
        headers, content = fields["file"][0]
        try:
            with wave.open(io.BytesIO(content)) as file:
                rate, pcm = file.getframerate(), file.readframes(file.getnframes())
                if (file.getsampwidth(), file.getnchannels()) != (2, 1) or ".wav" not in headers:
                    return fault(400, "Invalid file format")
        except (wave.Error, EOFError):
            return fault(400, "Invalid file format. Supported formats: ['flac', 'm4a', 'wav', ...]")
        if len(pcm) / 2 / rate < 0.1:
            return fault(400, "Audio file is too short. Minimum audio length is 0.1 seconds.")
        self.requests.append({name: [value.decode() for _, value in given] for name, given in fields.items()
                              if name != "file"} | {"rate": rate, "seconds": len(pcm) / 2 / rate})
        return 200, {}, self._heard(form, fields, pcm, rate)

    def _heard(self, form, fields, pcm, rate):
        said = words_of(pcm, rate)
        if form == "json":
            logprobs = [{"token": word, "logprob": -0.1, "bytes": []} for word in said.split()]
            return {"text": said} | ({"logprobs": logprobs} if "include[]" in fields else {})
        segments = [segment(start, end, word, -0.2, 0.01) for word, start, end in hear(pcm, rate)]
        if self.silence:
            segments.append(segment(0, 1, "thank you", -1.5, 0.9))
        return {"task": "transcribe", "language": self.language, "duration": len(pcm) / 2 / rate,
                "text": " ".join(part["text"].strip() for part in segments), "segments": segments}


def segment(start, end, words, logprob, silence):
    return {"id": 0, "seek": 0, "start": start, "end": end, "text": f" {words}", "tokens": [], "temperature": 0.0,
            "avg_logprob": logprob, "compression_ratio": 1.0, "no_speech_prob": silence}


def fault(status, message, headers=None):
    return status, headers or {}, {"error": {"message": message, "type": "invalid_request_error", "code": None}}


def text(fields, name):
    return fields[name][0][1].decode() if name in fields else ""


def parts(body, boundary):
    """Name -> [(headers, content)] of a multipart form."""
    found = {}
    for piece in body.split(b"--" + boundary.strip('"').encode())[1:-1]:
        headers, _, content = piece[2:-2].partition(b"\r\n\r\n")
        name = headers.decode().partition('name="')[2].partition('"')[0]
        found.setdefault(name, []).append((headers.decode(), content))
    return found
