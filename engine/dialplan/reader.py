"""Read a configuration as FreeSWITCH does: put the files together, then parse.

``read`` takes ``freeswitch.xml``, the folder it is in, or any fragment or folder of fragments. It never raises for what
is in the files: that is in ``Configuration.faults``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.dialplan.model import Context, loose_context, make_context
from engine.dialplan.noted import CORE_VARIABLES, Directive, Fault, Use, Variable
from engine.dialplan.preprocess import Preprocessor
from engine.dialplan.source import Compiled, DialplanError, SourceFile
from engine.dialplan.xmltree import Element, parse

MAIN = "freeswitch.xml"


@dataclass(eq=False)
class Configuration:
    """A configuration that was read.

    ``elements``: the tree; its root has no tag, its only child is ``<document>`` for a whole configuration.
    ``files``: in the order in which they were first read. ``variables``: by lower-case name, as they stand at the end.
    ``uses``: every ``$${name}``. ``folder``: where the configuration lies. ``whole``: read from a ``freeswitch.xml``;
    False for fragments, where variables of ``vars.xml`` and other contexts are not known.
    """

    folder: Path
    whole: bool
    elements: Element
    files: list[SourceFile]
    directives: list[Directive]
    faults: list[Fault]
    variables: dict[str, Variable]
    uses: list[Use]
    compiled: Compiled

    @cached_property
    def _contexts(self) -> list[Context]:
        contexts: list[Context] = []
        seen: set[str] = set()
        if self.whole:
            section = self.section("dialplan")
            found = section.all("context") if section else []
        else:
            found = [element for element in self.elements.walk() if element.tag == "context"]
        for element in found:
            name = (element.get("name") or "").lower()
            contexts.append(make_context(element, dead=name in seen))
            seen.add(name)
        if not self.whole and any(child.tag == "extension" for child in self.elements.children):
            contexts.append(loose_context(self.elements))
        return contexts

    def contexts(self) -> list[Context]:
        """All contexts in order. A second one of a name is ``dead``: FreeSWITCH uses the first, case apart. Extensions
        of a fragment that stand in no context are in one that is ``loose`` and has no name."""
        return self._contexts

    def context(self, name: str) -> Context | None:
        """The context FreeSWITCH would use for ``name``, without the fall-back to ``global``."""
        for context in self._contexts:
            if not context.loose and context.name.lower() == name.lower():
                return context
        return None

    def section(self, name: str) -> Element | None:
        """The first ``<section>`` of that name: FreeSWITCH looks at no second one."""
        return (self.elements.first("document") or self.elements).first("section", name)

    def configuration(self, name: str) -> Element | None:
        """The ``<configuration name="...">`` of a module, such as ``sofia.conf``."""
        if self.whole:
            section = self.section("configuration")
            return section.first("configuration", name) if section else None
        for element in self.elements.walk():
            if element.tag == "configuration" and (element.get("name") or "").lower() == name.lower():
                return element
        return None

    def profiles(self) -> list[Element]:
        """The SIP profiles (``<profile>`` of ``sofia.conf``; of fragments, every ``<profile>`` that has a name)."""
        if self.whole:
            sofia = self.configuration("sofia.conf")
            return [profile for profiles in (sofia.all("profiles") if sofia else [])
                    for profile in profiles.all("profile")]
        return [element for element in self.elements.walk() if element.tag == "profile" and element.get("name")
                and (element.first("settings") is not None or element.first("gateways") is not None)]

    def gateways(self) -> list[Element]:
        """Every ``<gateway>``: of the profiles, and of the users who have some. ``parent.parent`` is the profile."""
        return [element for element in self.elements.walk() if element.tag == "gateway"
                and (element.parent is None or element.parent.tag in ("gateways", ""))]

    @cached_property
    def dead_files(self) -> list[Path]:
        """XML files (``.noload`` too) of the folder that nothing includes; nothing for fragments."""
        if not self.whole:
            return []
        read = {source.path.resolve() for source in self.files}
        return [path for path in sorted(self.folder.rglob("*")) if path.suffix in (".xml", ".noload")
                and path.is_file() and path.resolve() not in read
                and not any(part.startswith(".") for part in path.relative_to(self.folder).parts)]

    def source(self, path: Path) -> SourceFile | None:
        """The file of a place."""
        for source in self.files:
            if source.path == path:
                return source
        return None


def read(
    root: Path, environ: Mapping[str, str] | None = None, known: Mapping[str, str] | None = None,
    placeholders: bool = False,
) -> Configuration:
    """Read what is at ``root``. ``environ`` is what ``env-set`` sees (default: nothing); ``known`` sets variables of
    the core (``local_ip_v4``, ``conf_dir`` ...) to their values on the machine in question. ``placeholders`` puts
    ``%{name}`` where a value is only known at loading (an environment that is not here, a command, a STUN server).

    Raises ``DialplanError`` only where there is nothing to read.
    """
    root = Path(root)
    folder = root if root.is_dir() else root.parent
    starts = _starts(root)
    work = Preprocessor(environ or {}, placeholders, None if root.is_absolute() else Path.cwd())
    given = {"conf_dir": str(folder.absolute()), **(known or {})}
    for name, value in {**CORE_VARIABLES, **given}.items():
        work.define(name, value, None, "core", known=bool(known and name in known))
    for path in starts:
        if path not in work.files:
            work.file(path, path.parent)
    whole = starts[0].name == MAIN or (len(starts) == 1 and bool(re.search(r"<document[\s>]", work.compiled.text)))
    tree = parse(work.compiled, whole)
    return Configuration(folder, whole, tree.root, list(work.files.values()), work.directives,
                         work.faults + tree.faults, work.variables, work.uses, work.compiled)


def _starts(root: Path) -> list[Path]:
    """The files to begin with. Of a folder of fragments: those nearer to the top first, for they may include others."""
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise DialplanError(f"{root}: no such file or folder. Name a freeswitch.xml, a configuration folder, or a "
                            "fragment of a dialplan")
    if (root / MAIN).is_file():
        return [root / MAIN]
    found = sorted((path for path in root.rglob("*.xml") if path.is_file()), key=lambda path: (len(path.parts), path))
    if not found:
        raise DialplanError(f"{root}: no {MAIN} and no other .xml file in it")
    return found
