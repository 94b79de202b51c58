"""Rules that hold for the events of a Realtime session whatever a client or the engine does."""

TEXT_DELTAS = {"response.output_audio.delta": "audio", "response.output_audio_transcript.delta": "audio",
               "response.output_text.delta": "text"}


class Watch:
    """Follows the events as a strict client does; AssertionError where one is out of order."""

    def __init__(self):
        self.event_ids: set[str] = set()
        self.items: set[str] = set()
        self.ever: set[str] = set()
        self.responses: dict[str, dict] = {}
        self.done: set[str] = set()
        self.open_items: dict[str, str] = {}
        self.announced: dict[str, str] = {}
        self.open_parts: dict[str, str] = {}
        self.speech: str | None = None
        self.heard: set[str] = set()
        self.last_ms = 0

    @property
    def active(self) -> list[str]:
        """Responses of the conversation that are not done."""
        return [key for key, response in self.responses.items() if key not in self.done and response["conversation_id"]]

    def see(self, event: dict) -> None:
        """The next event."""
        kind = event["type"]
        assert event["event_id"] not in self.event_ids, "event ids are given once"
        self.event_ids.add(event["event_id"])
        previous = event.get("previous_item_id")
        assert previous is None or previous in self.items, f"{kind}: {previous} is in the conversation"
        if kind == "response.created":
            self.created(event["response"])
        elif kind == "response.done":
            self.finished(event["response"])
        elif kind.startswith("response."):
            self.of_response(kind, event)
        elif kind.startswith("conversation.item."):
            self.of_item(kind, event)
        elif kind.startswith("input_audio_buffer."):
            self.of_input(kind, event)

    def created(self, response: dict) -> None:
        assert response["id"] not in self.responses, "a response is created once"
        assert not (response["conversation_id"] and self.active), "one response at a time writes to the conversation"
        assert response["status"] == "in_progress" and response["output"] == []
        self.responses[response["id"]] = response

    def finished(self, response: dict) -> None:
        key = response["id"]
        assert key in self.responses and key not in self.done, "response.done comes once, after response.created"
        assert response["status"] in ("completed", "cancelled", "failed", "incomplete")
        assert key not in self.open_items.values(), "all items are done before their response"
        output = [item["id"] for item in response["output"]]
        assert output == [item for item, owner in self.announced.items() if owner == key], "all that was announced"
        self.done.add(key)

    def of_response(self, kind: str, event: dict) -> None:
        item_id = event["item"]["id"] if "item" in event else event["item_id"]
        owner = event.get("response_id", self.announced.get(item_id))
        assert owner in self.responses and owner not in self.done, f"{kind} belongs to a running response"
        if kind == "response.output_item.added":
            assert event["output_index"] == sum(o == owner for o in self.announced.values())
            assert item_id not in self.announced, "an item is announced once"
            self.announced[item_id] = self.open_items[item_id] = owner
            return
        assert self.open_items.get(item_id) == owner, f"{kind}: its item was added and is not done"
        mine = [item for item, o in self.announced.items() if o == owner]
        assert mine[event["output_index"]] == item_id
        if kind == "response.content_part.added":
            assert item_id not in self.open_parts
            self.open_parts[item_id] = event["part"]["type"]
        elif kind in TEXT_DELTAS:
            assert self.open_parts.get(item_id) == TEXT_DELTAS[kind], f"{kind}: its part was added"
        elif kind == "response.content_part.done":
            assert self.open_parts.pop(item_id) == event["part"]["type"]
        elif kind == "response.output_item.done":
            assert item_id not in self.open_parts, "a part is done before its item"
            del self.open_items[item_id]

    def of_item(self, kind: str, event: dict) -> None:
        if kind == "conversation.item.added":
            item_id = event["item"]["id"]
            assert item_id not in self.items, "an item is added once"
            self.items.add(item_id)
            self.ever.add(item_id)
        elif kind == "conversation.item.deleted":
            self.items.remove(event["item_id"])
        elif "transcription" in kind:
            assert event["item_id"] in self.items | self.heard, f"{kind}: the item is known"
        else:
            item_id = event["item"]["id"] if "item" in event else event["item_id"]
            assert item_id in self.items, f"{kind}: the item is in the conversation"

    def of_input(self, kind: str, event: dict) -> None:
        for name in ("audio_start_ms", "audio_end_ms"):
            if name in event:
                assert event[name] >= self.last_ms, "time does not run backwards"
                self.last_ms = event[name]
        if kind == "input_audio_buffer.speech_started":
            assert self.speech is None, "a turn ends before the next begins"
            self.speech = event["item_id"]
            self.heard.add(self.speech)
        elif kind == "input_audio_buffer.speech_stopped":
            assert self.speech == event["item_id"], "speech stops as the item that it started as"
        elif kind == "input_audio_buffer.committed":
            assert event["item_id"] not in self.ever
            self.speech = None
        elif kind == "input_audio_buffer.cleared":
            self.speech = None
