"""A caller with ears, and the log of a call as its tests look at it."""

import json

import gevent

from engine import paths

QUICK = {
    "event_socket": {"port": 0},
    "http": {"port": 0},
    "agent": {"greeting": "Hello there.", "unknown": "No idea.", "not_heard": "Pardon?", "apology": "I am sorry.",
              "away": "Still there?", "goodbye": "Good bye.", "welcome": "Any time."},
    "media": {"watchdog_ms": 600},  # the switch is in this process, and the machine may be busy
    "turns": {"endpoint_min_ms": 200, "resume_ms": 200, "reply_timeout_ms": 800},
    "drain_s": 5,
}
NEXT = "playback sorry.wav"
"""The dialplan's action after ``socket``."""


def merged(base, changes):
    """``changes`` on top, group by group."""
    return base | {k: {**base.get(k, {}), **v} if isinstance(v, dict) else v for k, v in changes.items()}


class Caller:
    """A call of the stand-in with a caller who listens: each wait looks at what came after the one before."""

    def __init__(self, call):
        self.call = call
        self._at = 0  # samples listened to

    def __getattr__(self, name):
        return getattr(self.call, name)

    def hears(self, timeout=6):
        """Wait until the agent speaks."""
        assert self.call.wait(lambda call: self._find(True, 1) or not call.up, timeout) and self.call.up, self._state()
        self._at = self._find(True, 1)

    def hears_silence(self, seconds=0.3, timeout=8):
        """Wait until the agent has been silent for so long."""
        frames = round(seconds / 0.02)
        assert self.call.wait(lambda call: self._find(False, frames) or not call.up, timeout), self._state()
        self._at = self._find(False, frames)

    def greeted(self):
        """Hear the greeting to its end."""
        self.hears()
        self.hears_silence()

    def pause(self, seconds):
        self.call.wait(lambda call: False, seconds)

    def went_on(self, timeout=6):
        """Wait until the dialplan's next action has the call."""
        assert self.call.wait(lambda call: call.outcome.action == NEXT, timeout), self._state()

    def _find(self, loud, frames):
        """The end of the first so many frames in a row that are loud, or are not; 0 where there are none."""
        size = self.call.rate // 50
        pcm = self.call.heard[self._at // size * size :]
        flags = abs(pcm[: len(pcm) // size * size].reshape(-1, size).astype(int)).max(axis=1, initial=0) > 500
        run = 0
        for number, flag in enumerate(flags.tolist()):
            run = run + 1 if flag is loud else 0
            if run == frames:
                return self._at // size * size + (number + 1) * size
        return 0

    def _state(self):
        return f"at {self._at / self.call.rate} of {self.call.seconds} s: {self.call.outcome}, {self.call.notes}"


class World:
    """One engine and one switch."""

    def __init__(self, engine, switch):
        self.engine, self.switch = engine, switch

    def place(self, **options):
        """A call whose next action after the engine is ``NEXT``."""
        return Caller(self.switch.place(self.engine.event_socket_address, dialplan=[NEXT], **options))

    def events(self, call):
        """The call's log so far, or whole once ``over``."""
        assert self.engine._disk.flush()
        return read_events(folder(call.uuid) / "events.jsonl")

    def over(self, *calls, timeout=10):
        """Wait until the engine has finished these calls."""
        uuids = {call.uuid for call in calls}
        wait(lambda: not uuids & set(self.engine.calls), "the engine still holds the call", timeout)
        assert self.engine._disk.flush()


def folder(uuid):
    return next(paths.calls().glob(f"*/*{uuid}"))


def read_events(log):
    """The lines of a call's log, given as a file."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def named(events, *names):
    """The events of these names, in their order."""
    return [event for event in events if event["event"] in names]


def wait(condition, what, timeout=10, step_s=0.02):
    """Until ``condition()``; fails with ``what``."""
    with gevent.Timeout(timeout, AssertionError(what)):
        while not condition():
            gevent.sleep(step_s)
