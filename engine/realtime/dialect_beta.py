"""The Realtime API's beta dialect, for old clients: their events in GA's words, ours in theirs. Pure tables.

A client speaks beta if it says so (``OpenAI-Beta: realtime=v1``, the ``openai-beta.realtime-v1`` subprotocol,
``?dialect=beta``), or if its first ``session.update`` has fields that only beta had.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

Event = dict[str, Any]

HEADER, HEADER_VALUE, SUBPROTOCOL = "openai-beta", "realtime=v1", "openai-beta.realtime-v1"

# Beta's flat fields of a session, and where they stand in GA.
_SESSION = {
    "voice": "audio.output.voice",
    "speed": "audio.output.speed",
    "output_audio_format": "audio.output.format",
    "input_audio_format": "audio.input.format",
    "input_audio_transcription": "audio.input.transcription",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "turn_detection": "audio.input.turn_detection",
    "modalities": "output_modalities",
    "max_response_output_tokens": "max_output_tokens",
}
_RESPONSE = {"voice": "audio.output.voice", "output_audio_format": "audio.output.format",
             "modalities": "output_modalities", "max_response_output_tokens": "max_output_tokens"}
_KEPT = ("id", "object", "model", "expires_at", "instructions", "tools", "tool_choice", "temperature", "tracing")
_TEMPERATURE = 0.8

_FORMATS: dict[str, dict[str, Any]] = {
    "pcm16": {"type": "audio/pcm", "rate": 24000}, "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}
_FORMAT_NAMES = {"audio/pcm": "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}

_CONTENT = {"text": "output_text", "audio": "output_audio"}
_CONTENT_NAMES = {ga: beta for beta, ga in _CONTENT.items()}

_EVENT_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "response.output_text.delta": "response.text.delta",
    "response.output_text.done": "response.text.done",
    "conversation.item.added": "conversation.item.created",
}
# Beta had none of these.
_UNKNOWN = ("conversation.item.done", "input_audio_buffer.timeout_triggered", "input_audio_buffer.dtmf_event_received",
            "conversation.item.input_audio_transcription.segment", "mcp_list_tools.", "response.mcp_call")


def chosen(headers: Mapping[str, str], subprotocols: Iterable[str], query: Mapping[str, str]) -> bool:
    """Whether a client asks for beta. ``headers`` with lower-case names. ``?dialect=`` (ga, beta) has the last word."""
    if query.get("dialect"):
        return query["dialect"] == "beta"
    return HEADER_VALUE in headers.get(HEADER, "") or SUBPROTOCOL in subprotocols


def is_beta(event: Event) -> bool:
    """Whether a ``session.update`` can only be beta's: it has beta's fields, and nothing that only GA has."""
    if event.get("type") == "transcription_session.update":
        return True
    session = event.get("session")
    if not isinstance(session, dict) or "type" in session or "audio" in session:
        return False
    return any(name in session for name in _SESSION)


# ---------------------------------------------------------------- from the client


def decode(event: Event) -> Event:
    """A client's event in GA. What is not beta's is left as it is, and so is what is wrong: it is refused later."""
    kind = event.get("type")
    if kind in ("session.update", "transcription_session.update"):
        session = event.get("session")
        if not isinstance(session, dict):
            return {**event, "type": "session.update"}
        made = _nested(session, _SESSION)
        made.setdefault("type", "transcription" if kind.startswith("transcription") else "realtime")
        return {**event, "type": "session.update", "session": made}
    if kind == "conversation.item.create":
        return {**event, "item": _item_in(event["item"])} if isinstance(event.get("item"), dict) else event
    if kind == "response.create" and isinstance(event.get("response"), dict):
        response = _nested(event["response"], _RESPONSE)
        if isinstance(response.get("input"), list):
            response["input"] = [_item_in(item) for item in response["input"]]
        return {**event, "response": response}
    return event


def _nested(flat: Mapping[str, Any], table: Mapping[str, str]) -> dict[str, Any]:
    """Each field of beta's put where GA has it."""
    made = {name: copy.deepcopy(value) for name, value in flat.items() if name not in table}
    for name, path in table.items():
        if name in flat:
            *outer, last = path.split(".")
            node = made
            for part in outer:
                inner = node.setdefault(part, {})
                if not isinstance(inner, dict):
                    break
                node = inner
            node[last] = _value_in(path, flat[name])
    return made


def _value_in(path: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if path.endswith(".format") and isinstance(value, str):
        return _FORMATS.get(value, {"type": value})
    if path == "output_modalities" and isinstance(value, list):
        return ["audio"] if "audio" in value else value
    return value


def _item_in(item: Any) -> Any:  # noqa: ANN401 - anything a client may send
    if not isinstance(item, dict) or item.get("role") != "assistant" or not isinstance(item.get("content"), list):
        return item
    return {**item, "content": [_renamed(part, _CONTENT) for part in item["content"]]}


def _renamed(part: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - anything a client may send
    kind = part.get("type") if isinstance(part, dict) else None
    return {**part, "type": names.get(kind, kind)} if isinstance(kind, str) else part


# ---------------------------------------------------------------- to the client


def encode(event: Event) -> Event | None:
    """One of our events in beta; None where beta had no such thing."""
    kind = event["type"]
    if kind.startswith(_UNKNOWN) or str(event.get("item", {}).get("type", "")).startswith("mcp_"):
        return None
    made = {**event, "type": _EVENT_NAMES.get(kind, kind)}
    if "session" in made:
        transcribes = made["session"]["type"] == "transcription"
        made["type"] = f"transcription_{kind}" if transcribes else kind
        made["session"] = _session_out(made["session"])
    if "item" in made:
        made["item"] = _item_out(made["item"])
    if "response" in made:
        made["response"] = _response_out(made["response"])
    if kind == "error" and made["error"].get("param"):
        made["error"] = {**made["error"], "param": _param_out(made["error"]["param"])}
    return made


def _session_out(session: Mapping[str, Any]) -> dict[str, Any]:
    flat = {name: session[name] for name in _KEPT if name in session}
    if session["type"] == "realtime":
        flat.setdefault("temperature", _TEMPERATURE)
    for name, path in _SESSION.items():
        node: Any = session
        for part in path.split("."):
            node = node.get(part, _SESSION) if isinstance(node, Mapping) else _SESSION
        if node is not _SESSION:
            flat[name] = _value_out(path, node)
    return flat


def _value_out(path: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if path.endswith(".format"):
        return _FORMAT_NAMES[value["type"]]
    if path == "output_modalities":
        return ["audio", "text"] if value == ["audio"] else value
    return value


def _item_out(item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("role") != "assistant":
        return dict(item)
    return {**item, "content": [_renamed(part, _CONTENT_NAMES) for part in item["content"]]}


def _response_out(response: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(response)
    output = (made.pop("audio", None) or {}).get("output") or {}  # those of an upstream may lack it
    made["modalities"] = _value_out("output_modalities", made.pop("output_modalities", ["audio"]))
    made["output"] = [_item_out(item) for item in made["output"] if not item["type"].startswith("mcp_")]
    if "voice" in output:
        made["voice"] = output["voice"]
    if "format" in output:
        made["output_audio_format"] = _FORMAT_NAMES[output["format"]["type"]]
    made["temperature"] = _TEMPERATURE
    return made


def _param_out(param: str) -> str:
    """``session.audio.output.voice`` was ``session.voice``."""
    first, _, rest = param.partition(".")
    for name, path in _SESSION.items():
        if rest == path or rest.startswith(path + "."):
            return f"{first}.{name}{rest[len(path):]}"
    return param
