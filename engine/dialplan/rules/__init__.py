"""The rules of ``trunkline dialplan check``: one module a subject, one function a rule.

To add one: write a generator with the decorator ``rule`` in the module it belongs to, a failing and a passing sample in
``tests/dialplan/samples/FSnnn``, and run ``python -m engine.dialplan.rules.page > docs/engineer/dialplan-rules.md``.
"""

from engine.dialplan.rules import actions, callers, conditions, dialling, engine, load, report, security, trunks
from engine.dialplan.rules.check import check
from engine.dialplan.rules.rule import PROFILES, RULES, SEVERITIES, At, Finding, Rule, all_rules, named

MODULES = (load, conditions, actions, callers, engine, security, trunks, dialling)
"""Where the rules are."""

__all__ = ["MODULES", "PROFILES", "RULES", "SEVERITIES", "At", "Finding", "Rule", "all_rules", "check", "named",
           "report"]
