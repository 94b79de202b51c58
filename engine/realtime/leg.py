"""The audio of one Realtime client, both ways: a leg like a telephone's, on the same frame clock.

In: see ``engine/media/messageleg.py``. Out: the frame clock takes frames from playout, ``lead`` ahead of what the
client plays by then, and gives them on in deltas. What the client has not come to yet can be taken back: ``unheard``.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from engine.media.ledger import Ledger
from engine.media.messageleg import MessageLeg, MessageLegs
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import Playout
from engine.realtime.formats import RATE

KEPT_LEDGERS = 16
"""Replies whose words can still be counted when the client says how much of them was heard."""


@dataclass(slots=True)
class _Sent:
    """What was sent of one reply: where in the reply each stretch of it began, in samples sent and samples of the
    reply. They part where a paused reply went on from a word's beginning."""

    ledger: Ledger
    samples: int
    at_sent: list[int]
    at_reply: list[int]

    def position(self, sent: int) -> int:
        """Samples of the reply that were heard with the first ``sent`` that went out: the furthest of them."""
        sent = min(sent, self.samples)
        index = bisect_right(self.at_sent, sent)
        furthest = 0
        for number in range(index):
            until = self.at_sent[number + 1] if number + 1 < index else sent
            furthest = max(furthest, self.at_reply[number] + until - self.at_sent[number])
        return furthest


Deliver = Callable[[int, bytes], None]
"""``deliver(generation, pcm)``: the next audio of a reply, at ``RATE``."""


class SocketLeg(MessageLeg):
    """One client's audio; implements ``Leg`` and is ticked by the frame clock while there is something to do."""

    def __init__(self, legs: MessageLegs, *, lead_ms: int, delta_ms: int, deliver: Deliver) -> None:
        """``lead_ms``: audio that the client may hold; ``delta_ms``: least length of what is given to ``deliver`` while
        more is to come."""
        super().__init__(legs, RATE, Playout(RATE, RATE * legs.frame_ms // 1000 * SAMPLE_BYTES, fade_out=False))
        self.ticked: Callable[[], None] | None = None
        """Called after each tick in which something was sent, or a reply ended."""
        self.sending = False
        """A tick is under way: what happens now comes after the audio that it sends."""
        self._lead = max(1, lead_ms // legs.frame_ms)
        self._delta = max(1, delta_ms // legs.frame_ms)
        self._deliver = deliver
        self._ahead = 0
        self._idle_ticks = 0
        self._unsent: list[bytes] = []
        self._unsent_of: int | None = None
        self._sent: OrderedDict[int, _Sent] = OrderedDict()

    @property
    def unheard(self) -> int:
        """See ``Leg``."""
        return self._ahead

    # ------------------------------------------------------------ out

    def tick(self, slots: int) -> None:
        """Take what the lead allows; give it on when there is enough of it, or no more comes."""
        self.sending = True
        try:
            self._send(slots)
        finally:
            self.sending = False
        if self.ticked is not None:
            self.ticked()

    def _send(self, slots: int) -> None:
        ahead = max(0, self._ahead - slots)
        playout = self.playout
        dry = False
        while ahead < self._lead:
            generation, position = playout.generation, playout.position
            frame = playout.next_frame()
            if frame is None:
                dry = True
                break
            if generation is None:
                generation, position = playout.newest, 0
            if generation is None:
                break
            self._note_sent(generation, position)
            if self._unsent and generation != self._unsent_of:
                self._flush()
            self._unsent_of = generation
            self._unsent.append(frame)
            if self.mouth is not None:
                self.mouth(frame, ahead)
            self.frames_out += 1
            ahead += 1
        self._ahead = ahead
        if self._unsent and (dry or len(self._unsent) >= self._delta or playout.generation != self._unsent_of):
            self._flush()
        self._idle_ticks = self._idle_ticks + 1 if dry and not ahead else 0
        if self._idle_ticks and playout.still():
            self._rest_now()

    def _flush(self) -> None:
        pcm, self._unsent = b"".join(self._unsent), []
        if pcm and self._unsent_of is not None and not self._closed:
            self._deliver(self._unsent_of, pcm)

    def drop(self) -> None:
        """Speech was cut: what was not given on is not, and the client plays nothing any more."""
        self._unsent = []
        self._ahead = 0

    def _note_sent(self, generation: int, position: int) -> None:
        sent = self._sent.get(generation)
        if sent is None:
            return
        expected = sent.at_reply[-1] + sent.samples - sent.at_sent[-1] if sent.at_sent else -1
        if position != expected:
            sent.at_sent.append(sent.samples)
            sent.at_reply.append(position)
        sent.samples += self.frame_bytes // SAMPLE_BYTES

    # ------------------------------------------------------------ the account of what was heard

    def follow(self, generation: int, ledger: Ledger) -> None:
        """This reply may be heard from now on: keep its account."""
        self._sent[generation] = _Sent(ledger, 0, [], [])
        while len(self._sent) > KEPT_LEDGERS:
            self._sent.popitem(last=False)

    def heard(self, generation: int, ms: int) -> str | None:
        """The whole words within the first ``ms`` that were sent of a reply; None: it is not known any more."""
        sent = self._sent.get(generation)
        return None if sent is None else sent.ledger.heard(sent.position(ms * self.rate // 1000))

    def sent_ms(self, generation: int) -> int:
        """How much of a reply was sent, and not taken back."""
        sent = self._sent.get(generation)
        return 0 if sent is None else max(0, sent.samples * 1000 // self.rate - self._ahead * self._legs.frame_ms)


__all__ = ["SocketLeg"]
