"""What every shape has in common, and the protocol's errors for what does not fit. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.realtime.errors import Refused


class Shape(BaseModel):
    """Base of all: unknown fields are refused, nothing is converted. ``given()`` is what the client really sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Only the fields that were present, nulls among them."""
        # It was validated: pydantic warns of unions whose tag has a default, and has nothing to warn of.
        return self.model_dump(exclude_unset=True, warnings=False)


class Open(Shape):
    """A shape whose further fields are none of ours."""

    model_config = ConfigDict(extra="allow", strict=True)


S = TypeVar("S", bound=BaseModel)


def taken(shape: type[S], data: Any, prefix: str = "") -> S:  # noqa: ANN401 - anything a client may send
    """``data`` in this shape. ``Refused`` names the first field that is wrong; ``prefix`` is where ``data`` stands."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise refusal(error, data, prefix) from None


def refusal(error: ValidationError, data: Any, prefix: str = "") -> Refused:  # noqa: ANN401 - anything a client may send
    """The protocol's error for what pydantic found."""
    first = error.errors(include_url=False, include_context=True)[0]
    kind = first["type"]
    path = _path(first["loc"], data, keep_last=kind == "missing")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _of_tag(path, data, prefix)
    param = _dotted(prefix, path)
    if kind == "extra_forbidden":
        return Refused(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
    if kind == "missing":
        return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    return Refused(f"Invalid value for '{param}': {first['msg']}.", code="invalid_value", param=param)


def _of_tag(path: list[str | int], data: Any, prefix: str) -> Refused:  # noqa: ANN401 - anything a client may send
    """What a union is told apart by is missing or unknown: ``type``, or the ``role`` of a message."""
    node = data
    for part in path:
        node = node[part]
    if not isinstance(node, Mapping):
        param = _dotted(prefix, path)
        return Refused(f"Invalid value for '{param}': an object is expected.", param=param)
    field = "role" if node.get("type") == "message" else "type"
    param = _dotted(prefix, [*path, field])
    if field not in node:
        return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    return Refused(f"Invalid value for '{param}': {str(node[field])[:80]!r} is not known here.", param=param)


def _path(loc: Sequence[str | int], data: Any, keep_last: bool) -> list[str | int]:  # noqa: ANN401 - as above
    """The part of ``loc`` that is in the data: pydantic also names the members of unions."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        inside = isinstance(node, Mapping) and part in node
        inside = inside or (isinstance(node, list) and isinstance(part, int) and part < len(node))
        if inside:
            node = node[part]
            path.append(part)
        elif keep_last and index == len(loc) - 1:
            path.append(part)
    return path


def _dotted(prefix: str, path: Sequence[str | int]) -> str:
    """``input[0].content`` and the like."""
    text = prefix
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:200]
