"""One RTP stream of a test caller: what it says, paced at 20 ms, and what it hears, with the time of each packet.

G.711 and the packets are done here and not with the engine's code, so that the two cannot be wrong together.
"""

import os
import socket
import struct
import threading
import time
import wave
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

RATE = 8000
FRAME = 160
FRAME_S = 0.020
DTMF_TYPE = 101
PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
DIGITS = "0123456789*#ABCD"
AUDIBLE = 100.0
"""Root mean square from which a packet counts as sound: 50 dB below full scale, far above coded silence (0 to 8)."""


def _ulaw_table() -> np.ndarray:
    """Linear value of each mu-law byte (ITU-T G.711, table 2)."""
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> np.ndarray:
    """Linear value of each A-law byte (ITU-T G.711, table 1)."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_DECODE = {0: _ulaw_table(), 8: _alaw_table()}


def encode(pcm: np.ndarray, payload_type: int) -> bytes:
    """int16 samples as G.711 bytes: each sample becomes the code whose value is nearest."""
    table = _DECODE[payload_type].astype(np.int32)
    order = np.argsort(table, kind="stable")
    values = table[order]
    right = np.clip(np.searchsorted(values, pcm), 1, 255)
    nearest = np.where(pcm - values[right - 1] <= values[right] - pcm, right - 1, right)
    return order[nearest].astype(np.uint8).tobytes()


def decode(payload: bytes, payload_type: int) -> np.ndarray:
    """G.711 bytes as int16 samples."""
    return _DECODE[payload_type][np.frombuffer(payload, np.uint8)]


@dataclass(frozen=True, slots=True)
class Packet:
    """One audio packet: monotonic ``time`` (s) at which it left or came, its samples and their root mean square."""

    time: float
    payload_type: int
    pcm: np.ndarray = field(repr=False)
    level: float


def packet(payload_type: int, pcm: np.ndarray) -> Packet:
    """A packet of now."""
    level = float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2))) if len(pcm) else 0.0
    return Packet(time.monotonic(), payload_type, pcm, level)


def audible(packets: Sequence[Packet], since: float = 0.0) -> list[Packet]:
    """The packets from ``since`` on in which there is sound."""
    start = bisect_left(packets, since, key=lambda packet: packet.time)
    return [packet for packet in packets[start:] if packet.level >= AUDIBLE]


def talk_ends(packets: Sequence[Packet], since: float, pause_s: float = 0.3) -> float:
    """When the sound that goes on at ``since`` ends: the time of the last audible packet before ``pause_s`` without."""
    last = since
    for packet in audible(packets, since):
        if packet.time - last > pause_s:
            break
        last = packet.time
    return last


def samples(packets: Sequence[Packet]) -> np.ndarray:
    """All samples of the packets in the order of arrival."""
    return np.concatenate([packet.pcm for packet in packets]) if packets else np.zeros(0, np.int16)


def tone_hz(packets: Sequence[Packet]) -> float:
    """The strongest frequency in the packets."""
    pcm = samples(packets).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * RATE / len(pcm))


def write_wav(path: Path, packets: Sequence[Packet]) -> None:
    """What was heard, for a person to listen to after a failure."""
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(samples(packets).tobytes())


class RtpStream:
    """Sends a frame every 20 ms (silence where there is nothing to say) and keeps every packet sent and heard."""

    def __init__(self, codec: str = "PCMU", address: str = "127.0.0.1") -> None:
        self.payload_type = PAYLOAD_TYPES[codec]
        self.sent: list[Packet] = []
        self.heard: list[Packet] = []
        self.muted = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._remote: tuple[str, int] | None = None
        self._queue: deque[np.ndarray | tuple[int, bytes]] = deque()
        self._open = True
        self._threads: list[threading.Thread] = []

    def start(self, remote: tuple[str, int], payload_type: int) -> None:
        """Talk to ``remote`` from now on; a second call changes address and codec."""
        talking = self._remote is not None
        self._remote, self.payload_type = remote, payload_type
        if not talking:
            self.listen()
            self._run(self._send_all)

    def listen(self) -> None:
        """Only hear, without an address to talk to."""
        self._run(self._hear_all)

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target)
        thread.start()
        self._threads.append(thread)

    def say(self, pcm: np.ndarray) -> None:
        """Queue int16 samples at 8 kHz."""
        for start in range(0, len(pcm), FRAME):
            frame = pcm[start : start + FRAME]
            self._queue.append(np.pad(frame, (0, FRAME - len(frame))))

    def press(self, digit: str, frames: int = 6) -> None:
        """Queue one RFC 4733 digit of ``frames`` * 20 ms; its end is sent three times."""
        code = DIGITS.index(digit.upper())
        for number in range(1, frames + 3):
            last = number >= frames
            duration = min(number, frames) * FRAME
            self._queue.append((number, struct.pack("!BBH", code, 0x8A if last else 0x0A, duration)))
        self.say(np.zeros(3 * FRAME, np.int16))

    @property
    def speaking(self) -> bool:
        """Whether anything queued has still to be sent."""
        return bool(self._queue)

    def _send_all(self) -> None:
        ssrc = struct.unpack("!I", os.urandom(4))[0]
        sequence, timestamp, digit_start = 0, 0, 0
        deadline = time.monotonic()
        silence = np.zeros(FRAME, np.int16)
        while self._open:
            if not self.muted:
                item = self._queue.popleft() if self._queue else silence
                if isinstance(item, tuple):
                    number, payload = item
                    if number == 1:
                        digit_start = timestamp
                    kind, stamp = DTMF_TYPE | (0x80 if number == 1 else 0), digit_start
                else:
                    kind, stamp, payload = self.payload_type, timestamp, encode(item, self.payload_type)
                    self.sent.append(packet(self.payload_type, item))
                header = struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
                self._socket.sendto(header + payload, self._remote)
                sequence += 1
            timestamp += FRAME
            deadline += FRAME_S
            time.sleep(max(0.0, deadline - time.monotonic()))

    def _hear_all(self) -> None:
        while self._open:
            try:
                datagram = self._socket.recv(2048)
            except TimeoutError:
                continue
            except OSError:
                return
            payload_type = datagram[1] & 0x7F
            if payload_type in _DECODE:
                self.heard.append(packet(payload_type, decode(datagram[12:], payload_type)))

    def close(self) -> None:
        """Stop both directions."""
        self._open = False
        for thread in self._threads:
            thread.join(2)
        self._socket.close()
