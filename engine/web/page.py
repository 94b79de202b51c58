"""The reference page of the HTTP API, ``docs/http-api.md``, from the routes.

    python -m engine.web.page > docs/http-api.md
"""

from typing import Any

from engine.config import Config
from engine.service import Engine
from engine.web import openapi, parts
from engine.web.traffic import Traffic

HEAD = """# HTTP API

This page is made from the routes by `python -m engine.web.page`; a test keeps it current. A running engine has the same
for programs at `/openapi.json` and for people at `/docs`.

Where a scope is named, send an API key that has it, as `Authorization: Bearer KEY` or `X-API-Key: KEY`; without any
key in the configuration, programs on the engine's machine need none ([http.md](operator/http.md)). WebSockets take the
key also as the sub-protocol `openai-insecure-api-key.KEY` or as the parameter `api-key`, because browsers can set no
header there.

Errors have one shape, whatever refused; `param` names the field at fault, and `request_id` is in the engine's log and
in the header `X-Request-Id` (send your own, it is kept):

```json
{"error": {"type": "invalid_request_error", "code": "missing_required_parameter",
           "message": "user_input: Field required", "param": "user_input", "request_id": "req_5f0c"}}
```

| status | when |
|---|---|
| 400, 422 | the body is no JSON; a field is missing or wrong |
| 401, 403 | no valid key; a key without the scope; a page that is not allowed |
| 404, 405, 426 | no such path or thing; another method; a WebSocket |
| 408, 413 | the body is too slow, too large |
| 429 | too many requests: wait `Retry-After` seconds |
| 500 | the engine failed: its log tells more under the `request_id` |
"""


def reference() -> str:
    """The page, as Markdown: a table of all, then a section for each that takes or gives fields."""
    engine = Engine(Config())
    described = openapi.document(parts.routes(engine, Traffic()), parts.sockets(engine))
    schemas = described["components"]["schemas"]
    operations = [(method.upper(), path, operation) for path, methods in described["paths"].items()
                  for method, operation in methods.items()]
    rows = ["| | path | what it does | scope |", "|---|---|---|---|"]
    rows += [f"| {method} | `{path}` | {operation['summary']} | {operation.get('x-scope', '')} |"
             for method, path, operation in operations]
    rows += [f"| WebSocket | `{socket['path']}` | {socket['summary']} | {socket['scope'] or ''} |"
             for socket in described["x-websockets"]]
    sections = [HEAD, "\n".join(rows) + "\n"]
    for method, path, operation in operations:
        if told := _details(operation, schemas):
            sections.append(f"## {method} {path}\n\n{operation['summary']}\n\n{told}")
    return "\n".join(sections)


def _details(operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    parts_told = [operation["description"] + "\n"] if "description" in operation else []
    if operation["parameters"]:
        rows = [_row(one["name"], one["schema"], one["required"], one.get("description", ""))
                for one in operation["parameters"]]
        parts_told.append(_table("parameter", rows))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        parts_told.append("Body:\n\n" + _fields(body["schema"], schemas))
    for status, answer in operation["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema and status != "default":
            parts_told.append(f"Answer ({status}):\n\n" + _fields(schema, schemas))
    return "\n".join(parts_told)


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    model = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    text = " ".join(model.get("description", "").split()).replace("``", "`")
    needed = model.get("required", [])
    rows = [_row(name, one, name in needed, one.get("description", ""))
            for name, one in model.get("properties", {}).items()]
    return (text + "\n\n" if text else "") + _table("field", rows)


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([f"| {head} | type | needed | |", "|---|---|---|---|", *rows]) + "\n"


def _row(name: str, schema: dict[str, Any], needed: bool, text: str) -> str:
    default = f" Default `{schema['default']}`." if schema.get("default") not in (None, "", [], {}) else ""
    told = " ".join(f"{text}{default}".split()).replace("``", "`").replace("|", "\\|")
    return f"| `{name}` | {_type(schema)} | {'yes' if needed else ''} | {told} |"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


if __name__ == "__main__":
    print(reference(), end="")
