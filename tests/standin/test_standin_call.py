"""Calls from the outside: at real pace, in turns with an agent, in numbers; and the commands."""

import json
import os

import gevent
import numpy as np
import pytest
import soundfile
from tiny_engine import ANSWER, TinyEngine

from engine.cli.main import main
from engine.standin import process
from engine.standin.dialogue import Manner, converse, voiced_frames
from engine.standin.load import Punctuality
from engine.standin.standin import StandIn

RATE, SIZE = 8000, 160
VOICE = (6000 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)).astype(np.int16)
FRAME = VOICE[:SIZE].astype("<i2").tobytes()


class Agent:
    """Greets, then answers each question 200 ms after the caller has stopped, for 0.6 s; silent within two frames
    when the caller speaks. Counts in frames received, so it works at any pace."""

    def __init__(self):
        self.engine = TinyEngine(script=self._take)
        self.left, self.quiet, self.heard = 0, 0, False
        self.engine._listener.kill()
        self.engine._listener = gevent.spawn(self._talk)

    def _take(self, line):
        line.send(ANSWER)
        while "CHANNEL_EXECUTE_COMPLETE" not in line.text:
            gevent.sleep(0.005)
        self.left = 20
        line.unicast(self.engine.audio_port)

    def _talk(self):
        while True:
            frame, source = self.engine.audio.recvfrom(9000)
            loud = voiced_frames(np.frombuffer(frame, "<i2"), SIZE)[0] and frame != b"\xff" * 320
            if loud:
                self.left, self.quiet, self.heard = 0, 0, True
            else:
                self.quiet += 1
                if self.heard and self.quiet == 10:
                    self.left, self.heard = 30, False
            self.left = max(0, self.left - 1)
            self.engine.audio.sendto(FRAME if self.left else bytes(320), source)


@pytest.fixture
def agent():
    agent = Agent()
    yield agent
    agent.engine.stop()


@pytest.fixture
def question(tmp_path):
    """A WAV of 0.5 s of voice between 0.1 s of silence."""
    path = tmp_path / "question.wav"
    pause = np.zeros(RATE // 10, np.int16)
    soundfile.write(path, np.concatenate([pause, VOICE[: RATE // 2], pause]), RATE, subtype="PCM_16")
    return path


def test_conversation_in_turns(standin, agent, question):
    """Greeting, then each question gets its answer; the times are those of the audio."""
    call = standin.place(agent.engine.address)
    report = converse(call, [question, question], Manner(quiet_s=0.4, patience_s=3))
    assert report.greeting_ms is not None and 0 < report.greeting_ms < 150
    assert [round(turn.answer_ms / 20) for turn in report.turns] == pytest.approx([11, 11], abs=3)
    first, second = report.turns
    assert second.started_s >= first.answer_ended_s + 0.4
    assert first.last_voiced_s - first.first_voiced_s == pytest.approx(0.5, abs=0.021)
    assert report.cause == "NORMAL_CLEARING"


def test_interruption_is_timed(standin, agent, question):
    """The second WAV starts while the agent answers the first; onset to silence is measured on what is heard."""
    call = standin.place(agent.engine.address)
    report = converse(call, [question, question], Manner(quiet_s=0.4, patience_s=3, barge_in_s=0.1))
    assert not report.turns[0].interrupts and report.turns[1].interrupts
    assert 0 <= report.turns[1].onset_to_silence_ms <= 100
    assert report.turns[1].answer_ms is not None


def test_call_at_an_engine_that_says_nothing(standin, engine, question):
    """No answer is an outcome, not a hang: the report says what did not happen."""
    call = standin.place(engine.address)
    report = converse(call, [question], Manner(answer_s=0.5))
    assert report.answered_s is None and report.greeting_ms is None and not report.turns


def test_recording_is_stereo_caller_left(standin, agent, question, tmp_path):
    """Left what was said, right what was heard, on one timeline."""
    call = standin.place(agent.engine.address)
    converse(call, [question], Manner(quiet_s=0.4, patience_s=3))
    samples, rate = soundfile.read(call.write_wav(tmp_path / "deep" / "call.wav"), dtype="int16")
    assert rate == RATE and samples.shape[1] == 2
    assert (samples[: len(call.said), 0] == call.said).all() and samples[:, 0].any()
    assert (samples[: len(call.heard), 1] == call.heard).all() and samples[:, 1].any()


def test_real_pace_keeps_the_20_ms_grid():
    """The real clock: frames per second are right in the long run, the tick being drift-free."""
    engine = TinyEngine(script=lambda line: line.send(ANSWER))
    try:
        with StandIn() as standin:
            call = standin.place(engine.address)
            assert call.wait(lambda call: call.answered is not None, 5)
            engine.lines[0].unicast(engine.audio_port)
            assert call.wait(lambda call: bool(engine.frames), 5)
            start, frames = standin.clock.now(), len(engine.frames)
            gevent.sleep(1.0)
            passed = standin.clock.now() - start
            assert (len(engine.frames) - frames) / passed == pytest.approx(50, abs=10)
    finally:
        engine.stop()


def test_many_calls_at_once(standin, agent):
    """One tick serves them all; each gets its own audio."""
    engine = TinyEngine(script=lambda line: line.send(ANSWER))
    engine.echo = True
    try:
        calls = [standin.place(engine.address, called=str(number)) for number in range(20)]
        assert calls[-1].wait(lambda _: all(call.answered is not None for call in calls), 3)
        for line in engine.lines:
            line.unicast(engine.audio_port)
        for number, call in enumerate(calls):
            call.say(np.full(1600, 100 * (number + 1), np.int16))
        standin.advance(0.6)
        assert [int(call.heard.max()) for call in calls] == [100 * (number + 1) for number in range(20)]
    finally:
        engine.stop()


def test_command_call(agent, question, tmp_path, capsys):
    """``trunkline call`` writes the recording and the times, and says so in JSON."""
    out = tmp_path / "out"
    code = main(["call", str(question), "--to", agent.engine.address, "--quiet", "0.3", "--out", str(out), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["turns"][0]["answer_ms"] > 0 and report["greeting_ms"] > 0
    assert json.loads((out / "call.json").read_text()) == report
    assert soundfile.info(out / "call.wav").channels == 2


def test_command_call_over_a_telephone_line(agent, question, tmp_path, capsys):
    """``--noise`` sends the caller's voice over a noisy line; the WAV that was said is kept."""
    out = tmp_path / "out"
    main(["call", str(question), "--to", agent.engine.address, "--quiet", "0.3", "--noise", "60", "--out", str(out)])
    assert soundfile.info(out / "telephone" / "1-question.wav").samplerate == 8000


def test_command_call_refuses_what_is_no_wav(tmp_path, capsys):
    """One line on stderr that names the file, exit 2, and no call is placed."""
    path = tmp_path / "notes.wav"
    path.write_text("no")
    assert main(["call", str(path), "--to", "127.0.0.1:1"]) == 2
    assert "notes.wav: not an audio file" in capsys.readouterr().err


def test_command_load(capsys):
    """``trunkline load`` measures the engine's frames and its process."""
    engine = TinyEngine(script=lambda line: _serve(engine, line))
    engine.echo = True
    try:
        code = main(["load", "--calls", "4", "--seconds", "1", "--to", engine.address, "--ramp", "100", "--json"])
        report = json.loads(capsys.readouterr().out)
    finally:
        engine.stop()
    assert code == 0, report
    assert report["answered"] == 4 and not report["errors"]
    assert report["frames"] == pytest.approx(4 * 50 * report["seconds"], rel=0.3)
    assert report["engine_pid"] == os.getpid() and report["engine_cpu_ms_per_call_s"] > 0
    assert report["frames_odd"] == 0


def _serve(engine, line):
    line.send(ANSWER)
    while "CHANNEL_EXECUTE_COMPLETE" not in line.text:
        gevent.sleep(0.005)
    line.unicast(engine.audio_port)


def test_command_load_without_an_engine_says_why(capsys):
    """Nobody listens: the calls fail with the reason, exit 1."""
    assert main(["load", "--calls", "2", "--seconds", "0.1", "--to", "127.0.0.1:1", "--json"]) == 1
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert errors and "refused" in errors[0]


def test_process_of_a_port_is_found():
    """The engine's figures need its process: who listens on the port."""
    engine = TinyEngine()
    try:
        port = engine.server.server_port
        assert process.listener(port) == os.getpid()
    finally:
        engine.stop()
    assert process.listener(port) is None
    assert process.usage(os.getpid()).rss_mb > 5


def arrivals(meter, times, frame=FRAME):
    """Frames at these times in ms; returns lateness in whole ms."""
    for time in times:
        meter.arrived(frame, time / 1000)
    return [round(late * 1000) for late in meter.late]


def test_lateness_is_measured_against_the_earliest_frame():
    """A lead at the start of a stretch is no lateness of what follows; one late frame is late alone."""
    lead = [1000, 1000, 1000]
    assert arrivals(Punctuality(RATE), [*lead, 1020, 1040, 1067, 1080]) == [0, 0, 0, 0, 0, 7, 0]


def test_speech_after_silence_is_a_new_stretch():
    """When speech ends its lead is used up: the silence after it begins 40 ms later and is not late."""
    meter = Punctuality(RATE)
    arrivals(meter, [1000, 1000, 1000, 1020])
    assert arrivals(meter, [1080, 1100, 1120], frame=bytes(320))[-3:] == [0, 0, 0]


def test_slots_left_out_are_counted_not_lateness_for_ever():
    """An engine that was held up for 60 ms and skips what it missed is late once."""
    meter = Punctuality(RATE)
    times = [1000 + 20 * number for number in range(30)] + [1660 + 20 * number for number in range(60)]
    late = arrivals(meter, times)
    assert [number for number, value in enumerate(late) if value] == [30] and late[30] == 60
    assert meter.slots_skipped == 3


def test_backlog_that_comes_late_stays_late():
    """An engine that sends what it missed in a burst: those frames were late, nothing was left out."""
    meter = Punctuality(RATE)
    late = arrivals(meter, [1000, 1020, 1100, 1100, 1100, 1100, *range(1120, 2300, 20)])
    assert late[:8] == [0, 0, 60, 40, 20, 0, 0, 0] and not any(late[8:]) and not meter.slots_skipped
