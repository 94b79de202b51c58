"""What the rules ask of a configuration: extensions with their actions in order, settings, profiles, gateways.

All of it is worked out once and kept, so that seventy rules over two hundred files stay quick.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from engine.dialplan.model import Action, Condition, Extension, Test
from engine.dialplan.reader import Configuration
from engine.dialplan.rules import tables
from engine.dialplan.rules.patterns import VARIABLE, pattern
from engine.dialplan.source import Place
from engine.dialplan.xmltree import Element

SETTERS = ("set", "export", "bridge_export", "multiset", "push", "unshift")
GATEWAY = re.compile(r"sofia/gateway/([^/,|\s]+)/([^,|\s]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Act:
    """One ``action`` or ``anti-action`` with the condition and the extension it stands in. ``application`` is in lower
    case: FreeSWITCH does not mind."""

    action: Action
    condition: Condition
    extension: "Ext"
    application: str
    data: str

    @property
    def place(self) -> Place:
        """Of the element."""
        return self.action.place

    @property
    def data_place(self) -> Place:
        """Of the data; of the element where it has none."""
        return self.action.data_place

    @property
    def assigned(self) -> list[tuple[str, str]]:
        """The variables this action sets on the channel, with their values."""
        if self.application not in SETTERS:
            return []
        texts = [self.data]
        if self.application == "multiset":
            texts = self.data[3:].split(self.data[2:3]) if self.data.startswith("^^") else self.data.split()
        pairs = [text.partition("=") for text in texts if "=" in text]
        return [(name.removeprefix("nolocal:").removeprefix("_nolocal_").strip(), value) for name, _, value in pairs]


@dataclass(frozen=True, eq=False)
class Ext:
    """One extension with the context it stands in; ``context`` is None where a fragment does not say which."""

    extension: Extension
    context: str | None

    @property
    def element(self) -> Element:
        """The element."""
        return self.extension.element

    @property
    def name(self) -> str:
        """Its name, empty without one."""
        return self.extension.name or ""

    @property
    def place(self) -> Place:
        """Of the element."""
        return self.extension.place

    @property
    def goes_on(self) -> bool:
        """``continue="true"``: the hunt goes on after it has matched."""
        return self.extension.goes_on

    @property
    def conditions(self) -> list[Condition]:
        """Those directly in it."""
        return self.extension.conditions

    @cached_property
    def all_acts(self) -> list[Act]:
        """Actions and anti-actions of all conditions, in order."""
        return [Act(action, condition, self, action.app.lower(), action.data)
                for condition in self.extension.everything()
                for action in condition.actions + condition.anti_actions]

    @cached_property
    def acts(self) -> list[Act]:
        """The actions, not the anti-actions."""
        return [act for act in self.all_acts if not act.action.anti]

    @cached_property
    def tests(self) -> list[Test]:
        """Every test of every condition."""
        return [test for condition in self.extension.everything() for test in tests_of(condition)]


def tests_of(condition: Condition) -> list[Test]:
    """What a condition compares: itself, or each ``<regex>`` in it."""
    return list(condition.regexes) if condition.combination else [condition]


def always(condition: Condition) -> bool:
    """Whether a condition is true for every call: no field, no time, or an expression that matches anything."""
    if condition.times or condition.combination:
        return False
    return condition.field is None or pattern(condition.expression).catches_all


@dataclass(frozen=True, slots=True, eq=False)
class Param:
    """One ``<param name= value=>``."""

    element: Element

    @property
    def name(self) -> str:
        """Its name."""
        return self.element.get("name") or ""

    @property
    def value(self) -> str:
        """Its value, empty without one."""
        return self.element.get("value") or ""

    @property
    def raw(self) -> str:
        """The value as it is written, with ``$${name}``."""
        given = self.element.attributes.get("value")
        return given.raw if given else ""

    @property
    def place(self) -> Place:
        """Of the value; of the element where it has none."""
        return self.element.where("value")


@dataclass(slots=True, eq=False)
class Gateway:
    """One ``<gateway>`` and the profile it is in (None where it stands in a file of its own)."""

    element: Element
    name: str
    params: dict[str, Param]
    profile: "Profile | None"

    @property
    def place(self) -> Place:
        """Of the element."""
        return self.element.place

    def get(self, name: str, default: str = "") -> str:
        """The value of a parameter."""
        found = self.params.get(name)
        return found.value if found else default

    @property
    def hosts(self) -> str:
        """Every host it names, lower case."""
        return " ".join(self.get(name) for name in ("proxy", "realm", "from-domain", "outbound-proxy")).lower()

    @property
    def carrier(self) -> str:
        """``twilio``, ``exotel`` or nothing: told by its hosts, then by its name."""
        for carrier, host in (("twilio", "twilio.com"), ("exotel", "exotel.")):
            if host in self.hosts:
                return carrier
        lowered = self.name.lower()
        return next((carrier for carrier in ("twilio", "exotel") if carrier in lowered and not self.get("proxy")), "")


@dataclass(slots=True, eq=False)
class Profile:
    """One sofia ``<profile>``."""

    element: Element
    name: str
    params: dict[str, Param]
    acls: list[Param]
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Of the element."""
        return self.element.place

    def get(self, name: str, default: str = "") -> str:
        """The value of a setting."""
        found = self.params.get(name)
        return found.value if found else default

    @property
    def open(self) -> bool:
        """Whether calls come in without a password: ``auth-calls`` is not true, and no blind switch is set."""
        return tables.truth(self.get("auth-calls", "false")) is not True


def params(element: Element) -> list[Param]:
    """All ``<param>`` below an element (in ``<settings>``, ``<params>``, or directly)."""
    found = []
    for child in element.children:
        if child.tag in ("settings", "params"):
            found += params(child)
        elif child.tag == "param":
            found.append(Param(child))
    return found


def children_of(element: Element, group: str, tag: str) -> list[Element]:
    """The elements ``tag`` in the first ``group`` of an element, or directly in it: so FreeSWITCH reads both."""
    inner = element.first(group)
    return (inner or element).all(tag)


class View:
    """A configuration as the rules look at it. ``profiles``: what the user said the switch is for."""

    def __init__(self, configuration: Configuration, profiles: frozenset[str] = frozenset()) -> None:
        self.configuration = configuration
        self.profiles_asked = profiles

    @cached_property
    def by_tag(self) -> dict[str, list[Element]]:
        """Every element by its tag, in order of the compiled document."""
        found: dict[str, list[Element]] = {}
        for element in self.configuration.elements.walk():
            found.setdefault(element.tag, []).append(element)
        return found

    def tagged(self, tag: str) -> list[Element]:
        """Every element with this tag."""
        return self.by_tag.get(tag, [])

    @property
    def whole(self) -> bool:
        """Whether this is a whole configuration, not some fragments of one: only then is what is not there missing."""
        return self.configuration.whole

    @cached_property
    def has_dialplan(self) -> bool:
        """Whether it is whole and its dialplan is in files."""
        return self.whole and any(not context.loose for context in self.configuration.contexts())

    @cached_property
    def modules(self) -> frozenset[str] | None:
        """The modules that are loaded; None where nothing says which."""
        loads = [load for load in self.tagged("load") if load.parent is not None and load.parent.tag == "modules"]
        return frozenset(load.get("module") or "" for load in loads) if loads else None

    @cached_property
    def foreign_modules(self) -> frozenset[str]:
        """Loaded modules that are not FreeSWITCH's own: what they bring is not known here."""
        return (self.modules or frozenset()) - tables.modules()

    def settings(self, configuration: str) -> dict[str, Param]:
        """The settings of ``autoload_configs/<configuration>.xml``, empty if it is not there."""
        element = self.configuration.configuration(configuration)
        return {param.name: param for param in params(element)} if element else {}

    @cached_property
    def profiles(self) -> list[Profile]:
        """The SIP profiles."""
        found = []
        for element in self.configuration.profiles():
            given = params(element)
            acls = [param for param in given if param.name == "apply-inbound-acl" and param.value]
            profile = Profile(element, element.get("name") or "", {param.name: param for param in given}, acls)
            profile.gateways = [_gateway(child, profile) for inner in element.all("gateways")
                                for child in inner.all("gateway")]
            found.append(profile)
        return found

    @cached_property
    def gateways(self) -> list[Gateway]:
        """All gateways, those of users and of files by themselves too."""
        found = [gateway for profile in self.profiles for gateway in profile.gateways]
        known = {id(gateway.element) for gateway in found}
        return found + [_gateway(element, None) for element in self.configuration.gateways()
                        if id(element) not in known and _of_sofia(element)]

    @cached_property
    def hunts(self) -> list[list[Ext]]:
        """Extensions that are tried one after the other: those of a context, or of fragments in the order of files."""
        return [[Ext(extension, None if context.loose else context.name) for extension in context.extensions]
                for context in self.configuration.contexts()]

    @cached_property
    def extensions(self) -> list[Ext]:
        """Every extension of every context, in order."""
        return [extension for hunt in self.hunts for extension in hunt]

    @cached_property
    def contexts(self) -> dict[str, list[Ext]]:
        """The extensions of each context that is used, by its name in lower case. Of two of a name it is the first."""
        contexts = self.configuration.contexts()
        return {context.name.lower(): hunt for context, hunt in zip(contexts, self.hunts, strict=True)
                if not context.dead and not context.loose}

    @cached_property
    def acls(self) -> frozenset[str]:
        """The names of the lists in acl.conf."""
        return frozenset(element.get("name") or "" for element in self.tagged("list")
                         if element.parent is not None and element.parent.tag == "network-lists")

    @cached_property
    def public_contexts(self) -> frozenset[str]:
        """Contexts that strangers reach: those of open profiles; ``public`` where no profile is known."""
        found = {profile.get("context", "default") for profile in self.profiles if profile.open}
        if not self.profiles:
            found.add("public")
        return frozenset(found)

    def destinations(self, act: Act) -> list[tuple[str, str]]:
        """The gateways a ``bridge`` or ``originate`` dials: their name and the number behind it."""
        return [(match.group(1), match.group(2)) for match in GATEWAY.finditer(act.data)]

    def gateway(self, name: str) -> Gateway | None:
        """The gateway that a dial string means by ``name`` or ``profile::name``."""
        short = name.rpartition("::")[2]
        return next((gateway for gateway in self.gateways if gateway.name == short), None)


def _of_sofia(element: Element) -> bool:
    """Whether a ``<gateway>`` is one of SIP: other modules (mod_smpp) have some too."""
    parent: Element | None = element
    while parent is not None and parent.tag != "configuration":
        parent = parent.parent
    return parent is None or parent.get("name") == "sofia.conf"


def _gateway(element: Element, profile: Profile | None) -> Gateway:
    return Gateway(element, element.get("name") or "", {param.name: param for param in params(element)}, profile)


def variables_in(text: str) -> set[str]:
    """The names of the channel variables that ``${name}``, ``${name:0:3}`` and ``${name[1]}`` read, lower case; not
    API calls."""
    found = set()
    for match in VARIABLE.finditer(text):
        inner = match.group()[2:-1]
        if match.group().startswith("$") and "(" not in inner and " " not in inner:
            found.add(re.split(r"[:\[]", inner, maxsplit=1)[0].lower())
    return found
