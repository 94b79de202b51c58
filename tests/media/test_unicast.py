"""The unicast leg in virtual time: pacing and lead, strangers and bad frames, lost datagrams, the watchdog."""

import numpy as np
import pytest
from media_world import World

from engine.media.addresses import AddressPool
from engine.media.errors import AddressesExhausted, MediaError
from engine.media.leg import Leg

NO_RTP = b"\xff" * 320
SILENCE = bytes(320)


def speech(frames):
    """Frames that are all different and none silent."""
    return np.repeat(np.arange(1, frames + 1), 160).astype(np.int16)


def say(leg, pcm, gen=1, text="something"):
    leg.playout.open(gen)
    leg.playout.add(gen, pcm, text)
    leg.playout.done(gen)
    leg.playout.release(gen)


def spoken(world, leg):
    """``(time, first sample)`` of every frame of speech that was sent to this leg."""
    return [
        (round(time, 4), int(np.frombuffer(data, np.int16)[0]))
        for time, data, address in world.wire.sent
        if address == leg.far and any(data)
    ]


class Ear:
    def __init__(self, leg):
        self.frames = []
        leg.attach(lambda frame, silent: self.frames.append((frame, silent)))


def test_it_is_a_leg():
    leg: Leg = World().socket.open(8000)
    assert (leg.rate, leg.frame_bytes, leg.frames_in) == (8000, 320, 0)
    assert World().socket.open(16000).frame_bytes == 640
    with pytest.raises(MediaError, match="44100"):
        World().socket.open(44100)


def test_every_call_is_told_by_its_own_address():
    world = World()
    legs = [world.socket.open(8000) for _ in range(3)]
    assert len({leg.local_ip for leg in legs}) == 3
    assert {leg.local_port for leg in legs} == {9000}
    assert {(leg.remote_ip, leg.remote_port) for leg in legs} == {("127.0.0.1", 40000)}
    ears = [Ear(leg) for leg in legs]
    for index, leg in enumerate(legs):
        world.wire.arrive(bytes([index + 1]) * 320, leg.far)
    world.run(0.02)
    assert [ear.frames for ear in ears] == [[(bytes([n]) * 320, False)] for n in (1, 2, 3)]


def test_nothing_is_written_before_freeswitch_s_first_frame():
    """Until then nobody listens on the other side: the first words would be lost."""
    world = World()
    leg = world.socket.open(8000)
    say(leg, speech(5))
    world.run(0.5)
    assert world.wire.sent == []
    assert not leg.first_frame.is_set()
    world.feed(leg)
    world.run(0.2)
    assert leg.first_frame.is_set()
    assert [sample for _, sample in spoken(world, leg)] == [1, 2, 3, 4, 5]


def test_speech_begins_with_the_lead_and_goes_on_at_20_ms():
    world = World(lead_frames=3)
    leg = world.call()
    world.run(0.1)
    start = world.now
    say(leg, speech(20))
    world.run(1)
    times = [time for time, _ in spoken(world, leg)]
    assert times[0] - start <= 0.005 + 1e-6, "the next step, not the leg's next slot"
    assert len([time for time in times if time < start + 0.02]) <= 3
    for index, time in enumerate(times):
        ahead = index * 0.02 - (time - times[0])
        assert -1e-6 <= ahead <= 0.06, "never late, and ahead of real time by the lead at most"


def test_idle_writes_one_frame_of_silence_a_slot_and_never_a_lead():
    world = World()
    leg = world.call()
    world.run(1)
    sent = [time for time, data, _ in world.wire.sent]
    assert {data for _, data, _ in world.wire.sent} == {SILENCE}
    assert len(sent) in (49, 50)
    assert {round(b - a, 4) for a, b in zip(sent, sent[1:], strict=False)} == {0.02}
    assert leg.frames_out == len(sent)


def test_idle_may_write_nothing():
    world = World(idle="none")
    leg = world.call()
    world.run(0.2)
    say(leg, speech(3))
    world.run(0.5)
    assert len(world.wire.sent) == 3


def test_the_lead_drains_before_silence_is_written_again():
    """Otherwise FreeSWITCH's queue would stay three frames long, and the next reply be heard 40 ms late."""
    world = World(lead_frames=3)
    leg = world.call()
    world.run(0.1)
    say(leg, speech(10))
    world.run(0.5)
    count = len(world.wire.sent)
    slots = round((world.now - world.wire.sent[0][0]) / 0.02)
    assert count <= slots + 1
    gaps = np.diff([time for time, _, _ in world.wire.sent])
    assert gaps.max() == pytest.approx(0.06, abs=0.001)


@pytest.mark.parametrize("control", ["pause", "cut"])
def test_after_a_stop_the_caller_hears_no_more_than_the_lead(control):
    """FreeSWITCH plays a frame every 20 ms of what it holds; the last of speech must be over after ~50 ms."""
    world = World(lead_frames=3)
    leg = world.call()
    world.run(0.1)
    say(leg, speech(200))
    world.run(1.013)
    stop = world.now
    (leg.playout.pause if control == "pause" else lambda: leg.playout.cut(1))()
    world.run(0.5)
    audible = 0.0
    for time, data, _ in world.wire.sent:
        audible = max(audible, time) + 0.02
        if any(data):
            loud = audible if any(data[-2:]) else audible - 0.015  # the ramp is 5 ms
    assert loud - stop <= 0.065 + 0.005
    late = [data for time, data, _ in world.wire.sent if time > stop and any(data)]
    assert len(late) <= 1, "nothing but the ramp"


def test_after_a_stall_there_is_no_burst_beyond_the_lead():
    """The caller has heard a gap already; a backlog in FreeSWITCH could not be taken back at a barge-in."""
    world = World(lead_frames=3)
    leg = world.call()
    world.run(0.1)
    say(leg, speech(200))
    world.run(0.5)
    world.run(0.4, step=False)
    burst = [time for time, _ in spoken(world, leg) if time == round(world.now, 4)]
    assert len(burst) == 3
    world.run(0.2)
    samples = [sample for _, sample in spoken(world, leg)]
    assert samples == list(range(1, len(samples) + 1)), "no frame of speech is lost or sent twice"


def test_a_stall_shorter_than_the_lead_is_not_heard():
    world = World(lead_frames=3)
    leg = world.call()
    world.run(0.1)
    say(leg, speech(100))
    world.run(0.5)
    world.run(0.03, step=False)
    world.run(1)
    until = 0.0
    for time, _ in spoken(world, leg)[:50]:
        assert until == 0.0 or time <= until + 1e-9, "FreeSWITCH never ran dry"
        until = max(until, time) + 0.02


def test_no_rtp_from_the_caller_is_silence_and_not_a_loud_noise():
    world = World()
    leg = world.call()
    ear = Ear(leg)
    world.feed(leg, NO_RTP)
    world.run(0.1)
    assert set(ear.frames) == {(SILENCE, True)}


def test_strangers_are_refused_and_counted(caplog):
    world = World()
    leg = world.call()
    ear = Ear(leg)
    for address in (("127.0.0.1", 5555), (leg.local_ip, 9001), ("10.0.0.1", 9000)):
        world.wire.arrive(b"\x01" * 320, address)
    world.run(0.01)
    assert world.socket.refused == 3
    assert all(frame != b"\x01" * 320 for frame, _ in ear.frames)
    assert "127.0.0.1:5555" in caplog.text


def test_frames_of_the_wrong_size_are_refused_and_counted():
    world = World()
    leg = world.call()
    world.run(0.04)
    ear = Ear(leg)
    world.fed.clear()
    for size in (0, 1, 160, 319, 321, 640, 1000):
        world.wire.arrive(b"\x01" * size, leg.far)
    world.run(0.01)
    assert ear.frames == []
    assert leg.bad_frames == world.socket.bad_frames == 7


def test_a_flood_is_left_for_the_next_step():
    world = World()
    leg = world.call()
    for _ in range(10_000):
        world.wire.arrive(b"x", ("127.9.9.9", 1))
    world.run(0.005)
    assert 0 < world.socket.refused < 1000
    world.wire.waiting.clear()
    world.run(0.1)
    assert leg.frames_in == 5 or leg.frames_in == 6


def test_batches_hold_every_frame_and_no_leg_twice():
    """The VAD works on one row a call; the order of a call's frames must survive."""
    world = World()
    legs = [world.socket.open(8000) for _ in range(3)]
    batches = []
    world.clock.hear = batches.append
    for number, index in enumerate((0, 1, 0, 2, 0, 1)):
        world.wire.arrive(bytes([number + 1]) * 320, legs[index].far)
    world.run(0.005)
    for batch in batches:
        assert len({leg.local_ip for leg, _, _ in batch}) == len(batch)
    order = [frame[0] for batch in batches for leg, frame, _ in batch if leg is legs[0]]
    assert order == [1, 3, 5]
    assert sum(map(len, batches)) == 6


def test_the_ear_has_a_frame_before_its_batch():
    """The recogniser must hold the audio before the VAD tells it that the voice started there."""
    world = World()
    leg = world.call()
    order = []
    leg.attach(lambda frame, silent: order.append("ear"))
    world.clock.hear = lambda batch: order.append("batch")
    world.run(0.005)
    assert order == ["ear", "batch"]


def test_an_ear_that_fails_does_not_deafen_the_others(caplog):
    world = World()
    broken, well = world.call(), world.call()
    broken.attach(lambda frame, silent: 1 / 0)
    ear = Ear(well)
    world.run(0.1)
    assert len(ear.frames) >= 5
    assert world.socket.ear_faults >= 5
    assert broken.local_ip in caplog.text
    assert caplog.text.count("Traceback") < world.socket.ear_faults, "what fails every frame must not fill the log"


def test_lost_datagrams_are_filled_so_that_audio_time_stays_true():
    """FreeSWITCH sends a frame every 20 ms; what is missing was lost, and every later event would be dated early."""
    world = World()
    leg = world.call()
    ear = Ear(leg)
    batches = []
    world.clock.hear = batches.extend
    world.run(1)
    begun = leg.frames_in
    world.starve(leg)
    world.run(0.2)
    world.feed(leg)
    world.run(1)
    assert leg.frames_in - begun >= 60 - 5, "never more than 100 ms behind"
    assert leg.filled >= 5
    assert len(ear.frames) == leg.frames_in == len(batches)
    assert leg.left_out == 0


def test_a_few_lost_datagrams_change_nothing_until_they_add_up():
    world = World()
    leg = world.call()
    world.run(1)
    world.fed[leg.far][1] += 0.06
    world.run(1)
    assert leg.filled == 0
    world.fed[leg.far][1] += 0.06
    world.run(1)
    assert leg.filled == pytest.approx(6, abs=1)
    assert leg.frames_in == pytest.approx(150, abs=2)


def test_late_frames_whose_time_was_filled_are_left_out():
    """A switch that was held up sends what it owes in a burst; counted twice, the call would live in the future."""
    world = World()
    leg = world.call()
    world.run(1)
    entry = world.fed.pop(leg.far)
    world.run(0.24)
    world.fed[leg.far] = entry  # it sends all that was due meanwhile
    world.run(2)
    assert leg.filled > 5
    assert leg.left_out == pytest.approx(leg.filled, abs=3)
    assert leg.frames_in == pytest.approx(world.now * 50 - 1000 * 50, abs=3)


def test_a_stalled_process_fills_nothing_that_waits_in_the_socket():
    world = World()
    leg = world.call()
    world.run(1)
    world.run(0.5, step=False)
    world.run(0.1)
    assert leg.filled == 0
    assert leg.frames_in == pytest.approx(80, abs=1)


def test_the_watchdog_tells_once_that_unicast_has_died():
    lost = []
    world = World(watchdog_ms=300)
    leg = world.call(on_lost=lost.append)
    world.run(1)
    world.starve(leg)
    world.run(0.25)
    assert lost == []
    world.run(2)
    assert len(lost) == 1
    assert 300 <= lost[0] <= 340
    assert not leg.first_frame.is_set()


def test_the_watchdog_is_quiet_before_the_first_frame_and_armed_again_after_a_new_one():
    lost = []
    world = World(watchdog_ms=300)
    leg = world.socket.open(8000, lost.append)
    world.run(2)
    assert lost == []
    for _ in range(2):
        world.feed(leg)
        world.run(0.1)
        world.starve(leg)
        world.run(1)
    assert len(lost) == 2


def test_reattached_the_call_goes_on_under_a_new_address():
    """Time, playout and ledger are the call's, not the channel's: what reached nobody is said again, from a word on."""
    world = World(watchdog_ms=300, lead_frames=3)
    leg = world.call(on_lost=lambda silent_ms: leg.reattach())
    world.run(0.1)
    say(leg, speech(100), text="word " * 20)
    world.run(1)
    died = world.now
    old = leg.far
    world.starve(leg)
    world.run(0.5)
    assert leg.far != old
    silent_from = len(world.wire.sent)
    world.run(0.5)
    assert len(world.wire.sent) == silent_from, "nothing is written while nobody listens"
    world.feed(leg)
    world.run(3)
    assert leg.frames_in == pytest.approx((world.now - 1000) * 50, abs=2)
    before = [sample for time, data, to in world.wire.sent if to == old and time <= died and any(data)
              for sample in [int(np.frombuffer(data, np.int16)[0])]]
    after = [sample for _, sample in spoken(world, leg)]
    assert before[-1] - 8 <= after[1] <= before[-1] + 1, "goes on where FreeSWITCH stopped playing, or a word before"
    assert after[-1] == 100
    world.wire.arrive(b"\x01" * 320, old)
    world.run(0.02)
    assert world.socket.refused == 0, "what the old address still sends is nobody's attack"


def test_a_closed_leg_is_silent_and_its_address_is_free():
    world = World()
    leg = world.call()
    ear = Ear(leg)
    world.run(0.1)
    heard, sent = len(ear.frames), len(world.wire.sent)
    leg.close()
    leg.close()
    world.run(0.5)
    assert len(ear.frames) == heard
    assert len(world.wire.sent) == sent
    assert world.socket.refused == 0, "FreeSWITCH goes on for a moment after hangup"
    assert world.clock.stats()["legs"] == 0
    with pytest.raises(MediaError, match="closed"):
        leg.reattach()


def test_an_ear_may_close_its_leg():
    world = World()
    leg, other = world.call(), world.call()
    leg.attach(lambda frame, silent: leg.close())
    ear = Ear(other)
    world.run(0.2)
    assert leg.frames_in == 1
    assert len(ear.frames) >= 9


def test_closing_the_socket_closes_the_legs():
    world = World()
    legs = [world.call() for _ in range(3)]
    world.run(0.1)
    world.socket.close()
    assert world.clock.stats()["legs"] == 0
    assert all(not leg.alive for leg in legs)


def test_a_send_that_the_kernel_refuses_is_counted():
    world = World()
    leg = world.call()
    world.wire.full = True
    world.run(0.2)
    assert leg.send_errors > 5
    world.wire.full = False
    world.run(0.2)
    assert world.wire.sent


def test_the_mouth_gets_speech_on_an_unbroken_grid():
    """A recording places the agent by slots; the burst of the lead must not show there."""
    world = World(lead_frames=3)
    leg = world.call()
    slots = []
    leg.mouth = lambda frame, slot: slots.append((slot, int(np.frombuffer(frame, np.int16)[0])))
    world.run(0.5)
    say(leg, speech(30))
    world.run(1)
    assert slots == [(slots[0][0] + n, n + 1) for n in range(30)]
    assert slots[0][0] in (25, 26), "half a second after the caller's first frame"


def test_addresses_rotate_and_skip_live_ones():
    pool = AddressPool(first=254)
    first = pool.take()
    second = pool.take()
    assert (first, second) == ("127.64.0.255", "127.64.1.0")
    pool.give_back(first)
    assert pool.take() == "127.64.1.1", "a used address rests until all others had their turn"
    assert len(pool) == 2


def test_a_small_pool_reuses_only_what_is_free_and_says_when_nothing_is():
    from ipaddress import IPv4Network

    pool = AddressPool(IPv4Network("127.1.1.0/30"))
    taken = [pool.take(), pool.take()]
    assert sorted(taken) == ["127.1.1.1", "127.1.1.2"]
    with pytest.raises(AddressesExhausted):
        pool.take()
    pool.give_back(taken[0])
    assert pool.take() == taken[0]
