"""Which MCP servers an operator allows, from a YAML file, and their tools as skills. Tool lists are cached.

    servers:
      crm:
        url: https://crm.example.com/mcp
        headers: {Authorization: "Bearer ${CRM_TOKEN}"}
        tools: [find_contact, add_note]
        read_only: [find_contact]

A tool becomes the skill ``crm_find_contact``. What is not listed as ``read_only`` counts as something that changes the
world, whatever the server says of itself: it runs once, and never on speculation.
"""

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.mcp import McpClient, McpError
from engine.dialog.skills.result import Result, done, failed
from engine.dialog.skills.services import Services
from engine.dialog.skills.skill import Skill, SkillContext

log = logging.getLogger(__name__)

REFRESH_S = 300.0
"""How long a list of tools is good."""

RETRY_S = 10.0
"""How soon a server that could not be asked is asked again."""

LIST_TIMEOUT_S = 15.0

_ANYTHING = create_model("mcp_arguments", __config__=ConfigDict(extra="allow"))
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class McpServer(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://")
    tools: tuple[str, ...] = Field(min_length=1)
    read_only: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    headers: Mapping[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(8.0, gt=0, le=120)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    servers: dict[str, McpServer]


def read_servers(path: Path, environ: Mapping[str, str] = os.environ) -> dict[str, McpServer]:
    """The servers of a file; ``${NAME}`` in a text is the environment's. Raises ``SkillError`` with every problem, each
    with file and line."""
    problems: list[str] = []
    try:
        root = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    except OSError as fault:
        raise SkillError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise SkillError(f"{path}:{line}: not YAML: {fault.problem}") from fault
    except yaml.YAMLError as fault:
        raise SkillError(f"{path}: not YAML: {' '.join(str(fault).split())}") from fault
    if root is None:
        raise SkillError(f"{path}:1: empty; expected servers:")

    def plain(node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {str(key.value): plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [plain(item) for item in node.value]
        return _VARIABLE.sub(lambda match: from_environment(match[1], node), node.value)

    def from_environment(name: str, node: yaml.Node) -> str:
        if name not in environ:
            problems.append(f"{path}:{node.start_mark.line + 1}: the environment has no {name}")
        return environ.get(name, "")

    found: dict[str, McpServer] = {}
    try:
        found = _File.model_validate(plain(root)).servers
    except ValidationError as faults:
        for error in faults.errors(include_url=False, include_input=False):
            place = ".".join(map(str, error["loc"]))
            problems.append(f"{path}:{_line_of(root, error['loc'])}: {place}: {error['msg']}")
    problems += [f"{path}:{_line_of(root, ('servers', name))}: servers.{name}: letters, digits, _ and -, at most 24"
                 for name in found if not re.fullmatch(r"[A-Za-z][\w-]{0,23}", name, re.ASCII)]
    if problems:
        raise SkillError("\n  ".join(["the MCP file cannot be used:", *problems]))
    return found


def _line_of(node: yaml.Node, place: tuple[int | str, ...]) -> int:
    """The line of what ``place`` names, as near as it is in the file."""
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
        else:
            found = node.value[step] if isinstance(node, yaml.SequenceNode) and isinstance(step, int) else None
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1


class McpServers:
    """The tools of all servers. ``start`` keeps the lists fresh in the background: no call ever waits for one."""

    def __init__(self, servers: Mapping[str, McpServer], services: Services) -> None:
        """Nothing is asked yet."""
        self._servers = dict(servers)
        self._clients = {name: McpClient(name, server.url, server.headers, services)
                         for name, server in servers.items()}
        self._skills: dict[str, dict[str, Skill]] = {}
        self._greenlets: list[gevent.Greenlet] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the servers."""
        return tuple(self._servers)

    def start(self) -> None:
        """Ask each server for its tools, now and every ``REFRESH_S``."""
        self._greenlets = [gevent.spawn(self._keep_fresh, name) for name in self._servers]

    def close(self) -> None:
        """End sessions and greenlets."""
        gevent.killall(self._greenlets, timeout=1.0)
        for client in self._clients.values():
            client.close()

    def skills(self) -> dict[str, Skill]:
        """The skills as far as they are known now."""
        return {name: skill for skills in self._skills.values() for name, skill in skills.items()}

    def refresh(self, name: str) -> None:
        """Ask one server for its tools. Raises ``McpError``; what was known stays then."""
        server, client = self._servers[name], self._clients[name]
        try:
            with gevent.Timeout(LIST_TIMEOUT_S, McpError(f"{name}: no list of tools within {LIST_TIMEOUT_S:g} s")):
                tools = {str(tool["name"]): tool for tool in client.tools()}
        finally:
            self._skills.setdefault(name, {})
        wanted = list(tools) if "*" in server.tools else list(server.tools)
        for missing in [tool for tool in wanted if tool not in tools]:
            log.warning("MCP server %s has no tool '%s'; it has %s", name, missing, ", ".join(tools) or "none")
        made = [_skill(name, server, tools[tool], client) for tool in wanted if tool in tools]
        self._skills[name] = {skill.name: skill for skill in made}

    def _keep_fresh(self, name: str) -> None:
        while True:
            try:
                self.refresh(name)
            except McpError as fault:
                log.warning("MCP server %s: its tools are not known: %s", name, fault)
                gevent.sleep(RETRY_S)
            except Exception:  # noqa: BLE001  what one server sends must not end the refreshing
                log.exception("MCP server %s", name)
                gevent.sleep(REFRESH_S)
            else:
                gevent.sleep(REFRESH_S)


def _skill(server_name: str, server: McpServer, tool: Mapping[str, Any], client: McpClient) -> Skill:
    """A tool as a skill."""
    name = str(tool["name"])
    schema = tool.get("inputSchema")

    def run(_context_of_the_call: SkillContext, **arguments: Any) -> Result:
        try:
            return _result(client.call(name, arguments, _context_of_the_call.key))
        except McpError as fault:
            if fault.said_no:
                return failed("refused", str(fault))
            raise

    return Skill(
        re.sub(r"[^a-zA-Z0-9_-]", "_", f"{server_name}_{name}")[:64],
        str(tool.get("description") or tool.get("title") or name)[:2000],
        run, _ANYTHING, "_context_of_the_call", timeout_s=server.timeout_s, side_effect=name not in server.read_only,
        parallel=name in server.read_only, confirm=name in server.confirm, source=f"MCP server {server_name}",
        side="mcp", schema=dict(schema) if isinstance(schema, dict) else {},
    )


def _result(answer: Mapping[str, Any]) -> Result:
    """What a tool gave, in our shape. Only text and structured data can be told on a telephone."""
    content = answer.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    text = "\n".join(str(part["text"]) for part in parts if part.get("type") == "text" and "text" in part)
    if answer.get("isError"):
        return failed("tool_error", text[:500] or "The tool failed.")
    structured = answer.get("structuredContent")
    return done(structured if structured is not None else text)
