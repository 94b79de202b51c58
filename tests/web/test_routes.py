"""HTTP routes from the outside: what is checked before a handler, and what errors look like."""

import io
import socket
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, Field

from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route


class Question(BaseModel):
    user_input: str
    language: str = "en"
    top_k: int = Field(5, ge=1, le=50)


class Window(BaseModel):
    limit: int = Field(20, ge=1, le=100)
    tag: list[str] = []


class Reply(BaseModel):
    response: str


def ask(asked: Asked) -> Reply:
    return Reply(response=f"{asked.body.user_input} ({asked.body.language}, {asked.body.top_k})")


ASK = Route("POST", "/ask", ask, "Answers.", body=Question, answer=Reply, max_bytes=2000)


def test_a_body_is_a_model_and_so_is_the_answer(served):
    status, body, headers = served([ASK]).ask("POST", "/ask", {"user_input": "hours?", "top_k": 3})
    assert (status, body) == (200, {"response": "hours? (en, 3)"})
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("body", "status", "code", "param", "told"), [
    ({}, 422, "missing_required_parameter", "user_input", "user_input: Field required"),
    ({"user_input": "x", "top_k": 99}, 422, "invalid_value", "top_k", "less than or equal to 50"),
    (b"", 422, "missing_required_parameter", "user_input", "user_input"),
    (b"{", 400, "invalid_json", None, "no JSON"),
    (b"\xff\xfe", 400, "invalid_json", None, "no JSON"),
    (b"x" * 2001, 413, "too_large", None, "larger"),
])
def test_a_wrong_body_is_refused_and_the_field_is_named(served, body, status, code, param, told):
    """The client sees which field to mend, never a trace."""
    got, answer, headers = served([ASK]).ask("POST", "/ask", body)
    error = answer["error"]
    assert (got, error["code"], error["param"], error["type"]) == (status, code, param, "invalid_request_error")
    assert told in error["message"]
    assert error["request_id"] == headers["X-Request-Id"]


def test_a_query_is_a_model(served):
    server = served([Route("GET", "/list", lambda asked: asked.query, "Lists.", query=Window)])
    assert server.ask("GET", "/list?limit=7&tag=a&tag=b")[1] == {"limit": 7, "tag": ["a", "b"]}
    assert server.ask("GET", "/list?tag=a")[1] == {"limit": 20, "tag": ["a"]}
    status, answer, _ = server.ask("GET", "/list?limit=many")
    assert (status, answer["error"]["param"]) == (422, "limit")


def test_values_in_the_path(served):
    server = served([Route("GET", "/calls/<call>/parts/<int:n>", lambda asked: asked.path, "Shows.")])
    assert server.ask("GET", "/calls/a%20b/parts/3")[1] == {"call": "a b", "n": "3"}
    assert server.ask("GET", "/calls/x/parts/y")[0] == 404


def test_what_is_not_there_says_where_to_look(served):
    server = served([ASK])
    status, answer, _ = server.ask("GET", "/nothing")
    assert (status, answer["error"]["code"], "/docs" in answer["error"]["message"]) == (404, "not_found", True)
    status, answer, headers = server.ask("GET", "/ask")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    assert "POST" in headers["Allow"]


def test_a_refusal_of_a_handler_reaches_the_client(served):
    def refuse(asked: Asked) -> None:
        raise ApiError(404, "no_such_call", "there is no call x", param="call")

    status, answer, _ = served([Route("GET", "/x", refuse, "Refuses.")]).ask("GET", "/x")
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (404, "no_such_call", "call")


def test_a_failure_of_a_handler_is_told_without_its_insides(served, caplog):
    """The log has the trace, under the id that the client got."""
    def fail(asked: Asked) -> None:
        raise RuntimeError("the password is 1234")

    status, answer, headers = served([Route("GET", "/x", fail, "Fails.")]).ask("GET", "/x")
    assert (status, answer["error"]["type"], answer["error"]["code"]) == (500, "server_error", "internal_error")
    assert "1234" not in str(answer)
    assert "the password is 1234" in caplog.text
    assert headers["X-Request-Id"] in answer["error"]["message"]


@pytest.mark.parametrize(("given", "kept"), [("abc-1", True), ("x" * 81, False), ("a b", False), ("<x>", False)])
def test_request_ids_of_clients_are_kept_when_they_are_harmless(served, given, kept):
    server = served([Route("GET", "/id", lambda asked: {"id": asked.request_id}, "Tells.")])
    _, answer, headers = server.ask("GET", "/id", headers={"X-Request-Id": given})
    assert answer["id"] == headers["X-Request-Id"]
    assert (answer["id"] == given) is kept


def test_files_and_streams(served):
    ended = []

    def stream(asked: Asked) -> Answer:
        def parts() -> Iterator[bytes]:
            try:
                yield from (b"a", b"b", b"c")
            finally:
                ended.append(True)
        return Answer(parts(), "audio/wav", {"Content-Disposition": "attachment"})

    status, answer, headers = served([Route("GET", "/x", stream, "Streams.")]).ask("GET", "/x")
    assert (status, answer["text"], headers["Content-Type"], ended) == (200, b"abc", "audio/wav", [True])
    assert headers["Content-Disposition"] == "attachment"


def test_nothing_is_204(served):
    status, answer, headers = served([Route("DELETE", "/x", lambda asked: None, "Deletes.")]).ask("DELETE", "/x")
    assert (status, answer["text"], headers["Content-Type"]) == (204, b"", None)


def test_an_upload_of_files(served):
    def take(asked: Asked) -> dict:
        return {name: [file.filename, len(file.read())] for name, file in asked.files.items()} | asked.form.to_dict()

    server = served([Route("POST", "/up", take, "Takes files.", raw=True, max_bytes=100_000)])
    body = io.BytesIO()
    for head, data in ((b'name="file"; filename="a.txt"\r\nContent-Type: text/plain', b"x" * 50_000),
                       (b'name="collection"', b"faq")):
        body.write(b"--cut\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + data + b"\r\n")
    body.write(b"--cut--\r\n")
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    assert server.ask("POST", "/up", body.getvalue(), headers)[1] == {"file": ["a.txt", 50_000], "collection": "faq"}
    assert server.ask("POST", "/up", body.getvalue() + b"x" * 60_000, headers)[0] == 413


def test_a_body_that_does_not_come_is_given_up(served):
    """Otherwise each such client would hold a place for ever."""
    server = served([ASK], body_s=0.2)
    with socket.create_connection(server.address) as client:
        client.sendall(b"POST /ask HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        client.settimeout(5)
        assert client.recv(100).startswith(b"HTTP/1.1 408 ")


def test_openapi_and_docs_tell_what_there_is(served):
    server = served([ASK, Route("GET", "/calls/<call>", lambda asked: {}, "Shows a call.", scope="read", query=Window)])
    document = server.ask("GET", "/openapi.json")[1]
    assert document["openapi"] == "3.1.0"
    body = document["paths"]["/ask"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Question"}
    assert document["components"]["schemas"]["Question"]["required"] == ["user_input"]
    shown = document["paths"]["/calls/{call}"]["get"]
    assert [(one["name"], one["in"], one["required"]) for one in shown["parameters"]] == [
        ("call", "path", True), ("limit", "query", False), ("tag", "query", False)]
    assert shown["x-scope"] == "read"
    page = server.ask("GET", "/docs")[1]["text"].decode()
    assert "/calls/{call}" in page and "Shows a call." in page and "<script" not in page
