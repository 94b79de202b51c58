"""The leg of the human who is to take over: called, briefed, listened to for keys, connected or hung up.

The leg waits in ``park``, with a line of its own when it is briefed: its audio is the engine's like the caller's. All
commands go by the inbound event socket, so it needs no connection and no slot. Its channel carries the engine's mark,
so that the reconciler finds it if the engine dies, and ``park_timeout`` ends it in any case.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import gevent
import numpy as np

from engine.backends.backend import FIRST_FRAME_TIMEOUT_S, Backend, Line, nothing_lost
from engine.config import TransferTarget
from engine.dialog.handover import Answered, Event, HumanGone, Key, NotBriefed
from engine.errors import TrunklineError
from engine.esl import command, reconcile
from engine.esl.errors import CommandRefused, EslError
from engine.esl.event import Event as SwitchEvent
from engine.media.errors import MediaError
from engine.speech.interfaces import Pcm
from engine.telephony.causes import cause_in, in_words
from engine.telephony.errands import Errands
from engine.telephony.sounds import Sounds
from engine.telephony.switch import Switch

log = logging.getLogger(__name__)

PAUSE_S = 2.0
"""Between two tellings of the briefing."""

KILL_AGAIN, KILL_AGAIN_S = 20, 0.1

JOB_GRACE_S = 2.0
"""After ``originate_timeout`` FreeSWITCH ends the ringing and says so."""


class HumanLeg:
    """One attempt to reach one human. ``told`` gets ``Answered``, ``HumanGone``, ``NotBriefed`` and ``Key``; it must
    not wait."""

    def __init__(
        self, switch: Switch, backend: Backend, node: str, told: Callable[[Event], None], errands: Errands
    ) -> None:
        """Nobody is called yet. ``errands``: the call's."""
        self.uuid = str(uuid4())
        self.cause = ""
        self._switch = switch
        self._backend = backend
        self._node = node
        self._told = told
        self._errands = errands
        self._line: Line | None = None
        self._dialing: gevent.Greenlet | None = None
        self._briefing: gevent.Greenlet | None = None
        self._unwatch: Callable[[], None] | None = None
        self._up = False

    def dial(self, target: TransferTarget, caller: str, ring_s: float, park_s: float) -> None:
        """Call them, showing the number ``caller``; ``park_s`` bounds how long they may be kept in ``park``. Returns
        at once."""
        self._unwatch = self._switch.watch(self.uuid, self._on_event)
        variables: dict[str, object] = {
            "origination_uuid": self.uuid,
            "originate_timeout": round(ring_s),
            "ignore_early_media": "true",
            "origination_caller_id_number": caller if caller.lstrip("+").isalnum() else "",
            "park_timeout": f"{round(park_s)}:NORMAL_CLEARING",
            reconcile.OWNER: self._node,
        }
        args = command.originate(target.destination, "&park()", variables)
        self._dialing = self._errands.start(self._dial, args, ring_s + JOB_GRACE_S)

    def _dial(self, args: str, timeout_s: float) -> None:
        try:
            job = self._switch.client.bgapi("originate", args)
            try:
                job.get(timeout_s)
            finally:
                job.cancel()
        except CommandRefused as refused:
            self.cause = cause_in(str(refused))
            self._told(HumanGone(in_words(self.cause)))
        except EslError as fault:
            self._told(HumanGone(f"they could not be called: {fault}"))
        else:
            self._up = True
            self._told(Answered())

    def brief(self, render: Callable[[int], Pcm]) -> None:
        """Tell them ``render(rate)``, again and again. A leg without audio is as good as gone."""
        self._briefing = self._errands.start(self._brief, render)

    def _brief(self, render: Callable[[int], Pcm]) -> None:
        client = self._switch.client
        try:
            rate = int(client.getvar(self.uuid, "read_rate") or 8000)
            line = self._line = self._backend.open(rate, client.getvar(self.uuid, "read_codec") or "", nothing_lost)
            line.attach_other(client, self.uuid)
            leg = line.leg
            sounds = Sounds(leg.playout)
            words = render(leg.rate)
            if not len(words):
                raise MediaError("the voice gave nothing")
            sounds.loop(np.concatenate([words, np.zeros(int(PAUSE_S * leg.rate), np.int16)]))
            if not leg.first_frame.wait(FIRST_FRAME_TIMEOUT_S):
                raise MediaError("no audio from their leg")
        except (TrunklineError, ValueError) as fault:  # the voice may fail as well
            log.warning("the human cannot be briefed: %s", fault)
            self._told(NotBriefed(f"they could not be told what it is about: {fault}"))

    def connected(self) -> None:
        """They are with the caller now, and not ours any more."""
        self._up = False
        self._close_leg()
        with suppress(EslError):
            self._switch.client.api("uuid_setvar", f"{self.uuid} {reconcile.OWNER}")

    def drop(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up, or stop ringing. Idempotent."""
        self.close()
        if self._dialing is not None and (self._up or not self._dialing.dead):
            self._up = False
            # Without blocking the caller's way back to the agent.
            self._errands.start(self._hang_up, self._dialing, cause)

    def _hang_up(self, dialing: gevent.Greenlet, cause: str) -> None:
        """FreeSWITCH cannot hang up a channel that it is about to make: until dialling is over, again and again."""
        self._switch.kill(self.uuid, cause)
        for _ in range(KILL_AGAIN):
            dialing.join(KILL_AGAIN_S)
            if dialing.dead and not self._up:
                break
            self._up = False  # true: they answered after all
            self._switch.kill(self.uuid, cause)

    def close(self) -> None:
        """Listen no more. The channel is left as it is. Idempotent."""
        self._close_leg()
        if self._unwatch is not None:
            self._unwatch()
        if self._dialing is not None and self._dialing is not gevent.getcurrent():
            self._told = _nobody

    def _close_leg(self) -> None:
        # It would open a leg that nobody closes.
        if self._briefing is not None and self._briefing is not gevent.getcurrent():
            self._briefing.kill(block=False)
        if self._line is not None:
            self._line.close()

    def _on_event(self, event: SwitchEvent) -> None:
        if event.uuid != self.uuid:
            return
        if event.name == "DTMF":
            self._told(Key(event.get("DTMF-Digit") or ""))
        elif event.name == "CHANNEL_HANGUP_COMPLETE" and self._up:
            self.cause = event.get("Hangup-Cause") or ""
            self._up = False
            self._told(HumanGone(in_words(self.cause)))


def _nobody(event: Event) -> None:
    """Nobody is told any more."""


__all__ = ["HumanLeg"]
