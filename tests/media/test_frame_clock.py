"""The frame clock on virtual time: drift-free, spread over phases, and no burst after a stall."""

import gevent
import pytest

from engine.media.clock import WINDOW_S, FrameClock


class Leg:
    def __init__(self, world):
        self.world = world
        self.ticks = []

    def tick(self, slots):
        self.ticks.append((round(self.world.now, 4), slots))


class Time:
    now = 50.0


@pytest.fixture
def world():
    return Time()


@pytest.fixture
def clock(world):
    return FrameClock(now=lambda: world.now)


def run(world, clock, seconds, late=0.0):
    """Each step runs ``late`` seconds after it is due."""
    end = world.now + seconds
    due = clock.step(world.now)
    while due + late <= end:
        world.now = due + late
        due = clock.step(world.now)
    world.now = end


def test_every_leg_gets_one_tick_every_20_ms(world, clock):
    legs = [Leg(world) for _ in range(8)]
    for leg in legs:
        clock.add(leg)
    run(world, clock, 1.0)
    for leg in legs:
        assert len(leg.ticks) == 50
        assert {slots for _, slots in leg.ticks} == {1}
        gaps = {round(b - a, 4) for (a, _), (b, _) in zip(leg.ticks, leg.ticks[1:], strict=False)}
        assert gaps == {0.02}


def test_legs_are_spread_evenly_over_four_phases(world, clock):
    legs = [Leg(world) for _ in range(8)]
    for leg in legs:
        clock.add(leg)
    run(world, clock, 0.02)
    times = sorted(leg.ticks[0][0] for leg in legs)
    assert times == [50.005, 50.005, 50.01, 50.01, 50.015, 50.015, 50.02, 50.02]
    clock.remove(legs[0])
    late_comer = Leg(world)
    clock.add(late_comer)
    run(world, clock, 0.02)
    assert late_comer.ticks == [(50.025, 1)], "it takes the empty place"


def test_being_late_does_not_add_up(world, clock):
    """Deadlines are start + n * period: steps that are all 3 ms late still make 50 frames a second."""
    leg = Leg(world)
    clock.add(leg)
    run(world, clock, 10.004, late=0.003)
    assert len(leg.ticks) == 500
    assert clock.stats()["skipped_slots"] == 0
    assert clock.stats()["late_p50_ms"] == pytest.approx(3, abs=0.3)


def test_after_a_stall_missed_slots_are_skipped_and_counted(world, clock):
    leg = Leg(world)
    clock.add(leg)
    run(world, clock, 0.1)
    world.now += 0.5
    leg.ticks.clear()
    run(world, clock, 0.1)
    assert leg.ticks[0][1] == 25
    assert [slots for _, slots in leg.ticks[1:]] == [1] * (len(leg.ticks) - 1)
    assert sum(slots for _, slots in leg.ticks) == 30, "the grid has not moved"
    assert clock.stats()["skipped_slots"] == 24
    assert clock.stats()["late_max_ms"] == pytest.approx(485, abs=20)


def test_a_kicked_leg_is_ticked_in_the_next_step_without_using_a_slot(world, clock):
    leg = Leg(world)
    clock.add(leg)
    run(world, clock, 0.02)
    leg.ticks.clear()
    clock.kick(leg)
    clock.kick(leg)
    clock.step(world.now)
    assert leg.ticks == [(round(world.now, 4), 0)]


def test_a_removed_leg_is_not_ticked_even_if_it_was_kicked(world, clock):
    leg = Leg(world)
    clock.add(leg)
    clock.kick(leg)
    clock.remove(leg)
    clock.remove(leg)
    run(world, clock, 0.1)
    assert leg.ticks == []


def test_one_call_s_fault_does_not_stop_the_others(world, clock, caplog):
    class Broken(Leg):
        def tick(self, slots):
            raise ValueError("broken leg")

    class BrokenSource:
        def drain(self, now, hear):
            raise ValueError("broken source")

    leg = Leg(world)
    clock.add_source(BrokenSource())
    clock.add(Broken(world))
    clock.add(leg)
    clock.every_tick(lambda now: 1 / 0)
    run(world, clock, 0.1)
    assert len(leg.ticks) == 5
    assert clock.stats()["faults"] == 5 + 21 + 21
    assert "broken leg" in caplog.text
    assert "division by zero" in caplog.text


def test_timers_are_called_every_step_until_taken_off(world, clock):
    times = []
    off = clock.every_tick(times.append)
    run(world, clock, 0.1)
    assert len(times) == 21
    assert times == sorted(times)
    off()
    off()
    run(world, clock, 0.1)
    assert len(times) == 21


def test_sources_are_drained_in_every_step(world, clock):
    class Source:
        drained = 0

        def drain(self, now, hear):
            self.drained += 1
            hear([])

    source = Source()
    clock.add_source(source)
    run(world, clock, 0.1)
    assert source.drained == 21
    clock.remove_source(source)
    clock.remove_source(source)
    run(world, clock, 0.1)
    assert source.drained == 21


def test_counting_can_begin_anew(world, clock):
    clock.add(Leg(world))
    run(world, clock, 1)
    clock.reset_stats()
    assert clock.stats() == {
        "legs": 1,
        "late_p50_ms": 0,
        "late_p99_ms": 0,
        "late_max_ms": 0,
        "frames_due": 0,
        "skipped_slots": 0,
        "faults": 0,
    }


def test_lateness_is_forgotten_after_two_windows(world, clock):
    """Health tells of now: a stall in the morning is no degraded service in the evening."""
    clock.add(Leg(world))
    run(world, clock, 0.1)
    world.now += 0.5
    run(world, clock, WINDOW_S + 1)
    assert clock.stats()["late_max_ms"] > 400, "the stall of the window before is told"
    run(world, clock, WINDOW_S)
    assert clock.stats()["late_max_ms"] < 10
    assert clock.stats()["late_p99_ms"] < 10


def test_the_real_clock_runs_and_stops():
    """Only that it does: on the machine's own time, with generous bounds."""
    clock = FrameClock()
    world = Time()
    leg = Leg(world)
    clock.add(leg)
    clock.start()
    clock.start()
    with gevent.Timeout(10):
        while len(leg.ticks) < 10:
            gevent.sleep(0.01)
    clock.stop()
    clock.stop()
    count = len(leg.ticks)
    gevent.sleep(0.06)
    assert len(leg.ticks) == count
