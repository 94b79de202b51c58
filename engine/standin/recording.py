"""``record_session`` and ``uuid_record`` as far as they go here: events, replies and variables; no file is written."""

from engine.standin.channel import FRAME_S, Channel
from engine.standin.wire import Header


def start_recording(channel: Channel, path: str) -> None:
    """Says RECORD_START and MEDIA_BUG_START."""
    channel.recordings[path] = channel.now
    channel.emit("RECORD_START", after=[("Record-File-Path", path)])
    channel.emit("MEDIA_BUG_START", before=_media_bug(path))


def stop_recording(channel: Channel, path: str) -> None:
    """Sets what a recording leaves behind; says RECORD_STOP and MEDIA_BUG_STOP. Nothing if it was not started."""
    started = channel.recordings.pop(path, None)
    if started is None:
        return
    milliseconds = int((channel.now - started) / FRAME_S) * 20
    samples = milliseconds * channel.codec.rate // 1000
    channels = 2 if channel.variables.get("RECORD_STEREO") == "true" else 1
    cause = "success-maxtime" if samples else "empty-file"
    channel.variables.put("record_file_size", 44 + samples * 2 * channels)
    if not samples:
        channel.variables.put("RECORD_DISCARDED", "true")
    channel.variables.put_all({
        "record_samples": samples, "record_seconds": milliseconds // 1000, "record_ms": milliseconds,
        "record_completion_cause": cause,
    })  # fmt: skip
    channel.emit("RECORD_STOP", after=[("Record-File-Path", path), ("Record-Completion-Cause", cause)])
    channel.emit("MEDIA_BUG_STOP", before=_media_bug(path))


def _media_bug(path: str) -> list[Header]:
    return [("Media-Bug-Function", "session_record"), ("Media-Bug-Target", path)]
