"""Whose voice a Realtime client hears, and how fast."""

from dataclasses import replace

import pytest
from call_providers import CHAR_S, LookUp, ToneVoice, providers

from engine.agents.options import ROUTED
from engine.config import Config
from engine.realtime.voicing import Voicing
from engine.senses import Senses
from engine.speech.errors import VoiceUnavailable
from engine.voicenames import REALTIME, USUAL, built_in, configured

SAID = "One two three four."


class Named(ToneVoice):
    """A voice that is known by its name."""

    def __init__(self, name):
        super().__init__()
        self.name = name


class Choir:
    """``voice(name)`` makes voices; ``missing`` ones cannot be had."""

    def __init__(self, *missing):
        self.made = {}
        self.missing = missing

    def voice(self, name):
        if name in self.missing:
            raise VoiceUnavailable(f"install {name}")
        return self.made.setdefault(name, Named(name))


def written(client, text="when"):
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    client.send("conversation.item.create", item=item)


def answer(client):
    """A spoken answer; the seconds of its audio."""
    written(client)
    client.send("response.create")
    (item,) = client.wait_for("response.done")["response"]["output"]
    return client.heard_s(item["id"])


@pytest.fixture
def stage(place):
    """``with stage(choir, voices) as (at, own)``: an engine with these voices, and the agent's own."""
    from contextlib import contextmanager

    @contextmanager
    def open_stage(choir, voices):
        own = ToneVoice()
        with place(providers(brain=LookUp(when=SAID), tone=own), compatible={"voices": voices}) as at:
            at.engine.surroundings = replace(at.engine.surroundings, voice=choir.voice)
            yield at, own

    return open_stage


def test_the_voice_that_a_client_names_speaks(stage):
    """The operator's map says who that is; where nobody is named the agent's own voice speaks."""
    choir = Choir()
    with stage(choir, {"verse": "flite:awb", "anna": {"en": "flite:slt", "hi": "espeak-ng:hi"}}) as (at, own):
        for name, who in (("verse", "flite:awb"), ("anna", "flite:slt")):
            with at.client() as client:
                assert client.update(audio={"output": {"voice": name}})["audio"]["output"]["voice"] == name
                answer(client)
                assert choir.made[who].rendered == [SAID]
        with at.client() as client:
            answer(client)
    assert own.rendered == [SAID]


def test_a_voice_is_fixed_once_it_was_heard(stage):
    """Unknown names and late changes are refused by name, and the first voice goes on."""
    choir = Choir()
    with stage(choir, {"verse": "flite:awb", "sage": "flite:rms"}) as (at, own):
        with at.client() as client:
            client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "gandalf"}}})
            fault = client.wait_for("error")["error"]
            assert (fault["code"], fault["param"]) == ("invalid_value", "session.audio.output.voice")
            client.update(audio={"output": {"voice": "verse"}})
            answer(client)
            client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "sage"}}})
            assert client.wait_for("error")["error"]["code"] == "cannot_update_voice"
            client.update(audio={"output": {"voice": "verse"}})
            answer(client)
    assert choir.made["flite:awb"].rendered == [SAID, SAID] and not own.rendered


def test_a_voice_beside_the_conversation(stage):
    """A response may have a voice of its own; the conversation's is another."""
    choir = Choir()
    with stage(choir, {"verse": "flite:awb", "sage": "flite:rms"}) as (at, own):
        with at.client() as client:
            client.update(audio={"output": {"voice": "verse"}})
            written(client)
            client.send("response.create", response={"conversation": "none", "audio": {"output": {"voice": "sage"}}})
            assert client.wait_for("response.done")["response"]["audio"]["output"]["voice"] == "sage"
            assert choir.made["flite:rms"].rendered == [SAID]


def test_a_voice_that_cannot_be_had(stage):
    """The client is told once what to install, and hears the agent's own voice."""
    with stage(Choir("flite:awb"), {"verse": "flite:awb"}) as (at, own):
        with at.client() as client:
            client.update(audio={"output": {"voice": "verse"}})
            answer(client)
            answer(client)
            (fault,) = client.faults
            assert "install flite:awb" in fault["error"]["message"]
    assert own.rendered == [SAID, SAID]


@pytest.mark.parametrize("speed", [0.5, 1.5])
def test_speech_at_another_speed(place, speed):
    """It is so much longer or shorter, and what is said of its words stays true: a truncation finds them."""
    with place(providers(brain=LookUp(when=SAID))) as at:
        with at.client() as client:
            client.update(audio={"output": {"speed": speed}})
            heard_s = answer(client)
            assert heard_s == pytest.approx(len(SAID) * CHAR_S / speed, rel=0.12)
            item = client.of("response.output_item.done")[0]["item"]["id"]
            three = len("Onetwothree") / len("Onetwothreefour")  # words without times share the audio by letters
            client.send("conversation.item.truncate", item_id=item, content_index=0,
                        audio_end_ms=round(three * heard_s * 1000) + 60)
            client.wait_for("conversation.item.truncated")
            client.send("conversation.item.retrieve", item_id=item)
            assert client.wait_for("conversation.item.retrieved")["item"]["content"][0]["transcript"] == "One two three"
        (events,) = at.logs()
    (heard,) = [event for event in events if event["event"] == "agent_heard"]
    assert heard["text"] == "One two three"


def test_openai_names_have_a_voice_in_every_language():
    """Women speak for women, men for men; alloy is the voice of the place."""
    assert set(REALTIME) < set(USUAL)
    assert {built_in(name, "en") for name in USUAL} == {"", "flite:slt", "flite:rms", "flite:awb"}
    hindi = {name: built_in(name, "hi") for name in USUAL if name != "alloy"}
    assert all(voice.startswith("espeak-ng:hi+") for voice in hindi.values())
    for woman in ("ballad", "coral", "nova", "sage", "shimmer", "marin"):
        assert built_in(woman, "en") == "flite:slt" and "+f" in hindi[woman]


def test_the_operators_map_goes_by_language():
    voices = {"verse": {"en": "flite:awb", "*": "auto"}, "ash": "espeak-ng:de", "echo": {"hi": "espeak-ng:hi"}}
    assert configured("verse", "en", voices) == "flite:awb" and configured("verse", "ml", voices) == ""
    assert configured("ash", "ml", voices) == "espeak-ng:de"
    assert configured("echo", "en", voices) is None and configured("sage", "en", voices) is None


@pytest.mark.parametrize(("own", "spoken"), [("flite:slt", "flite:awb"), ("espeak-ng:hi", "flite:awb"),
                                             ("elevenlabs", "elevenlabs"), (ROUTED, ROUTED)])
def test_a_clients_default_undoes_no_better_voice(own, spoken):
    """SDKs name a voice without being asked to: it takes the place of an embedded voice only."""
    missing = []
    voicing = Voicing(Config(), Choir().voice, missing.append)
    senses = Senses(Config(), None, None, Named(own), None, None)
    voicing.use("verse", 1.0)
    assert voicing.voice(senses).name == spoken
    assert not missing


