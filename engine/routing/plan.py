"""What the routing file says for a call, before anything measured: who may be asked, in which places. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.config.routing import Capability, ModelRoute, RoutingFile
from engine.routing.facts import Choice, Facts, known, same_language
from engine.routing.routesfile import Routes


@dataclass(frozen=True, slots=True)
class Planned:
    """A candidate and its place among those of the list that can serve: 0 is the first; those that are not listed
    share the place after them."""

    choice: Choice
    place: int


@dataclass(frozen=True, slots=True)
class Excluded:
    """Who is not a candidate, and why. ``model`` is empty where it concerns the whole provider."""

    provider: str
    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``by`` says which part of the file decided: ``rule kerala_priority``, ``dialect ml/malabar``, ``language ml``,
    ``priority_providers``, or ``no list``."""

    capability: Capability
    facts: Facts
    by: str
    candidates: tuple[Planned, ...]
    excluded: tuple[Excluded, ...]
    min_confidence: float


def plan(
    routes: Routes, capability: Capability, facts: Facts, connected: Callable[[Choice], bool] | None = None
) -> Plan:
    """Candidates for ``capability`` in a call with these ``facts``. The first rule that holds decides on the list and
    its limits; without one, the dialect's list, the language's, the file's. ``connected``: whether there is a
    connection for a choice (None: to all of them)."""
    tree = routes.tree
    name, rule = next(
        ((name, rule) for name, rule in tree.routing_rules.items()
         if routes.conditions[name].holds(known(facts, capability))),
        ("", None),
    )
    by, listed = (f"rule {name}", rule.priority_providers) if rule else _list(tree, facts)
    candidates: list[tuple[int, Choice]] = []
    excluded: list[Excluded] = []
    for provider, route in tree.providers.items():
        if rule and rule.only_listed and provider not in listed:
            excluded.append(Excluded(provider, "", f"not in the list, and rule {name} allows no others"))
            continue
        for model, terms in route.models.items():
            choice = Choice(capability, provider, model, facts.language, facts.dialect, terms)
            why = _unfit(terms, capability, facts)
            if not why and rule and terms.accuracy_score < rule.min_accuracy:
                why = f"accuracy {terms.accuracy_score:g} is below min_accuracy {rule.min_accuracy:g} of rule {name}"
            limit = rule.max_cost_per_minute if rule else None
            if not why and limit is not None and terms.cost_per_minute > limit:
                why = f"costs {terms.cost_per_minute:g} a minute, above max_cost_per_minute {limit:g} of rule {name}"
            if not why and connected is not None and not connected(choice):
                why = f"there is no connection {' or '.join(choice.connections)} for {capability}"
            if why:
                excluded.append(Excluded(provider, model, why))
            else:
                candidates.append((listed.index(provider) if provider in listed else len(listed), choice))
    excluded += [Excluded(provider, "", "has no models in the routing file") for provider in dict.fromkeys(listed)
                 if provider not in tree.providers]
    # Places count those who can serve: the second of a list whose first cannot speak is the first for speaking.
    places = sorted({place for place, _ in candidates})
    planned = tuple(Planned(choice, places.index(place)) for place, choice in candidates)
    return Plan(capability, facts, by, planned, tuple(excluded), rule.min_confidence if rule else 0.0)


def _list(tree: RoutingFile, facts: Facts) -> tuple[str, tuple[str, ...]]:
    """The list for a call that no rule is about, and where it stands."""
    language = next((name for name in tree.languages if same_language(name, facts.language)), "")
    if language:
        route = tree.languages[language]
        dialect = route.dialects.get(facts.dialect)
        if dialect and dialect.priority_providers:
            return f"dialect {language}/{facts.dialect}", dialect.priority_providers
        if route.priority_providers:
            return f"language {language}", route.priority_providers
    return ("priority_providers", tree.priority_providers) if tree.priority_providers else ("no list", ())


def _unfit(terms: ModelRoute, capability: Capability, facts: Facts) -> str:
    """Why a model cannot serve, or nothing."""
    able = {"llm" if name == "conversational_ai" else name for name in terms.capabilities}
    if capability not in able:
        return f"cannot do {capability}"
    if terms.languages and facts.language and not any(same_language(name, facts.language) for name in terms.languages):
        return f"does not know {facts.language} (languages: {', '.join(terms.languages)})"
    if terms.dialects and facts.dialect and facts.dialect not in terms.dialects:
        return f"is not made for {facts.dialect} (dialects: {', '.join(terms.dialects)})"
    return ""
