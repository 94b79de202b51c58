"""Azure AI Search as a strict fake: indexes with typed fields, hybrid queries, skillsets, data sources, indexers.

Limits and wording from its REST reference and its pages on limits, filters, hybrid ranking (reciprocal ranks, k = 60)
and naming. An indexer that is run reads the blobs of ``FakeBlobs``, splits and "embeds" them by a digest.
"""

import json
import re
from collections import Counter
from urllib.parse import unquote

import numpy as np

from tests.knowledge.vectorstores import odata
from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error

KEY = "azure-search-key-1234"
KINDS = ("indexes", "skillsets", "datasources", "indexers")
NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
DOCUMENT_KEY = re.compile(r"[A-Za-z0-9=-][A-Za-z0-9_=-]{0,1023}")
SYNTAX = set('+|"()*\\~<>')
TYPES = {"Edm.String": str, "Edm.Int32": int, "Collection(Edm.String)": list, "Collection(Edm.Single)": list}


class FakeAzure(FakeHttp):
    def __init__(self):
        super().__init__()
        self.key = KEY
        self.token = None  # a bearer token that is good
        self.objects = {kind: {} for kind in KINDS}
        self.documents = {}
        self.blobs = None
        self.busy = False  # an indexer is at work
        self.bad_keys = {}  # key: status that the document is refused with

    def answer(self, request: Request) -> Response:
        signed = self.token is not None and request.headers.get("authorization") == f"Bearer {self.token}"
        if not signed and request.headers.get("api-key") != self.key:
            raise Refused(Response(403, "text/plain", []))
        if request.query.get("api-version") != "2024-07-01":
            refuse(400, "Invalid or missing api-version query string parameter")
        if len(request.body) > 16 << 20:
            refuse(413, "The request is too large")
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[0] not in KINDS or len(parts) < 2:
            refuse(404, f"No HTTP resource was found: {request.path}")
        if len(parts) == 2:
            return self.manage(request, *parts)
        if parts[0] == "indexers" and parts[2:] == ["run"] and request.method == "POST":
            return self.run(parts[1])
        if parts[1] not in self.objects["indexes"] or request.method != "POST" or parts[2] != "docs":
            refuse(404, f"The index '{parts[1]}' was not found.")
        action = {"index": self.write, "search": self.search}.get(parts[3])
        if action is None:
            refuse(404, "No HTTP resource was found")
        return action(parts[1], request.json)

    # ------------------------------------------------------------ objects

    def manage(self, request, kind, name):
        has = self.objects[kind]
        if request.method == "PUT":
            assert request.headers["prefer"] == "return=representation"  # required, says the reference
            if request.headers.get("if-none-match") == "*" and name in has:
                refuse(412, "The precondition given in one of the request headers evaluated to false.")
            if not NAME.fullmatch(name) or len(name) > 128 or request.json["name"] != name:
                refuse(400, "Invalid name")
            getattr(self, f"check_{kind}")(request.json)
            has[name] = request.json
            if kind == "indexers":
                self.run(name)
            return reply(request.json, 201)
        if name not in has:
            refuse(404, f"No {kind} with the name '{name}' was found.")
        if request.method == "DELETE":
            del has[name]
            self.documents.pop(name, None)
            return Response(204, pieces=[], chunked=False)
        return reply(has[name])

    def check_indexes(self, body):
        exact(body, {"name", "fields", "vectorSearch"}, {"semantic"})
        [key] = [field for field in body["fields"] if field.get("key")]
        assert key["type"] == "Edm.String"
        profiles = {profile["name"]: profile for profile in body["vectorSearch"]["profiles"]}
        algorithms = {each["name"]: each for each in body["vectorSearch"]["algorithms"]}
        vectorizers = {each["name"] for each in body["vectorSearch"].get("vectorizers", [])}
        for field in body["fields"]:
            exact(field, {"name", "type", "searchable", "filterable", "sortable", "facetable", "retrievable"},
                  {"key", "analyzer", "dimensions", "vectorSearchProfile", "stored"})
            if field["type"] not in TYPES or not re.fullmatch(r"[A-Za-z]\w{0,127}", field["name"]):
                refuse(400, f"The request is invalid: field {field['name']}")
            if field["type"].startswith("Collection") and field["sortable"]:
                refuse(400, "a collection cannot be sorted")
            if field["type"] == "Edm.Int32" and field["searchable"]:
                refuse(400, "a number cannot be searched")
            if field["type"] == "Collection(Edm.Single)":
                profile = profiles[field["vectorSearchProfile"]]
                assert algorithms[profile["algorithm"]]["hnswParameters"] == {"metric": "cosine"}
                assert "vectorizer" not in profile or profile["vectorizer"] in vectorizers
                if not 2 <= field["dimensions"] <= 4096 or field["filterable"] or field["facetable"]:
                    refuse(400, "vector field")

    def check_skillsets(self, body):
        exact(body, {"name", "skills", "indexProjections"}, {"description"})
        split, embed = body["skills"]
        assert split["@odata.type"] == "#Microsoft.Skills.Text.SplitSkill" and split["textSplitMode"] == "pages"
        assert 300 <= split["maximumPageLength"] <= 50000 and split["pageOverlapLength"] < split["maximumPageLength"]
        assert embed["@odata.type"] == "#Microsoft.Skills.Text.AzureOpenAIEmbeddingSkill"
        exact(embed, {"@odata.type", "name", "context", "resourceUri", "deploymentId", "modelName", "dimensions",
                      "inputs", "outputs"}, {"apiKey"})
        [selector] = body["indexProjections"]["selectors"]
        assert selector["sourceContext"] == embed["context"] == "/document/pages/*"
        index = self.objects["indexes"].get(selector["targetIndexName"])
        if index is None:
            refuse(400, "The target index of the projection does not exist")
        names = {field["name"] for field in index["fields"]}
        if not {selector["parentKeyFieldName"], *(one["name"] for one in selector["mappings"])} <= names:
            refuse(400, "The projection maps to a field that does not exist")

    def check_datasources(self, body):
        exact(body, {"name", "type", "credentials", "container"}, {"dataDeletionDetectionPolicy"})
        assert body["type"] == "azureblob" and body["credentials"]["connectionString"]

    def check_indexers(self, body):
        exact(body, {"name", "dataSourceName", "skillsetName", "targetIndexName"})
        for field, kind in (("dataSourceName", "datasources"), ("skillsetName", "skillsets"),
                            ("targetIndexName", "indexes")):
            if body[field] not in self.objects[kind]:
                refuse(400, f"This indexer refers to a {kind} '{body[field]}' that doesn't exist")

    def run(self, name):
        if name not in self.objects["indexers"]:
            refuse(404, f"No indexer with the name '{name}' was found.")
        if self.busy:
            refuse(409, "Another indexer invocation is currently in progress; concurrent invocations are not allowed.")
        indexer = self.objects["indexers"][name]
        source = self.objects["datasources"][indexer["dataSourceName"]]
        split = self.objects["skillsets"][indexer["skillsetName"]]["skills"][0]
        dims = self.field(indexer["targetIndexName"], "text_vector")["dimensions"]
        step = split["maximumPageLength"] - split["pageOverlapLength"]
        for blob, content in self.blobs.containers.get(source["container"]["name"], {}).items():
            text = content.decode()
            for number, at in enumerate(range(0, max(len(text) - split["pageOverlapLength"], 1), step)):
                page = text[at:at + split["maximumPageLength"]]
                key = f"{blob.encode().hex()}_pages_{number}"
                self.documents.setdefault(indexer["targetIndexName"], {})[key] = {
                    "chunk_id": key, "parent_id": blob.encode().hex(), "title": blob, "chunk": page,
                    "text_vector": embedded(page, dims)}
        return Response(202, pieces=[], chunked=False)

    # ------------------------------------------------------------ documents

    def field(self, index, name):
        return {field["name"]: field for field in self.objects["indexes"][index]["fields"]}[name]

    def write(self, index, body):
        exact(body, {"value"})
        if not 1 <= len(body["value"]) <= 1000:
            refuse(400, "The number of actions must be from 1 to 1000")
        stored, results = self.documents.setdefault(index, {}), []
        for action in body["value"]:
            document = dict(action)
            what, key = document.pop("@search.action"), document["chunk_id"]
            if not DOCUMENT_KEY.fullmatch(key):
                refuse(400, f"Invalid document key: '{key}'")
            for name, value in document.items():
                self.check_value(index, name, value)
            if key in self.bad_keys:
                results.append({"key": key, "status": False, "errorMessage": "busy", "statusCode": self.bad_keys[key]})
                continue
            if what == "delete":
                stored.pop(key, None)
            else:
                assert what == "upload"
                stored[key] = document
            results.append({"key": key, "status": True, "errorMessage": None, "statusCode": 200})
        return reply({"value": results}, 200 if all(one["status"] for one in results) else 207)

    def check_value(self, index, name, value):
        try:
            field = self.field(index, name)
        except KeyError:
            refuse(400, f"The property '{name}' does not exist on type 'search.documentFields'.")
        fine = isinstance(value, TYPES[field["type"]]) and not isinstance(value, bool)
        if fine and field["type"] == "Collection(Edm.String)":
            fine = all(isinstance(one, str) for one in value)
        if fine and "dimensions" in field:
            fine = len(value) == field["dimensions"]
        if not fine:
            refuse(400, f"Cannot convert the value of '{name}' to {field['type']}")
        if field["filterable"] and isinstance(value, str) and len(value.encode()) > 32766:
            refuse(400, f"Field '{name}' contains a term that is too large to process")

    def search(self, index, body):
        exact(body, {"top", "select"}, {
            "search", "searchFields", "filter", "vectorFilterMode", "vectorQueries", "orderby", "count", "queryType",
            "semanticConfiguration"})
        fields = {field["name"]: field for field in self.objects["indexes"][index]["fields"]}
        for name in body["select"].split(","):
            if not fields.get(name, {}).get("retrievable"):
                refuse(400, f"Could not find a property named '{name}'")
        try:
            test = odata.parse(body["filter"], fields) if "filter" in body else lambda document: True
        except (odata.Invalid, KeyError) as fault:
            refuse(400, f"Invalid expression: {fault}")
        if not 0 <= body["top"] <= 1000:
            refuse(400, "top")
        documents = [one for one in self.documents.get(index, {}).values() if test(one)]
        ranked = self.ranked(body, fields, documents)
        if "orderby" in body:
            name, order = body["orderby"].split()
            assert fields[name]["sortable"] and order == "asc"
            ranked = sorted(ranked, key=lambda pair: pair[1][name])
        chosen = body["select"].split(",")
        value = [{"@search.score": score, **({"@search.rerankerScore": 4 * score} if "queryType" in body else {}),
                  **{name: empty(fields[name]) if one.get(name) is None else one[name] for name in chosen}}
                 for score, one in ranked[:body["top"]]]
        return reply({**({"@odata.count": len(ranked)} if body.get("count") else {}), "value": value})

    def ranked(self, body, fields, documents):
        lists = []
        if body.get("search", "*") != "*":
            if set(body["search"]) & SYNTAX:
                refuse(400, "Failed to parse query string")
            lists.append(by_terms(body["search"], body["searchFields"].split(","), fields, documents))
        for query in body.get("vectorQueries", []):
            exact(query, {"kind", "fields", "k"}, {"vector", "text"})
            dims = fields[query["fields"]]["dimensions"]
            asked = np.array(query["vector"] if query["kind"] == "vector" else embedded(query["text"], dims))
            if asked.shape != (dims,):
                refuse(400, "The vector field does not have the dimension of the query")
            near = [(1 / (2 - float(asked @ np.array(one["text_vector"]) / np.linalg.norm(asked)
                                   / np.linalg.norm(one["text_vector"]))), one) for one in documents]
            lists.append(sorted(near, key=lambda pair: -pair[0])[:query["k"]])
        if not lists:
            return [(1.0, one) for one in documents]
        if len(lists) == 1:
            return lists[0]
        scores, found = Counter(), {}
        for each in lists:
            for rank, (_, one) in enumerate(each, 1):
                scores[one["chunk_id"]] += 1 / (60 + rank)
                found[one["chunk_id"]] = one
        return [(score, found[key]) for key, score in scores.most_common()]


def by_terms(text, names, fields, documents):
    scored = []
    for one in documents:
        words = Counter()
        for name in names:
            assert fields[name]["searchable"]
            value = one.get(name) or ""
            value = " ".join(value) if isinstance(value, list) else value
            words.update(value.split() if fields[name].get("analyzer") == "whitespace"
                         else re.findall(r"\w+", value.lower()))
        score = sum(words[term] > 0 for term in set(text.split() + text.lower().split()))
        if score:
            scored.append((float(score), one))
    return sorted(scored, key=lambda pair: -pair[0])


def embedded(text, dims):
    """Like words, like vectors."""
    total = np.full(dims, 1e-3)
    for word in set(re.findall(r"\w+", text.lower())):
        total += np.random.default_rng(int.from_bytes(word.encode(), "big") % 2**63).standard_normal(dims)
    return (total / np.linalg.norm(total)).tolist()


def empty(field):
    return [] if field["type"].startswith("Collection") else None


def exact(body, needed, optional=()):
    if not needed <= body.keys() <= needed | set(optional):
        refuse(400, f"The request is invalid: {sorted(body)}")


def reply(body, status=200):
    return Response(status, pieces=[json.dumps(body).encode()])


def refuse(status, message):
    raise Refused(error(status, {"error": {"code": "", "message": message}}))
