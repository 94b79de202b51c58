"""The caller's turns in a Realtime session: audio, voice activity, commits, transcripts."""

import base64

import pytest

from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime.items import Bounds
from tests.realtime.realtime_script import MS_100, Session, error_of, kinds

TRANSCRIBED = {"audio": {"input": {"transcription": {"model": "local"}}}}
BY_HAND = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "local"}}}}
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"


def spoken(session: Session, seconds: int = 3) -> None:
    for _ in range(seconds * 10):
        session.write(MS_100)


def test_a_turn_by_voice_activity():
    """Rule: started with the prefix, stopped, committed, added, done, one item id in all of them; the item has no audio
    bytes; words come when they come."""
    session = Session(TRANSCRIBED)
    spoken(session)
    sent = session.tell(happen.SpeechStarted(1000), happen.SpeechStopped(2400), happen.TurnEnded(2600, text="hello"),
                        happen.Transcribed("Hello there.", True, "en", 1.4))
    assert kinds(sent) == [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
        "conversation.item.added", "conversation.item.done", COMPLETED]
    started, stopped, committed, added, done, completed = sent
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (700, 2400)
    assert {e.get("item_id", e.get("item", {}).get("id")) for e in sent} == {"item_1"}
    assert committed["previous_item_id"] is None
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": "hello"}]
    assert (completed["transcript"], completed["usage"]) == ("Hello there.", {"type": "duration", "seconds": 1.4})
    assert session.protocol.items_for_model()[0]["content"][0]["transcript"] == "Hello there."


def test_a_pause_inside_a_turn_is_not_told():
    """Rule: speech_stopped belongs to the end of the turn; each start has one stop with the same item."""
    session = Session()
    sent = session.tell(happen.SpeechStarted(1000), happen.SpeechStopped(1500), happen.SpeechStarted(1900),
                        happen.SpeechStopped(2500), happen.TurnEnded(2600))
    assert kinds(sent)[:3] == [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert sent[1]["audio_end_ms"] == 2500


def test_a_turn_that_was_never_told_of_is_told_whole():
    """Rule: clients key everything on speech_started and speech_stopped; a commit out of nowhere confuses them."""
    sent = Session().tell(happen.TurnEnded(2000, from_ms=1200))
    assert kinds(sent)[:3] == [
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert (sent[0]["audio_start_ms"], sent[1]["audio_end_ms"]) == (1200, 2000)


def test_what_was_no_turn_ends_without_an_item():
    """Rule: a client that has seen speech start must see it stop."""
    session = Session()
    sent = session.tell(happen.SpeechStarted(1000), happen.TurnDropped(1300), happen.TurnDropped(1400))
    assert kinds(sent) == ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
    assert session.tell(happen.SpeechStarted(2000))[0]["item_id"] != sent[0]["item_id"]


def test_times_do_not_run_backwards():
    """Rule: the prefix of a turn does not reach into the turn before it."""
    session = Session()
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000))
    assert session.tell(happen.SpeechStarted(2100))[0]["audio_start_ms"] == 2000


def test_words_come_live_and_all_of_them_once_the_item_is_there():
    """Rule: deltas of a running turn name the item that speech_started named; completed comes after the item."""
    session = Session(TRANSCRIBED)
    sent = session.tell(happen.SpeechStarted(1000), happen.Transcribed("Hello", False),
                        happen.Transcribed(" there", False), happen.Transcribed("Hello, there.", True),
                        happen.TurnEnded(2000))
    assert [e["delta"] for e in sent if e["type"] == DELTA] == ["Hello", " there"]
    assert {e["item_id"] for e in sent if e["type"] == DELTA} == {sent[0]["item_id"]}
    assert kinds(sent)[-2:] == ["conversation.item.done", COMPLETED]


def test_late_words_belong_to_the_item_that_waits_for_them():
    """Rule: a final that comes when the caller has begun to speak again is of the item before."""
    session = Session(TRANSCRIBED)
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000), happen.SpeechStarted(3000))
    (late,) = session.tell(happen.Transcribed("the first turn", True))
    assert (late["type"], late["item_id"]) == (COMPLETED, "item_1")
    session.tell(happen.Transcribed("the second", False), happen.TurnEnded(4000))
    assert session.tell(happen.Transcribed("the second turn", True))[0]["item_id"] == "item_2"


def test_words_before_a_turn_is_told_of_are_its_words():
    """Rule: while the agent speaks, a turn is told of when the interruption is certain; its words may be complete."""
    session = Session(TRANSCRIBED)
    assert session.tell(happen.Transcribed("stop please", True)) == []
    sent = session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000, text="stop please"))
    assert (kinds(sent)[-1], sent[-1]["transcript"]) == (COMPLETED, "stop please")


def test_words_of_a_cough_are_not_those_of_the_next_turn():
    """Rule: what was said and did not count must not turn up in another item."""
    session = Session(TRANSCRIBED)
    session.tell(happen.Transcribed("uh-huh", True))
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000, text="what about prices"))
    assert session.protocol.items_for_model()[0]["content"][0]["transcript"] == "what about prices"
    assert session.tell(happen.Transcribed("What about prices?", True))[0]["transcript"] == "What about prices?"


def test_transcripts_are_told_only_to_those_who_asked():
    """Rule: transcription null means none of its events; the model knows the words all the same."""
    session = Session()
    sent = session.tell(happen.SpeechStarted(1000), happen.Transcribed("hello", False), happen.TurnEnded(2000),
                        happen.Transcribed("hello there", True))
    assert not [e for e in sent if "transcription" in e["type"]]
    assert session.protocol.items_for_model()[0]["content"][0]["transcript"] == "hello there"


def test_a_recogniser_that_fails_is_told_of():
    """Rule: transcription.failed names the item; its error has no nulls (zod)."""
    session = Session(TRANSCRIBED)
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000))
    (failed,) = session.tell(happen.TranscriptionFailed("no recogniser"))
    assert (failed["item_id"], failed["error"]["message"]) == ("item_1", "no recogniser")


def test_words_of_a_deleted_item_are_not_told():
    """Rule: a client that deleted an item does not know it any more; its words go nowhere."""
    session = Session(TRANSCRIBED)
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2000))
    session.client("conversation.item.delete", item_id="item_1")
    assert session.tell(happen.Transcribed("hel", False), happen.Transcribed("hello", True),
                        happen.Transcribed("hello", True, item_id="item_1")) == []


def test_silence_that_is_too_long():
    """Rule: timeout_triggered, then an item of its own is committed; the reply follows as any."""
    session = Session({"audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}}})
    sent = session.tell(happen.TurnEnded(9000, from_ms=3000, idle=True))
    assert kinds(sent) == ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed",
                           "conversation.item.added", "conversation.item.done"]
    assert (sent[0]["audio_start_ms"], sent[0]["audio_end_ms"]) == (3000, 9000)
    assert session.protocol.items_for_model() == ()


# ---------------------------------------------------------------- turns that the client ends


def test_audio_is_heard_without_an_answer():
    """Rule: append has no acknowledgement; the engine gets the bytes in whole samples."""
    session = Session()
    assert session.write(b"\x01\x02\x03") == session.write(b"\x04") == []
    assert session.orders == [order.Hear(b"\x01\x02"), order.Hear(b"\x03\x04")]


def test_commit_makes_an_item_and_no_response():
    """Rule: with turn detection off the client ends the turn; the words follow, a response only if it is asked for."""
    session = Session(BY_HAND)
    spoken(session, 1)
    sent = session.client("input_audio_buffer.commit")
    assert kinds(sent) == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert session.orders[-1] == order.CommitInput("item_1")
    assert session.tell(happen.Transcribed("hello", True))[0]["item_id"] == "item_1"
    assert session.tell(happen.SpeechStarted(100), happen.SpeechStopped(900), happen.TurnEnded(950)) == []


@pytest.mark.parametrize("audio", [b"", bytes(48 * 99)])
def test_next_to_no_audio_is_no_turn(audio):
    """Rule: under 100 ms is input_audio_buffer_commit_empty, also for what is left after a commit or a clear."""
    session = Session(BY_HAND)
    session.write(audio)
    assert error_of(session.client("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    spoken(session, 1)
    session.client("input_audio_buffer.commit")
    assert error_of(session.client("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"
    spoken(session, 1)
    assert kinds(session.client("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert session.orders[-1] == order.ClearInput()
    assert error_of(session.client("input_audio_buffer.commit"))["code"] == "input_audio_buffer_commit_empty"


def test_a_client_may_end_a_turn_that_is_being_heard():
    """Rule: commit with turn detection on ends the running speech, as the same item."""
    session = Session()
    spoken(session)
    started = session.tell(happen.SpeechStarted(1000))[0]
    sent = session.client("input_audio_buffer.commit")
    assert kinds(sent)[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert {sent[0]["item_id"], sent[1]["item_id"]} == {started["item_id"]}


def test_live_words_where_a_transcription_session_ends_turns_itself():
    """Rule: live captions with turn detection off: deltas have the id that the commit will give the item."""
    session = Session({"type": "transcription", **BY_HAND})
    spoken(session, 1)
    (delta,) = session.tell(happen.Transcribed("hello", False))
    committed, *_ = session.client("input_audio_buffer.commit")
    assert (committed["type"], committed["item_id"]) == ("input_audio_buffer.committed", delta["item_id"])
    assert session.tell(happen.Transcribed("hello there", True))[0]["item_id"] == delta["item_id"]


def test_base64_is_checked():
    """Rule: what is no base64 is an error, not silence."""
    error = error_of(Session().client("input_audio_buffer.append", audio="*"))
    assert (error["code"], error["param"]) == ("invalid_value", "audio")


# ---------------------------------------------------------------- audio that is kept


def kept(session: Session, item_id: str) -> bytes | None:
    (event,) = session.client("conversation.item.retrieve", item_id=item_id)
    found = event["item"]["content"][0].get("audio")
    return found and base64.b64decode(found)


def test_retrieve_gives_the_audio_of_the_turn():
    """Rule: SDKs retrieve an item after each transcript; its audio is what was written between its two times."""
    session = Session()
    for number in range(30):
        session.write(bytes([number]) * 4800)
    session.tell(happen.SpeechStarted(1000), happen.SpeechStopped(2000), happen.TurnEnded(2000))
    assert kept(session, "item_1") == b"".join(bytes([n]) * 4800 for n in range(7, 20))


def test_what_came_after_a_turn_is_in_the_next():
    """Rule: a turn is committed when audio of the next is in the buffer already; none of it is lost or told twice."""
    session = Session()
    for number in range(30):
        session.write(bytes([number]) * 4800)
    session.tell(happen.SpeechStarted(600), happen.TurnEnded(1000))
    session.tell(happen.SpeechStarted(1400), happen.TurnEnded(2000))
    assert kept(session, "item_2") == b"".join(bytes([n]) * 4800 for n in range(11, 20))


def test_a_client_may_commit_what_came_after_a_turn():
    """Rule: audio behind a turn that was found is still in the buffer, and no more than that."""
    session = Session()
    spoken(session)
    session.tell(happen.SpeechStarted(1000), happen.TurnEnded(2500))
    assert session.client("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"
    assert len(kept(session, "item_2")) == 500 * 48


def test_kept_audio_is_bounded_and_its_lack_is_no_error():
    """Rule: the oldest audio goes first; its item is retrieved without."""
    session = Session(BY_HAND, bounds=Bounds(audio_bytes=10_000))
    for _ in range(3):
        session.write(bytes(4800))
        session.client("input_audio_buffer.commit")
    assert [kept(session, f"item_{n}") is not None for n in (1, 2, 3)] == [False, True, True]


def test_a_long_turn_is_counted_though_its_audio_is_not_kept():
    """Rule: bounds are for bytes; time goes on."""
    session = Session(BY_HAND, bounds=Bounds(audio_bytes=10_000))
    spoken(session)
    assert session.protocol.input_ms == 3000
    session.client("input_audio_buffer.commit")
    assert len(kept(session, "item_1")) <= 10_000


# ---------------------------------------------------------------- phone calls


def test_digits_are_told_where_there_is_a_phone():
    """Rule: dtmf_event_received is for phone-attached sessions; plain WebSocket clients do not know it."""
    assert Session().tell(happen.DigitReceived("5", 1_700_000_001)) == []
    (event,) = Session(phone=True).tell(happen.DigitReceived("5", 1_700_000_001))
    assert (event["type"], event["event"], event["received_at"]) == (
        "input_audio_buffer.dtmf_event_received", "5", 1_700_000_001)


def test_a_side_band_client_writes_no_audio():
    """Rule: the audio is the phone's; a client that sends some is told so."""
    session = Session(phone=True)
    for kind, fields in (("append", {"audio": "AAAA"}), ("commit", {})):
        assert error_of(session.client(f"input_audio_buffer.{kind}", **fields))["code"] == "invalid_event"
    assert session.orders == []
