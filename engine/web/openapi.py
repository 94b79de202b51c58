"""``/openapi.json`` and ``/docs``, from the routes and their models."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from engine import __version__
from engine.web.route import Answer, Asked, Route, WebSocketRoute, as_json

REF = "#/components/schemas/{model}"
NO_CONTENT = 204

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {
        "type": "object",
        "required": ["type", "code", "message", "param", "request_id"],
        "properties": {"type": {"type": "string"}, "code": {"type": "string"}, "message": {"type": "string"},
                       "param": {"type": ["string", "null"]}, "request_id": {"type": "string"}},
    }},
}


def routes(routes: Sequence[Route], sockets: Sequence[WebSocketRoute]) -> list[Route]:
    """The two pages that describe all the others."""
    described = document(routes, sockets)  # now: it would hold up calls later
    as_data, as_page = as_json(described), _html(described).encode()

    def openapi(asked: Asked) -> Answer:
        return Answer(as_data, "application/json")

    def docs(asked: Asked) -> Answer:
        return Answer(as_page, "text/html")

    return [Route("GET", "/openapi.json", openapi, "This API in OpenAPI 3.1."),
            Route("GET", "/docs", docs, "This API as a page.", produces=("text/html",))]


def document(routes: Sequence[Route], sockets: Sequence[WebSocketRoute]) -> dict[str, Any]:
    """The OpenAPI document. WebSockets, which OpenAPI has no words for, are under ``x-websockets``."""
    models: dict[tuple[type[BaseModel], Any], None] = {}
    for route in routes:
        for model, mode in ((route.body, "validation"), (route.query, "validation"), (route.answer, "serialization")):
            if model is not None:
                models[(model, mode)] = None
    for socket in sockets:
        if socket.query is not None:
            models[(socket.query, "validation")] = None
    refs, schemas = models_json_schema(list(models), ref_template=REF)
    known = dict(refs)
    components = dict(schemas.get("$defs", {}))
    components["Error"] = _ERROR
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path, parameters = _path(route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, parameters, known, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trunkline", "version": __version__,
                 "description": "The API of an AI voice engine embedded in FreeSWITCH."},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}},
        "x-websockets": [_socket(socket, known, components) for socket in sockets],
    }


def _operation(route: Route, parameters: list[dict[str, Any]], known: dict[Any, Any],
               components: dict[str, Any]) -> dict[str, Any]:
    summary, _, more = route.summary.partition("\n")
    answer: dict[str, Any] = {"description": "As asked."}
    content: dict[str, Any] = {kind: {} for kind in route.produces}
    if route.answer is not None:
        content["application/json"] = {"schema": known[(route.answer, "serialization")]}
    elif not content and route.status != NO_CONTENT:
        content["application/json"] = {}
    if content:
        answer["content"] = content
    operation: dict[str, Any] = {
        "summary": summary,
        "operationId": _operation_id(route.method, _path(route.path)[0]),
        "parameters": parameters + _query(route.query, known, components),
        "responses": {str(route.status): answer, "default": {
            "description": "Refused or failed.",
            "content": {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}}},
    }
    if more.strip():
        operation["description"] = more.strip()
    if route.body is not None:
        schema = known[(route.body, "validation")]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif route.raw:
        operation["requestBody"] = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    if route.scope is not None:
        operation["security"] = [{"bearer": []}, {"header": []}]
        operation["x-scope"] = route.scope
    return operation


def _socket(route: WebSocketRoute, known: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    path, parameters = _path(route.path)
    return {"path": path, "summary": route.summary, "scope": route.scope, "subprotocols": list(route.subprotocols),
            "parameters": parameters + _query(route.query, known, components)}


def _path(path: str) -> tuple[str, list[dict[str, Any]]]:
    """Flask's ``/a/<int:b>`` as OpenAPI's ``/a/{b}`` with its parameters."""
    found = re.findall(r"<(?:(\w+):)?(\w+)>", path)
    parameters = [{"name": name, "in": "path", "required": True,
                   "schema": {"type": "integer" if kind == "int" else "string"}} for kind, name in found]
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), parameters


def _query(model: type[BaseModel] | None, known: dict[Any, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = components[known[(model, "validation")]["$ref"].rpartition("/")[2]]
    needed = schema.get("required", [])
    return [{"name": name, "in": "query", "required": name in needed,
             "schema": {key: value for key, value in one.items() if key != "description"},
             **({"description": one["description"]} if "description" in one else {})}
            for name, one in schema.get("properties", {}).items()]


def _operation_id(method: str, path: str) -> str:
    return f"{method.lower()}_{re.sub(r'[^A-Za-z0-9]+', '_', path).strip('_')}"


def _html(described: dict[str, Any]) -> str:
    """A page without scripts: every operation, what it takes and what it answers."""
    rows = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            parameters = ", ".join(f"<code>{escape(one['name'])}</code>" for one in operation["parameters"])
            scope = escape(operation.get("x-scope", "public"))
            rows.append(f"<tr><td>{method.upper()}<td><code>{escape(path)}</code><td>{escape(operation['summary'])}"
                        f"<td>{parameters}<td>{scope}</tr>")
    for socket in described["x-websockets"]:
        parameters = ", ".join(f"<code>{escape(one['name'])}</code>" for one in socket["parameters"])
        rows.append(f"<tr><td>WS<td><code>{escape(socket['path'])}</code><td>{escape(socket['summary'])}"
                    f"<td>{parameters}<td>{escape(socket['scope'] or 'public')}</tr>")
    return _PAGE.format(version=escape(described["info"]["version"]), rows="\n".join(rows))


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trunkline API</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5 }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884; vertical-align: top }}
</style>
<h1>Trunkline API {version}</h1>
<p>For programs: <a href="openapi.json">openapi.json</a>. Where a scope is named, send an API key that has it:
<code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>.</p>
<table><thead><tr><th scope="col">Method<th scope="col">Path<th scope="col">What it does<th scope="col">Parameters
<th scope="col">Scope</thead><tbody>
{rows}
</tbody></table></html>
"""
