"""ElevenLabs' text to speech as a strict fake: their API reference and their page on errors (``detail``)."""

import base64
import json

import numpy as np

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error

KEY = "eleven-test-key"
FORMATS = {"pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"}
FIELDS = {"text", "model_id", "language_code", "voice_settings", "seed", "previous_text", "next_text",
          "apply_text_normalization"}  # fmt: skip


def refuse(status: int, code: str, message: str):
    raise Refused(error(status, {"detail": {"type": "error", "code": code, "status": code, "message": message}}))


class FakeElevenLabs(FakeHttp):
    """Speaks ``letter_s`` seconds a letter, a loud tone for letters and silence for spaces."""

    def __init__(self) -> None:
        super().__init__()
        self.letter_s = 0.05
        self.letters_a_line = 5
        self.twice = False  # each alignment again, from the beginning
        self.lines: list[bytes] | None = None
        self.aligned = True

    def answer(self, request: Request) -> Response:
        parts = request.path.split("/")
        if request.method != "POST" or parts[:3] != ["", "v1", "text-to-speech"] or parts[4:5] != ["stream"]:
            refuse(404, "not_found", "Not Found")
        if request.headers.get("xi-api-key") != KEY:
            refuse(401, "invalid_api_key", "Invalid API key")
        if parts[3] != "voice1":
            refuse(404, "voice_not_found", f"A voice with the voice_id {parts[3]} was not found.")
        if request.query.get("output_format") not in FORMATS:
            refuse(400, "invalid_output_format", "output_format is not valid")
        body = request.json
        for field in sorted(set(body) - FIELDS):
            raise Refused(error(422, {"detail": [{"loc": ["body", field], "msg": "extra", "type": "extra_forbidden"}]}))
        if body["model_id"] != "eleven_flash_v2_5":
            refuse(400, "model_not_found", f"A model with model ID {body['model_id']} does not exist")
        rate = int(request.query["output_format"].removeprefix("pcm_"))
        if parts[5:] == ["with-timestamps"]:
            return Response(200, "application/json", iter(self.lines or self._lines(body["text"], rate)))
        audio = self.audio(body["text"], rate).tobytes()
        return Response(200, "audio/pcm", (audio[at:at + 999] for at in range(0, len(audio), 999)))

    def audio(self, text: str, rate: int) -> np.ndarray:
        size = round(self.letter_s * rate)
        tone = (np.arange(size) % 20 * 800 - 8000).astype("<i2")
        return np.concatenate([np.zeros(size, "<i2") if letter == " " else tone for letter in text])

    def _lines(self, text: str, rate: int):
        size = round(self.letter_s * rate)
        audio = self.audio(text, rate)
        for at in range(0, len(text), self.letters_a_line):
            letters = list(text[at:at + self.letters_a_line])
            first = 0 if self.twice else at
            spoken = list(text[first:at + self.letters_a_line])
            alignment = {
                "characters": spoken,
                "character_start_times_seconds": [round((first + n) * self.letter_s, 6) for n in range(len(spoken))],
                "character_end_times_seconds": [round((first + n + 1) * self.letter_s, 6) for n in range(len(spoken))],
            }
            piece = audio[at * size:(at + len(letters)) * size].tobytes()
            yield json.dumps({
                "audio_base64": base64.b64encode(piece).decode(), "alignment": alignment if self.aligned else None,
                "normalized_alignment": None}).encode() + b"\n"
