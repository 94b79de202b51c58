"""``POST /v1/audio/transcriptions`` and ``POST /v1/audio/speech``."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import BinaryIO, cast

from engine.compatible.errors import CompatibleError
from engine.compatible.speech import SpeechBody, SpeechRun, as_events
from engine.compatible.transcribe import Hearing, Transcriber, TranscriptionForm
from engine.compatible.transcripts import Segment
from engine.service import Engine
from engine.web.faults import begun, casting_of, data_event, form_of, telling, told_in_stream
from engine.web.route import Answer, Asked, Route

FORM_BYTES = 1 << 20
"""What the fields beside the file may take."""

NO_BUFFER = {"X-Accel-Buffering": "no"}


def routes(engine: Engine) -> list[Route]:
    """Recordings to text, text to speech."""
    options = engine.config.compatible
    transcriber = Transcriber(options)

    def transcribe(asked: Asked) -> object:
        form = form_of(TranscriptionForm, asked)
        file = asked.files.get("file")
        if file is None:
            raise CompatibleError("invalid", "file: send a recording as multipart/form-data", "file")
        hearing = transcriber.transcribe(casting_of(engine), cast(BinaryIO, file.stream), form)
        if form.stream:
            source = begun(_segments(hearing))
            return Answer(told_in_stream(source, asked.request_id), "text/event-stream", NO_BUFFER)
        transcript = hearing.whole()
        if form.response_format == "verbose_json":
            return transcript.verbose("word" in form.timestamp_granularities)
        plain = {"text": (transcript.text + "\n", "text/plain"), "srt": (transcript.srt(), "application/x-subrip"),
                 "vtt": (transcript.vtt(), "text/vtt")}
        if form.response_format in plain:
            text, kind = plain[form.response_format]
            return Answer(text.encode(), f"{kind}; charset=utf-8")
        return transcript.plain()

    def speak(asked: Asked) -> Answer:
        body: SpeechBody = asked.body
        run = SpeechRun(casting_of(engine), body)
        audio = begun(run.audio())
        if body.stream_format == "audio":
            return Answer(audio, run.format.mimetype, NO_BUFFER)
        source = (data_event(event) for event in as_events(audio))
        return Answer(told_in_stream(source, asked.request_id), "text/event-stream", NO_BUFFER)

    return [
        Route("POST", "/v1/audio/transcriptions", telling(transcribe), "A recording as text.\n"
              "multipart/form-data: file (WAV, FLAC, OGG, MP3), model, language, response_format (json, text, "
              "verbose_json, srt, vtt), timestamp_granularities[], stream.",
              scope="ai", raw=True, max_bytes=options.audio_mb * 1_000_000 + FORM_BYTES,
              produces=("application/json", "text/plain", "application/x-subrip", "text/vtt", "text/event-stream")),
        Route("POST", "/v1/audio/speech", telling(speak), "A text as speech.", scope="ai", body=SpeechBody,
              produces=("audio/*", "text/event-stream")),
    ]


def _segments(hearing: Hearing) -> Iterator[bytes]:
    """Events of a transcription as it goes on."""
    segments: Iterator[Segment] = iter(hearing)
    first = True
    with closing(segments):  # type: ignore[type-var]
        for segment in segments:
            delta = segment.text if first else f" {segment.text}"
            first = False
            yield data_event({"type": "transcript.text.delta", "delta": delta})
    transcript = hearing.transcript
    yield data_event(json.dumps({"type": "transcript.text.done", **transcript.plain()}))
