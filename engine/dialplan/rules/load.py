"""Rules about the text of a configuration: what FreeSWITCH does not read, or reads as something else."""

import os
import re
from collections.abc import Iterator

from engine.dialplan.preprocess import Directive
from engine.dialplan.reader import MAIN
from engine.dialplan.rules.rule import At, Severity, rule
from engine.dialplan.rules.view import View
from engine.dialplan.rules.waivers import MARK
from engine.dialplan.source import Place

SECRET = re.compile(r"(^|[-_])(password|passwd|secret|passphrase|token|api[-_]?key|cred(ential)?s?)$", re.IGNORECASE)
NOT_SECRET = re.compile(r"^(vm-|voicemail|.*-file$|.*_file$)|mailbox", re.IGNORECASE)
EVERYBODYS = frozenset({"ClueCon", "1234"})
"""Those are spoken of by FS040."""
NO_VALUE = frozenset({"none", "false", "true", "no", "yes"})
SETTING = re.compile(r"<(param|key|variable)\b", re.IGNORECASE)
STAR = re.compile(r"[*?\[]")


@rule("FS001", "load", "error", "the file is not well-formed",
      why="FreeSWITCH puts all files into one document and parses it once: one unclosed tag anywhere and it does "
          "not start, or keeps the old configuration at reloadxml. Its own message names a line of the compiled "
          "document.",
      mend="Close or escape what the message names; in attributes write &amp; for & and &lt; for <.")
def not_well_formed(view: View) -> Iterator[At]:
    """Every fault of the reader that no other rule speaks of."""
    for fault in view.configuration.faults:
        if fault.code not in ("lost-text", "directive"):
            yield At(fault.place, fault.message, severity=fault.kind)


@rule("FS002", "load", "warning", "an include finds no file",
      why="FreeSWITCH says nothing when an include matches nothing: the gateway, context or module that was meant "
          "is simply not there.",
      mend="Correct the path (it is relative to the file it stands in), or remove the line.")
def include_of_nothing(view: View) -> Iterator[At]:
    """A pattern for files to come, or a name that a variable chooses, is worth a note only; a path that is written out
    was meant to be there."""
    for directive in view.configuration.directives:
        if directive.cmd.lower() == "include" and not directive.files and not directive.in_comment:
            severity: Severity | None = "info" if STAR.search(directive.data) or _chosen(view, directive) else None
            yield At(directive.place, f"include {directive.data!r} finds no file", severity=severity)


def _chosen(view: View, directive: Directive) -> bool:
    """Whether a variable chooses what is included."""
    source = view.configuration.source(directive.place.file)
    return source is not None and "$${" in source.line(directive.place.line).replace("$${conf_dir}", "")


@rule("FS003", "load", "warning", "a directive in a comment is active",
      why="Directives are carried out before the text is parsed as XML, so a comment does not switch one off: the "
          "file is included, the variable set, the command run.",
      mend="Remove the line, or rename it to X-NO-PRE-PROCESS.")
def directive_in_comment(view: View) -> Iterator[At]:
    """X-PRE-PROCESS inside ``<!-- -->``."""
    for directive in view.configuration.directives:
        if directive.in_comment:
            yield At(directive.place, f"{directive.cmd} {directive.data!r} stands in a comment and is carried out all "
                                      "the same")


@rule("FS004", "load", "error", "a global variable is not set",
      why="$${name} of a variable that was not set before that line becomes nothing, with no message: an expression "
          "becomes empty and matches every call, a port or an address goes missing.",
      mend="Set it in vars.xml, above its first use, or correct the name.")
def undefined_variable(view: View) -> Iterator[At]:
    """Only of a whole configuration: fragments get their variables from a file that was not read. The value of a
    setting is a warning: FreeSWITCH then takes its own."""
    if not view.whole:
        return
    for use in view.configuration.uses:
        if use.defined or use.in_comment:
            continue
        source = view.configuration.source(use.place.file)
        setting = source is not None and SETTING.search(source.line(use.place.line)) is not None
        yield At(use.place, f"$${{{use.name}}} is not set here and becomes nothing",
                 severity="warning" if setting else None)


@rule("FS005", "load", "warning", "a shell command is run at loading",
      why="exec and exec-set run a command as FreeSWITCH's user at every start and reloadxml, with the whole switch "
          "waiting; who can write the file or the command owns the switch.",
      mend="Use env-set with a variable of the service's environment, or a plain set.")
def shell_at_load(view: View) -> Iterator[At]:
    """exec and exec-set; they are not carried out by this check."""
    for directive in view.configuration.directives:
        if directive.cmd.lower() in ("exec", "exec-set"):
            yield At(directive.place, f"{directive.cmd} runs {directive.data!r} at every loading")


@rule("FS006", "load", "warning", "a fragment of several elements without <include> around it",
      why="A file with more than one outermost element is no XML by itself: editors, xmllint and FreeSWITCH's own "
          "tools refuse it, and a fault in it is found late.",
      mend="Put <include> on a line of its own before, and </include> after everything.")
def not_wrapped(view: View) -> Iterator[At]:
    """Files with two outermost elements and no ``<include>``."""
    for source in view.configuration.files:
        if source.wrapped_in_include:
            continue
        outer = _outermost(source.text)
        if len(outer) > 1:
            yield At(source.place(outer[1]),
                     f"a second outermost element in {source.path.name}, which has no <include>")


@rule("FS007", "load", "warning", "a file that nothing includes",
      why="FreeSWITCH never reads it: the extension or gateway in it does not exist, whatever is written there.",
      mend="Include it, delete it, or rename it to .noload to say that it is parked.")
def dead_file(view: View) -> Iterator[At]:
    """XML files of the folder that were not read. ``.noload`` says on purpose; languages that are not used are a note
    only, and so are neighbours of what a variable chooses."""
    if view.configuration.files[0].path.name != MAIN:
        return  # a document of another name says nothing about its neighbours
    choices = {os.path.normpath(directive.place.file.parent / directive.data).rpartition("/")[0]
               for directive in view.configuration.directives
               if directive.cmd.lower() == "include" and _chosen(view, directive)}
    for path in view.configuration.dead_files:
        if path.suffix != ".noload" and os.path.normpath(path.parent) not in choices:
            language = "lang" in path.relative_to(view.configuration.folder).parts[:1]
            yield At(Place(path, 1, 1), f"no include matches {path.name}: FreeSWITCH does not read it",
                     severity="info" if language else None)


@rule("FS008", "load", "error", "a second context of the same name",
      why="The first context with a name is the only one there is. Extensions in the second are never tried; the "
          "two are not merged.",
      mend="Move its extensions into the first, or into the folder the first one includes.")
def second_context(view: View) -> Iterator[At]:
    """Dead contexts."""
    for context in view.configuration.contexts():
        if context.dead:
            first = view.configuration.context(context.name)
            where = f" ({first.place})" if first else ""
            yield At(context.element.where("name"),
                     f"context {context.name!r} is already there{where}; this one is dead")


@rule("FS009", "load", "info", "two extensions of one name in a context",
      why="Both are tried, but logs and traces name extensions, and auto_hunt jumps to the first of a name.",
      mend="Give each its own name.")
def second_extension(view: View) -> Iterator[At]:
    """Names twice in one context."""
    for hunt in view.hunts:
        seen: dict[str, Place] = {}
        for extension in hunt:
            if not extension.name:
                continue
            if extension.name in seen:
                yield At(extension.element.where("name"), f"extension {extension.name!r} is already there "
                                                          f"(line {seen[extension.name].line})")
            seen.setdefault(extension.name, extension.place)


@rule("FS010", "load", "warning", "a secret in clear text",
      why="A password in a gateway or a profile goes into every copy, backup and commit of that file.",
      mend='Write $${name} here and in vars.xml <X-PRE-PROCESS cmd="env-set" data="name=$NAME"/>.')
def secret_in_clear(view: View) -> Iterator[At]:
    """Params and variables whose name says password, with a literal value."""
    for element in [*view.tagged("param"), *view.tagged("variable")]:
        name, given = element.get("name") or "", element.attributes.get("value")
        if given is None or not given.value or not SECRET.search(name) or NOT_SECRET.search(name):
            continue
        if "$" not in given.raw and given.value not in EVERYBODYS and given.value.lower() not in NO_VALUE:
            yield At(given.place, f"{name} is written out here")


@rule("FS048", "load", "error", "text on the line of an <include> or a directive is dropped",
      why="FreeSWITCH reads line by line and drops every line that holds <include>, </include>, <? or an "
          "X-PRE-PROCESS, with all else that stands on it: an extension on that line does not exist.",
      mend="Give <include>, <?xml ...?> and each X-PRE-PROCESS a line of its own.")
def text_lost(view: View) -> Iterator[At]:
    """Faults of the pre-processing that lose text."""
    for fault in view.configuration.faults:
        if fault.code == "lost-text":
            yield At(fault.place, fault.message)


@rule("FS049", "load", "error", "a directive that FreeSWITCH does not understand",
      why='A directive needs cmd="..." and data="..." in double quotes on one line, and one of six commands; any '
          "other is dropped without a word.",
      mend='Write <X-PRE-PROCESS cmd="set" data="name=value"/> on one line; cmd is set, env-set, include, exec, '
           "exec-set or stun-set.")
def directive_not_understood(view: View) -> Iterator[At]:
    """Faults of the pre-processing about directives."""
    for fault in view.configuration.faults:
        if fault.code == "directive":
            yield At(fault.place, fault.message)


def _outermost(text: str) -> list[int]:
    """The offsets of the elements that stand in no other; directives do not count."""
    found, depth = [], 0
    for match in MARK.finditer(text):
        name = match.group("name")
        if name is None or "pre-process" in name.lower():
            continue
        if match.group("close"):
            depth = max(0, depth - 1)
            continue
        if not depth:
            found.append(match.start())
        depth += not match.group("empty")
    return found


