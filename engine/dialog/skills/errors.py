"""Errors of skills that an operator or a developer has to mend. What goes wrong in a call is a ``Result`` instead."""

from engine.dialog.errors import DialogError


class SkillError(DialogError):
    """A skill cannot be used as it is written or set up; the text names file and line where there are some."""
