"""Uploads to a container of Azure Blob Storage, signed with the account's key.

Source: Microsoft's pages "Put Blob" and "Authorize with Shared Key" (version 2021-12-02).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from urllib.parse import quote, urlsplit

from engine.config.vectorstores import RestStoreOptions
from engine.errors import ProviderFault
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.rest import Rest
from engine.net.credentials import Key

VERSION = "2021-12-02"
SIGNED = ("content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
          "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")


class Container:
    """One container. Call it in a greenlet."""

    def __init__(self, connection: str, container: str, options: RestStoreOptions) -> None:
        """``connection``: the account's connection string, with ``AccountName`` and ``AccountKey``. Raises
        ``KnowledgeError``."""
        parts = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
        self._account = parts.get("AccountName", "")
        try:
            self._key = base64.b64decode(parts["AccountKey"], validate=True)
        except (KeyError, ValueError) as fault:
            raise KnowledgeError("the storage account's connection string has no AccountName and AccountKey: copy it "
                                 "from 'Access keys'; or upload the documents yourself") from fault
        suffix, scheme = parts.get("EndpointSuffix", "core.windows.net"), parts.get("DefaultEndpointsProtocol", "https")
        self._url = parts.get("BlobEndpoint", f"{scheme}://{self._account}.blob.{suffix}").rstrip("/")
        self._container = container
        self._rest = Rest(f"blobs/{container}", self._url, options, Key())

    def make(self) -> bool:
        """True where it was made, False where it was there."""
        return self._put(f"/{self._container}", b"", {"restype": "container"}, {})

    def upload(self, name: str, content: bytes) -> bool:
        """True where it was written, False where a blob of that name was there: it is left as it is."""
        path = f"/{self._container}/{quote(name)}"
        try:
            self._ask("HEAD", path, b"", {}, {})
        except ProviderFault as fault:
            if fault.status != 404:
                raise
        else:
            return False
        headers = {"If-None-Match": "*", "x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        return self._put(path, content, {}, headers)

    def close(self) -> None:
        """Close idle connections."""
        self._rest.close()

    def _put(self, path: str, content: bytes, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        try:
            self._ask("PUT", path, content, query, headers)
        except ProviderFault as fault:
            if fault.status != 409:
                raise
            return False
        return True

    def _ask(
        self, method: str, path: str, content: bytes, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        sent = {**headers, "x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
        whole = urlsplit(self._url).path + path
        length = {"Content-Length": str(len(content))} if content else {}
        sent["Authorization"] = signature(self._account, self._key, method, whole, query, {**sent, **length})
        self._rest.ask(method, path, content if method == "PUT" else None, query=query, headers=sent)


def signature(
    account: str, key: bytes, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The ``Authorization`` of a request by Shared Key. ``path`` is percent-encoded, as it is sent."""
    small = {name.lower(): value for name, value in headers.items()}
    own = "".join(f"{name}:{small[name]}\n" for name in sorted(small) if name.startswith("x-ms-"))
    resource = f"/{account}{path}" + "".join(f"\n{name}:{query[name]}" for name in sorted(query))
    text = "\n".join([method, *(small.get(name, "") for name in SIGNED), own + resource])
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"
