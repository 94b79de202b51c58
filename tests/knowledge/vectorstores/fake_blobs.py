"""Azure Blob Storage as a strict fake: containers and block blobs, each request's signature worked out anew."""

import base64
import hashlib
import hmac
from urllib.parse import unquote

from tests.providers.fake_http import FakeHttp, Refused, Request, Response

ACCOUNT, ACCOUNT_KEY = "account", base64.b64encode(b"a secret of some bytes").decode()


class FakeBlobs(FakeHttp):
    def __init__(self):
        super().__init__()
        self.containers = {}

    @property
    def connection(self):
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={self.url}"

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"SharedKey {ACCOUNT}:{signed(request)}":
            refuse(403, "AuthenticationFailed")
        container, _, name = unquote(request.path).lstrip("/").partition("/")
        if not name:
            assert request.method == "PUT" and request.query == {"restype": "container"}
            if container in self.containers:
                refuse(409, "ContainerAlreadyExists")
            self.containers[container] = {}
            return created()
        blobs = self.containers.get(container)
        if blobs is None:
            refuse(404, "ContainerNotFound")
        if request.method == "HEAD":
            return Response(200 if name in blobs else 404, headers={"Content-Length": "0"}, chunked=False)
        assert request.method == "PUT" and request.headers["x-ms-blob-type"] == "BlockBlob"
        if request.headers.get("if-none-match") == "*" and name in blobs:
            refuse(409, "BlobAlreadyExists")
        blobs[name] = request.body
        return created()


def signed(request):
    """By the steps of the page "Authorize with Shared Key"."""
    headers = dict(request.headers)
    length = headers.get("content-length", "")
    headers["content-length"] = "" if length == "0" else length
    standard = [headers.get(name, "") for name in (
        "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
        "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")]
    own = [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
    resource = f"/{ACCOUNT}{request.path}"
    for name in sorted(request.query):
        resource += f"\n{name}:{request.query[name]}"
    text = "\n".join([request.method, *standard, *own, resource])
    return base64.b64encode(hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()).decode()


def created():
    return Response(201, pieces=[], chunked=False)


def refuse(status, code):
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'.encode()
    raise Refused(Response(status, "application/xml", [body]))
