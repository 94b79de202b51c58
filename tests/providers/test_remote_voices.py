"""Voices behind HTTP against strict fakes: audio as it comes, cut anywhere, and clear faults for what is no audio."""

import io
import struct
import wave

import gevent
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.providers import AUDIO_RATES_HZ, ElevenLabsOptions, HttpTtsOptions, OpenAiSpeechOptions
from engine.errors import ProviderFault
from engine.media.ledger import Ledger
from engine.media.resample import RATES, STREAM_RATES
from engine.net.credentials import Key
from engine.speech.interfaces import WordTime
from engine.speech.tts.elevenlabs import ElevenLabs, Words
from engine.speech.tts.http_tts import HttpTts
from engine.speech.tts.openai_speech import OpenAiSpeech
from engine.speech.tts.pcm_stream import PcmStream
from engine.speech.tts.remote import STREAMED_RATES_HZ
from tests.providers import fake_elevenlabs, fake_openai
from tests.providers.fake_elevenlabs import FakeElevenLabs
from tests.providers.fake_http import FakeHttp, Request, Response, error, settle
from tests.providers.fake_openai import FakeOpenAi

TONE = (np.arange(24000) % 24 * 700 - 8400).astype(np.int16)
"""A second at 24 kHz, loud from the first sample to the last."""


def wav(pcm: np.ndarray, rate: int, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(pcm.astype("<i2").tobytes())
    return out.getvalue()


class FakePiper(FakeHttp):
    """A simple voice server; ``piece`` bytes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = wav(TONE, 22050)
        self.kind = "audio/wav"
        self.piece = 1 << 20
        self.chunked = False

    def answer(self, request: Request) -> Response:
        fields = request.json if request.method == "POST" else request.query
        if set(fields) - {"text", "voice", "length_scale"} or not fields["text"]:
            return error(400, {"error": "unknown field"})
        pieces = [self.sound[at:at + self.piece] for at in range(0, len(self.sound), self.piece)]
        return Response(200, self.kind, iter(pieces) if self.chunked else pieces, chunked=self.chunked)


@pytest.fixture
def openai(started):
    server = started(FakeOpenAi())
    server.audio = TONE
    return server


@pytest.fixture
def piper(started):
    return started(FakePiper())


@pytest.fixture
def eleven(started):
    return started(FakeElevenLabs())


@pytest.fixture
def nova(openai, started):
    def nova(key=fake_openai.KEY, **options):
        settings = OpenAiSpeechOptions(base_url=f"{openai.url}/v1", **options)
        return started(OpenAiSpeech("nova", settings, Key("Authorization", f"Bearer {key}")))

    return nova


@pytest.fixture
def simple(piper, started):
    return lambda **options: started(HttpTts("piper", HttpTtsOptions(base_url=piper.url, **options), Key()))


@pytest.fixture
def rachel(eleven, started):
    def rachel(key=fake_elevenlabs.KEY, **options):
        settings = ElevenLabsOptions(base_url=eleven.url, voice=options.pop("voice", "voice1"), **options)
        return started(ElevenLabs("rachel", settings, Key("xi-api-key", key)))

    return rachel


def audio(chunks) -> np.ndarray:
    return np.concatenate([chunk.pcm for chunk in chunks])


def fault_of(voice, text: str = "Hello there.") -> ProviderFault:
    with pytest.raises(ProviderFault) as caught:
        list(voice.render(text))
    return caught.value


def test_what_the_options_allow_is_what_the_engine_plays():
    assert (AUDIO_RATES_HZ, STREAMED_RATES_HZ) == (RATES, STREAM_RATES)


# ---------------------------------------------------------------- OpenAI-compatible


def test_audio_is_passed_on_as_it_comes(openai, nova):
    """The caller hears the beginning while the rest is being rendered."""
    openai.each_s = 0.02
    chunks = nova().render("Hello there.")
    first = next(chunks)
    assert openai.running == 1 and first.rate == 24000
    assert np.array_equal(np.concatenate([first.pcm, audio(chunks)]), TONE)


def test_the_request_is_what_the_service_wants(openai, nova):
    list(nova(instructions="Calm.", speed=1.25, extra={"stream_format": "audio"}).render("Hello."))
    assert openai.requests[-1].json == {
        "model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hello.", "response_format": "pcm",
        "instructions": "Calm.", "speed": 1.25, "stream_format": "audio"}
    list(nova(model="kokoro", voice="nova").render("Hello."))
    assert openai.requests[-1].json == {"model": "kokoro", "voice": "nova", "input": "Hello.", "response_format": "pcm"}


@pytest.mark.parametrize("packet", [1, 7, 333])
def test_packets_may_cut_a_sample_in_two(openai, nova, packet):
    openai.audio, openai.packet = TONE[:2000], packet
    data = openai.audio.tobytes()
    openai.audio_pieces = [data[at:at + 333] for at in range(0, len(data), 333)]
    assert np.array_equal(audio(nova().render("Hello there.")), TONE[:2000])


def test_silence_at_the_ends_is_cut_and_loudness_set(openai, nova):
    """What a voice leaves before the first word is waiting time for the caller."""
    silence = np.zeros(12000, np.int16)
    openai.audio = np.concatenate([silence, TONE, silence])
    pcm = audio(nova(gain_db=-6.0206).render("Hello there."))
    assert len(TONE) < len(pcm) <= len(TONE) + 24 * 140
    assert abs(int(np.abs(pcm).max()) - 4200) <= 2


def test_connections_are_warmed_and_used_again(openai, nova):
    voice = nova()
    voice.warm()
    settle()
    for _ in range(3):
        list(voice.render("Hello there."))
    assert openai.connections == 1


def test_a_clause_without_a_word_asks_nothing(openai, nova):
    assert list(nova().render(" ... ")) == []
    assert not openai.requests


@pytest.mark.parametrize("stage", ["head", "middle"])
def test_killing_the_greenlet_ends_the_request(openai, nova, stage):
    openai.latency_s = 60 if stage == "head" else 0
    openai.stall_after = 2
    greenlet = gevent.spawn(lambda: list(nova().render("Hello there.")))
    with gevent.Timeout(2):
        while not openai.running:
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    greenlet.kill()
    assert openai.gone.wait(2)


def test_closing_the_iterator_ends_the_request(openai, nova):
    openai.stall_after = 3
    chunks = nova().render("Hello there.")
    next(chunks)
    chunks.close()
    assert openai.gone.wait(2)


def test_killing_a_greenlet_that_is_busy_with_a_chunk_ends_the_request(openai, nova):
    openai.stall_after = 3

    def reader():
        for _ in nova().render("Hello there."):
            gevent.sleep(60)

    greenlet = gevent.spawn(reader)
    with gevent.Timeout(2):
        while not openai.running:
            gevent.sleep(0.005)
    gevent.sleep(0.02)
    greenlet.kill()
    assert openai.gone.wait(2)


@pytest.mark.parametrize(("knob", "value", "kind", "said"), [
    ("latency_s", 60, "timeout", "no answer after 0.1 s"),
    ("first_s", 60, "timeout", "no answer after 0.1 s"),
    ("stall_after", 3, "timeout", "not complete after 0.4 s"),
    ("break_after", 3, "broken", "broke off"),
    ("audio", np.zeros(0, np.int16), "broken", "no audio"),
    ("audio", np.zeros(9000, np.int16), "broken", "no audio"),
    ("audio_pieces", [b"\x01"], "broken", "no audio"),
    ("audio_pieces", [b"<!DOCTYPE html><html>", b"x" * 1000], "broken", "a web page, not PCM"),
    ("audio_pieces", [b'{"err', b'or": "out of memory"}'], "broken", "JSON, not PCM"),
    ("audio_pieces", [b"ID3\x04", b"\0" * 999], "broken", "MP3, not PCM"),
    ("audio_pieces", [wav(TONE, 12500)], "broken", "12500 Hz"),
    ("audio_pieces", [wav(TONE, 24000)[:30]], "broken", "a WAV that ends in its header"),
    ("fail_with", Response(200, "text/html", [b"<html>Hello</html>"]), "broken", "text/html, not with audio"),
    ("fail_with", Response(200, "application/json", [b'{"ok": false}']), "broken", 'not with audio: {"ok": false}'),
    ("fail_with", Response(200, "audio/pcm; rate=16000", [TONE.tobytes()]), "broken", "16000 Hz: correct rate_hz"),
    ("fail_with", Response(200, "audio/mpeg", [b"\xff\xf3\x84\xc4" + b"\0" * 400]), "broken", "MP3"),
    ("fail_with", error(429, {"error": {"message": "Please try again in 1m2.5s"}}), "rate_limit", "HTTP 429"),
])
def test_what_goes_wrong_has_its_kind(openai, nova, knob, value, kind, said):
    """Played as samples, a web page is a second of loud noise."""
    setattr(openai, knob, value)
    times = {"first_byte_timeout_s": 0.1} if "0.1 s" in said else {"total_timeout_s": 0.4} if kind == "timeout" else {}
    fault = fault_of(nova(**times))
    assert (fault.kind, fault.provider) == (kind, "nova")
    assert said in str(fault)


def test_samples_that_look_like_mp3_are_samples(openai, nova):
    """The sync word of MP3 is also the sample -1025; only where MP3 is announced is it one."""
    openai.audio = np.concatenate([np.full(10, -1025, np.int16), TONE])
    assert len(audio(nova().render("Hello there."))) == len(TONE) + 10


def test_a_proxy_that_calls_everything_mp3_is_believed_by_its_bytes(openai, nova):
    openai.fail_with = Response(200, "audio/mpeg", [TONE.tobytes()])
    assert np.array_equal(audio(nova().render("Hello there.")), TONE)


@pytest.mark.parametrize(("options", "kind", "said"), [
    ({"key": "wrong"}, "auth", "check the key"), ({"voice": "none"}, "refused", "Invalid voice: none"),
    ({"extra": {"pitch": 3}}, "refused", "pitch"), ({"model": "tts-9"}, "refused", "does not exist"),
])
def test_what_the_service_refuses_is_told(nova, options, kind, said):
    fault = fault_of(nova(**options))
    assert fault.kind == kind and said in str(fault)


def test_an_endless_clause_is_refused_before_it_is_sent(openai, nova):
    assert fault_of(nova(), "no " * 1000).kind == "refused"
    assert not openai.requests


# ---------------------------------------------------------------- simple servers


@pytest.mark.parametrize(("piece", "chunked", "packet"), [
    (1 << 20, False, 0), (1000, True, 0), (3, True, 0), (1 << 20, False, 13)])
def test_a_wav_may_come_in_any_pieces(piper, simple, piece, chunked, packet):
    """Its header, too, and with its own rate."""
    piper.sound, piper.piece, piper.chunked, piper.packet = wav(TONE[:3000], 22050), piece, chunked, packet
    chunks = list(simple().render("Hello there."))
    assert {chunk.rate for chunk in chunks} == {22050}
    assert np.array_equal(audio(chunks), TONE[:3000])


@pytest.mark.parametrize(("rate", "streamed"), [(22050, False), (44100, False), (16000, True), (24000, True)])
def test_audio_that_cannot_be_resampled_in_pieces_comes_whole(piper, simple, rate, streamed):
    """Each seam of two pieces would be a click in the caller's ear."""
    piper.sound, piper.piece, piper.chunked = wav(TONE, rate), 5000, True
    chunks = list(simple().render("Hello there."))
    assert (len(chunks) > 1) is streamed and np.array_equal(audio(chunks), TONE)


def test_piper_is_asked_in_its_own_way(piper, simple):
    list(simple(voice="en_US-lessac-medium", extra={"length_scale": 0.9}).render("Hello."))
    request = piper.requests[-1]
    assert (request.method, request.path) == ("POST", "/")
    assert request.json == {"text": "Hello.", "voice": "en_US-lessac-medium", "length_scale": 0.9}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_text_can_be_sent(piper, simple, method):
    assert list(simple(method=method).render("a\ud800 \0\r\nHost: x"))
    assert len(piper.requests) == 1 and piper.requests[0].headers["host"] != "x"


def test_a_server_may_be_asked_by_get(piper, simple):
    list(simple(method="GET").render("Où est la gare?"))
    assert piper.requests[-1].query == {"text": "Où est la gare?"}


def test_raw_samples_have_the_rate_of_the_options(piper, simple):
    piper.sound, piper.kind = TONE.astype("<i2").tobytes(), "application/octet-stream"
    chunks = list(simple(response="pcm", rate_hz=16000).render("Hello."))
    assert chunks[0].rate == 16000 and np.array_equal(audio(chunks), TONE)


@pytest.mark.parametrize(("sound", "said"), [
    (TONE.tobytes(), "not a WAV"), (wav(TONE, 22050, channels=2), "not 16-bit mono PCM"),
    (wav(TONE, 22050, width=1), "not 16-bit mono PCM"), (wav(TONE, 22050)[:20], "ends in its header"),
    (b"RIFF\0\0\0\0WAVEjunk" + struct.pack("<I", 1 << 30) + b"\0" * 9000, "without samples"), (b"", "no audio"),
])
def test_what_is_no_wav_is_a_clear_fault(piper, simple, sound, said):
    piper.sound = sound
    fault = fault_of(simple())
    assert fault.kind == "broken" and said in str(fault)


def test_an_answer_shorter_than_promised_is_broken(piper, simple):
    """A server that dies while it renders must not pass for one that is done."""
    piper.break_after = 1
    piper.fail_with = Response(200, "audio/wav", [piper.sound[:5000], b""], {"Content-Length": "99999"}, chunked=False)
    assert fault_of(simple()).kind == "broken"


@given(st.binary(max_size=600), st.lists(st.integers(1, 50), min_size=1), st.booleans())
def test_any_bytes_in_any_pieces_give_the_same_samples(data, sizes, as_wav):
    """Network pieces must not decide what is heard; and bytes from outside never cause another error."""
    if as_wav:
        data = wav(np.frombuffer(data[:len(data) // 2 * 2], "<i2"), 8000)

    def read(pieces) -> list[int] | str:
        stream = PcmStream(8000, wav=as_wav)
        try:
            samples = [*(int(s) for piece in pieces for s in stream.feed(piece)), *map(int, stream.finish())]
        except ValueError as fault:
            return str(fault)
        return samples

    pieces, at = [], 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at:at + size])
        at += size
    assert read(pieces) == read([data])


# ---------------------------------------------------------------- ElevenLabs


def test_words_have_their_times(eleven, rachel):
    """The ledger writes down what the caller heard when he interrupts."""
    text = "Good morning, how are you?"
    chunks = list(rachel().render(text))
    words = [word for chunk in chunks for word in chunk.words]
    assert [text[word.start_char:word.end_char] for word in words] == text.split()
    assert words[1] == WordTime(5, 13, 5 * 800, 13 * 800)
    assert np.array_equal(audio(chunks), eleven.audio(text, 16000))
    assert chunks[0].words[0] == WordTime(0, 4, 0, 4 * 800)


@pytest.mark.parametrize("letters", [1, 2, 7, 100])
@pytest.mark.parametrize("twice", [False, True])
def test_lines_may_cut_words_and_tell_them_twice(eleven, rachel, letters, twice):
    eleven.letters_a_line, eleven.twice = letters, twice
    words = [word for chunk in rachel().render("the cat and the dog") for word in chunk.words]
    assert [(word.start_char, word.end_char) for word in words] == [(0, 3), (4, 7), (8, 11), (12, 15), (16, 19)]
    assert [word.end_sample for word in words] == [800 * end for end in (3, 7, 11, 15, 19)]


def test_times_fit_the_audio_after_trimming(eleven, rachel):
    """Silence cut off the start moves every word."""
    eleven.letter_s = 0.1
    chunks = list(rachel().render("  one two"))
    words = [word for chunk in chunks for word in chunk.words]
    assert words[0].start_sample == 160
    assert words[1].end_sample == len(audio(chunks))


def test_the_ledger_credits_only_words_that_were_played(rachel):
    text = "one two three four"
    ledger = Ledger(16000)
    for number, chunk in enumerate(rachel().render(text)):
        (ledger.add(text, chunk.pcm, chunk.words) if number == 0 else ledger.extend(chunk.pcm, chunk.words))
    ledger.clause_done()
    assert ledger.heard(7 * 800 - 1) == "one" and ledger.heard(7 * 800) == "one two"
    assert ledger.heard(18 * 800) == text


@pytest.mark.parametrize("timestamps", [True, False])
def test_audio_comes_without_times_too(eleven, rachel, timestamps):
    eleven.aligned = False
    chunks = list(rachel(timestamps=timestamps, rate_hz=24000, language="en", query={"enable_logging": "false"},
                         extra={"voice_settings": {"stability": 0.4}}).render("Hello there."))
    assert all(chunk.words == () and chunk.rate == 24000 for chunk in chunks)
    assert np.array_equal(audio(chunks), eleven.audio("Hello there.", 24000))
    request = eleven.requests[-1]
    assert request.path == "/v1/text-to-speech/voice1/stream" + ("/with-timestamps" if timestamps else "")
    assert request.query == {"output_format": "pcm_24000", "enable_logging": "false"}
    assert request.json == {"text": "Hello there.", "model_id": "eleven_flash_v2_5", "language_code": "en",
                            "voice_settings": {"stability": 0.4}}


@pytest.mark.parametrize(("line", "kind"), [
    (b"<html>\n", "broken"), (b"[]\n", "broken"), (b'{"audio_base64": "!"}\n', "broken"),
    (b'{"audio_base64": "", "alignment": {"characters": ["a"]}}\n', "broken"),
    (b'{"audio_base64": "", "alignment": {"characters": ["a"], "character_start_times_seconds": [0],'
     b' "character_end_times_seconds": []}}\n', "broken"),
    (b'{"detail": {"code": "rate_limit_exceeded", "message": "Retry in 2 seconds"}}\n', "rate_limit"),
    (b'{"audio_base64": "", "alignment": null}\n', "broken"),
    (b"x" * ((1 << 22) + 1), "broken"),
])
def test_lines_that_are_not_theirs_have_their_kind(eleven, rachel, line, kind):
    eleven.lines = [line]
    assert fault_of(rachel()).kind == kind


@pytest.mark.parametrize(("options", "kind", "said"), [
    ({"key": "wrong"}, "auth", "invalid_api_key"), ({"voice": "nobody"}, "refused", "voice_not_found"),
    ({"model": "eleven_v9"}, "refused", "eleven_v9"), ({"rate_hz": 11025}, "refused", "output_format"),
    ({"extra": {"speed": 2}}, "refused", "speed"),
])
def test_what_elevenlabs_refuses_is_told(rachel, options, kind, said):
    fault = fault_of(rachel(**options))
    assert fault.kind == kind and said in str(fault)


@pytest.mark.parametrize(("response", "kind"), [
    (error(401, {"detail": {"status": "quota_exceeded", "message": "You have 0 credits left"}}), "auth"),
    (error(429, {"detail": {"status": "too_many_concurrent_requests", "message": "x"}}), "rate_limit"),
    (error(429, {"detail": {"status": "system_busy", "message": "x"}}), "unavailable"),
    (error(500, {"detail": "Internal Server Error"}), "unavailable"),
])
def test_errors_of_elevenlabs_have_their_kind(eleven, rachel, response, kind):
    eleven.fail_with = response
    assert fault_of(rachel()).kind == kind


@given(st.text(st.sampled_from("ab .,é"), max_size=40), st.integers(1, 9))
def test_word_times_follow_the_text(text, size):
    """Whatever the cuts: each word once, in order, with the times of its first and last letter."""
    words, found = Words(text, 1000), []
    for at in range(0, len(text), size):
        piece = text[at:at + size]
        found += words.add({
            "characters": list(piece), "character_start_times_seconds": [at + n for n in range(len(piece))],
            "character_end_times_seconds": [at + n + 1 for n in range(len(piece))]})
    found += words.finish()
    assert [text[w.start_char:w.end_char] for w in found] == text.split()
    assert all((w.start_sample, w.end_sample) == (w.start_char * 1000, w.end_char * 1000) for w in found)


# ---------------------------------------------------------------- the name, for the phrase cache


def test_the_name_changes_with_all_that_is_heard_and_with_nothing_else(nova):
    """It keys the phrase cache: a greeting kept in the old voice would go on for ever."""
    plain = nova().name
    for options in ({"voice": "nova"}, {"model": "kokoro"}, {"speed": 1.1}, {"instructions": "x"}, {"gain_db": 1.0},
                    {"extra": {"a": 1}}, {"rate_hz": 16000}):
        assert nova(**options).name != plain
    assert nova(total_timeout_s=9, api_key="other", headers={"a": "b"}).name == plain
    assert "other" not in nova(api_key="other").name
