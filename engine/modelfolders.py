"""Model folders that an operator fills: which there are, and whether they hold what their kind needs.

What a kind needs stands in ``models/manifest.yaml``. Nothing is fetched, opened or imported here.
"""

import functools
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

import engine
from engine import paths
from engine.config.base import Options
from engine.modelstore import ModelError, ModelMissing

MANIFEST = "manifest.yaml"


class Wanted(Options):
    """A file that must be in a folder."""

    pattern: str = Field(min_length=1)
    at_least_mb: float = Field(0, ge=0)


class Kind(Options):
    """What folders of one kind are for and must hold."""

    purpose: str
    licence: str
    size: str
    files: tuple[Wanted, ...] = Field(min_length=1)
    package: str
    requirement: str

    @property
    def installed(self) -> bool:
        """Whether the package that runs it can be imported."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def install(self) -> str:
        """The line to type for the package."""
        return f"{sys.executable} -m pip install '{self.requirement}'"


_KINDS = TypeAdapter(dict[str, Kind])


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is there, and its kind."""

    name: str
    kind: str
    path: Path


def places() -> list[Path]:
    """Where folders are looked for: the data folder, then ``models/`` of the checkout or of the installation."""
    return [paths.models(), Path(engine.__file__).parents[1] / "models", Path(sys.prefix, "share/trunkline/models")]


def kinds() -> dict[str, Kind]:
    """The kinds of the manifest. Raises ``ModelError`` naming file and field when it is wrong."""
    found = next((place / MANIFEST for place in places() if (place / MANIFEST).is_file()), None)
    if found is None:
        raise ModelError(f"there is no {MANIFEST} in {', '.join(map(str, places()))}: reinstall Trunkline")
    return _read(found, found.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read(file: Path, changed: int) -> dict[str, Kind]:
    try:
        return _KINDS.validate_python(yaml.safe_load(file.read_text("utf-8")))
    except yaml.YAMLError as fault:
        raise ModelError(f"{file}: {fault}") from fault
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ModelError(f"{file}: {where}: {first['msg']}") from fault


def folders() -> list[Folder]:
    """Every folder of a known kind, by name; the data folder's hides another of the same name."""
    found: dict[str, Folder] = {}
    for place in places():
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            kind = kind_of(path.name)
            if kind is not None and path.is_dir():
                found.setdefault(path.name, Folder(path.name, kind, path))
    return [found[name] for name in sorted(found)]


def kind_of(name: str) -> str | None:
    """The kind that a folder's name says: ``vosk`` of ``vosk`` and ``vosk-hi``."""
    return next((kind for kind in kinds() if name == kind or name.startswith(f"{kind}-")), None)


def faults(folder: Folder) -> list[str]:
    """What the folder lacks, one line a fault; empty if it is complete."""
    lacking = []
    for wanted in kinds()[folder.kind].files:
        sizes = [file.stat().st_size for file in folder.path.glob(wanted.pattern) if file.is_file()]
        if not sizes:
            lacking.append(f"no file {wanted.pattern}")
        elif max(sizes) < wanted.at_least_mb * 1e6:
            lacking.append(f"{wanted.pattern} has {max(sizes) / 1e6:.1f} MB; whole ones have at least "
                           f"{wanted.at_least_mb:g}")
    return lacking


def usable(kind: str, name: str = "") -> Folder:
    """The folder to run a model of this kind from: complete, and its package there. ``name`` defaults to the kind.

    Raises ``ModelMissing`` with what to do.
    """
    known = kinds()
    if kind not in known:
        raise ModelError(f"there is no kind '{kind}' of model folders; known are: {', '.join(known)}")
    name = name or kind
    if not known[kind].installed:
        raise ModelMissing(f"models of kind '{kind}': the package {known[kind].package} is not installed. "
                           f"Run: {known[kind].install}")
    folder = next((one for one in folders() if one.name == name and one.kind == kind), None)
    if folder is None:
        there = [one.name for one in folders() if one.kind == kind]
        raise ModelMissing(f"there is no model folder '{name}' in {paths.models()}"
                           + (f" (there are: {', '.join(there)})" if there else "")
                           + f". It needs {', '.join(wanted.pattern for wanted in known[kind].files)}; "
                             "models/README.md says where from")
    lacking = faults(folder)
    if lacking:
        raise ModelMissing(f"{folder.path}: {'; '.join(lacking)}. models/README.md says what belongs there")
    return folder


__all__ = ["Folder", "Kind", "faults", "folders", "kind_of", "kinds", "places", "usable"]
