"""Options of skills: what agents can do besides talking."""

from pydantic import Field

from engine.config.base import Options


class SkillOptions(Options):
    """What agents can do besides talking. How to add a skill: ``docs/developer/skills.md``."""

    folder: str = ""
    """Folder with skills of your own (``*.py``); empty: ``skills/`` in the home folder. They run inside the engine: put
    in only what you trust as you trust the engine."""

    mock: bool = False
    """Run the mock of a skill where it has one: for trying an agent without touching real systems."""

    filler_after_ms: int = Field(700, ge=200, le=5000)
    """A skill that takes longer than this is covered by a spoken phrase. Callers notice a pause at about a second."""

    filler_again_ms: int = Field(5000, ge=2000, le=30000)
    """The next phrase comes this long after: silence over four seconds sounds like a lost call."""

    result_chars: int = Field(4000, ge=200, le=100000)
    """Longest result that is given to the model; longer ones are cut. 4000 characters are about 1000 tokens."""

    max_running: int = Field(200, ge=1)
    """Skills that run at the same time in all calls; more are refused, so that a slow back-end cannot fill
    the memory."""

    breaker_faults: int = Field(3, ge=1)
    """A skill that failed so often in a row is left alone for ``breaker_rest_s``: callers need not wait for it."""

    breaker_rest_s: float = Field(30.0, gt=0)
    """How long. After it, one attempt decides."""

    customers_url: str = ""
    """Where ``lookup_customer`` asks (POST of JSON); empty: sample data for development."""

    orders_url: str = ""
    """Where ``check_order_status`` asks (POST of JSON); empty: sample data for development."""

    tickets_url: str = ""
    """Where ``create_ticket`` sends tickets (POST of JSON); empty: to ``tickets.jsonl`` in the home folder."""

    callbacks_url: str = ""
    """Where ``schedule_callback`` sends wishes (POST of JSON); empty: to ``callbacks.jsonl`` in the home folder."""

    endpoint_token: str = ""
    """Sent to these addresses as ``Authorization: Bearer ...``; empty: no such header."""

    mcp_file: str = ""
    """YAML file with the MCP servers whose tools agents may use; empty: none. See ``docs/operator/skills.md``."""
