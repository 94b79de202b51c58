"""What is said around an answer, in the languages that come with Trunkline. An agent's own phrases win over these."""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Phrases:
    """``ask_back`` has places ``{first}`` and ``{second}``; ``offer`` follows an answer of which there is more;
    ``declined`` is said to who wants no more; ``language`` is theirs."""

    language: str = "en"
    ask_back: str = "Do you mean {first}, or {second}?"
    offer: str = "Shall I tell you more?"
    unknown: str = "I am sorry, I do not know that."
    declined: str = "All right. What else can I do for you?"

    def asks_back(self, said: str) -> bool:
        """Whether ``said`` is the question back."""
        return _pattern(self.ask_back).search(said) is not None

    def offers(self, said: str) -> bool:
        """Whether ``said`` ends with the offer; one that was interrupted was not made."""
        return said.rstrip().endswith(self.offer)


ENGLISH = Phrases()

PHRASES = {
    "en": ENGLISH,
    "fr": Phrases("fr", "Voulez-vous dire {first}, ou {second} ?", "Voulez-vous en savoir plus ?",
                  "Je suis désolé, je ne le sais pas.", "Très bien. Que puis-je faire d'autre pour vous ?"),
    "hi": Phrases("hi", "क्या आप {first} के बारे में पूछ रहे हैं, या {second} के बारे में?", "क्या मैं और बताऊँ?",
                  "माफ़ कीजिए, मुझे इसकी जानकारी नहीं है।", "ठीक है। मैं आपकी और क्या मदद कर सकती हूँ?"),
    "ml": Phrases("ml", "{first} ആണോ, അതോ {second} ആണോ ഉദ്ദേശിച്ചത്?", "കൂടുതൽ പറയട്ടെ?",
                  "ക്ഷമിക്കണം, അതിനെക്കുറിച്ച് എനിക്ക് അറിയില്ല.", "ശരി. വേറെ എന്തു സഹായമാണ് വേണ്ടത്?"),
    "ta": Phrases("ta", "நீங்கள் கேட்பது {first} பற்றியா, அல்லது {second} பற்றியா?", "மேலும் சொல்லட்டுமா?",
                  "மன்னிக்கவும், அதைப் பற்றி எனக்குத் தெரியவில்லை.", "சரி. வேறு என்ன உதவி வேண்டும்?"),
}  # fmt: skip


def phrases_for(language: str) -> Phrases:
    """Those of a language; English ones where there are none."""
    return PHRASES.get(language.partition("-")[0], ENGLISH)


@lru_cache(maxsize=64)
def _pattern(template: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"\{(?:first|second)\}", template)]
    return re.compile("^" + ".+".join(parts) + r"\s*$")
