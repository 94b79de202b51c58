"""Which skills there are: those that come with Trunkline, the operator's files, and tools of MCP servers."""

import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from engine import paths
from engine.config import SkillOptions
from engine.dialog.middleware import Middleware
from engine.dialog.skills.builtin import BUILTIN
from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.skill import Skill

log = logging.getLogger(__name__)


class Registry:
    """All skills by name. One an engine; files are read once, at the start."""

    def __init__(self, own: Iterable[Skill | Middleware] = (), remote: Callable[[], Mapping[str, Skill]] = dict
                 ) -> None:
        """``own`` skills take the place of those of the same name that come with Trunkline. ``remote`` gives those of
        MCP servers as they are known now; they take nobody's place."""
        self._local = {item.name: item for item in BUILTIN}
        self.middleware: list[Middleware] = []
        """The operator's, in the order of files and lines."""
        for item in own:
            if isinstance(item, Middleware):
                self.middleware.append(item)
                continue
            if item.name in self._local:
                log.info("skill %s is the one of %s", item.name, item.source)
            self._local[item.name] = item
        self._remote = remote

    @classmethod
    def open(cls, options: SkillOptions, remote: Callable[[], Mapping[str, Skill]] = dict) -> "Registry":
        """With the skills of ``options.folder``. Raises ``SkillError`` with every problem."""
        return cls(load_folder(folder_of(options), must_exist=bool(options.folder)), remote)

    def skills(self) -> dict[str, Skill]:
        """All there are now, by name."""
        return {**self._remote(), **self._local}


def folder_of(options: SkillOptions) -> Path:
    """The folder of the operator's skills; a relative one lies in the home folder."""
    return paths.home() / (options.folder or "skills")


def load_folder(folder: Path, must_exist: bool = False) -> list[Skill | Middleware]:
    """The skills and the middleware of all ``*.py`` in ``folder``, by name of file. Files whose name begins with ``_``
    are left out: the others may import them. Raises ``SkillError`` with every problem, each with file and line."""
    if not folder.is_dir():
        if must_exist:
            raise SkillError(f"{folder}: there is no such folder (skills.folder)")
        return []
    problems: list[str] = []
    found: dict[str, Skill] = {}
    middleware: list[Middleware] = []
    sys.path.insert(0, str(folder))
    try:
        for file in sorted(folder.glob("*.py")):
            if file.name.startswith("_"):
                continue
            for item in _load_file(file, problems):
                if isinstance(item, Middleware):
                    middleware.append(item)
                    continue
                if item.name in found:
                    problems.append(f"{item.source}: the name '{item.name}' is taken by {found[item.name].source}")
                found.setdefault(item.name, item)
    finally:
        sys.path.remove(str(folder))
    if problems:
        raise SkillError("\n  ".join(["skills cannot be loaded:", *problems]))
    return [*found.values(), *middleware]


def _load_file(file: Path, problems: list[str]) -> list[Skill | Middleware]:
    """The skills that are written in ``file`` itself, and its middleware (objects that it gives a name), in its order.
    """
    name = f"trunkline_skills.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SkillError as fault:
        problems.append(str(fault))
        return []
    except SyntaxError as fault:
        problems.append(f"{fault.filename or file}:{fault.lineno or 1}: {fault.msg}")
        return []
    except Exception as fault:  # noqa: BLE001  whatever a file of the operator's does, it is named with its line
        lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == str(file)]
        problems.append(f"{file}:{lines[-1] if lines else 1}: {type(fault).__name__}: {fault}")
        return []
    own = [item for item in vars(module).values()
           if isinstance(item, Middleware) or (isinstance(item, Skill) and item.source.startswith(f"{file}:"))]
    if not own:
        problems.append(f"{file}:1: no skill is in it; decorate a function with @skill, give a middleware a name, or "
                        f"name the file _{file.name}")
    return list(dict.fromkeys(own))
