"""The table of the skills that come with Trunkline, for ``docs/developer/skills.md``.

    python -m engine.dialog.skills.page
"""

from engine.dialog.skills.builtin import BUILTIN
from engine.dialog.skills.skill import Skill

HEAD = "| skill | arguments | changes something | deadline | what it is for |\n|---|---|---|---|---|\n"


def table() -> str:
    """One row a skill, from the code."""
    return HEAD + "".join(map(_row, sorted(BUILTIN, key=lambda skill: skill.name)))


def _row(skill: Skill) -> str:
    parameters = skill.tool().parameters
    arguments = [name if name in parameters.get("required", ()) else f"{name}?" for name in parameters["properties"]]
    changes = "yes" if skill.side_effect else "no"
    words = " ".join(f"`{name}`" for name in arguments)
    return f"| `{skill.name}` | {words} | {changes} | {skill.timeout_s:g} s | {skill.description} |\n"


if __name__ == "__main__":
    print(table(), end="")
