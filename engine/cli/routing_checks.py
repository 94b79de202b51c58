"""What ``trunkline doctor`` says of the routing file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from engine.config import Config
from engine.configfile import ConfigError
from engine.routing.routesfile import load

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, text, what to do."""


def look(config: Config) -> Iterator[Row]:
    """The file of ``routing.file``; nothing is said of the example that is used without one."""
    if not config.routing.file:
        return
    try:
        routes = load(Path(config.routing.file))
    except ConfigError as fault:
        for problem in fault.problems:
            yield "fail", str(problem), "docs/operator/routing.md explains every key"
        return
    for warning in routes.warnings:
        yield "warn", str(warning), "give the provider models, or mend its name"
    providers = ", ".join(routes.tree.providers)
    yield "pass", f"{config.routing.file}: providers {providers}; {len(routes.conditions)} rules", ""
