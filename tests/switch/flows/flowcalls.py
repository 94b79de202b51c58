"""What the tests of the call flows have in common: tones, keys, and what an engine does that attaches anew."""

import numpy as np
from rtpstream import RATE, audible, tone_hz
from sipphone import SipPhone
from switchboard import FreeSwitch


def tone(hz: float, seconds: float = 1.0) -> np.ndarray:
    """A steady voice."""
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE) * 8000).astype(np.int16)


def hears(phone: SipPhone, hz: float, since: float, timeout: float = 10.0) -> None:
    """Wait until ``phone`` hears this tone."""
    def heard() -> bool:
        packets = audible(phone.rtp.heard, since)
        return any(abs(tone_hz(packets[at : at + 6]) - hz) < 20 for at in range(0, len(packets) - 6, 3))

    assert phone.wait(heard, timeout), f"{hz} Hz was not heard"


def press(caller: SipPhone, key: str) -> None:
    """Press a key when the menu has been heard."""
    caller.first_sound(caller.answered_at)
    caller.rtp.press(key)


def again(switch: FreeSwitch, call_uuid: str, number: str) -> None:
    """What the engine does when audio has to be attached anew."""
    assert switch.api(f"uuid_transfer {call_uuid} {number} XML public").startswith("+OK")
