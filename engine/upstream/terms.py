"""What the server decides of a relayed session, and clients can neither see nor change: who the model is, its voice,
its tools. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]

NEVER_UP = ("temperature", "disable_audio", "object", "id", "expires_at", "model")
"""Fields of a client's session that the service does not take: those of the beta, of the origin's middle tier, and what
the service itself says. The model is the server's choice."""

RULED_RESPONSE = ("instructions", "prompt", "tools", "tool_choice", "max_output_tokens")
"""Fields of ``response.create`` by which a client could get round the session's terms."""


@dataclass(frozen=True)
class Terms:
    """``tools`` are the functions that run here, as the protocol describes them. Empty fields are left to the client.
    ``client_tools``: it may bring functions of its own besides."""

    instructions: str = ""
    voice: str = ""
    prompt: Mapping[str, Any] | None = None
    max_output_tokens: int = 0
    tools: tuple[Event, ...] = ()
    transcription_model: str = ""
    client_tools: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Names of the functions that run here."""
        return frozenset(str(tool["name"]) for tool in self.tools)

    def opening(self) -> Event:
        """The session that the upstream is asked for before the client has said a word."""
        heard = {"input": {"transcription": {"model": self.transcription_model}}} if self.transcription_model else {}
        return self.session({"audio": heard} if heard else {}, (), speaks=False)

    def bound(self) -> Event:
        """The session that a secret of the service's own is bound to: without functions, whose results would go to
        the client."""
        session = self.session({}, (), speaks=False)
        return {name: value for name, value in session.items() if name not in ("tools", "tool_choice", "type")}

    def session(self, asked: Mapping[str, Any], own: Sequence[Mapping[str, Any]], speaks: bool) -> Event:
        """What goes up for a session that a client asked for. ``own``: its functions; ``speaks``: the model has spoken,
        so that its voice cannot change any more."""
        session: Event = {"type": "realtime", **{name: value for name, value in asked.items() if name not in NEVER_UP}}
        if asked.get("disable_audio"):
            session["output_modalities"] = ["text"]
        for name in ("tools", "tool_choice"):
            session.pop(name, None)
        if self.instructions or self.prompt:
            session.pop("instructions", None)
            session.pop("prompt", None)
        if self.prompt:
            session["prompt"] = dict(self.prompt)
        if self.instructions:
            session["instructions"] = self.instructions
        if self.max_output_tokens:
            session["max_output_tokens"] = self.max_output_tokens
        if self.voice or speaks:
            session = _voiced(session, "" if speaks else self.voice)
        tools = [*self.tools, *self.allowed(own)]
        return {**session, "tools": tools, "tool_choice": "auto" if tools else "none"}

    def response(self, asked: Mapping[str, Any]) -> Event:
        """What goes up for a response that a client asked for. One beside the conversation gets no tools: there would
        be no place for what they find."""
        response = dict(asked)
        aside = asked.get("conversation") == "none"
        own = self.allowed(asked.get("tools") or ())
        for name in RULED_RESPONSE:
            if name in ("instructions", "prompt") and not (self.instructions or self.prompt):
                continue
            if name == "max_output_tokens" and not self.max_output_tokens:
                continue
            response.pop(name, None)
        if self.max_output_tokens and asked.get("max_output_tokens"):
            response["max_output_tokens"] = self.max_output_tokens
        if aside and (self.tools or own):
            response |= {"tools": own, "tool_choice": "auto" if own else "none"}
        elif own:
            response["tools"] = [*self.tools, *own]
        return _voiced(response, "") if self.voice else response

    def shown(self, session: Mapping[str, Any], own: Sequence[Mapping[str, Any]]) -> Event:
        """The session as its client sees it. ``own``: its functions."""
        tools = self.allowed(own)
        seen: Event = {**session, "tools": tools, "tool_choice": "auto" if tools else "none"}
        if self.instructions or self.prompt:
            seen |= {"instructions": "", "prompt": None}
        if self.max_output_tokens:
            seen["max_output_tokens"] = None
        return _voiced(seen, self.voice) if self.voice else seen

    def allowed(self, own: object) -> list[Event]:
        """The client's functions, as far as it may have some; a name of ours stays ours."""
        if not (self.client_tools and isinstance(own, list | tuple)):
            return []
        return [dict(tool) for tool in own if isinstance(tool, Mapping) and str(tool.get("name")) not in self.names]


def _voiced(config: Event, voice: str) -> Event:
    """A session or response with this voice; "": without one. What is no configuration is left as it is, for the
    service to refuse."""
    given = config.get("audio") or {}
    spoken = given.get("output") or {} if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(spoken, Mapping):
        return config
    audio, output = dict(given), dict(spoken)
    output.pop("voice", None)
    if voice:
        output["voice"] = voice
    audio["output"] = output
    if not output:
        del audio["output"]
    changed = {**config, "audio": audio}
    if not audio:
        del changed["audio"]
    return changed


__all__ = ["Event", "Terms"]
