"""Which dialect of Malayalam a caller speaks, by the words in the transcript and by region only.

Nothing is known of how it sounds: a recogniser that writes standard Malayalam leaves nothing to go by but the region.
The word lists are short and of well-known words; the result is a hint for the order of providers, never for what a
caller is told. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TRAVANCORE, MALABAR, COCHIN = "travancore", "malabar", "cochin"

CUES: Mapping[str, str] = {
    TRAVANCORE: """
        എന്തര് എന്തരെടേ എന്തരടേ എന്തരു എന്തരപ്പി ലവൻ ലവള് യെവൻ യെവള് അപ്പി അപ്പീ ബോഞ്ചി തള്ളേ പയല് പയലുകള് ചിറയുക കേട്ടാ വോ
        entharu enthar entharede enthared entharappi lavan laval yevan yeval appi bonchi thalle payal payalukal ketta
    """,
    MALABAR: """
        ഓൻ ഓള് ഓല് ഓന്റെ ഓളെ ഓലെ ഇങ്ങള് ഇങ്ങളെ ഇങ്ങക്ക് ഞമ്മള് ഞമ്മളെ ഇജ്ജ് അനക്ക് ഇച്ച് ബരി ബന്ന് ബരുന്ന് ചങ്ങായി ബേജാർ പൊര മൂപ്പര് ഏട
        ingal ingale ingakku njammal njammale ijju anakku bannu barunnu changayi changaayi bejaar mooppar onte ole
    """,
    COCHIN: """
        ഗഡി ഗഡീ ഗഡ്യേ ഗെഡി ഇഷ്ടാ മ്മള് മ്മടെ മ്മക്ക് ന്തൂട്ട് ന്തൂട്ടാ എന്തൂട്ട് എന്തൂട്ടാ ശവി ചുള്ളൻ മച്ചാനേ മച്ചാൻ ജാങ്കോ
        gadi gedi gadye ishta mmal mmade mmakku nthoottu nthootta enthoottu enthootta shavi chullan machane machaan
    """,
}
"""Words of each dialect, in Malayalam script and romanised."""

AREA_CODES: Mapping[str, str] = {
    "471": TRAVANCORE, "474": TRAVANCORE, "475": TRAVANCORE, "470": TRAVANCORE, "472": TRAVANCORE, "473": TRAVANCORE,
    "476": TRAVANCORE, "468": TRAVANCORE, "469": TRAVANCORE, "477": TRAVANCORE, "478": TRAVANCORE, "479": TRAVANCORE,
    "481": TRAVANCORE, "482": TRAVANCORE, "486": TRAVANCORE,
    "484": COCHIN, "485": COCHIN, "487": COCHIN, "480": COCHIN, "488": COCHIN,
    "491": MALABAR, "492": MALABAR, "466": MALABAR, "483": MALABAR, "494": MALABAR, "493": MALABAR, "495": MALABAR,
    "496": MALABAR, "490": MALABAR, "497": MALABAR, "498": MALABAR, "460": MALABAR, "499": MALABAR, "467": MALABAR,
}  # fmt: skip
"""First three digits of Kerala's area codes (without the 0). Mobile numbers tell no region."""

_WORD = re.compile(r"[\u0d00-\u0d7f\u200c\u200d]+|[a-z]+")
_DIALECT_OF = {word: name for name, words in CUES.items() for word in words.split()}
_REGION_COUNTS = 1.0
_LEAST = 2.0


@dataclass(frozen=True, slots=True)
class Dialect:
    """``name`` is "" where there is too little to go by; ``why`` for the log: the words, the region."""

    name: str
    confidence: float
    why: str


def region_dialect(number: str) -> str:
    """The dialect of the region of a Kerala land line (+91484..., 0484...), or ""."""
    digits = re.sub(r"\D", "", number)
    national = digits[2:] if digits.startswith("91") and len(digits) == 12 else digits.removeprefix("0")
    return AREA_CODES.get(national[:3], "") if len(national) == 10 else ""


class DialectTracker:
    """The dialect of one call, from all that its Malayalam turns had. ``region``: a dialect, known by the number or
    the caller's profile."""

    def __init__(self, region: str = "") -> None:
        """Nothing heard yet."""
        self._region = region if region in CUES else ""
        self._found: dict[str, str] = {}

    def hear(self, text: str) -> Dialect:
        """A final transcript in Malayalam; the dialect by now."""
        for word in _WORD.findall(text.lower()):
            if word in _DIALECT_OF:
                self._found[word] = _DIALECT_OF[word]
        return self.dialect

    @property
    def dialect(self) -> Dialect:
        """Two words of one dialect, or one and the region, or the region alone (with little confidence)."""
        scores = {name: float(sum(found == name for found in self._found.values())) for name in CUES}
        if self._region:
            scores[self._region] += _REGION_COUNTS
        best = max(scores, key=scores.__getitem__)
        total = sum(scores.values())
        words = sorted(word for word, name in self._found.items() if name == best)
        if words and scores[best] >= _LEAST and scores[best] > total / 2:
            return Dialect(best, round(min(0.9, 0.3 + 0.2 * scores[best]) * scores[best] / total, 2), ", ".join(words))
        if self._region and best == self._region:
            return Dialect(self._region, 0.4, "the region alone")
        return Dialect("", 0.0, "too little to go by")
