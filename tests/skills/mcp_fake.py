"""A fake MCP server on loopback that refuses what the protocol refuses. It answers in JSON, or in event streams."""

import json

from gevent.pywsgi import WSGIServer

KNOWN = ("2025-11-25", "2025-06-18")
TOOLS = [
    {"name": "find", "description": "Find a contact.", "inputSchema": {
        "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    {"name": "delete", "description": "Delete a contact.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "secret.tool", "description": "Nobody may use this.", "inputSchema": {"type": "object"}},
]


class McpFake:
    """``stream``: answer in event streams, with noise and a ping before the response. ``version``: what it speaks."""

    def __init__(self, stream=False, version=KNOWN[0], sessions=True, page=2, token=""):
        self.stream, self.version, self.has_sessions, self.page, self.token = stream, version, sessions, page, token
        self.sessions, self.next_session, self.called, self.answered, self.deleted = {}, 1, [], [], []
        self.fail = None
        self.faults = []
        self.server = WSGIServer(("127.0.0.1", 0), self.serve, log=None, error_log=None)
        self.server.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/mcp"

    def close(self):
        self.server.stop(timeout=1)

    def serve(self, environ, start):
        status, headers, body = self.answer(environ)
        start(status, headers)
        return [body] if isinstance(body, bytes) else body

    def refuse(self, status, why):
        self.faults.append(why)
        return f"{status} refused", [("Content-Type", "text/plain")], why.encode()

    def answer(self, environ):
        session = environ.get("HTTP_MCP_SESSION_ID", "")
        if self.token and environ.get("HTTP_AUTHORIZATION") != f"Bearer {self.token}":
            return self.refuse(401, "no token")
        if environ["REQUEST_METHOD"] == "DELETE":
            self.deleted.append(session)
            return "200 OK", [], b""
        accept = environ.get("HTTP_ACCEPT", "")
        if "application/json" not in accept or "text/event-stream" not in accept:
            return self.refuse(406, f"Accept: {accept}")
        if not environ.get("CONTENT_TYPE", "").startswith("application/json"):
            return self.refuse(415, "Content-Type")
        message = json.loads(environ["wsgi.input"].read())
        if message.get("jsonrpc") != "2.0" or isinstance(message, list):
            return self.refuse(400, "not JSON-RPC 2.0")
        method = message.get("method")
        if method == "initialize":
            if session:
                return self.refuse(400, "initialize within a session")
            return self.initialize(message)
        if self.has_sessions and session not in self.sessions:
            return self.refuse(404 if session else 400, "no such session")
        if environ.get("HTTP_MCP_PROTOCOL_VERSION") != self.version:
            return self.refuse(400, "MCP-Protocol-Version")
        if method is None:
            self.answered.append(message)
            return "202 Accepted", [], b""
        if method == "notifications/initialized":
            self.sessions[session] = "ready"
            return "202 Accepted", [], b""
        if self.sessions.get(session) != "ready":
            return self.refuse(400, "not initialized yet")
        if self.fail:
            return self.refuse(*self.fail)
        return self.respond(message, self.result(method, message.get("params", {})))

    def initialize(self, message):
        assert set(message["params"]) == {"protocolVersion", "capabilities", "clientInfo"}
        headers = []
        if self.has_sessions:
            session = f"s{self.next_session}"
            self.next_session += 1
            headers = [("Mcp-Session-Id", session)]
        else:
            session = ""
        self.sessions[session] = "new"
        return self.respond(message, {"result": {
            "protocolVersion": self.version, "capabilities": {"tools": {}},
            "serverInfo": {"name": "fake", "version": "1"}}}, headers)

    def result(self, method, params):
        if method == "tools/list":
            start = int(params.get("cursor") or 0)
            end = start + self.page
            return {"result": {"tools": TOOLS[start:end], **({"nextCursor": str(end)} if end < len(TOOLS) else {})}}
        if method == "tools/call":
            self.called.append((params["name"], params["arguments"], params.get("_meta")))
            name = params["arguments"].get("name")
            if name == "nobody":
                return {"result": {"content": [{"type": "text", "text": "no such contact"}], "isError": True}}
            if name == "bad":
                return {"error": {"code": -32602, "message": "name is not allowed"}}
            if name == "structured":
                return {"result": {"content": [], "structuredContent": {"phone": "5"}}}
            return {"result": {"content": [{"type": "text", "text": f"{name}: 5"}, {"type": "image", "data": ""}]}}
        return {"error": {"code": -32601, "message": f"no method {method}"}}

    def respond(self, message, what, headers=()):
        response = {"jsonrpc": "2.0", "id": message["id"], **what}
        if not self.stream:
            return "200 OK", [("Content-Type", "application/json"), *headers], json.dumps(response).encode()
        noise = [{"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}}]
        if message["method"] == "tools/call":
            noise.append({"jsonrpc": "2.0", "id": "ping-1", "method": "ping"})
            noise.append({"jsonrpc": "2.0", "id": "sample-1", "method": "sampling/createMessage"})
        text = ": hello\r\n\r\n" + "".join(f"event: message\r\ndata: {json.dumps(item)}\r\n\r\n"
                                           for item in [*noise, response])
        return "200 OK", [("Content-Type", "text/event-stream"), *headers], [text.encode()]
