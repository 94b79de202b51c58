"""The pages of the engine: files of ``engine/web/static``, with etags and a policy that lets no foreign script run.

`/console` is the operator's page; what it loads lies below `/static/`. Nothing is built, and nothing comes from
elsewhere: a machine without internet has the whole page.
"""

import hashlib
import mimetypes
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from engine.offhub import off_hub
from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route

FOLDER = Path(__file__).parent / "static"

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
          "connect-src 'self' ws: wss:; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
"""No script or style but our own files; recordings may be played from memory (``blob:``)."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",  # kept, but asked for: an upgrade is seen at once
}

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml",
         ".json": "application/json"}


def routes() -> list[Route]:
    """The console's page and the files of all pages."""
    return [
        Route("GET", "/console", lambda asked: page(asked, "console/index.html"), "The operator's page.",
              produces=("text/html",)),
        Route("GET", "/static/<path:file>", lambda asked: page(asked, asked.path["file"]), "A file of the pages.",
              produces=("*/*",)),
    ]


def page(asked: Asked, file: str, headers: Mapping[str, str] = HEADERS) -> Answer:
    """The file of that name below ``FOLDER``; 304 where the client has it already. Raises 404."""
    found = off_hub(_read, file)
    if found is None:
        raise ApiError(404, "not_found", f"there is no page {file}")
    data, etag = found
    headers = {**headers, "ETag": etag}
    if etag in asked.headers.get("If-None-Match", ""):
        return Answer(b"", _type(file), headers, 304)
    return Answer(data, _type(file), headers)


def _type(file: str) -> str:
    suffix = Path(file).suffix
    return TYPES.get(suffix) or mimetypes.guess_type(file)[0] or "application/octet-stream"


def _read(file: str) -> tuple[bytes, str] | None:
    """Data and etag; None where there is no such file, or it lies elsewhere."""
    try:
        path = (FOLDER / file).resolve()
        if not path.is_relative_to(FOLDER.resolve()) or not path.is_file():
            return None
        state = path.stat()
        return _load(path, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):  # the name is too long, or has a NUL in it
        return None


@lru_cache(256)
def _load(path: Path, changed: int, size: int) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, f'"{hashlib.sha256(data).hexdigest()[:20]}"'
