"""The configuration of a Realtime session: defaults, partial updates, and the whole of it as clients see it. Pure.

Only the fields that are present in an update change; null, an empty string or an empty list take a field back to its
default. Turn detection of another type replaces the old one; of the same type it is merged.
"""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.realtime.errors import Refused
from engine.realtime.shape import taken
from engine.realtime.shapes import RealtimeSession, ResponseParams, TranscriptionSession
from engine.voicenames import REALTIME

# Milliseconds are bytes divided by these.
_BYTES_PER_MS = {"audio/pcm": 2, "audio/pcmu": 1, "audio/pcma": 1}

PCM_24K = {"type": "audio/pcm", "rate": 24000}
_SERVER_VAD: dict[str, Any] = {
    "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
    "idle_timeout_ms": None, "create_response": True, "interrupt_response": True,
}
_SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad", "eagerness": "auto", "create_response": True, "interrupt_response": True,
}
_VADS = {"server_vad": _SERVER_VAD, "semantic_vad": _SEMANTIC_VAD}
_INPUT: dict[str, Any] = {
    "format": PCM_24K, "transcription": None, "noise_reduction": None, "turn_detection": _SERVER_VAD,
}
_TRANSCRIPTION_FIELDS = ("model", "language", "prompt")

# Objects whose fields change one by one; every other object is replaced as a whole.
_MERGED = ("audio", "audio.input", "audio.output", "audio.input.transcription", "audio.input.noise_reduction")

_ECHOED = ("id", "object", "expires_at", "client_secret", "model", "type")


@dataclass(frozen=True, slots=True)
class Moment:
    """What an update may depend on. ``speaking``: a response of the conversation is running; ``spoken``: the session
    has got audio of the agent; ``untouched``: nothing was heard, said or written yet."""

    speaking: bool = False
    spoken: bool = False
    untouched: bool = True


def bytes_per_ms(form: Mapping[str, Any]) -> int:
    """Bytes of one millisecond of audio in this format (48, 32, 16 or 8)."""
    return _BYTES_PER_MS[form["type"]] * int(form.get("rate", 8000)) // 1000


def voice_of(config: Mapping[str, Any]) -> str:
    """The name, or the id, of the voice in a whole configuration; empty in one that says nothing."""
    voice = (config["audio"].get("output") or {}).get("voice") or ""
    return str(voice["id"] if isinstance(voice, Mapping) else voice)


def defaults(kind: str = "realtime", voice: str = "marin") -> dict[str, Any]:
    """A whole configuration as the API fills it in; ``kind`` is "realtime" or "transcription"."""
    if kind == "transcription":
        return {"type": kind, "include": None, "audio": {"input": copy.deepcopy(_INPUT)}}
    return {
        "type": "realtime", "output_modalities": ["audio"], "instructions": "", "prompt": None, "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": True, "max_output_tokens": "inf", "truncation": "auto",
        "tracing": None, "include": None, "reasoning": None,
        "audio": {"input": copy.deepcopy(_INPUT), "output": {"format": dict(PCM_24K), "voice": voice, "speed": 1.0}},
    }


class SessionConfig:
    """The configuration of one session. ``whole`` is what clients see; do not change it from outside."""

    def __init__(
        self, session_id: str, model: str, *, expires_at: int, given: Mapping[str, Any] | None = None,
        voice: str = "marin", voices: Collection[str] = REALTIME, minutes: int = 60,
    ) -> None:
        """``given``: what the operator, the agent or an ephemeral secret sets, in the shape of an update (``type``
        may be missing). ``expires_at`` in Unix seconds, ``minutes`` after its beginning. ``voices``: names that are
        known; ``voice``: the default. ``Refused`` where ``given`` is wrong."""
        self.minutes = minutes
        self.voice_named = False
        """Whether somebody has named a voice; else the default stands there, and nobody has to speak with it."""
        self._voices = frozenset(voices) | {voice}
        given = {"type": "realtime", **(given or {})}
        self._identity = {"object": "realtime.session", "id": session_id, "model": model, "expires_at": expires_at}
        self._start = defaults(str(given["type"]), voice)
        self.whole = self._dressed(self._start)
        self.update(given, Moment())
        self._start = {name: copy.deepcopy(value) for name, value in self.whole.items() if name not in self._identity}

    def update(self, patch: Mapping[str, Any], moment: Moment) -> frozenset[str]:
        """Take over what is present in ``patch``; dotted names of what changed. ``Refused`` leaves all as it was."""
        kind = patch.get("type")
        if kind is None:
            raise Refused(
                "Missing required parameter: 'session.type'.", code="missing_required_parameter", param="session.type"
            )
        if kind not in ("realtime", "transcription"):
            raise Refused(
                f"Invalid value for 'session.type': {str(kind)[:80]!r}. Supported are 'realtime' and 'transcription'.",
                param="session.type",
            )
        shape = RealtimeSession if kind == "realtime" else TranscriptionSession
        given = taken(shape, dict(patch), "session").given()
        base = self._base(str(kind), moment)
        fresh = copy.deepcopy(base)
        _merge(fresh, {k: v for k, v in given.items() if k not in _ECHOED}, self._defaults_of(str(kind)), "")
        changed = frozenset(_differences(self.whole, fresh, ""))
        self._check(fresh, changed, moment)
        self.whole = fresh
        said = (given.get("audio") or {}).get("output") or {}
        if "voice" in said and not moment.spoken:
            self.voice_named = bool(said["voice"])
        return changed

    def for_response(self, params: ResponseParams | None, moment: Moment) -> dict[str, Any]:
        """The configuration that holds for one response: this one with what ``params`` sets over it."""
        whole = copy.deepcopy(self.whole)
        if params is None:
            return whole
        over = params.given()
        for name in ("conversation", "input", "metadata"):
            over.pop(name, None)
        given = {name: value for name, value in over.items() if value is not None}
        _merge(whole, given, self._start, "")
        if moment.spoken and whole["audio"]["output"]["voice"] != self.whole["audio"]["output"]["voice"]:
            raise _voice_is_fixed("response.audio.output.voice")
        self._known_voice(whole, "response.audio.output.voice")
        return whole

    def _base(self, kind: str, moment: Moment) -> dict[str, Any]:
        """What an update of this kind starts from. The kind may change while nothing has happened."""
        if kind == self.whole["type"]:
            return self.whole
        if not moment.untouched:
            raise Refused(
                f"Passing a {kind} session update event to a {self.whole['type']} session is not allowed.",
                param="session.type",
            )
        return self._dressed(defaults(kind))

    def _defaults_of(self, kind: str) -> dict[str, Any]:
        return self._start if self._start["type"] == kind else defaults(kind)

    def _dressed(self, config: dict[str, Any]) -> dict[str, Any]:
        """With what names the session."""
        kind = "realtime.session" if config["type"] == "realtime" else "realtime.transcription_session"
        return {**self._identity, "object": kind, **copy.deepcopy(config)}

    def _check(self, fresh: dict[str, Any], changed: frozenset[str], moment: Moment) -> None:
        if fresh["type"] != "realtime":
            return
        self._known_voice(fresh, "session.audio.output.voice")
        if moment.spoken and "audio.output.voice" in changed:
            raise _voice_is_fixed("session.audio.output.voice")
        for name in ("audio.output.speed", "audio.output.format"):
            if moment.speaking and any(c == name or c.startswith(name + ".") for c in changed):
                raise Refused(f"Cannot change '{name}' while a response is in progress.", param=f"session.{name}")

    def _known_voice(self, config: dict[str, Any], param: str) -> None:
        name = voice_of(config)
        if name and name not in self._voices:
            known = ", ".join(sorted(self._voices))
            raise Refused(f"Invalid value for '{param}': {name[:80]!r}. Supported are: {known}.", param=param)


def _voice_is_fixed(param: str) -> Refused:
    return Refused(
        "Cannot update a conversation's voice if assistant audio is present.", code="cannot_update_voice", param=param
    )


def _merge(target: dict[str, Any], patch: Mapping[str, Any], start: Mapping[str, Any], path: str) -> None:
    """Write ``patch`` into ``target``. ``start`` has the values that null, "" and [] go back to."""
    for name, value in patch.items():
        here = f"{path}.{name}" if path else name
        if here == "audio.input.turn_detection":
            target[name] = _turn_detection(target.get(name), value)
        elif isinstance(value, Mapping) and here in _MERGED:
            inner = dict(target.get(name) or _empty(here))
            _merge(inner, value, start.get(name) or {}, here)
            target[name] = inner
        elif value is None and here == "audio":
            continue
        elif value is None or (value in ("", []) and here != "include"):
            target[name] = copy.deepcopy(_cleared(here, start.get(name), value))
        elif here.endswith(".format"):
            target[name] = dict(PCM_24K, **value) if value["type"] == "audio/pcm" else {"type": value["type"]}
        else:
            target[name] = copy.deepcopy(value)


def _cleared(path: str, default: Any, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What a field is after null, "" or []. Words and tools of the operator's own can be cleared too."""
    if path == "instructions":
        return ""
    if path == "tools":
        return []
    if path in ("audio.input.transcription", "audio.input.noise_reduction", "prompt", "tracing", "include"):
        return None
    return default if default is not None else value or None


def _empty(path: str) -> dict[str, Any]:
    return dict.fromkeys(_TRANSCRIPTION_FIELDS) if path.endswith("transcription") else {}


def _turn_detection(old: dict[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Replaced when the type changes, merged when it does not; null in a field is its default, null for all is off."""
    if new is None:
        return None
    base = _VADS[new["type"]]
    start = old if old and old["type"] == new["type"] else base
    return {**start, **{name: base.get(name) if value is None else value for name, value in new.items()}}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> list[str]:
    """Dotted names of fields that differ; objects of ``audio`` field by field, others as one."""
    found: list[str] = []
    for name in {**old, **new}:
        here = f"{path}.{name}" if path else name
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if here in ("audio", "audio.input", "audio.output") and before is not None and after is not None:
            found += _differences(before, after, here)
        else:
            found.append(here)
    return found
