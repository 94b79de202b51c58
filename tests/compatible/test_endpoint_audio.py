"""Transcription and speech by the stock SDK: formats, times, streams, voices, tempo; what is refused."""

import io
import json
import tracemalloc

import numpy as np
import openai
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compatible import sound
from engine.compatible.sound import decode
from engine.media.g711 import ulaw_decode
from engine.media.resample import RATES, resample
from engine.speech.errors import SpeechError
from tests.call.call_providers import CHAR_S, ToneVoice, voice

TEXT = "We open at nine. On Sundays we are closed."


def recording(*seconds, rate=16000, container="WAV", subtype=None, pause=1.0, channels=1):
    """Stretches of voice with pauses between them, as a file; the first begins at 0.5 s."""
    quiet = np.zeros(int(pause * rate), np.int16)
    parts = [np.zeros(rate // 2, np.int16)]
    for each in seconds:
        parts += [voice(each, rate, 9000), quiet]
    file = io.BytesIO()
    pcm = np.concatenate(parts)
    soundfile.write(file, np.column_stack([pcm] * channels), rate, format=container, subtype=subtype)
    file.seek(0)
    file.name = f"say.{container.lower()}"
    return file


@pytest.mark.parametrize(("container", "rate", "channels"), [
    ("WAV", 16000, 1), ("FLAC", 44100, 2), ("OGG", 24000, 1), ("MP3", 32000, 1), ("WAV", 8000, 1)])
def test_recordings_of_all_formats_are_heard(world, container, rate, channels):
    client = world(scripts=[["when do you open"]]).client
    heard = client.audio.transcriptions.create(model="whisper-1", file=recording(1.0, rate=rate, container=container,
                                                                                 channels=channels))
    assert heard.text == "when do you open"


def test_the_forms_of_a_transcript(world):
    """Times of segments are those of the voice; words lie within them, one after the other."""
    at = world(scripts=[["when do you open", "on sunday"]] * 4)
    create = at.client.audio.transcriptions.create

    def heard(form, **more):
        return create(model="auto", file=recording(1.0, 0.8), response_format=form, language="en", **more)

    assert heard("text") == "when do you open on sunday\n"
    verbose = heard("verbose_json", timestamp_granularities=["word", "segment"])
    assert [segment.text for segment in verbose.segments] == ["when do you open", "on sunday"]
    assert [(segment.start, segment.end) for segment in verbose.segments] == [
        (pytest.approx(0.5, abs=0.05), pytest.approx(1.5, abs=0.05)),
        (pytest.approx(2.5, abs=0.05), pytest.approx(3.3, abs=0.05))]
    assert [word.word for word in verbose.words] == ["when", "do", "you", "open", "on", "sunday"]
    times = [time for word in verbose.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert verbose.language == "english"
    assert verbose.duration == pytest.approx(4.3, abs=0.01)
    srt = heard("srt").strip().split("\n")
    assert srt[0] == "1"
    assert srt[1].startswith("00:00:00,")
    assert " --> 00:00:01," in srt[1]
    assert srt[2] == "when do you open"
    vtt = heard("vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.")
    assert vtt.count(" --> ") == 2


def test_a_transcription_is_streamed_stretch_by_stretch(world):
    client = world(scripts=[["when do you open", "on sunday"]]).client
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=recording(1.0, 0.8), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == "when do you open on sunday"


@pytest.mark.parametrize(("file", "fields", "status", "param"), [
    (b"this is no recording", {}, 400, "file"),
    (None, {}, 400, "file"),
    ("wav", {"response_format": "pdf"}, 422, "response_format"),
    ("wav", {"language": "ta"}, 400, "language"),
    ("wav", {"model": "nobody"}, 404, "model"),
    ("wav", {"colour": "red"}, 422, "colour"),
    ("long", {}, 413, "file"),
])
def test_what_cannot_be_heard_is_refused_by_name(world, file, fields, status, param):
    at = world(compatible={"audio_s": 3})
    data = {"wav": lambda: recording(0.5).read(), "long": lambda: recording(2.0, 2.0).read()}.get(file, lambda: file)()
    files = {"file": ("x.wav", data)} if data else {"other": ("x", b"x")}
    got, answer = at.ask("POST", "/v1/audio/transcriptions", files=files, data={"model": "auto", **fields})
    assert (got, answer["error"]["param"]) == (status, param), answer
    assert not at.given.recogniser.streams


def test_a_small_file_that_unfolds_to_gigabytes_takes_megabytes(monkeypatch):
    """Eight channels of silence at 96 kHz: 2.4 GB as they are. Calls must not die of somebody's recording."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 96_000, 8, "PCM_16", format="FLAC") as out:
        for _ in range(60):
            out.write(np.zeros((96_000, 8), np.int16))
    assert file.tell() < 60_000
    tracemalloc.start()
    try:
        pcm = decode(file.getvalue(), 16_000, 60.0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pcm) == 60 * 16_000
    assert most < 90e6  # whole: 240 MB


@pytest.mark.parametrize(("rate", "channels"), [(192_000, 1), (44_100, 9), (7000, 1)])
def test_a_recording_of_another_kind_is_refused_before_it_is_read(world, rate, channels):
    status, answer = world().ask("POST", "/v1/audio/transcriptions",
                                 files={"file": recording(0.2, rate=rate, channels=channels)})
    assert (status, answer["error"]["param"]) == (400, "file")


@given(st.sampled_from(RATES), st.integers(1, 250_000), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_part_by_part_gives_the_same_samples(rate, length, random):
    """Whatever the length: neither a sample more nor another one at the seams."""
    pcm = np.frombuffer(random.randbytes(2 * length), np.int16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sound, "PART_S", 1)
        assert np.array_equal(sound.resampled(pcm, rate, 16_000), resample(pcm, rate, 16_000))


@pytest.mark.parametrize(("form", "rate"), [("wav", 24000), ("flac", 24000), ("opus", 24000), ("mp3", 24000)])
def test_speech_in_files_that_others_can_read(world, form, rate):
    answer = world().client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
    pcm, found = soundfile.read(io.BytesIO(answer.content))
    assert len(pcm) / found == pytest.approx(len(TEXT) * CHAR_S, rel=0.15)
    assert found in (rate, 48000)  # Opus is always of 48 kHz


def test_plain_samples_and_telephone_samples(world):
    client = world().client
    pcm = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm").content
    telephone = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="mulaw").content
    assert len(pcm) // 2 / 24000 == pytest.approx(len(telephone) / 8000, rel=0.01)
    loud = np.abs(ulaw_decode(np.frombuffer(telephone, np.uint8)).astype(int)).max()
    assert loud == pytest.approx(3000, rel=0.1)


def test_speech_is_streamed_clause_by_clause(world):
    """The first clause is on its way while the second is not rendered."""
    tone = ToneVoice()
    at = world(tone=tone)
    with at.client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input=TEXT, response_format="pcm") as answer:
        first = next(answer.iter_bytes(1024))
        assert len(first) == 1024
    whole = b"".join(at.client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=TEXT, response_format="pcm").__enter__().iter_bytes())
    assert len(whole) / 2 / 24000 == pytest.approx(len(TEXT) * CHAR_S, rel=0.1)
    assert tone.rendered[:2] != [TEXT, TEXT]


def test_speech_as_events(world):
    answer = world().client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm",
                                                extra_body={"stream_format": "sse"})
    kinds = [json.loads(line[6:])["type"] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert kinds[-1] == "speech.audio.done"
    assert set(kinds[:-1]) == {"speech.audio.delta"}


@pytest.mark.parametrize("speed", [0.5, 1.5, 4.0])
def test_speech_at_another_tempo_is_so_much_longer_or_shorter(world, speed):
    pcm = world().client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="pcm",
                                             speed=speed).content
    assert len(pcm) / 2 / 24000 == pytest.approx(len(TEXT) * CHAR_S / speed, rel=0.1)


def test_voices_of_openai_stand_for_voices_that_there_are(world, gpt):
    """By configuration; a provider's name as the model means the provider itself."""
    gpt.audio = np.full(24000, 9000, np.int16)
    at = world(compatible={"voices": {"nova": "speaker:nova", "shimmer": ""}}, providers={
        "speaker": {"kind": "openai_speech", "base_url": f"{gpt.url}/v1", "api_key": gpt.key}})
    for model, name, wanted in (("tts-1", "nova", "nova"), ("speaker", "verse", "alloy"), ("speaker", "nova", "nova")):
        at.client.audio.speech.create(model=model, voice=name, input="Hello.", response_format="pcm")
        assert gpt.requests[-1].json["voice"] == wanted
    before = len(gpt.requests)
    at.client.audio.speech.create(model="tts-1", voice="shimmer", input="Hello.", response_format="pcm")
    assert len(gpt.requests) == before


@pytest.mark.parametrize(("change", "status", "param"), [
    ({"voice": "gandalf"}, 400, "voice"), ({"response_format": "aac"}, 400, "response_format"),
    ({"input": ""}, 422, "input"), ({"input": "..."}, 400, "input"), ({"input": "x" * 4097}, 422, "input"),
    ({"speed": 5}, 422, "speed"), ({"model": "nobody"}, 404, "model"),
])
def test_what_cannot_be_said_is_refused_by_name(world, change, status, param):
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello.", **change}
    got, answer = world().ask("POST", "/v1/audio/speech", body)
    assert (got, answer["error"]["param"]) == (status, param), answer


def test_a_voice_that_fails_has_a_status(world):
    at = world(tone=ToneVoice(nine=SpeechError("out of breath")))
    with pytest.raises(openai.InternalServerError, match="out of breath"):
        at.client.audio.speech.create(model="tts-1", voice="alloy", input="Nine.", response_format="pcm")
