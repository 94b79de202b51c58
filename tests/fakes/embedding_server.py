"""A strict fake of the OpenAI-compatible ``POST /embeddings`` on loopback, also as Azure OpenAI and as a server without
keys. Refusals are worded as in OpenAI's API reference. Knobs are attributes; those of ``FakeHttp`` are there, too."""

import base64
import hashlib

import numpy as np

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error

KEY = "test-key-123456"
FIELDS = {"model", "input", "encoding_format", "dimensions", "user"}


def refuse(status, message, code=None, type_="invalid_request_error", **headers):
    raise Refused(error(status, {"error": {"message": message, "type": type_, "param": None, "code": code}}, **headers))


def vector(text, dim):
    """What the fake gives for a text: other texts, other vectors. Not of length 1."""
    seed = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(dim).astype(np.float32) * 3


class FakeEmbeddings(FakeHttp):
    """``inputs`` are the texts of every request that was answered."""

    def __init__(self):
        super().__init__()
        self.key = KEY
        self.azure = False
        self.model = "embed-test"
        self.dim = 32
        self.shortens = True  # the model can be asked for fewer dimensions
        self.knows_base64 = True
        self.most_texts = 2048
        self.most_chars = 8192 * 4  # of one text
        self.backwards = False  # the vectors come in another order
        self.limits = 0  # so many requests are refused with 429 first
        self.retry_after = ""
        self.change = lambda data: data  # of the answer, to spoil it
        self.extra_fields = set()
        self.inputs = []

    def answer(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(404)
        self._check_key(request)
        path = request.path
        if self.azure:
            dated = path.startswith("/openai/deployments/")
            if dated != ("api-version" in request.query):
                refuse(404, "Resource not found", "404")
            path = "/v1" + path.removeprefix(f"/openai/deployments/{self.model}" if dated else "/openai/v1")
        if (request.method, path) != ("POST", "/v1/embeddings"):
            refuse(404, f"Invalid URL ({request.method} {path})")
        if self.limits:
            self.limits -= 1
            refuse(429, "Rate limit reached", "rate_limit_exceeded", "requests",
                   **({"retry_after": self.retry_after} if self.retry_after else {}))
        return self._embed(request.json)

    def _check_key(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "")
        if self.azure:
            if request.headers.get("api-key") != self.key or bearer:
                refuse(401, "Access denied due to invalid subscription key", "401")
        elif self.key is None:
            if bearer:
                refuse(400, "this server got a key that was not meant for it")
        elif bearer != f"Bearer {self.key}":
            refuse(401, f"Incorrect API key provided: {bearer[7:]}.", "invalid_api_key")

    def _embed(self, body: dict) -> Response:
        if unknown := body.keys() - FIELDS - self.extra_fields:
            refuse(400, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        if body["model"] != self.model:
            refuse(404, f"The model `{body['model']}` does not exist.", "model_not_found")
        texts, form = body["input"], body.get("encoding_format", "float")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            refuse(400, "'$.input' is invalid. Please check the API reference.")
        if len(texts) > self.most_texts:
            refuse(400, f"'$.input' is too long: at most {self.most_texts} texts")
        if any(len(text) > self.most_chars for text in texts):
            refuse(400, "This model's maximum context length is 8192 tokens", "context_length_exceeded")
        if form not in ("float", "base64") or (form == "base64" and not self.knows_base64):
            refuse(400, f"encoding_format '{form}' is not supported")
        if "dimensions" in body and (not self.shortens or not 1 <= body["dimensions"] <= self.dim):
            refuse(400, "This model does not support specifying dimensions.")
        self.inputs.append(texts)
        data = [self._entry(number, text, body.get("dimensions", self.dim), form) for number, text in enumerate(texts)]
        if self.backwards:
            data.reverse()
        return error(200, {"object": "list", "data": self.change(data), "model": self.model,
                           "usage": {"prompt_tokens": 8, "total_tokens": 8}})

    @staticmethod
    def _entry(number, text, dim, form):
        numbers = vector(text, dim)
        coded = base64.b64encode(numbers.tobytes()).decode() if form == "base64" else numbers.tolist()
        return {"object": "embedding", "index": number, "embedding": coded}
