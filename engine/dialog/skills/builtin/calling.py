"""What an agent may ask of the call itself: digits, language, a human, the end."""

from collections.abc import Mapping

from engine.dialog.actions import CallContext
from engine.dialog.persona import Persona
from engine.dialog.skills.result import Failed, Result, done, failed
from engine.dialog.skills.skill import SkillContext, skill

HAND_OVER_S = 3700.0
"""A queue may hold a caller for an hour. A hand-over ends by its own deadlines and must not be broken off."""


@skill(side_effect=True, timeout_s=75, quiet=True)
def collect_digits(context: SkillContext, min_digits: int = 1, max_digits: int = 20, secret: bool = False) -> Result:
    """Have the caller press digits on the telephone: numbers are surer this way than by speech. Ask for them first.

    min_digits: how many there are at least
    max_digits: how many there are at most; the caller may end earlier with the hash key
    secret: true for a PIN or a card number; you get a handle that other skills take in place of the digits
    """
    if not 1 <= min_digits <= max_digits <= 64:
        return failed("bad_arguments", "min_digits must be at least 1, max_digits at least that and at most 64.")
    outcome = _call(context).actions.collect_digits(min_digits=min_digits, max_digits=max_digits, secret=secret)
    if not outcome.ok:
        return failed("no_digits", outcome.why or "The caller pressed nothing.")
    digits = str(outcome.data.get("digits", ""))
    if secret:
        return done({"digits": context.keep_secret(digits), "count": len(digits)}, "The digits are a secret handle.")
    return done({"digits": digits})


def _languages(persona: Persona) -> Mapping[str, tuple[str, ...]]:
    return {"language": persona.languages}


@skill(side_effect=True, timeout_s=5, quiet=True, choices=_languages)
def set_language(context: SkillContext, language: str) -> Result:
    """Go on in another language. Use it when the caller asks for it or speaks it, then answer in that language.

    language: its code
    """
    outcome = _call(context).actions.set_language(language)
    return done({"language": language}) if outcome.ok else failed("not_changed", outcome.why)


def _targets(persona: Persona) -> Mapping[str, tuple[str, ...]]:
    return {"target": tuple(persona.transfer)}


@skill(side_effect=True, timeout_s=HAND_OVER_S, quiet=True, ends="turn", choices=_targets)
def transfer_to_human(context: SkillContext, target: str, summary: str) -> Result:
    """Connect the caller with a person. Use it when the caller asks for one, or when you cannot help. Tell the caller
    that you are connecting before you call this.

    target: to whom
    summary: what the person should know: who is calling, what about, what has been tried; two sentences
    """
    wanted = context.persona.transfer[target]
    outcome = _call(context).actions.transfer(target, wanted.mode, summary=summary, timeout_s=wanted.timeout_s)
    if not outcome.ok:
        return failed("not_connected", outcome.why or "Nobody could be reached.")
    return done({"target": target, **outcome.data})


@skill(side_effect=True, timeout_s=5, quiet=True, ends="call")
def end_call(context: SkillContext, reason: str = "goodbye") -> Result:
    """End the call. Use it when the caller says goodbye or wants nothing more. Say goodbye before you call this.

    reason: why, in a word or two
    """
    return done({"reason": reason})


def _call(context: SkillContext) -> CallContext:
    if context.call is None:
        raise Failed("no_call", "This can only be done in a call.")
    return context.call
