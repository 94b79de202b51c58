"""Tools of other systems over MCP: the protocol on a real socket, the operator's list, what a model sees of it."""

import json

import gevent
import pytest
from mcp_fake import McpFake
from skill_world import call, words

from engine.config import SkillOptions
from engine.dialog.skills import mcp_servers
from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.mcp import McpClient, McpError
from engine.dialog.skills.mcp_servers import McpServer, McpServers, read_servers
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.services import Services
from engine.dialog.skills.setup import Skills


@pytest.fixture
def http():
    """What opens connections."""
    services = Services()
    yield services
    services.close()


@pytest.fixture
def fake():
    made = []

    def make(**options):
        made.append(McpFake(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("options", [{}, {"stream": True}, {"sessions": False}, {"version": "2025-06-18"}])
def test_the_protocol(fake, http, options):
    """JSON or streams, with sessions or without, in the revision that the server chose; pages of tools."""
    server = fake(**options)
    client = McpClient("crm", server.url, {}, http)
    assert [tool["name"] for tool in client.tools()] == ["find", "delete", "secret.tool"]
    result = client.call("find", {"name": "Ann"}, "k1")
    assert result["content"][0]["text"] == "Ann: 5"
    assert server.called == [("find", {"name": "Ann"}, {"trunkline/idempotency-key": "k1"})]
    client.close()
    assert server.faults == [] and server.deleted == (["s1"] if server.has_sessions else [])


def test_what_a_server_asks_meanwhile_is_answered(fake, http):
    """A ping that nobody answers ends the connection with many servers."""
    server = fake(stream=True)
    McpClient("crm", server.url, {}, http).call("find", {"name": "Ann"})
    assert [("result" in item, item["id"]) for item in server.answered] == [(True, "ping-1"), (False, "sample-1")]


def test_a_session_that_is_gone_is_opened_again(fake, http):
    """Servers restart; what was asked has not been done then, so it is asked once more."""
    server = fake()
    client = McpClient("crm", server.url, {}, http)
    client.tools()
    server.sessions.clear()
    assert client.call("find", {"name": "Ann"})["content"]
    assert len(server.called) == 1 and server.faults == ["no such session"]


@pytest.mark.parametrize(("options", "says"), [
    ({"version": "1999-01-01"}, "1999-01-01"), ({"token": "t"}, "headers of this server")])
def test_a_server_that_cannot_be_used_says_why(fake, http, options, says):
    with pytest.raises(McpError, match=says):
        McpClient("crm", fake(**options).url, {}, http).tools()


def test_a_server_that_is_down_says_so(http):
    with pytest.raises(McpError, match="crm: .*Connect"):
        McpClient("crm", "http://127.0.0.1:1/mcp", {}, http).tools()


# ---------------------------------------------------------------- as skills


def servers(fake, http, **options):
    options.setdefault("tools", ("find", "delete"))
    made = McpServers({"crm": McpServer(url=fake.url, **options)}, http)
    made.refresh("crm")
    return made


def test_only_what_is_allowed_is_a_skill(fake, http):
    """And what is not said to be read-only counts as a side effect, whatever the server says."""
    found = servers(fake(), http, read_only=("find",)).skills()
    assert sorted(found) == ["crm_delete", "crm_find"]
    assert [found[name].side_effect for name in sorted(found)] == [True, False]
    assert found["crm_find"].tool().parameters["required"] == ["name"]
    everything = servers(fake(), http, tools=("*",)).skills()
    assert sorted(everything) == ["crm_delete", "crm_find", "crm_secret_tool"]


@pytest.mark.parametrize(("name", "expected"), [
    ("Ann", {"success": True, "data": "Ann: 5"}),
    ("structured", {"success": True, "data": {"phone": "5"}}),
    ("nobody", {"success": False, "error": "tool_error", "message": "no such contact"}),
    ("bad", {"success": False, "error": "refused", "message": "crm: tools/call: name is not allowed"}),
])
def test_a_model_uses_a_remote_tool(world, fake, http, name, expected):
    made = world([call("crm_find", json.dumps({"name": name}))], "There.")
    registry = Registry(remote=servers(fake(), http).skills)
    made.executor.skills = registry.skills
    assert words(made.reply("find")) == "There."
    assert expected.items() <= json.loads(made.results()[0]).items()


def test_a_server_that_fails_is_a_result(world, fake, http):
    server = fake()
    made = world([call("crm_find", '{"name": "Ann"}')], "Sorry.")
    made.executor.skills = Registry(remote=servers(server, http, read_only=("find",)).skills).skills
    server.fail = (500, "down")
    assert words(made.reply("find")) == "Sorry."
    assert json.loads(made.results()[0])["error"] == "unavailable"


def test_lists_of_tools_are_fetched_beside_the_calls(fake, tmp_path, monkeypatch):
    """A server that is down delays nobody; its tools come when it does, and those of a server that goes stay."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    monkeypatch.setattr(mcp_servers, "RETRY_S", 0.02)
    monkeypatch.setattr(mcp_servers, "REFRESH_S", 0.02)
    server = fake(token="t0p")
    (tmp_path / "mcp.yaml").write_text(
        f"servers:\n  crm:\n    url: {server.url}\n    headers: {{Authorization: Bearer t0p}}\n    tools: [find]\n")
    server.fail = (503, "not yet")
    skills = Skills.open(SkillOptions(mcp_file="mcp.yaml"))
    skills.start()
    gevent.sleep(0.05)
    assert "crm_find" not in skills.registry.skills()
    server.fail = None
    with gevent.Timeout(5):
        while "crm_find" not in skills.registry.skills():
            gevent.sleep(0.01)
    server.fail = (503, "gone again")
    gevent.sleep(0.05)
    assert "crm_find" in skills.registry.skills()
    skills.close()


# ---------------------------------------------------------------- the file

GOOD = """
servers:
  crm:
    url: https://crm.example.com/mcp
    headers: {Authorization: "Bearer ${CRM_TOKEN}"}
    tools: [find_contact]
"""


def test_the_operators_file(tmp_path):
    file = tmp_path / "mcp.yaml"
    file.write_text(GOOD)
    (server,) = read_servers(file, {"CRM_TOKEN": "t0p"}).values()
    assert server.headers == {"Authorization": "Bearer t0p"} and server.tools == ("find_contact",)


@pytest.mark.parametrize(("text", "says"), [
    (GOOD, ":5: the environment has no CRM_TOKEN"),
    ("servers:\n  crm:\n    url: ftp://x\n    tools: [a]\n", ":3: servers.crm.url"),
    ("servers:\n  crm:\n    url: https://x\n", ":3: servers.crm.tools: Field required"),
    ("servers:\n  crm:\n    url: https://x\n    tools: [a]\n    tool: b\n", ":5: servers.crm.tool"),
    ("servers:\n  'c r m':\n    url: https://x\n    tools: [a]\n", "servers.c r m: letters"),
    ("servers: [", ":1: not YAML"),
    ("", ":1: empty"),
])
def test_what_is_wrong_in_the_file_is_named_with_its_line(tmp_path, text, says):
    file = tmp_path / "mcp.yaml"
    file.write_text(text)
    with pytest.raises(SkillError) as caught:
        read_servers(file, {})
    assert f"{file}" in str(caught.value) and says in str(caught.value)
