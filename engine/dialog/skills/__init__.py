"""Skills: what an agent can do besides talking. A skill is a decorated function; a model calls it as a tool."""

from engine.dialog.skills.result import Failed, Result, done, failed
from engine.dialog.skills.skill import Skill, SkillContext, skill

__all__ = ["Failed", "Result", "Skill", "SkillContext", "done", "failed", "skill"]
