"""What came of one turn of a conversation in writing. Plain data, filled while the reply is on its way."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class ToolUse:
    """A skill that was run for the turn. ``arguments`` is JSON text; ``result`` None while it runs."""

    id: str
    name: str
    arguments: str
    result: str | None = None
    error: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        status = "running" if self.result is None else "failed" if self.error else "done"
        return {"id": self.id, "name": self.name, "arguments": _parsed(self.arguments), "status": status,
                "result": _parsed(self.result or "null")}


@dataclass(slots=True)
class Reply:
    """``text`` is what was answered so far. ``confidence`` is that of the passage or the decision behind it, None where
    a model answered by itself. ``cost`` of this turn, in the currency of ``routing.currency``. ``latency_ms``: all of
    it, of which ``first_ms`` before the first word (None: there was none). ``ended``: the agent took its leave."""

    session_id: str
    agent: str
    language: str
    dialect: str = ""
    text: str = ""
    decision: str = ""
    confidence: float | None = None
    citations: list[dict[str, Any]] = field(default_factory=list)
    tools: list[ToolUse] = field(default_factory=list)
    provider: str = ""
    model: str = ""
    cost: float = 0.0
    latency_ms: float = 0.0
    first_ms: float | None = None
    ended: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As ``POST /ai/process`` answers it."""
        return {
            "response": self.text.strip(), "language": self.language, "dialect": self.dialect or None,
            "confidence": None if self.confidence is None else round(self.confidence, 3), "provider": self.provider,
            "model": self.model, "latency_ms": round(self.latency_ms, 1), "cost": round(self.cost, 6),
            "session_id": self.session_id, "citations": self.citations,
            "tool_calls": [tool.as_dict() for tool in self.tools], "agent": self.agent, "decision": self.decision,
            "ended": self.ended,
        }


def _parsed(text: str) -> Any:
    """JSON, or the text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text
