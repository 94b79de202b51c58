"""Messages of carriers' streams, as their documents have them and as they really come."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.carriers.exotel_stream import ExotelStream
from engine.carriers.stream import LONGEST_MESSAGE, Audio, Key, Marked, Started, Stopped, StreamFault
from engine.carriers.twilio_stream import TwilioStream
from tests.fakes.exotel_media import ExotelMedia
from tests.fakes.twilio_media import TwilioMedia

# Twilio's documented messages, with its own placeholders.
TWILIO = [
    '{"event":"connected","protocol":"Call","version":"1.0.0"}',
    '{"event":"start","sequenceNumber":"1","start":{"accountSid":"ACXXXX","streamSid":"MZXXXX","callSid":"CAXXXX",'
    '"tracks":["inbound"],"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},'
    '"customParameters":{"FirstName":"Jane","LastName":"Doe","RemoteParty":"Bob"}},"streamSid":"MZXXXX"}',
    '{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","timestamp":"5",'
    '"payload":"no+JhoaJjpzS"},"streamSid":"MZXXXX"}',
    '{"event":"dtmf","streamSid":"MZXXXX","sequenceNumber":"5","dtmf":{"track":"inbound_track","digit":"1"}}',
    '{"event":"mark","sequenceNumber":"4","streamSid":"MZXXXX","mark":{"name":"my label"}}',
    '{"event":"stop","sequenceNumber":"5","stop":{"accountSid":"ACXXXX","callSid":"CAXXXX"},"streamSid":"MZXXXX"}',
]
EXOTEL = [
    '{"event":"connected"}',
    '{"event":"start","sequence_number":"1","stream_sid":"MZxxx","start":{"stream_sid":"MZxxx","call_sid":"CAxxx",'
    '"account_sid":"ACxxx","from":"+919876543210","to":"+918047491899","custom_parameters":{"key1":"value1"},'
    '"media_format":{"encoding":"audio/x-raw","sample_rate":"8000","bit_rate":"16"}}}',
    '{"event":"media","sequence_number":"3","stream_sid":"MZxxx","media":{"chunk":"2","timestamp":"200",'
    '"payload":"AAABAAIA"}}',
    '{"event":"dtmf","sequence_number":"7","stream_sid":"MZxxx","dtmf":{"digit":"5","duration":"100"}}',
    '{"event":"mark","sequence_number":"15","stream_sid":"MZxxx","mark":{"name":"my-label"}}',
    '{"event":"stop","sequence_number":"20","stream_sid":"MZxxx","stop":{"call_sid":"CAxxx","account_sid":"ACxxx",'
    '"reason":"callended"}}',
]


def started(wire, *more):
    for message in (TWILIO if isinstance(wire, TwilioStream) else EXOTEL)[:2]:
        wire.receive(message)
    return [wire.receive(message) for message in more]


def test_twilio_as_documented():
    """Rule: every message of the documents' page is understood, and numbers that are texts are no fault."""
    wire = TwilioStream()
    assert [wire.receive(message) for message in TWILIO] == [
        None,
        Started("MZXXXX", "CAXXXX", "ACXXXX", "", "", {"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"},
                "mulaw", 8000),
        Audio(base64.b64decode("no+JhoaJjpzS")), Key("1"), Marked("my label"), Stopped(),
    ]
    assert wire.receive(TWILIO[2]) is None, "nothing counts after stop"


def test_exotel_as_documented():
    """Rule: as for Twilio; who calls whom stands in start, and why it stops in stop."""
    wire = ExotelStream()
    assert [wire.receive(message) for message in EXOTEL] == [
        None,
        Started("MZxxx", "CAxxx", "ACxxx", "+919876543210", "+918047491899", {"key1": "value1"}, "pcm", 8000),
        Audio(b"\0\0\1\0\2\0"), Key("5", 100), Marked("my-label"), Stopped("callended"),
    ]


@pytest.mark.parametrize("form, rate, encoding", [
    ({"encoding": "audio/x-l16", "sample_rate": 16000}, 16000, "pcm"),
    ({"encoding": "raw", "sampleRate": "24000Hz"}, 24000, "pcm"),
    ({"encoding": "audio/x-l16;rate=8000", "sample-rate": "8000 hz", "bit_rate": "128kbps"}, 8000, "pcm"),
    ({"encoding": "audio/x-mulaw", "sample_rate": 8000.0}, 8000, "mulaw"),
    ({}, 16000, "pcm"),
    (None, 16000, "pcm"),
])
def test_exotel_formats_as_they_come(form, rate, encoding):
    """Rule: the documents disagree on names, units and types of the format; where there is none, the URL says it."""
    wire = ExotelStream(16000)
    start = {"streamSid": "s", "callSid": "c", "From": "1", "to": 2, "mediaFormat": form}
    told = wire.receive(json.dumps({"Event": "start", "start": start}))
    assert (told.rate, told.encoding, told.caller, told.called) == (rate, encoding, "1", "2")


def test_exotel_flat_messages_and_other_spellings():
    """Rule: Exotel's beta page has fields in the message itself, parameters in connected, and an event silence."""
    wire = ExotelStream()
    wire.receive('{"event":"connected","custom_parameters":{"agent":"support"}}')
    told = wire.receive('{"event":"start","stream_sid":"s","call_sid":"c","from":"1","start":{}}')
    assert told.parameters == {"agent": "support"} and told.call_sid == "c"
    assert wire.receive('{"event":"dtmf","digit":"5"}') == Key("5")
    assert wire.receive('{"event":"silence","duration":200}') is None
    assert wire.receive('{"event":"media","streamSid":"s","media":{"Payload":"AAA="}}') == Audio(b"\0\0")
    assert wire.receive('{"event":"closed"}') == Stopped()


@pytest.mark.parametrize("wire, message, field", [
    (TwilioStream, '{"event":"media","streamSid":"other","media":{"payload":""}}', "streamSid"),
    (TwilioStream, '{"event":"media","media":{"payload":"?"}}', "media.payload"),
    (TwilioStream, '{"event":"media","media":{}}', "media.payload"),
    (TwilioStream, '{"event":"media","media":[]}', "media"),
    (TwilioStream, '{"event":"dtmf","dtmf":{"digit":"12"}}', "dtmf.digit"),
    (TwilioStream, '{"event":"mark","mark":{}}', "mark.name"),
    (TwilioStream, '{"event":"media","sequenceNumber":"x","media":{"payload":""}}', "sequenceNumber"),
    (TwilioStream, TWILIO[1], "event"),
    (TwilioStream, '{"media":{}}', "event"),
    (TwilioStream, '{"event":true}', "event"),
    (TwilioStream, "[]", "message"),
    (TwilioStream, "{", "message"),
    (TwilioStream, "[" * 100_000, "message"),
    (TwilioStream, b"\xff\xfe{", "message"),
    (TwilioStream, '{"event":"' + "x" * LONGEST_MESSAGE + '"}', "message"),
    (ExotelStream, '{"event":"media","media":{"payload":"AAAA"}}', "media.payload"),
    (ExotelStream, '{"event":"media","stream_sid":"other","media":{"payload":""}}', "stream_sid"),
    (ExotelStream, '{"event":"dtmf","dtmf":{"digit":"5","duration":"-1"}}', "dtmf.duration"),
])
def test_faults_name_the_field(wire, message, field):
    """Rule: whoever writes to us wrongly is told where; the stream goes on as if the message had not come."""
    stream = wire()
    started(stream)
    with pytest.raises(StreamFault) as fault:
        stream.receive(message)
    assert fault.value.field == field and str(fault.value).startswith(field)
    good = TWILIO[2] if wire is TwilioStream else EXOTEL[2]
    assert isinstance(stream.receive(good), Audio)


@pytest.mark.parametrize("wire, message, field", [
    (TwilioStream, TWILIO[2], "event"),
    (TwilioStream, '{"event":"start"}', "start"),
    (TwilioStream, '{"event":"start","streamSid":"s","start":{"accountSid":"a"}}', "start.callSid"),
    (TwilioStream, TWILIO[1].replace("x-mulaw", "x-l16"), "start.mediaFormat"),
    (ExotelStream, EXOTEL[4], "event"),
    (ExotelStream, EXOTEL[1].replace('"8000"', '"44100"'), "start.media_format.sample_rate"),
    (ExotelStream, EXOTEL[1].replace("audio/x-raw", "opus"), "start.media_format.encoding"),
    (ExotelStream, '{"event":"start","start":{"stream_sid":"s"}}', "start.call_sid"),
])
def test_what_cannot_begin_a_stream(wire, message, field):
    """Rule: audio before start, or start of a format that we cannot hear, begins no call."""
    stream = wire()
    with pytest.raises(StreamFault) as fault:
        stream.receive(message)
    assert fault.value.field == field and stream.started is None


def test_parameters_that_nobody_expected():
    """Rule: a customer's odd parameter must not cost the call; it is shortened, or left out."""
    odd = {"name": "a\nb", "long": "x" * 600, "list": [], "number": 7}
    message = {"event": "start", "start": {"streamSid": "s", "callSid": "c", "customParameters": odd}}
    assert TwilioStream().receive(json.dumps(message)).parameters == {"name": "ab", "long": "x" * 500, "number": "7"}


def test_missing_messages_are_counted():
    """Rule: numbers say what was lost on the way; streams without numbers are no fault."""
    wire = ExotelStream()
    started(wire, '{"event":"media","sequence_number":5,"media":{"payload":""}}',
            '{"event":"media","media":{"payload":""}}',
            '{"event":"media","sequence_number":"6","media":{"payload":""}}')
    assert wire.sequence.missing == 3


def test_what_is_sent_is_what_the_carriers_take():
    """Rule: messages are those of the documents, and strict readers take them."""
    for wire, carrier, audio in ((TwilioStream(), TwilioMedia(0.0), b"\xff" * 160),
                                 (ExotelStream(), ExotelMedia(0.0), bytes(3200))):
        for message in carrier.opening():
            wire.receive(message)
        for message in (wire.audio(audio), wire.mark("a"), wire.clear()):
            carrier.take(message, 0.0)
    plain = ExotelStream(both_spellings=False)
    started(plain)
    assert plain.clear() == '{"event":"clear","stream_sid":"MZxxx"}'
    for wrong in (bytes(3199), bytes(100_160), b""):
        with pytest.raises(ValueError):
            plain.audio(wrong)


NAMES = st.sampled_from(["event", "start", "media", "stop", "mark", "dtmf", "payload", "name", "digit", "streamSid",
                         "stream_sid", "callSid", "call_sid", "customParameters", "mediaFormat", "media_format",
                         "sampleRate", "encoding", "sequenceNumber", "track", "connected", "from", "to", "duration"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), NAMES,
              st.sampled_from(["AAAA", "8000", "audio/x-mulaw", "MZXXXX", "1"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)), max_leaves=12)


@given(st.sampled_from([TwilioStream, ExotelStream]), st.booleans(),
       st.lists(st.one_of(st.dictionaries(NAMES, VALUES, max_size=6).map(json.dumps), st.text(max_size=30),
                          st.binary(max_size=30)), max_size=8))
def test_garbage_raises_nothing_but_stream_faults(wire, begun, messages):
    """Rule: whatever comes from outside is understood, ignored or a ``StreamFault``; state stays sound."""
    stream = wire()
    if begun:
        started(stream)
    for message in messages:
        try:
            event = stream.receive(message)
        except StreamFault as fault:
            assert fault.field
            continue
        assert event is None or stream.started is not None
        assert event is None or isinstance(event, Started | Audio | Key | Marked | Stopped)
