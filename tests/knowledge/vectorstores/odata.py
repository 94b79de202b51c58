"""The part of Azure AI Search's filter language that is used here, by its EBNF: what it does not know is refused.

``parse(text, fields)`` gives a function of a document. ``fields`` are the index's, by name.
"""

import re

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>[():,/]))")
COMPARE = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "gt": lambda a, b: a > b,
           "le": lambda a, b: a <= b, "ge": lambda a, b: a >= b}


class Invalid(ValueError):
    pass


def parse(text, fields):
    parser = _Parser(text, fields)
    test = parser.either({})
    if parser.tokens:
        raise Invalid(f"unexpected {parser.tokens[0]}")
    return test


class _Parser:
    def __init__(self, text, fields):
        self.fields = fields
        self.tokens = []
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None:
                raise Invalid(f"syntax error at position {at}")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()

    def take(self, value=None, kind=None):
        if not self.tokens or value not in (None, self.tokens[0][1]) or kind not in (None, self.tokens[0][0]):
            raise Invalid(f"expected {value or kind}, found {self.tokens[:1]}")
        return self.tokens.pop(0)[1]

    def follows(self, value):
        return bool(self.tokens) and self.tokens[0][1] == value and self.tokens[0][0] != "text"

    def either(self, scope):
        tests = [self.both(scope)]
        while self.follows("or"):
            self.take()
            tests.append(self.both(scope))
        return lambda document: any(test(document) for test in tests)

    def both(self, scope):
        tests = [self.one(scope)]
        while self.follows("and"):
            self.take()
            tests.append(self.one(scope))
        return lambda document: all(test(document) for test in tests)

    def one(self, scope):
        if self.follows("("):
            self.take()
            test = self.either(scope)
            self.take(")")
            return test
        name = self.take(kind="name")
        if name == "search.in":
            return self.search_in()
        if self.follows("/"):
            return self.any_of(name)
        kind = scope.get(name) or self.kind_of(name, "Edm.")
        operator, value = self.take(kind="name"), self.value(kind)
        compare = COMPARE[operator]
        if scope and operator != "eq":
            raise Invalid("a collection of strings is compared with eq only")
        return lambda document: document.get(name) is not None and compare(document[name], value)

    def any_of(self, name):
        kind = self.kind_of(name, "Collection(")
        for sign in ("/", "any", "("):
            self.take(sign)
        variable = self.take(kind="name")
        self.take(":")
        test = self.either({variable: kind[len("Collection("):-1]})
        self.take(")")
        return lambda document: any(test({variable: item}) for item in document.get(name) or [])

    def search_in(self):
        self.take("(")
        name = self.take(kind="name")
        self.kind_of(name, "Edm.String")
        self.take(",")
        wanted = self.value("Edm.String")
        self.take(",")
        signs = self.value("Edm.String")
        self.take(")")
        values = set(re.split(f"[{re.escape(signs)}]", wanted))
        return lambda document: document.get(name) in values

    def kind_of(self, name, wanted):
        field = self.fields.get(name)
        if field is None or not field["filterable"] or not field["type"].startswith(wanted):
            raise Invalid(f"'{name}' is not a filterable field of that type")
        return field["type"]

    def value(self, kind):
        if kind == "Edm.Int32":
            return int(self.take(kind="number"))
        return self.take(kind="text")[1:-1].replace("''", "'")
