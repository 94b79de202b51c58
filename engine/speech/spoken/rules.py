"""What is read in other words than it is written: amounts, times, dates, codes, addresses, abbreviations. Pure.

A rule is a pattern and a function: the pattern is tried where a word or a sign begins, the function gives the words or
None if it is something else. The first rule that has words wins, so that an amount is not read as a number and a sign.
"""

import re
from functools import lru_cache

from engine.speech.spoken.english import ENGLISH
from engine.speech.spoken.french import FRENCH
from engine.speech.spoken.hindi import HINDI
from engine.speech.spoken.language import Language, Rule
from engine.speech.spoken.letters import ALPHABET, MARKS
from engine.speech.spoken.malayalam import MALAYALAM
from engine.speech.spoken.malayalam import with_suffix as malayalam_suffix
from engine.speech.spoken.moments import Moments
from engine.speech.spoken.numerals import Numerals
from engine.speech.spoken.tamil import TAMIL
from engine.speech.spoken.tamil import with_suffix as tamil_suffix
from engine.speech.spoken.traced import Traced

LANGUAGES: dict[str, Language] = {each.code: each for each in (ENGLISH, FRENCH, HINDI, MALAYALAM, TAMIL)}

_COPIED = re.compile(rf"(?:[^\W\d_]|[{MARKS}]|(?<=\w)['\u2019](?=\w))+|.", re.DOTALL)
_CURRENCIES = {"₹": "INR", "Rs": "INR", "INR": "INR", "रु": "INR", "രൂ": "INR", "ரூ": "INR", "$": "USD", "US$": "USD",
               "USD": "USD", "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP"}  # fmt: skip
_SIGNS_BEFORE = rf"(?:₹|US\$|\$|€|£|(?:[Rr]s|INR|USD|EUR|GBP|रु|രൂ|ரூ)(?![^\W\d]|[{MARKS}])\.?)"
_SIGNS_AFTER = r"(?:₹|\$|€|£|(?:INR|USD|EUR|GBP|Rs)\b)"
_TOP = "com|org|net|in|fr|io|co|gov|edu|ai|info|app|dev|uk|eu|me|tv|biz|local"
_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅕": (1, 5), "⅛": (1, 8)}
_AS_ONE_SIGN = {"1/2": "½", "1/4": "¼", "3/4": "¾"}
_ADDRESS_WORDS = {
    "en": ("at", "dot", "dash", "underscore", "slash"), "fr": ("arobase", "point", "tiret", "tiret bas", "barre"),
    "hi": ("ऐट", "डॉट", "डैश", "अंडरस्कोर", "स्लैश"), "ml": ("അറ്റ്", "ഡോട്ട്", "ഡാഷ്", "അണ്ടർസ്കോർ", "സ്ലാഷ്"),
    "ta": ("அட்", "டாட்", "டாஷ்", "அண்டர்ஸ்கோர்", "ஸ்லாஷ்"),
}  # fmt: skip
_NO_DOT = frozenset(("dr", "prof", "mme", "mlle", "pr", "ltd", "pvt", "vs", "dept", "govt", "approx"))
_TELEPHONE_WORDS = re.compile(
    r"(?:call|dial|phone|telephone|mobile|tel|contact|whatsapp|number|appelez|numéro)\W+$", re.IGNORECASE
)
_WORDS = re.compile(rf"(?:[^\W_]|[{MARKS}])+")
_LINKING = frozenset(("is", "number", "no", "code", "id", "est", "है", "ആണ്"))


class Reader:
    """Reads a text in one language. ``in_lakhs``: also numbers that are not grouped in lakhs are said in lakhs."""

    def __init__(self, language: Language, in_lakhs: bool) -> None:
        """Build the rules; ``reader`` keeps them."""
        self.language = language
        self.numerals = Numerals(language, in_lakhs)
        self._mark = "," if language.decimal_comma else "."
        named = (*language.money.values(), *language.units.values())
        self._nouns = language.nouns | {noun for nouns in named for noun in nouns}
        self._rules = [(re.compile(pattern), say) for pattern, say in self._all_rules()]

    def read(self, text: Traced) -> Traced:
        """The text with what is not read as it is written put into words."""
        changes: list[tuple[int, int, str]] = []
        at = 0
        while at < len(text.text):
            if text.text[at] == " ":
                at += 1
                continue
            end, words = self._read_at(text.text, at)
            if words is not None:
                changes.append((at, end, f" {words} "))
            at = end
        return text.changed(changes)

    def _read_at(self, text: str, at: int) -> tuple[int, str | None]:
        for pattern, say in self._rules:
            match = pattern.match(text, at)
            if match and match.end() > at:
                words = say(match)
                if words is not None:
                    return match.end(), words
        copied = _COPIED.match(text, at)
        return (copied.end() if copied else at + 1), None

    def _all_rules(self) -> list[Rule]:
        num, language = self.numerals.pattern, self.language
        scale = rf"(?:[ ]?(?:{'|'.join([*language.scales, *language.short_scales])})(?!\w|[{MARKS}]))?"
        units = "|".join(re.escape(unit) for unit in sorted(language.units, key=len, reverse=True))
        counted = "|".join(sorted(language.nouns, key=len, reverse=True))
        short = "|".join(re.escape(short) for short in sorted(language.abbreviations, key=len, reverse=True))
        signs = "|".join(re.escape(sign) for sign in sorted(language.signs, key=len, reverse=True))
        rules: list[Rule] = [
            (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", self._email),
            (r"(?:https?://|www\.)[^\s<>]*[\w/]", self._site),
            (rf"(?:[A-Za-z0-9-]+\.)+(?:{_TOP})\b(?:/[\w/-]*[\w/])?", self._site),
            *Moments(language).rules(),
            (r"24[/x×]7\b", lambda m: f"{language.cardinal(24)} {language.cardinal(7)}"),
            (rf"({_SIGNS_BEFORE})[ ]?({num})(?:[ ]?[-\u2013][ ]?(?:{_SIGNS_BEFORE})?[ ]?({num}))?({scale})(?:/-)?",
             self._money_before),
            (rf"({num})(?:[ ]?[-\u2013][ ]?({num}))?({scale})[ ]?({_SIGNS_AFTER})", self._money_after),
            (r"\+?\(?\d{1,6}\)?(?:[ -]\(?\d{2,8}\)?)+(?![\d.,]*\d)", self._telephone),
            (r"\+\d{1,3}(?:[ -]\d{1,8})+(?!\d)|\+\d{7,15}(?!\d)|\d{10,15}(?![\d,.]*\d)", self._telephone),
            (r"\d{1,4}(?:\.\d{1,4}){2,5}(?![\w.]*\d)", self._version),
            (r"(?=[A-Z\d-]{0,40}[A-Z])(?=[A-Z\d-]{0,40}\d)[A-Z\d]{1,40}(?:-[A-Z\d]{1,40}){0,9}(?![\w-])", self._code),
            (rf"-({num})(?:[ ]?({units})(?!\w|[{MARKS}]|²))?", self._negative),
            (rf"({num})[ ]?[-\u2013][ ]?({num})(?![-/]\d)(?:[ ]?(%|(?:{units}|{counted})(?!\w|[{MARKS}])))?",
             self._range),
            (rf"({num})[ ]?(%|(?:{units})(?!\w|[{MARKS}]|²))", self._measure),
            (r"(\d+)[ ]?([½¼¾])", lambda m: self._mixed(m[1], m[2])),
            (r"(\d+) (1/2|1/4|3/4)(?![\d/])", lambda m: self._mixed(m[1], _AS_ONE_SIGN[m[2]])),
            (r"[½¼¾⅓⅔⅕⅛]", lambda m: language.fraction(*_VULGAR[m[0]])),
            (r"(\d{1,2})/(\d{1,4})(?![\d/])", self._fraction),
            (r"(\d{1,3}):(\d{1,3})(?![\d:])", self._ratio),
            (r"\.\d+", lambda m: None if self._inside(m) else self.numerals.say(f"0{m[0]}".replace(".", self._mark))),
            *self._endings(num),
            (rf"{num}", self._number),
            (r"(?:[Nn]os?\.|№|[nN]°|#|नं\.?|നം\.?|எண்\.)[ ]?(?=\d)", lambda m: language.number),
            (rf"(?i:({short}))(\.|\b(?![{MARKS}]))", self._abbreviation),
            (r"-(?=\d)", lambda m: "" if m.string[m.start() - 1 : m.start()].isalpha() else None),
            (r"-(?=[^\W\d_])", lambda m: "" if re.search(r"\d(?:st|nd|rd|th)?$", m.string[: m.start()]) else None),
            (r"-(?=[₹$€£])", lambda m: None if self._inside(m) else language.minus),
            (r"~[ ]?(?=\d)", lambda m: language.about),
            (r"\+", lambda m: language.plus),
            (r"°", lambda m: language.degrees),
            (r"%", lambda m: language.percent),
            (rf"{signs}", lambda m: language.signs[m[0]]),
            (rf"/[ ]?(?=[^\W\d_]|[{MARKS}])", self._slash),
        ]
        if language.letters:
            rules.append((r"[A-Z]{2,5}(?![A-Za-z])", lambda m: self._letters(m[0])))
        return rules

    # ------------------------------------------------------------ addresses and codes

    def _email(self, match: re.Match[str]) -> str:
        at, dot, dash, underscore, _ = _ADDRESS_WORDS[self.language.code]
        named = {"@": at, ".": dot, "-": dash, "_": underscore, "+": self.language.plus}
        return " ".join(self._part(part, named) for part in re.split(r"([@.\-_+])", match[0]) if part)

    def _site(self, match: re.Match[str]) -> str:
        """The host, and a path of one plain word; the rest of an address nobody can note down by ear."""
        _, dot, dash, _, slash = _ADDRESS_WORDS[self.language.code]
        host, _, path = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0]).partition("/")
        words = [self._part(part, {".": dot, "-": dash}) for part in re.split(r"([.-])", host.split(":")[0]) if part]
        if re.fullmatch(r"[A-Za-z]{2,20}/?", path):
            words += [slash, path.rstrip("/")]
        return " ".join(words)

    def _part(self, part: str, named: dict[str, str]) -> str:
        """A piece of an address: its sign's name, its digits one by one."""
        return named.get(part) or re.sub(r"\d+", lambda m: f" {self.numerals.digits(m[0])} ", part).strip()

    def _letters(self, letters: str) -> str:
        names = self.language.letters
        return " ".join(names.get(letter, letter.upper()) if names else letter.upper() for letter in letters.lower())

    def _code(self, match: re.Match[str]) -> str | None:
        parts = re.findall(r"[A-Z]+|\d+", match[0])
        if max(len(part) for part in parts if part[0].isalpha()) > 4:
            return None
        if len(parts) == 2 and "-" not in match[0] and parts[1] in self.language.units:
            return None
        said = []
        for part in parts:
            if part[0].lower() in ALPHABET:
                said.append(self._letters(part))
            elif len(part) <= 2 and part[0] != "0":
                said.append(self.language.cardinal(int(part)))
            else:
                said.append(self.numerals.digits(part))
        return (", " if any(len(part) > 2 for part in parts) else " ").join(said)

    def _telephone(self, match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[0])
        many = sum(map(len, groups))
        if not 7 <= many <= 15:
            return None
        before = match.string[max(0, match.start() - 30) : match.start()]
        plus = match[0].startswith("+")
        likely = plus or groups[0][0] == "0" or many >= 10 or [len(group) for group in groups] == [3, 4]
        if self.language.decimal_comma and not plus and groups[0][0] != "0" and all(len(g) == 3 for g in groups[1:]):
            return None  # 1 234 567 890 is a number
        if not likely and not (_TELEPHONE_WORDS.search(before) and many >= 7):
            return None
        if len(groups) == 1:
            national = match[0].lstrip("+")
            groups = [national[:-10], national[-10:-5], national[-5:]] if len(national) >= 10 else [national]
        said = self.numerals.telephone([group for group in groups if group])
        return f"{self.language.plus} {said}" if plus else said

    # ------------------------------------------------------------ amounts

    def _money_before(self, match: re.Match[str]) -> str:
        return self._money(match[1].rstrip("."), match[2], match[3], match[4].strip())

    def _money_after(self, match: re.Match[str]) -> str:
        return self._money(match[4], match[1], match[2], match[3].strip())

    def _money(self, sign: str, first: str, last: str | None, scale: str) -> str:
        code = _CURRENCIES[sign[0].upper() + sign[1:] if sign.lower() == "rs" else sign]
        money = self.language.money[code]
        lakhs = code == "INR"
        whole, decimals = self.numerals.split(last or first)
        small = not scale and not last and len(decimals) == 2
        figures = whole if small else last or first
        noun = money.one if not scale and self.numerals.one(figures) else money.many
        scale = self.language.short_scales.get(scale, scale)
        if small and whole != "0":
            grouped = first[: -len(decimals) - 1]
            said = f"{self.numerals.say(grouped, noun, lakhs=lakhs)} {noun}"
        elif small:
            said = ""
        else:
            amount = self.numerals.say(last or first, "" if scale else noun, lakhs=lakhs)
            large = f"{amount} {scale}".rstrip()
            if self.language.of and re.search(r"(?:million|milliard|billion)s?$", large):
                noun = f"{self.language.of(noun)}{noun}"
            said = f"{large} {noun}"
            if last:
                said = self.language.span(self.numerals.say(first, lakhs=lakhs), said)
        if small and int(decimals):
            coins = money.small_one if int(decimals) == 1 else money.small_many
            cents = f"{self.language.count(int(decimals), coins)} {coins}"
            said = f"{said}{self.language.money_and}{cents}" if said else cents
        return said or f"{self.language.cardinal(0)} {money.many}"

    def _negative(self, match: re.Match[str]) -> str | None:
        before = match.string[: match.start()]
        if before and (before[-1].isalnum() or before[-1] in ")-"):
            return None
        return f"{self.language.minus} {self._measured(match[1], match[2])}"

    def _range(self, match: re.Match[str]) -> str:
        first, last, unit = match[1], match[2], match[3]
        if re.fullmatch(r"(?:19|20)\d\d", first) and re.fullmatch(r"(?:19|20)?\d\d", last) and not unit:
            return self.language.span(self.language.year(int(first)), self.language.year(int(last)))
        return self.language.span(self.numerals.say(first), self._measured(last, unit))

    def _measure(self, match: re.Match[str]) -> str:
        return self._measured(match[1], match[2])

    def _measured(self, figures: str, unit: str | None) -> str:
        if not unit:
            return self.numerals.say(figures)
        if unit == "%":
            return f"{self.numerals.say(figures)} {self.language.percent}"
        if unit in self.language.nouns:
            return f"{self.numerals.say(figures, unit)} {unit}"
        noun = self.language.units[unit][0 if self.numerals.one(figures) else 1]
        return f"{self.numerals.say(figures, noun)} {noun}"

    def _version(self, match: re.Match[str]) -> str:
        """2.0.1, and addresses such as 10.0.0.1."""
        point = "point" if self.language.decimal_comma else self.language.point
        return f" {point} ".join(self.numerals.say(figures) for figures in match[0].split("."))

    def _ratio(self, match: re.Match[str]) -> str:
        link = " to " if self.language.code == "en" else ", "
        return link.join(self.numerals.say(figures) for figures in match.groups())

    @staticmethod
    def _inside(match: re.Match[str]) -> bool:
        """Whether the match goes on with a word or number."""
        before = match.string[match.start() - 1 : match.start()]
        return before.isalnum() or before in (")", "-", ".")

    def _mixed(self, whole: str, sign: str) -> str:
        link = {"en": "and a half", "fr": "et demi"}.get(self.language.code) if sign == "½" else None
        part = self.language.fraction(*_VULGAR[sign])
        joint = {"en": "and ", "fr": "et "}.get(self.language.code, "")
        return f"{self.numerals.say(whole)} {link or f'{joint}{part}'}"

    def _fraction(self, match: re.Match[str]) -> str:
        part, whole = int(match[1]), int(match[2])
        named = self.language.fraction(part, whole)
        return named or f"{self.numerals.say(match[1])} {self.language.slash} {self.numerals.say(match[2])}"

    def _number(self, match: re.Match[str]) -> str:
        figures = match[0]
        if figures.isdigit():
            before = _WORDS.findall(match.string[max(0, match.start() - 40) : match.start()].lower())
            if before and before[-1] in self.language.year_before and re.fullmatch(r"1[1-9]\d\d|20\d\d", figures):
                return self.language.year(int(figures))
            while len(before) > 1 and before[-1] in _LINKING and before[-1] not in self.language.id_words:
                before.pop()
            if len(figures) >= 3 and before and before[-1] in self.language.id_words:
                return self.numerals.digits(figures)
        noun = _WORDS.match(match.string[match.end() :].lstrip(" "))
        return self.numerals.say(figures, noun[0] if noun and noun[0] in self._nouns else "")

    def _endings(self, num: str) -> list[Rule]:
        """Numbers with an ending: 3rd, 1er, 5वाँ, 10-ാം, 5-ஆம்."""
        language, say = self.language, self.numerals.say
        if language.code == "en":
            return [(r"(\d{1,15})(?:st|nd|rd|th)\b", lambda m: language.ordinal(int(m[1]))),
                    (r"((?:1[1-9]|20)?\d0)s\b", self._decade)]  # fmt: skip
        if language.code == "fr":
            return [(r"1(?:re|ère|ere)\b", lambda m: "première"), (r"2nde\b", lambda m: "seconde"),
                    (r"(\d{1,15})(?:er|ers|e|è|ème|eme|nd)\b", lambda m: language.ordinal(int(m[1])))]  # fmt: skip
        if language.code == "hi":
            return [(r"(\d{1,15})[- ]?(ला|रा|था|ठा|वाँ|वां|वें|वीं)(?!\w)", self._hindi_ordinal)]
        if language.code == "ml":
            ending = r"[-\u2013]?(ാമത്തെ|ാമത്|ാം|ആം|ൽ|ന്റെ|ന്|നു|ലെ|ും)"
            return [(rf"({num}){ending}(?!\w|[{MARKS}])", lambda m: malayalam_suffix(say(m[1]), m[2]))]
        ending = r"[-\u2013]?(ஆவது|ஆம்|வது|ம்|இல்|ல்|இன்|ன்|ஆக)"
        return [(rf"({num}){ending}(?!\w|[{MARKS}])", lambda m: tamil_suffix(say(m[1]), m[2]))]

    def _hindi_ordinal(self, match: re.Match[str]) -> str:
        ordinal, ending = self.language.ordinal(int(match[1])), match[2]
        if ending in ("वें", "वीं"):
            return (ordinal[:-2] if ordinal.endswith("ाँ") else ordinal[:-1]) + ending[1:]
        return ordinal

    def _decade(self, match: re.Match[str]) -> str:
        words = self.language.year(int(match[1]))
        return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"

    # ------------------------------------------------------------ words and signs

    def _abbreviation(self, match: re.Match[str]) -> str | None:
        short, dot = match[1].lower(), match[2]
        before = match.string[: match.start()]
        if before and (before[-1].isalnum() or before[-1] in "-.'\u2019"):
            return None
        if not dot and (short not in _NO_DOT or not match[1][0].isupper() and short not in ("vs", "approx")):
            return None
        if short in ("m", "mm") and match[1][0] != "M":
            return None
        said = self.language.abbreviations[short]
        return f"{said}." if dot and self._at_end(match) else said

    def _slash(self, match: re.Match[str]) -> str | None:
        before = match.string[: match.start()].rstrip()
        amount = re.search(rf"(?:\d[\d.,]*[ ]?(?:[^\W\d]|[{MARKS}]|[²°₹$€£])*|\d/-)$", before)
        return self.language.per if amount else None

    @staticmethod
    def _at_end(match: re.Match[str]) -> bool:
        """Whether nothing follows, so that the full stop of what was read is the sentence's, too."""
        return not match.string[match.end() :].strip()


@lru_cache(maxsize=16)
def reader(code: str, in_lakhs: bool) -> Reader | None:
    """The reader for a language, or None if the package has no words of it."""
    return Reader(LANGUAGES[code], in_lakhs) if code in LANGUAGES else None
