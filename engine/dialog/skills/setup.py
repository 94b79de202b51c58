"""All of an engine's skills, opened and closed in one place.

    skills = Skills.open(config.skills, knowledge)
    skills.start()
    brain = ModelBrain(persona, model, skills.executor)
    skills.close()
"""

from dataclasses import dataclass

from engine import paths
from engine.config import SkillOptions
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.mcp_servers import McpServers, read_servers
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.services import Searcher, Services


@dataclass(frozen=True)
class Skills:
    """What there is, who runs it, and what it uses."""

    registry: Registry
    executor: Executor
    services: Services
    servers: McpServers

    @classmethod
    def open(cls, options: SkillOptions, knowledge: Searcher | None = None) -> "Skills":
        """Read the operator's files; no server is asked yet. Raises ``SkillError`` with file and line."""
        services = Services(options, knowledge)
        _ = services.http  # takes 40 ms, which no call should pay for
        # A relative path lies in the home folder.
        allowed = read_servers(paths.home() / options.mcp_file) if options.mcp_file else {}
        servers = McpServers(allowed, services)
        registry = Registry.open(options, servers.skills)
        return cls(registry, Executor(registry.skills, options, services), services, servers)

    def start(self) -> None:
        """Ask the MCP servers for their tools, in the background."""
        self.servers.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for what runs, then end everything."""
        self.executor.close(timeout_s)
        self.servers.close()
        self.services.close()
