"""Run the rules over a configuration."""

from collections.abc import Iterable, Iterator

from engine.dialplan.reader import Configuration
from engine.dialplan.rules.rule import PROFILES, RULES, At, Finding, Rule, rule
from engine.dialplan.rules.view import View
from engine.dialplan.rules.waivers import by_file
from engine.dialplan.source import DialplanError, Place


@rule("FS065", "load", "warning", "a waiver that is not needed, or gives no reason",
      why="A waiver whose cause has gone hides the next mistake in its place; one without a reason cannot be judged "
          "by who comes after.",
      mend="Remove it, or write <!-- check: allow FS000 the reason --> before the element.")
def needless_waiver(view: View) -> Iterable[At]:
    """Found by ``check`` itself, which knows what was waived."""
    return ()


def check(
    configuration: Configuration, profiles: Iterable[str] = (), rules: Iterable[Rule] | None = None,
) -> list[Finding]:
    """All findings, in order of file and line. ``profiles`` (``PROFILES``) say what the switch is for; ``rules``
    are those to run (default: all). Raises DialplanError for a profile that there is not."""
    asked = frozenset(profiles)
    unknown = asked - PROFILES.keys()
    if unknown:
        raise DialplanError(f"there is no profile {min(unknown)!r}; there are {', '.join(PROFILES)}")
    chosen = list(RULES.values()) if rules is None else list(rules)
    view = View(configuration, asked)
    found = {(at.place, one.id, at.message): _finding(one, at) for one in chosen for at in one.run(view)}
    kept = _waived(configuration, list(found.values()), chosen)
    return sorted(kept, key=lambda finding: (finding.place, finding.rule.id))


def _finding(one: Rule, at: At) -> Finding:
    return Finding(one, at.place, at.message, at.mend or one.mend, at.severity or one.severity)


def _waived(configuration: Configuration, found: list[Finding], chosen: list[Rule]) -> Iterator[Finding]:
    """What no waiver lets pass, and the waivers that let nothing pass."""
    waivers, bad = by_file(configuration.files)
    used: set[tuple[Place, str]] = set()
    for finding in found:
        covering = [waiver for waiver in waivers.get(finding.place.file, ())
                    if waiver.covers(finding.rule.id, finding.place)]
        used.update((waiver.place, finding.rule.id) for waiver in covering)
        if not covering:
            yield finding
    needless = RULES["FS065"]
    if needless not in chosen:
        return
    for wrong in bad:
        yield _finding(needless, At(wrong.place, wrong.message))
    ran = {one.id for one in chosen}
    for waiver in (waiver for file in waivers.values() for waiver in file):
        for number in waiver.rules:
            if number not in RULES:
                yield _finding(needless, At(waiver.place, f"there is no rule {number}"))
            elif number in ran and (waiver.place, number) not in used:
                yield _finding(needless, At(waiver.place, f"nothing here breaks {number}"))
