"""One response of a Realtime session: its items, its events and their order. Pure.

    response.created . rate_limits.updated
    . output_item.added . conversation.item.added . content_part.added . deltas ...
    . output_audio.done . output_audio_transcript.done . content_part.done . conversation.item.done . output_item.done
    . response.done

All words of a response are one message. A tool that is called meanwhile is an item of its own, told at once: what the
agent says while it runs can take longer than the tool. There is exactly one ``response.done``, however it ends; what
comes later is not told.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from engine.realtime import serverevents as events
from engine.realtime.items import Conversation, Entry
from engine.realtime.serverevents import Event
from engine.realtime.spoken import Spoken

SERVER_LABEL = "trunkline"
"""Skills that the engine runs are shown as calls of this MCP server: clients run no such calls themselves."""


class Response:
    """``session`` is the configuration that holds for it; without ``conversation`` it is no part of one."""

    def __init__(
        self, response_id: str, session: Mapping[str, Any], make_id: Callable[[str], str],
        conversation: Conversation | None, conversation_id: str, metadata: dict[str, str] | None = None,
    ) -> None:
        """Nothing is said yet."""
        self.id = response_id
        self.generation: int | None = None
        self.status = "in_progress"
        self.by = ""
        self.message: Entry | None = None
        self.sent_audio = False
        self.called_client = False
        self.audible = session["output_modalities"] == ["audio"]
        self._session = session
        self._make_id = make_id
        self._conversation = conversation
        self._conversation_id = conversation_id if conversation is not None else None
        self._metadata = metadata
        self._outputs: list[Entry] = []
        self._running: dict[str, Entry] = {}
        self._sources: list[dict[str, Any]] = []

    @property
    def finished(self) -> bool:
        """``response.done`` was sent."""
        return self.status != "in_progress"

    @property
    def aside(self) -> bool:
        """It is no part of the conversation."""
        return self._conversation is None

    def created(self) -> Event:
        """It begins."""
        return events.event("response.created", response=self._shown(None, None))

    # ------------------------------------------------------------ what is said

    def words(self, text: str) -> list[Event]:
        """The next words, as they are: no space is put between."""
        if self.finished or not text:
            return []
        sends = self._opened()
        assert self.message is not None and self.message.spoken is not None
        self.message.spoken.words(text)
        self.message.item["content"] = [self._content()]
        kind = "output_audio_transcript" if self.audible else "output_text"
        return [*sends, self._of_part(f"response.{kind}.delta", delta=text)]

    def audio(self, audio: bytes, ms: float) -> list[Event]:
        """The next audio (without bytes: somebody else hears it). Not told where the response is text."""
        if self.finished or not (audio or ms) or not self.audible:
            return []
        sends = self._opened()
        assert self.message is not None and self.message.spoken is not None
        self.message.spoken.audio(ms)
        self.sent_audio = True
        return [*sends, self._of_part("response.output_audio.delta", delta=base64.b64encode(audio).decode())]

    def cited(self, sources: tuple[dict[str, object], ...]) -> None:
        """What it stands on: ``annotations`` of its message once that is complete."""
        self._sources.extend(dict(source) for source in sources)

    # ------------------------------------------------------------ tools

    def client_tool(self, call_id: str, name: str, arguments: str) -> list[Event]:
        """The client is to run a function."""
        if self.finished:
            return []
        self.called_client = True
        item = {"id": self._make_id("item"), "object": "realtime.item", "type": "function_call",
                "status": "in_progress", "call_id": call_id, "name": name, "arguments": ""}
        entry = Entry(item, self.id)
        sends = self._added(entry)
        where = {**self._place(entry), "call_id": call_id}
        sends.append(events.event("response.function_call_arguments.delta", **where, delta=arguments))
        sends.append(
            events.event("response.function_call_arguments.done", **where, name=name, arguments=arguments)
        )
        item.update(arguments=arguments, status="completed")
        return sends + self._item_done(entry)

    def server_tool(self, call_id: str, name: str, arguments: str) -> list[Event]:
        """The engine runs a skill."""
        if self.finished or call_id in self._running:
            return []
        # zod wants output and error to be there, if as null.
        item = {"id": self._make_id("mcp"), "type": "mcp_call", "server_label": SERVER_LABEL, "name": name,
                "arguments": "", "output": None, "error": None, "approval_request_id": None}
        entry = Entry(item, self.id)
        self._running[call_id] = entry
        sends = self._added(entry)
        item["arguments"] = arguments
        place = self._place(entry)
        sends.append(events.event("response.mcp_call_arguments.delta", **place, delta=arguments, obfuscation=""))
        sends.append(events.event("response.mcp_call_arguments.done", **place, arguments=arguments))
        if self._conversation is not None:  # JavaScript clients retrieve the item then, which is nowhere aside
            sends.append(self._of_mcp("in_progress", entry))
        return sends

    def server_tool_returned(self, call_id: str, output: str, error: str = "") -> list[Event]:
        """It is done, or has failed."""
        entry = self._running.pop(call_id, None)
        if entry is None or self.finished:
            return []
        if error:
            entry.item["error"] = {"type": "tool_execution_error", "message": error}
        else:
            entry.item["output"] = output
        return [self._of_mcp("failed" if error else "completed", entry), *self._item_done(entry)]

    # ------------------------------------------------------------ the end

    def finish(self, status: str, details: dict[str, Any] | None = None,
               usage: dict[str, Any] | None = None) -> list[Event]:
        """It ends: "completed", "cancelled", "incomplete" or "failed". Nothing if it has ended before."""
        if self.finished:
            return []
        sends: list[Event] = []
        for call_id in list(self._running):
            sends += self.server_tool_returned(call_id, "", "the response has ended")
        if self.message:
            sends += self._closed("completed" if status == "completed" else "incomplete")
        self.status = status
        sends.append(events.event("response.done", response=self._shown(details, usage)))
        return sends

    # ------------------------------------------------------------ parts of them

    def _opened(self) -> list[Event]:
        if self.message:
            return []
        item = {"id": self._make_id("item"), "object": "realtime.item", "type": "message", "status": "in_progress",
                "role": "assistant", "content": []}
        self.message = Entry(item, self.id, spoken=Spoken())
        sends = self._added(self.message)
        return [*sends, self._of_part("response.content_part.added", part=self._part(""))]

    def _closed(self, status: str) -> list[Event]:
        assert self.message is not None and self.message.spoken is not None
        text = self.message.spoken.text
        if self.audible:
            sends = [self._of_part("response.output_audio.done"),
                     self._of_part("response.output_audio_transcript.done", transcript=text)]
        else:
            sends = [self._of_part("response.output_text.done", text=text)]
        sends.append(self._of_part("response.content_part.done", part=self._part(text)))
        self.message.item.update(status=status, content=[self._content()])
        return sends + self._item_done(self.message)

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "audio", "transcript": text} if self.audible else {"type": "text", "text": text}

    def _content(self) -> dict[str, Any]:
        assert self.message is not None and self.message.spoken is not None
        text = self.message.spoken.text
        shown: dict[str, Any] = {"type": "output_text", "text": text}
        if self.audible:
            shown = {"type": "output_audio", "transcript": text}
        if self._sources:
            shown["annotations"] = list(self._sources)
        return shown

    def _added(self, entry: Entry) -> list[Event]:
        self._outputs.append(entry)
        sends = [events.event("response.output_item.added", response_id=self.id, output_index=len(self._outputs) - 1,
                              item=dict(entry.item))]
        if self._conversation is not None:
            sends.append(events.item_added(entry.item, self._conversation.append(entry)))
        return sends

    def _item_done(self, entry: Entry) -> list[Event]:
        place = self._place(entry)
        sends = [events.event("response.output_item.done", response_id=self.id, output_index=place["output_index"],
                              item=dict(entry.item))]
        if self._conversation is not None:
            sends.insert(0, events.item_done(entry.item, self._conversation.before(entry)))
        return sends

    def _place(self, entry: Entry) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": entry.id, "output_index": self._outputs.index(entry)}

    def _of_part(self, kind: str, **fields: Any) -> Event:  # noqa: ANN401 - any JSON
        assert self.message is not None
        return events.event(kind, **self._place(self.message), content_index=0, **fields)

    def _of_mcp(self, state: str, entry: Entry) -> Event:
        place = self._place(entry)
        return events.event(f"response.mcp_call.{state}", item_id=entry.id, output_index=place["output_index"])

    def _shown(self, details: dict[str, Any] | None, usage: dict[str, Any] | None) -> dict[str, Any]:
        """The response as clients get it. A voice of one's own goes by its id: clients expect a string."""
        output = self._session["audio"]["output"]
        voice = output["voice"]
        return {
            "object": "realtime.response", "id": self.id, "status": self.status, "status_details": details,
            "output": [dict(entry.item) for entry in self._outputs], "conversation_id": self._conversation_id,
            "output_modalities": list(self._session["output_modalities"]),
            "max_output_tokens": self._session["max_output_tokens"],
            "audio": {"output": {"format": dict(output["format"]),
                                 "voice": voice["id"] if isinstance(voice, dict) else voice}},
            "metadata": self._metadata, "usage": usage,
        }
