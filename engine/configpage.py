"""The reference page of the configuration, ``docs/operator/configuration.md``, from the code.

    python -m engine.configpage > docs/operator/configuration.md
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from engine.config import Config
from engine.configtree import KINDS, OPTIONS, REQUIRED, Option, options

HEAD = """# Configuration

This page is made from `engine/config/` by `python -m engine.configpage`; a test keeps it current.

Every option has a default; a file gives only what differs, the environment wins over the file:

```yaml
# trunkline.yaml, for: trunkline serve --config trunkline.yaml
turns:
  endpoint_min_ms: 400
speech:
  voice: flite:rms
```

    TRUNKLINE_TURNS__ENDPOINT_MIN_MS=350 trunkline serve --config trunkline.yaml

In the environment, `__` separates group and option, and a list is written with commas. Unknown keys, keys given twice
and values of a wrong type stop the start with file, line and column; `trunkline doctor --config FILE` checks a file
without starting anything. A running call keeps the configuration it began with.
"""


def reference() -> str:
    """The page, as Markdown: one table a group."""
    sections = [HEAD]
    ungrouped = [option for path, option in OPTIONS.items() if "." not in path]
    for name, field in Config.model_fields.items():
        group = [option for path, option in OPTIONS.items() if path.startswith(f"{name}.")]
        if group:
            sections.append(f"## {name}\n\n{_reason(field.annotation)}\n\n{_table(group)}")
    for name in KINDS:
        sections.extend(_kinds(name))
    sections.append(f"## Without a group\n\n{_table(ungrouped)}")
    return "\n".join(sections)


def _kinds(name: str) -> Iterator[str]:
    """The sections of a field whose groups have free names, one a kind."""
    yield f"## {name}\n\n{_plain(Config.model_fields[name].description)}\n"
    for kind, model in KINDS[name].items():
        yield f"### kind: {kind}\n\n{_reason(model)}\n\n{_table(list(options(model)))}"


def _reason(model: Any) -> str:
    return _plain(getattr(model, "__doc__", ""))


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).replace("``", "`")


def _table(group: list[Option]) -> str:
    rows = ["| option | type | default | unit | why |", "|---|---|---|---|---|"]
    for option in group:
        name = option.path.partition(".")[2] if option.path.partition(".")[0] in Config.model_fields else option.path
        cells = [f"`{name}`", _kind(option), _default(option), option.unit, option.reason.replace("``", "`")]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _kind(option: Option) -> str:
    if get_origin(option.kind) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(option.kind))
    if get_origin(option.kind) is tuple:
        return option.expected.removeprefix("a ")
    if get_origin(option.kind) is Mapping:
        return option.expected
    name = {str: "text", int: "whole number", float: "number", bool: "true or false"}.get(option.kind, str(option.kind))
    return f"{name}, {option.limits}" if option.limits else name


def _default(option: Option) -> str:
    if isinstance(option.default, tuple):
        return ", ".join(f"`{value}`" for value in option.default)
    if option.default is REQUIRED:
        return "must be given"
    if option.default == {}:
        return "empty"
    if isinstance(option.default, bool):
        return f"`{str(option.default).lower()}`"
    return f"`{option.default}`" if option.default != "" else "empty"


if __name__ == "__main__":
    print(reference(), end="")
