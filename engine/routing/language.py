"""Which language the caller speaks: when a call changes its language.

    tracker = LanguageTracker(("en", "ml", "hi", "ta"), "en", preferred=caller.language, region_languages={"ml": 0.6})
    change = tracker.hear("ente order evide")        # after each final of the recogniser
    change = tracker.choose("ta", "key 4")           # a key of the menu
    if change.changed: ...                           # change.language from now on

By what was heard (``engine.language.identify``); a wish and a key win over it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.language.identify import Guess, identify
from engine.routing.language_wishes import wished_language

SURE = 0.9
"""A turn that is so likely in another language changes the call's language at once; others need a second one."""

SURE_LETTERS = 10
"""Fewer letters never change it at once: a single word may be a name or a loan."""

STAYING = 2.0
"""How much likelier the present language is than another before anything was heard."""

@dataclass(frozen=True, slots=True)
class Change:
    """The call's language after something was heard; ``changed``: it was another one before; ``why`` for the log."""

    language: str
    changed: bool
    why: str
    guess: Guess | None = None


class LanguageTracker:
    """The language of one call, among those that are offered."""

    def __init__(
        self,
        offered: Sequence[str],
        default: str,
        *,
        preferred: str = "",
        region_languages: Mapping[str, float] | None = None,
    ) -> None:
        """``preferred`` is what is stored of the caller; it begins the call if it is offered, else the likeliest of
        ``region_languages`` (of the dialled number or the caller's region: probability of each), else ``default``.
        Raises ``ValueError`` if ``default`` is not offered."""
        if default not in offered:
            raise ValueError(f"the default language {default} is not offered ({', '.join(offered)})")
        self._offered = tuple(offered)
        region = {code: share for code, share in (region_languages or {}).items() if code in offered}
        floor = 0.5 / len(self._offered)
        self._prior = {code: region.get(code, 0.0) + floor for code in self._offered}
        if preferred in offered:
            self.language = preferred
            self._prior[preferred] += 1.0
        else:
            self.language = max(region, key=region.__getitem__) if region else default
        self._chosen = False
        self._pending = ""

    def choose(self, language: str, why: str) -> Change:
        """The caller chose it, by a key or in words: it stays until another choice. A language that is not offered
        changes nothing."""
        if language not in self._offered:
            return Change(self.language, False, f"{why}: {language} is not offered")
        self._chosen = True
        return self._take(language, why)

    def hear(self, text: str, recognised: Mapping[str, float] | None = None) -> Change:
        """A final transcript; ``recognised``: probabilities of the languages from the recogniser, where it tells."""
        if wish := wished_language(text):
            return self.choose(wish, "the caller asked for it")
        guess = identify(text)
        if self._chosen:
            return Change(self.language, False, "the caller chose the language", guess)
        best, likely = self._weigh(guess, recognised)
        if not best or best == self.language:
            self._pending = "" if best else self._pending
            return Change(self.language, False, "nothing to tell by" if not best else "as before", guess)
        if likely > SURE and guess.letters >= SURE_LETTERS:
            return self._take(best, f"{best} with {likely:.2f}", guess)
        if self._pending == best:
            return self._take(best, f"{best} in two turns", guess)
        self._pending = best
        return Change(self.language, False, f"{best} with {likely:.2f}: another turn must confirm it", guess)

    def _weigh(self, guess: Guess, recognised: Mapping[str, float] | None) -> tuple[str, float]:
        """The likeliest language of those offered, and how likely it is; "" if the turn tells nothing."""
        if not guess.likely and not recognised:
            return "", 0.0
        least = 0.01
        weights = {}
        for code in self._offered:
            stays = STAYING if code == self.language else 1.0
            said = max(guess.likely.get(code, 0.0), least) if guess.likely else 1.0
            heard = max(recognised.get(code, 0.0), least) if recognised else 1.0
            weights[code] = self._prior[code] * stays * said * heard
        elsewhere = max(0.0, *(value for code, value in guess.likely.items() if code not in self._offered), 0.0)
        if guess.likely and elsewhere > max(guess.likely.get(code, 0.0) for code in self._offered):
            return "", 0.0
        best = max(weights, key=weights.__getitem__)
        return best, weights[best] / sum(weights.values())

    def _take(self, language: str, why: str, guess: Guess | None = None) -> Change:
        changed = language != self.language
        self.language, self._pending = language, ""
        return Change(language, changed, why, guess)
