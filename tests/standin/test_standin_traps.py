"""The traps of FreeSWITCH that an engine must survive, over real TCP and UDP on a virtual clock.

Each was seen on a real FreeSWITCH 1.11.2 unless its docstring says otherwise.
"""

import socket

import gevent
import numpy as np
import pytest
from gevent import monkey
from tiny_engine import ANSWER, TinyEngine, execute

from engine.standin.errors import StandInError

TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
LOUD = b"\x00\x10" * 160
SILENCE = bytes(320)


def connected(standin, engine, **options):
    """A call whose controller has connected, and the controller's line."""
    known = len(engine.lines)
    call = standin.place(engine.address, **options)
    assert call.wait(lambda call: len(engine.lines) > known and "Events Enabled" in engine.lines[-1].text, 3)
    return call, engine.lines[-1]


def answered(standin, engine, **options):
    """The same, answered."""
    call, line = connected(standin, engine, **options)
    line.send(ANSWER)
    assert call.wait(lambda call: "CHANNEL_EXECUTE_COMPLETE" in line.text, 3)
    return call, line


def talking(standin, engine, **options):
    """The same, with unicast."""
    call, line = answered(standin, engine, **options)
    line.unicast(engine.audio_port)
    before = len(engine.frames)
    assert call.wait(lambda call: len(engine.frames) > before, 2)
    return call, line


def flow(standin, engine, seconds=0.2):
    """How many frames the engine gets in this time."""
    before = len(engine.frames)
    standin.advance(seconds)
    return len(engine.frames) - before


def events(line):
    """Names of the events on a line, in order."""
    return [text.split("\n")[0] for text in line.text.split("Event-Name: ")[1:]]


def heard_voice(call, since=0.0):
    """Seconds of voice the caller has heard since ``since``."""
    return np.count_nonzero(np.abs(call.heard[round(since * call.rate) :]) > 100) / call.rate


def plain_udp():
    return monkey.get_original("socket", "socket")(socket.AF_INET, socket.SOCK_DGRAM)


# ---- before the controller, and without it


@pytest.fixture
def closed_port():
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_connection_refused_runs_the_next_action_at_once(standin, closed_port):
    """A full engine must refuse, so that the caller reaches the dialplan's next action."""
    call = standin.place(f"127.0.0.1:{closed_port}", dialplan=["answer", "playback tone_stream://%(200,0,440)"])
    assert call.wait_end(3)
    assert call.outcome.actions[1:] == ("answer", "playback tone_stream://%(200,0,440)")
    assert heard_voice(call) > 0.15


def test_hosts_are_tried_from_left_to_right(standin, engine, closed_port):
    """``host1|host2``: the second gets the call when the first refuses."""
    call = standin.place(f"127.0.0.1:{closed_port}|{engine.address}")
    assert call.wait(lambda call: bool(engine.lines), 3)
    assert call.channel.variables["socket_host"] == "127.0.0.1"


def test_accept_and_close_before_connect_parks_for_ever(standin):
    """The worst answer of a full engine: the call is silent and no fail-over runs."""
    engine = TinyEngine(script=lambda line: line.close(), greet=False)
    try:
        call = standin.place(engine.address, dialplan=["playback tone_stream://%(200,0,440)"])
        standin.advance(30)
        assert call.up and len(call.outcome.actions) == 1
        assert not call.heard.any()
    finally:
        engine.stop()


def test_silent_controller_is_dropped_after_25_seconds_and_the_call_stays_parked(standin):
    """FreeSWITCH waits 25 s for the first command (mod_event_socket.c:2712), then parks for ever."""
    engine = TinyEngine(greet=False)
    try:
        call = standin.place(engine.address, dialplan=["hangup"])
        standin.advance(24.5)
        assert not engine.lines[0].closed
        standin.advance(1.5)
        assert engine.lines[0].closed and call.up
    finally:
        engine.stop()


def test_first_command_is_not_answered_unless_it_is_connect(standin):
    """A first ``myevents`` was never answered."""
    engine = TinyEngine(script=lambda line: line.send("myevents", "getvar sip_to_user"), greet=False)
    try:
        call = standin.place(engine.address, called="4711")
        assert call.wait(lambda call: bool(engine.lines and engine.lines[0].text), 3)
        standin.advance(0.1)
        assert engine.lines[0].text == "Content-Type: command/reply\nReply-Text: 4711\n\n"
    finally:
        engine.stop()


def test_watchdog_rescues_a_call_whose_controller_never_spoke(standin):
    """``sched_transfer`` before ``socket`` works where no other fail-over does."""
    engine = TinyEngine(script=lambda line: line.close(), greet=False)
    try:
        call = standin.place(engine.address, before=["sched_transfer +5 1999 XML default"],
                             extensions={"1999": ["answer", "sleep 60000"]})
        standin.advance(4.9)
        assert call.answered is None
        standin.advance(0.3)
        assert call.answered is not None and call.outcome.action == "sleep 60000"
    finally:
        engine.stop()


def test_sched_del_calls_the_watchdog_off(standin, engine):
    """A controller that is ready cancels the watchdog with ``api sched_del <uuid>``."""
    call, line = answered(standin, engine, before=["sched_transfer +2 1999 XML default"], extensions={"1999": ["park"]})
    line.send(f"api sched_del {call.uuid}")
    standin.advance(3)
    assert "+OK Deleted: 1" in line.text
    assert call.outcome.action.startswith("socket")


@pytest.mark.parametrize("resume", [False, True])
def test_controller_that_goes_while_parked_hands_over_to_the_next_action(standin, engine, resume):
    """With or without ``socket_resume``."""
    before = ["set socket_resume=true"] if resume else []
    call, line = answered(standin, engine, before=before, dialplan=["sleep 5000"])
    line.close()
    standin.advance(0.1)
    assert call.up and call.outcome.action == "sleep 5000"


def test_controller_that_goes_and_nothing_follows_ends_the_call(standin, engine):
    """Nothing after ``socket`` in the dialplan: hangup at once, NORMAL_CLEARING."""
    call, line = answered(standin, engine)
    line.close()
    standin.advance(0.1)
    assert call.outcome.cause == "NORMAL_CLEARING"


@pytest.mark.parametrize("resume", [False, True])
def test_controller_that_goes_during_an_application(standin, engine, resume):
    """The application plays to its end; with ``socket_resume`` it is cut at once."""
    call, line = answered(standin, engine, dialplan=["sleep 60000"])
    line.send(*(["resume"] if resume else []), execute("playback", "tone_stream://%(1000,0,440)"))
    standin.advance(0.2)
    line.close()
    standin.advance(0.2)
    assert (call.outcome.action == "sleep 60000") is resume
    standin.advance(1.0)
    assert call.outcome.action == "sleep 60000"
    assert (heard_voice(call) > 0.9) is not resume


def test_uuid_park_takes_the_failover_away(standin, engine):
    """Parked by ``uuid_park``, a call survives its controller in silence."""
    call, line = answered(standin, engine, dialplan=["hangup"])
    line.send(f"api uuid_park {call.uuid}")
    standin.advance(0.1)
    line.close()
    standin.advance(5)
    assert call.up and not call.heard.any()


def test_call_without_linger_loses_its_last_events(standin):
    """Without ``linger`` the connection ends with the call; the stand-in always loses what then may be lost."""
    engine = TinyEngine(script=lambda line: line.send("connect", "myevents"), greet=False)
    try:
        call, line = answered(standin, engine)
        call.hangup()
        standin.advance(0.1)
        assert line.closed and "CHANNEL_HANGUP" in events(line) and "CHANNEL_HANGUP_COMPLETE" not in events(line)
        assert line.text.endswith("http://www.cluecon.com/\n")
    finally:
        engine.stop()


# ---- unicast


def test_unicast_before_media_kills_the_whole_switch(standin, engine):
    """An assertion in FreeSWITCH: every call on the box dies, not only this one."""
    other, other_line = talking(standin, engine)
    call, line = connected(standin, engine)
    line.unicast(engine.audio_port)
    standin.advance(0.1)
    assert call.outcome.cause == other.outcome.cause == "CRASH"
    assert line.closed and other_line.closed and not standin.calls
    assert "read_frame" in call.notes[-1]
    with pytest.raises(StandInError, match="aborted"):
        standin.place(engine.address)


def test_playback_kills_unicast_and_a_second_activation_does_nothing(standin, engine):
    """+OK and silence both ways, for the rest of the park."""
    call, line = talking(standin, engine)
    line.send(execute("playback", "tone_stream://%(100,0,440)"))
    standin.advance(0.3)
    assert flow(standin, engine) == 0
    line.unicast(engine.audio_port)
    assert flow(standin, engine) == 0
    assert line.text.rstrip().endswith("Reply-Text: +OK")


def test_transfer_to_the_socket_extension_brings_unicast_back(standin, engine):
    """A new outbound connection with the same uuid; the old one is closed right after the reply."""
    call, old = talking(standin, engine)
    old.send(execute("playback", "tone_stream://%(100,0,440)"))
    standin.advance(0.3)
    old.send(f"api uuid_transfer {call.uuid} 1000 XML default")
    while not old.text.endswith("api/response\nContent-Length: 4\n\n+OK\n"):
        gevent.sleep(0.001)  # the clock stands still: this is between two frames
    old.close()
    assert call.wait(lambda call: len(engine.lines) == 2 and "Events Enabled" in engine.lines[1].text, 2)
    new = engine.lines[1]
    assert new.uuid == call.uuid
    new.unicast(engine.audio_port)
    standin.advance(0.1)
    assert flow(standin, engine) == 10
    assert call.up


def test_closing_the_old_connection_late_ends_the_call(standin, engine):
    """Two connections on one call: the controller flag is the channel's, not the connection's."""
    call, old = talking(standin, engine)
    old.send(f"api uuid_transfer {call.uuid} 1000 XML default")
    assert call.wait(lambda call: len(engine.lines) == 2 and "Events Enabled" in engine.lines[1].text, 2)
    standin.advance(0.1)
    old.close()
    standin.advance(0.1)
    assert call.outcome.cause == "NORMAL_CLEARING"


def test_second_activation_leaves_the_first_working(standin, engine):
    """Other ports in a second ``unicast``: the old one goes on, the new one never starts."""
    call, line = talking(standin, engine)
    with plain_udp() as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(0)
        line.unicast(other.getsockname()[1])
        assert flow(standin, engine) == 10
        with pytest.raises(BlockingIOError):
            other.recv(400)


def test_failed_bind_is_silent(standin, engine):
    """Two calls on one local port: both get +OK, one gets no audio."""
    _, first = answered(standin, engine)
    first.unicast(engine.audio_port, "127.64.9.1", 9000)
    standin.advance(0.1)
    second_call, second = answered(standin, engine)
    second.unicast(engine.audio_port, "127.64.9.1", 9000)
    standin.advance(0.1)
    assert second_call.unicast is None and "Failure creating unicast" in second_call.notes[-1]
    assert flow(standin, engine) == 10
    assert set(engine.sources[-10:]) == {("127.64.9.1", 9000)}


def test_each_call_speaks_from_its_own_loopback_address(standin, engine):
    """One engine socket for all: the source address of a datagram names the call, and replies find it."""
    calls = []
    for number in (1, 2):
        call, line = answered(standin, engine)
        line.unicast(engine.audio_port, f"127.64.8.{number}", 9000)
        calls.append(call)
    standin.advance(0.1)
    assert {("127.64.8.1", 9000), ("127.64.8.2", 9000)} <= set(engine.sources)
    engine.audio.sendto(LOUD, ("127.64.8.2", 9000))
    standin.advance(0.1)
    assert heard_voice(calls[0]) == 0 and heard_voice(calls[1]) == pytest.approx(0.02, abs=0.001)


def test_burst_is_paced_bounded_and_cannot_be_flushed(standin, engine):
    """1000 frames at once: about 168 are played at 20 ms each, ``uuid_break`` changes nothing, the rest is lost."""
    call, line = talking(standin, engine)
    for number in range(1000):
        engine.audio.sendto(LOUD, engine.sources[-1])
        if number % 100 == 99:
            standin.advance(0.005)
    line.send(f"api uuid_break {call.uuid} all")
    standin.advance(1.0)
    assert heard_voice(call) == pytest.approx(1.0, abs=0.1)
    standin.advance(6.0)
    assert 160 <= call.channel.frames_sent <= 180
    assert call.unicast.lost > 0


def test_empty_datagram_deafens_the_caller(standin, engine):
    """It ends FreeSWITCH's write thread for good (:347); the other direction goes on."""
    call, _ = talking(standin, engine)
    engine.audio.sendto(LOUD, engine.sources[-1])
    standin.advance(0.1)
    heard = heard_voice(call)
    engine.audio.sendto(b"", engine.sources[-1])
    standin.advance(0.1)
    engine.audio.sendto(LOUD, engine.sources[-1])
    assert flow(standin, engine) == 10
    assert heard_voice(call) == heard > 0
    assert call.unicast.deaf


def test_stranger_on_the_port_is_heard(standin, engine):
    """There is no authentication: whoever sends to the port is played."""
    call, _ = talking(standin, engine)
    with plain_udp() as stranger:
        stranger.sendto(LOUD, engine.sources[-1])
    standin.advance(0.1)
    assert heard_voice(call) > 0


def test_one_datagram_is_one_packet_whatever_its_size(standin, engine):
    """640 B at 8 kHz made one 320-byte RTP packet: 40 ms to hear in one 20 ms slot. It is counted as odd."""
    call, _ = talking(standin, engine)
    engine.audio.sendto(LOUD * 2, engine.sources[-1])
    engine.audio.sendto(LOUD[:100], engine.sources[-1])
    standin.advance(0.2)
    assert call.unicast.odd == 2 and call.channel.frames_sent == 2
    assert heard_voice(call) == pytest.approx((640 + 100) / 16000, abs=0.001)


def test_no_rtp_from_the_caller_is_a_frame_of_ff_every_20_ms(standin, engine):
    """On hold the frames go on, and they are not speech."""
    call, _ = talking(standin, engine)
    call.hold()
    standin.advance(0.06)
    engine.frames.clear()
    assert flow(standin, engine) == 10
    assert set(engine.frames) == {b"\xff" * 320}
    call.unhold()
    standin.advance(0.06)
    engine.frames.clear()
    flow(standin, engine)
    assert set(engine.frames) == {SILENCE}


def test_sleep_stops_the_callers_audio_and_then_it_goes_on(standin, engine):
    """``execute sleep 1000``: no audio to the controller for 1 s, then unicast is alive."""
    _, line = talking(standin, engine)
    line.send(execute("sleep", "1000"))
    standin.advance(0.06)
    assert flow(standin, engine, 0.8) == 0
    standin.advance(0.2)
    assert flow(standin, engine) == 10


def test_codec_change_kills_unicast(standin, engine):
    """A re-INVITE in mid-call: nothing says so, only the frames stop."""
    call, _ = talking(standin, engine)
    call.change_codec("PCMA")
    standin.advance(0.06)
    assert flow(standin, engine) == 0 and call.up


def test_native_frames_are_codec_bytes_but_silence_has_the_wrong_size(standin, engine):
    """``flags: native``: 160 B of PCMU both ways, and 320 B of 0xFF when the caller sends nothing."""
    call, line = answered(standin, engine)
    line.unicast(engine.audio_port, "127.0.0.1", 0, "flags: native")
    standin.advance(0.1)
    assert len(engine.frames[-1]) == 160
    engine.audio.sendto(bytes(160), engine.sources[-1])  # 0x00 is mu-law's loudest negative value
    call.hold()
    standin.advance(0.1)
    assert engine.frames[-1] == b"\xff" * 320
    assert call.heard.min() < -32000


def test_g722_call_has_16_khz_frames(standin, engine):
    """640 B each 20 ms."""
    call, _ = talking(standin, engine, rate=16000)
    assert len(engine.frames[-1]) == 640 and call.rate == 16000
    assert "Channel-Read-Codec-Rate: 16000" in engine.lines[-1].text


def test_transport_tcp_is_udp(standin, engine):
    """``transport: tcp`` is accepted, and the socket is SOCK_DGRAM all the same (:481)."""
    call, line = answered(standin, engine)
    line.unicast(engine.audio_port, "127.0.0.1", 0, "transport: tcp")
    standin.advance(0.1)
    assert flow(standin, engine) == 10


# ---- queued applications


def test_applications_without_event_lock_run_in_reverse(standin, engine):
    """They nest: the last one plays first."""
    call, line = answered(standin, engine)
    line.send(*(execute("playback", "tone_stream://%(200,0,440)", f"Event-UUID: q{number}") for number in (4, 5, 6)))
    standin.advance(1)
    assert completed(line)[-3:] == ["q6", "q5", "q4"]


def test_applications_with_event_lock_run_in_order(standin, engine):
    """With ``event-lock: true`` each waits for the one before."""
    call, line = answered(standin, engine)
    line.send(*(execute("playback", "tone_stream://%(200,0,440)", f"Event-UUID: q{number}", "event-lock: true")
                for number in (4, 5, 6)))
    standin.advance(1)
    assert completed(line)[-3:] == ["q4", "q5", "q6"]


def completed(line):
    """Application-UUIDs of the CHANNEL_EXECUTE_COMPLETE events, in order."""
    texts = line.text.split("Event-Name: CHANNEL_EXECUTE_COMPLETE")[1:]
    return [text.split("Application-UUID: ")[1].split("\n")[0] for text in texts]


def test_hangup_waits_behind_a_locked_application_and_uuid_kill_does_not(standin, engine):
    """``sendmsg hangup`` is queued like everything else."""
    call, line = answered(standin, engine)
    line.send(execute("playback", "tone_stream://%(2000,0,440)", "event-lock: true"), "sendmsg\ncall-command: hangup")
    standin.advance(1)
    assert call.up
    line.send(f"api uuid_kill {call.uuid} USER_BUSY")
    standin.advance(0.02)
    assert call.outcome.cause == "USER_BUSY"


def test_uuid_break_stops_one_and_all_drops_the_queue(standin, engine):
    """``uuid_break`` ends the running one; with ``all`` what is queued never runs."""
    call, line = answered(standin, engine)
    for number in (4, 5, 6):
        line.send(execute("playback", "tone_stream://%(60000,0,440)", f"Event-UUID: q{number}", "event-lock: true"))
    standin.advance(0.1)
    line.send(f"api uuid_break {call.uuid}")
    standin.advance(0.1)
    assert completed(line)[-1] == "q4"
    line.send(f"api uuid_break {call.uuid} all")
    standin.advance(0.2)
    assert completed(line)[-1] == "q5" and "Event-UUID: q6" not in line.text
    assert flow(standin, engine) == 0 and call.up


def test_unknown_application_hangs_up(standin, engine):
    """DESTINATION_OUT_OF_ORDER (switch_core_session.c:2770)."""
    call, line = answered(standin, engine)
    line.send(execute("nosuchapp"))
    standin.advance(0.1)
    assert call.outcome.cause == "DESTINATION_OUT_OF_ORDER"


def test_failed_bridge_hangs_up_unless_told_to_go_on(standin, engine):
    """``continue_on_fail=true`` keeps the caller."""
    kept, line = answered(standin, engine)
    line.send(execute("set", "continue_on_fail=true", "event-lock: true"), execute("bridge", "user/none"))
    lost, line = answered(standin, engine)
    line.send(execute("bridge", "user/none"))
    standin.advance(0.2)
    assert kept.up and lost.outcome.cause == "NORMAL_TEMPORARY_FAILURE"


# ---- the caller's hand, and the rest of the API


def test_digit_comes_at_its_end_and_is_silence_in_the_audio(standin, engine):
    """DTMF events come about 130 ms after the first packet of a 120 ms digit; the frames under it are silent."""
    call, line = talking(standin, engine)
    call.say(np.tile(TONE, 2))
    standin.advance(0.1)
    engine.frames.clear()
    call.dtmf("5")
    standin.advance(0.1)
    assert "DTMF-Digit: 5" not in line.text
    assert sum(frame == SILENCE for frame in engine.frames) >= 4
    standin.advance(0.06)
    assert "DTMF-Digit: 5\nDTMF-Duration: 960\nDTMF-Source: RTP" in line.text


def test_keys_in_a_row_all_arrive(standin, engine):
    """``1 2 # *`` one after the other."""
    call, line = answered(standin, engine)
    call.dtmf("12#*")
    standin.advance(1.0)
    assert [text[0] for text in line.text.split("DTMF-Digit: ")[1:]] == ["1", "2", "%", "*"]  # "#" is %23 in an event


def test_background_job_reports_to_who_asked(standin, engine):
    """``bgapi`` answers at once; the result is an event that ``myevents`` does not hold."""
    call, line = answered(standin, engine)
    line.send("event plain BACKGROUND_JOB", "bgapi status")
    standin.advance(0.1)
    job = line.text.split("Reply-Text: +OK Job-UUID: ")[1].split("\n")[0]
    event = line.text.split("Event-Name: BACKGROUND_JOB")[1]
    assert f"Job-UUID: {job}\n" in event and "UP 0 years" in event


def test_show_channels_lists_the_calls(standin, engine):
    """For reconciliation; the form is documented, not recorded."""
    calls = [answered(standin, engine) for _ in range(2)]
    calls[0][1].send("api show channels as json")
    standin.advance(0.05)
    text = calls[0][1].text
    assert '"row_count":2' in text and all(call.uuid in text.split("row_count")[1] for call, _ in calls)


def test_two_stand_ins_of_one_seed_speak_alike(engine):
    """A seed repeats every random value, so that a failed test can be repeated."""
    from engine.standin.clock import ManualClock
    from engine.standin.standin import StandIn

    uuids = []
    for _ in range(2):
        with StandIn(ManualClock(), seed=11) as standin:
            uuids.append(standin.place(engine.address).uuid)
    assert uuids[0] == uuids[1]


@pytest.mark.parametrize(
    ("target", "options", "text"),
    [
        ("localhost", {}, "HOST:PORT"),
        ("127.0.0.1:99999", {}, "HOST:PORT"),
        ("127.0.0.1:8084", {"codec": "OPUS"}, "no codec 'OPUS'"),
        ("127.0.0.1:8084", {"rate": 44100}, "44100"),
        ("127.0.0.1:8084", {"mode": "full"}, "async"),
    ],
)
def test_what_cannot_be_placed_is_a_clear_error(standin, target, options, text):
    """The error names the value and says what would do."""
    with pytest.raises(StandInError, match=text):
        standin.place(target, **options)
