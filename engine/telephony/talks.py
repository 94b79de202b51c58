"""What is recorded of the time in which a caller is with a human: nothing, unless the operator wants it.

The engine has no audio then: ``recording.wav`` holds silence for that time, and the log says so. With ``record.humans``
FreeSWITCH records the talk (``uuid_record``) into a file of its own beside it.
"""

import logging
from pathlib import Path

from engine.arrival import Arrival
from engine.config import RecordOptions
from engine.esl import command
from engine.esl.errors import EslError
from engine.telephony.caller import CallerSide
from engine.telephony.switch import Switch

log = logging.getLogger(__name__)

CONSENT = "trunkline_record"
"""Channel variable: ``false`` where the caller has not agreed to be recorded."""


class Talks:
    """Those of one call. Commands wait for FreeSWITCH's answer; none of them raises."""

    def __init__(self, call: CallerSide, switch: Switch | None, options: RecordOptions, folder: Path) -> None:
        """``folder``: the call's; FreeSWITCH's user must be able to write there."""
        self._call = call
        self._switch = switch
        self._options = options
        self._folder = folder
        self._number = 0
        self._path: Path | None = None

    def gap(self) -> None:
        """The caller has left the engine: from here on its own recording is silent, until ``caller_back``."""
        if self._options.audio:
            self._call.events.write("recording_gap", file="recording.wav", humans=self._options.humans)

    def began(self, target: str) -> None:
        """Caller and human hear each other."""
        if not self._options.humans or self._switch is None:
            return
        uuid = self._call.uuid
        self._number += 1
        path = self._path = self._folder.resolve() / f"human-{self._number}.wav"
        try:
            file = command.word("recording", path)
            self._switch.client.api("uuid_setvar", f"{uuid} RECORD_STEREO true")
            self._switch.client.api("uuid_record", f"{uuid} start {file}")
        except EslError as fault:
            self._path = None
            self._call.events.write("error", where="recording", message=f"the talk with {target}: {fault}")
        else:
            self._call.events.write("recording_human", file=path.name, target=target)
            if self._path is not path:  # they are back already
                self._stop(path)

    def ended(self) -> None:
        """The caller is back. (When the call ends, FreeSWITCH closes the file by itself.)"""
        path, self._path = self._path, None
        if path is not None:
            self._stop(path)

    def _stop(self, path: Path) -> None:
        assert self._switch is not None
        try:
            self._switch.client.api("uuid_record", f"{self._call.uuid} stop {command.word('recording', path)}")
        except EslError as fault:
            log.warning("FreeSWITCH goes on recording into %s: %s", path, fault)


def agreed(record: RecordOptions, channel: Arrival) -> RecordOptions:
    """What may be recorded of the call on ``channel``: nothing where the dialplan says that its caller has not agreed
    (``trunkline_record=false``)."""
    refused = (channel.variables.get(CONSENT) or "").strip().lower() in ("false", "no", "0")
    return record.model_copy(update={"audio": False, "humans": False}) if refused else record


__all__ = ["Talks", "agreed"]
