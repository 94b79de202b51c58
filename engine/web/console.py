"""The operator's page, `/console`, and what it asks for below `/api/console/`.

What it shows besides comes from the other parts of the API: `/sessions` (past calls, recordings, hang up), `/api/kb`
(knowledge base), `/admin` (breakers).
"""

from engine.service import Engine
from engine.web import console_agents, console_calls, console_engine, console_live, pages
from engine.web.route import Route


def routes(engine: Engine) -> list[Route]:
    """Pages, streams and answers of the console of ``engine``, which need not be started yet."""
    return [*pages.routes(), *console_live.routes(engine), *console_calls.routes(engine),
            *console_agents.routes(engine), *console_engine.routes(engine)]
