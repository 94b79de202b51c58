"""schemathesis asks the API for all that ``/openapi.json`` promises: nothing breaks, answers are what was promised."""

import os
from collections import Counter
from contextlib import suppress

import pytest
import requests
import schemathesis
from call_providers import providers
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from session_client import Client
from session_place import QUICK, AfterCall, merged

from engine import embedded
from engine.config import Config
from engine.knowledge.filling.ingest import SAMPLE, ingest
from engine.service import Engine
from engine.web import parts

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "4"))
"""Requests to each operation, of each kind: as promised, and against what was promised. More of them search deeper."""

TIMEOUT_S = 10
KIND = {"GET": 0, "POST": 1, "DELETE": 2}
LAST = "/admin/drain"
"""What ends the engine's work comes at the end."""

ENDLESS = ("/api/console/live", "/api/console/health", "/api/console/calls/{call_id}/events")
"""Streams that do not end before what they tell of does: they have tests of their own."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An engine that knows a collection and a session that is over: its address, and the names of what it has."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(home))
        patch.setattr(AfterCall, "submit", lambda self, folder: None)
        made = providers(["when do you open"])
        patch.setattr(embedded, "providers", lambda config: made)
        ingest([SAMPLE], "sample", None)
        engine = Engine(Config.model_validate(merged(QUICK, {"knowledge": {"embedding": "none"}})))
        web = parts.web(engine)
        engine.start()
        try:
            web.start()
            try:
                yield web.url, known(web.url)
            finally:
                web.stop()
        finally:
            engine.stop()


def known(url):
    """Parameters of paths that lead to something."""
    with Client(url.replace("http", "ws", 1) + "/v1/realtime?model=local") as client:
        session = client.of("session.created")[0]["session"]["id"]
        client.say()
        client.wait_for("response.done")
    documents = requests.get(f"{url}/api/kb/documents", timeout=TIMEOUT_S).json()["documents"]
    return {"session_id": session, "call_id": session, "name": "sample", "document": documents[0]["id"]}


@pytest.fixture(scope="module")
def schema(world):
    return schemathesis.openapi.from_url(f"{world[0]}/openapi.json")


def operations(schema):
    found = [result.ok() for result in schema.get_all_operations()]
    found = [one for one in found if one.path not in ENDLESS]
    return sorted(found, key=lambda one: (one.path == LAST, KIND[one.method.upper()], one.path))


def probe(operation, mode, names, session, problems, seen):
    """Send some requests; write down what is wrong with the answers."""
    wanted = {part["name"] for part in operation.definition.raw.get("parameters", ()) if part["in"] == "path"}
    cases = operation.as_strategy(generation_mode=mode)
    if wanted and mode is GenerationMode.POSITIVE:
        fixed = {name: names[name] for name in wanted & names.keys()}
        cases = st.one_of(cases, operation.as_strategy(generation_mode=mode, path_parameters=fixed))

    @seed(5)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(cases)
    def send(case):
        answer = case.call(timeout=TIMEOUT_S, session=session)
        seen[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=[
                checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
                checks.response_schema_conformance, checks.response_headers_conformance])
        except FailureGroup as group:
            for fault in group.exceptions:
                problems.setdefault((operation.label, type(fault).__name__), f"{fault}\n{case.as_curl_command()}"[:900])

    send()


@pytest.mark.timeout(600)
def test_the_api_is_what_it_says(world, schema):
    """Rules: no 5xx whatever is sent; each answer has a status, a type and a shape that the document names."""
    problems, seen, session = {}, Counter(), requests.Session()
    for operation in operations(schema):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with suppress(Unsatisfiable):  # it takes nothing that could be wrong
                probe(operation, mode, world[1], session, problems, seen)
    session.close()
    told = "\n\n".join(f"{label}: {what}" for (label, _), what in problems.items())
    assert not problems, told
    assert {200, 202, 404, 422} <= set(seen) and seen[200] > seen.total() / 5, seen
