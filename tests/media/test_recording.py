"""The recording: both sides in time with each other, a valid file whatever happens."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media_world import World

from engine.disk import DiskWriter
from engine.media.recording import Recorder

ROOT = Path(__file__).parents[2]


def frame(value):
    return np.full(160, value, np.int16).tobytes()


@pytest.fixture
def writer():
    writer = DiskWriter()
    yield writer
    assert writer.close()


def read(path):
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == 8000
    return samples[:, 0], samples[:, 1]


def test_caller_is_left_agent_is_right_and_each_is_in_its_place(writer, tmp_path):
    recorder = Recorder(writer, tmp_path / "a.wav", 8000, 320)
    for number in range(100):
        recorder.caller(frame(number + 1))
        if 20 <= number < 60:
            recorder.agent(frame(1000 + number), number)
    recorder.close()
    recorder.close()
    assert writer.flush()
    left, right = read(tmp_path / "a.wav")
    assert left[::160].tolist() == list(range(1, 101))
    assert right[::160].tolist() == [0] * 20 + [1000 + n for n in range(20, 60)] + [0] * 40
    assert (recorder.dropped, recorder.late, recorder.error) == (0, 0, None)


def test_agent_audio_that_plays_after_the_caller_s_last_frame_is_kept(writer, tmp_path):
    recorder = Recorder(writer, tmp_path / "a.wav", 8000, 320)
    for number in range(3):
        recorder.caller(frame(1))
        recorder.agent(frame(2), number + 2)
    recorder.close()
    assert writer.flush()
    left, right = read(tmp_path / "a.wav")
    assert left[::160].tolist() == [1, 1, 1, 0, 0]
    assert right[::160].tolist() == [0, 0, 2, 2, 2]


def test_the_file_is_valid_and_current_at_any_moment(writer, tmp_path):
    recorder = Recorder(writer, tmp_path / "a.wav", 8000, 320)
    for number in range(1, 200):
        recorder.caller(frame(number))
        assert writer.flush()
        if number > 50:
            assert len(read(tmp_path / "a.wav")[0]) >= (number - 50) * 160, "at most a second is missing"
    recorder.close()


def test_a_frame_of_the_past_is_counted_and_a_frame_of_the_far_future_forgotten(writer, tmp_path):
    recorder = Recorder(writer, tmp_path / "a.wav", 8000, 320)
    for _ in range(60):
        recorder.caller(frame(1))
    recorder.agent(frame(2), 0)
    recorder.agent(frame(2), 100_000)
    recorder.close()
    assert writer.flush()
    assert recorder.late == 1
    assert len(read(tmp_path / "a.wav")[0]) == 60 * 160


def test_bursts_of_the_lead_and_a_stall_do_not_shift_the_agent(writer, tmp_path):
    """Through the real leg on virtual time: the agent's reply stands where the caller would hear it, in one piece."""
    world = World(lead_frames=3)
    leg = world.call()
    recorder = Recorder(writer, tmp_path / "a.wav", leg.rate, leg.frame_bytes)
    leg.attach(lambda heard, silent: recorder.caller(heard))
    leg.mouth = recorder.agent
    world.run(1)
    leg.playout.open(1)
    leg.playout.add(1, np.full(160 * 100, 5000, np.int16), "two seconds")
    leg.playout.done(1)
    leg.playout.release(1)
    world.run(0.03, step=False)
    world.run(4)
    recorder.close()
    assert writer.flush()
    left, right = read(tmp_path / "a.wav")
    assert len(left) == pytest.approx(5.03 * 8000, abs=320)
    sounding = np.flatnonzero(right)
    assert sounding[0] / 160 == pytest.approx(51.5, abs=1)
    assert len(sounding) == 160 * 100
    assert sounding[-1] - sounding[0] == 160 * 100 - 1, "without a hole"


def test_a_full_disk_is_counted_and_the_call_goes_on(tmp_path, writer):
    (tmp_path / "a.wav").symlink_to("/dev/full")
    recorder = Recorder(writer, tmp_path / "a.wav", 8000, 320)
    for _ in range(100):
        recorder.caller(frame(1))
        assert writer.flush()
    recorder.close()
    assert "No space left" in recorder.error
    assert recorder.dropped > 16_000


CHILD = """
from gevent import monkey
monkey.patch_all()
import resource, signal, sys, time
from pathlib import Path
import gevent
from engine.disk import DiskWriter
from engine.media.recording import Recorder

limit = int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
writer = DiskWriter()
recorder = Recorder(writer, Path(sys.argv[1]), 8000, 320)
for number in range(250):
    recorder.caller((number + 1).to_bytes(2, "little") * 160)
    recorder.agent((number + 1001).to_bytes(2, "little") * 160, number)
writer.flush()
if limit:
    recorder.close()
    writer.close()
    print(recorder.dropped, recorder.error, flush=True)
else:
    print("ready", flush=True)
    while True:
        gevent.sleep(1)
"""


def child(path, limit):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(limit)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_kill_9_in_mid_call_leaves_a_valid_file_with_all_but_the_last_second(tmp_path):
    with child(tmp_path / "a.wav", 0) as process:
        assert process.stdout.readline().strip() == "ready"
        process.send_signal(signal.SIGKILL)
        process.wait()
    left, right = read(tmp_path / "a.wav")
    frames = len(left) // 160
    assert frames >= 200
    assert left[::160].tolist() == list(range(1, frames + 1))
    assert right[::160].tolist() == list(range(1001, frames + 1001))


def test_a_file_system_that_fills_in_mid_call_leaves_a_valid_file(tmp_path):
    """The limit falls inside a write, as on a real full disk: the header must not count the torn piece."""
    with child(tmp_path / "a.wav", 70_000) as process:
        dropped, error = process.stdout.readline().split(" ", 1)
    left, _ = read(tmp_path / "a.wav")
    assert len(left) == 4 * 25 * 160, "four pieces of 16,000 bytes fit"
    assert int(dropped) > 80_000
    assert "File too large" in error


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_real_full_file_system(tmp_path, writer):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr.decode().strip()}")
    try:
        recorder = Recorder(writer, place / "a.wav", 8000, 320)
        other = Recorder(writer, tmp_path / "other.wav", 8000, 320)
        for number in range(250):
            recorder.caller(frame(number))
            other.caller(frame(number))
        recorder.close()
        other.close()
        assert writer.flush()
        assert "No space left" in recorder.error
        assert recorder.dropped > 0
        assert other.error is None, "the other calls go on"
        left, _ = read(place / "a.wav")
        assert left[::160].tolist() == list(range(len(left) // 160))
        assert len(left) >= 25 * 160
    finally:
        deadline = time.monotonic() + 5
        while subprocess.run(["umount", str(place)], capture_output=True).returncode and time.monotonic() < deadline:
            time.sleep(0.05)
