"""A skill's data from an HTTP endpoint of the operator's, and JSON lines in the home folder where there is none.

The endpoint gets a POST of ``{"skill", "call", "caller", "arguments"}`` with ``Idempotency-Key``, and answers JSON: a
result in our shape, or plain data. 404 is ``not_found``; anything else that is not 2xx counts as out of reach.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx2

from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.result import Result, failed, result_of
from engine.dialog.skills.skill import SkillContext
from engine.offhub import off_hub

MAX_ANSWER = 1 << 20
"""Bytes of an answer; a longer one is no answer."""


def ask_endpoint(context: SkillContext, skill: str, url: str, arguments: dict[str, Any]) -> Result:
    """POST to ``url``; the result. Raises ``SkillError`` when it cannot be had. The skill's deadline bounds it."""
    call = context.call
    body = {"skill": skill, "call": call.call_id if call else "", "caller": call.caller if call else "",
            "arguments": arguments}
    headers = {"Idempotency-Key": context.key} if context.key else {}
    if token := context.services.options.endpoint_token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with context.services.http.stream("POST", url, json=body, headers=headers) as answer:
            data = read_body(answer)
    except httpx2.HTTPError as fault:
        raise SkillError(f"{skill}: {url}: {type(fault).__name__}: {fault}") from fault
    if answer.status_code == 404:
        return failed("not_found", "There is nothing under that.")
    if not 200 <= answer.status_code < 300:
        raise SkillError(f"{skill}: {url} answered {answer.status_code}")
    try:
        return result_of(json.loads(data or b"null"))
    except ValueError as fault:
        raise SkillError(f"{skill}: {url} did not answer JSON") from fault


def read_body(answer: httpx2.Response) -> bytes:
    """The body, at most ``MAX_ANSWER`` bytes. Raises ``SkillError`` when there is more."""
    data = b""
    for piece in answer.iter_bytes():
        data += piece
        if len(data) > MAX_ANSWER:
            raise SkillError(f"{answer.url}: the answer is longer than {MAX_ANSWER} bytes")
    return data


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add ``record`` to a file of JSON lines that only its owner may read. Raises ``SkillError`` if it cannot."""
    line = json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n"
    off_hub(_append, path, line)


def _append(path: Path, line: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as fault:
        raise SkillError(f"{path}: cannot be written: {fault.strerror or fault}") from fault
