"""Calls that go on, as server-sent events."""

from collections.abc import Iterator

from pydantic import BaseModel, Field

from engine.service import Engine
from engine.web import sse
from engine.web.console_feed import Feed
from engine.web.route import Answer, Asked, Route


class LiveQuery(BaseModel):
    """What of the calls is wanted."""

    lines: bool = Field(False, description="every line of every call's event log, too")


def routes(engine: Engine) -> list[Route]:
    """The feed of ``engine`` and its routes. Follows every call from its first line."""
    feed = Feed()
    engine.began.append(feed.follow)

    def live(asked: Asked) -> Answer:
        return sse.events(feed.stream(asked.headers.get("Last-Event-ID", ""), lines=asked.query.lines))

    def one(asked: Asked) -> Answer:
        return sse.events(_of_call(feed, engine, asked.path["call_id"], asked.headers.get("Last-Event-ID", "")))

    return [
        Route("GET", "/api/console/live", live, "All calls that go on, and what changes (server-sent events): `calls` "
              "first, then `call`, `over` and, if wanted, `line`.", scope="read", query=LiveQuery,
              produces=("text/event-stream",)),
        Route("GET", "/api/console/calls/<call_id>/events", one, "One call that goes on, line by line (server-sent "
              "events): `calls`, `call`, `line`; `end` when it is over.", scope="read",
              produces=("text/event-stream",)),
    ]


def _of_call(feed: Feed, engine: Engine, call_id: str, last: str) -> Iterator[sse.Event]:
    """The call's events until it is over; of a call that is over only that."""
    if call_id in engine.live:
        for event in feed.stream(last, call_id, lines=True):
            yield event
            if event[1] == "over":
                break
            if event[1] == "calls" and call_id not in engine.live:
                break
    yield "", "end", {"id": call_id}
