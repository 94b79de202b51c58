"""Words by which a turn is judged, per language, in its own script and as people write it in Latin letters.

Callers in India mix their language with English, so the lists of hi, ml and ta hold the English ones, too. Whoever
wants other lists gives them in the configuration (``turns.backchannels`` ...), which then hold for every language.
"""

from dataclasses import dataclass, fields
from functools import lru_cache

DEFAULT = "en"
"""The language of a call of which nothing is known, and of one for which there are no lists."""


@dataclass(frozen=True, slots=True)
class WordLists:
    """Phrases of one language. Case and punctuation make no difference."""

    unfinished: tuple[str, ...] = ()
    """A sentence does not end like this: more is to come."""

    number_follows: tuple[str, ...] = ()
    """What is said before a number is dictated."""

    backchannels: tuple[str, ...] = ()
    """"I am listening." """

    hails: tuple[str, ...] = ()
    """Said to a greeting, or into a silence: "hello?" """

    stop_words: tuple[str, ...] = ()
    """These interrupt at once."""

    farewells: tuple[str, ...] = ()
    """What a goodbye is answered with."""

    answers: tuple[str, ...] = ()
    """Complete as they stand, however short."""

    courtesies: tuple[str, ...] = ()
    """Words at the end that do not change what is asked."""

    digits: tuple[str, ...] = ()
    """Words for one digit; "double", which doubles the next one, too."""

    pairs: tuple[str, ...] = ()
    """Words for two digits."""

    tens: tuple[str, ...] = ()
    """Words for two digits, the second of which may follow ("twenty", "twenty one")."""


_EN = WordLists(
    unfinished=(
        "a", "an", "the", "my", "your", "our", "their", "and", "or", "but", "because", "so", "if", "that", "with",
        "without", "for", "to", "of", "in", "on", "at", "from", "by", "about", "into", "between", "until", "is", "are",
        "was", "were", "am", "i", "i'm", "i'd", "i'll", "it's", "we", "than", "then", "which", "whose", "when", "while",
        "also", "um", "uh", "er", "erm", "hmm", "like", "maybe", "well", "let me see", "let me think", "let me check",
        "let me look", "let me get", "one moment", "one second", "just a moment", "just a second", "hang on",
    ),
    number_follows=("number is", "number's", "code is", "pin is", "id is", "it's", "account is", "number"),
    backchannels=(
        "uh-huh", "uh huh", "mm-hmm", "mm hmm", "mhm", "yeah", "yes", "yep", "yup", "ok", "okay", "right", "all right",
        "alright", "sure", "i see", "go on", "go ahead", "got it", "i know", "of course", "fine", "good", "great",
        "nice", "cool", "wow", "really", "exactly", "absolutely", "indeed", "true", "perfect", "excellent", "wonderful",
        "lovely", "brilliant", "interesting", "very good", "very nice", "makes sense", "that makes sense",
        "that's right", "that's good", "that's great", "that's fine", "that's true", "i understand", "understood",
        "i get it", "i got it", "gotcha", "okay then", "alright then", "all right then", "right then", "ah right", "hm",
        "hmm", "mm", "ah", "aha", "oh", "um",
    ),
    hails=("hello", "hi", "hey", "good morning", "good afternoon", "good evening", "are you there", "anybody there"),
    stop_words=("stop", "wait", "no", "hold on", "hang on", "sorry", "excuse me", "just a moment", "one moment"),
    farewells=("bye", "bye bye", "goodbye", "good bye", "thanks", "thank you", "thank you very much", "you too",
               "take care", "have a nice day", "no", "no thanks", "no thank you"),
    answers=("yes", "no", "yeah", "yep", "nope", "ok", "okay", "sure", "correct", "right", "yes please", "no thanks",
             "no thank you", "thank you", "thanks", "bye", "goodbye", "hello", "hi", "stop", "that's all"),
    courtesies=("please", "thanks", "thank you", "sir", "madam", "ma'am"),
    digits=("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double"),
    pairs=("triple", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
           "nineteen", "hundred"),
    tens=("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
)

_HI = WordLists(
    unfinished=(
        "और", "या", "लेकिन", "मगर", "क्योंकि", "कि", "तो", "मेरा", "मेरी", "मेरे", "मुझे", "का", "की", "के", "को", "अगर",
        "जब", "जो", "मतलब", "फिर", "मैं", "मेरा नंबर है", "नंबर है", "नाम है", "एक मिनट", "एक सेकंड", "रुकिए देखता हूँ",
        "aur", "ya", "lekin", "magar", "kyunki", "kyonki", "ki", "toh", "mera", "meri", "mere", "mujhe", "ka", "ke",
        "ko", "agar", "jab", "jo", "matlab", "phir", "main", "number hai", "naam hai", "ek minute", "ek second",
    ),
    number_follows=("नंबर", "नंबर है", "number hai", "कोड है", "code hai"),
    backchannels=(
        "हाँ", "हां", "जी", "जी हाँ", "जी हां", "हाँ जी", "अच्छा", "ठीक", "ठीक है", "हम्म", "हूँ", "सही", "सही है", "बिल्कुल", "ओके",
        "समझ गया", "समझ गई", "haan", "han", "haa", "ji", "ji haan", "haan ji", "achha", "accha", "acha", "theek",
        "thik", "theek hai", "thik hai", "hoon", "sahi", "sahi hai", "bilkul", "samajh gaya", "samajh gayi",
    ),
    hails=("नमस्ते", "नमस्कार", "हेलो", "हैलो", "namaste", "namaskar", "helo"),
    stop_words=(
        "रुको", "रुकिए", "रुकिये", "रुक जाओ", "ठहरो", "नहीं", "बस", "सुनो", "सुनिए", "एक मिनट", "माफ़ कीजिए", "माफ कीजिए",
        "ruko", "rukiye", "ruk jao", "nahi", "nahin", "bas", "suno", "suniye", "ek minute", "maaf kijiye",
    ),
    farewells=(
        "धन्यवाद", "शुक्रिया", "अलविदा", "नमस्ते", "नमस्कार", "बाय", "थैंक यू", "नहीं", "बस", "फिर मिलेंगे",
        "dhanyavaad", "dhanyavad", "shukriya", "alvida", "namaste", "namaskar", "nahi", "nahin", "bas", "phir milenge",
    ),
    answers=("हाँ", "हां", "जी", "जी हाँ", "नहीं", "जी नहीं", "ठीक है", "धन्यवाद", "haan", "ji", "ji haan", "nahi", "nahin",
             "ji nahi", "theek hai", "thik hai", "dhanyavaad"),
    courtesies=("जी", "कृपया", "ji", "kripya", "sir", "madam", "bhaiya"),
    digits=("शून्य", "ज़ीरो", "जीरो", "एक", "दो", "तीन", "चार", "पाँच", "पांच", "छह", "छः", "छे", "सात", "आठ", "नौ",
            "shunya", "ek", "do", "teen", "char", "chaar", "paanch", "panch", "chhah", "chhe", "saat", "aath", "nau",
            "डबल"),
)

_ML = WordLists(
    unfinished=(
        "പക്ഷേ", "പക്ഷെ", "അല്ലെങ്കിൽ", "കാരണം", "എന്റെ", "എനിക്ക്", "ഒരു", "പിന്നെ", "എന്നാൽ", "അതായത്", "എന്റെ നമ്പർ", "എന്റെ പേര്",
        "ഒരു മിനിറ്റ്", "pakshe", "allenkil", "karanam", "kaaranam", "ente", "enikku", "enikk", "oru", "pinne", "ennal",
        "athayathu", "ente number", "ente peru", "oru minute",
    ),
    number_follows=("നമ്പർ", "എന്റെ നമ്പർ", "ente number", "കോഡ്"),
    backchannels=(
        "ഉം", "ആ", "അതെ", "അതേ", "ശരി", "ഓ", "ഓക്കെ", "ഓക്കേ", "ശരിയാണ്", "മനസ്സിലായി", "മനസിലായി", "ഹാ", "ആണോ",
        "aa", "athe", "athey", "sheri", "shari", "seri", "sheriyaanu", "manasilayi", "manassilayi", "aano",
    ),
    hails=("ഹലോ", "നമസ്കാരം", "namaskaram", "halo"),
    stop_words=(
        "നിൽക്കൂ", "നിൽക്ക്", "നിക്ക്", "നിർത്തൂ", "നിർത്ത്", "വേണ്ട", "അല്ല", "ഇല്ല", "ഒരു മിനിറ്റ്", "ഒരു നിമിഷം", "ക്ഷമിക്കണം",
        "കേൾക്കൂ", "nilkku", "nilku", "nikku", "nirthu", "nirthoo", "venda", "alla", "illa", "oru minute",
        "oru nimisham", "kshamikkanam", "kelkku",
    ),
    farewells=("നന്ദി", "താങ്ക്സ്", "താങ്ക് യു", "ബൈ", "പിന്നെ കാണാം", "വേണ്ട", "ഇല്ല", "nandi", "nanni", "pinne kanam",
               "pinne kaanam", "venda", "illa"),
    answers=("അതെ", "അതേ", "അല്ല", "ഇല്ല", "ഉണ്ട്", "ശരി", "വേണം", "വേണ്ട", "നന്ദി", "athe", "alla", "illa", "undu", "sheri",
             "shari", "venam", "venda", "nandi"),
    courtesies=("ദയവായി", "dayavayi", "sir", "madam", "chetta", "chechi"),
    digits=("പൂജ്യം", "സീറോ", "ഒന്ന്", "രണ്ട്", "മൂന്ന്", "നാല്", "അഞ്ച്", "ആറ്", "ഏഴ്", "എട്ട്", "ഒമ്പത്", "ഒൻപത്",
            "poojyam", "onnu", "randu", "moonnu", "moonu", "naalu", "nalu", "anchu", "aaru", "ezhu", "ettu",
            "ombathu", "onpathu", "ഡബിൾ"),
)

_TA = WordLists(
    unfinished=(
        "ஆனால்", "ஆனா", "அல்லது", "ஏனென்றால்", "ஏன்னா", "என்", "எனது", "என்னுடைய", "என்னோட", "எனக்கு", "ஒரு", "இந்த", "அந்த", "மற்றும்",
        "அப்புறம்", "பிறகு", "என் எண்", "என் நம்பர்", "என் பெயர்", "ஒரு நிமிஷம்", "aanaal", "aana", "allathu", "yenna",
        "en", "ennoda", "ennudaiya", "enakku", "oru", "intha", "antha", "appuram", "en number", "en peyar", "en per",
        "oru nimisham",
    ),
    number_follows=("எண்", "நம்பர்", "என் நம்பர்", "en number"),
    backchannels=(
        "ஆமா", "ஆமாம்", "சரி", "ம்", "ம்ம்", "ஓ", "ஓகே", "ஆ", "புரியுது", "புரிந்தது", "அப்படியா", "சரிங்க", "aama",
        "aamaam", "amaam", "sari", "seri", "saringa", "puriyuthu", "puriyudhu", "appadiya",
    ),
    hails=("ஹலோ", "வணக்கம்", "vanakkam", "halo"),
    stop_words=(
        "நிறுத்து", "நிறுத்துங்க", "நிறுத்துங்கள்", "நில்லு", "நில்லுங்க", "இல்லை", "இல்ல", "வேண்டாம்", "வேணாம்", "ஒரு நிமிஷம்",
        "ஒரு நிமிடம்", "மன்னிக்கவும்", "கேளுங்க", "niruthu", "niruthunga", "nillu", "nillunga", "illai", "illa", "vendam",
        "venaam", "oru nimisham", "oru nimidam", "mannikkavum", "kelunga",
    ),
    farewells=("நன்றி", "வணக்கம்", "பை", "போயிட்டு வரேன்", "வேண்டாம்", "இல்லை", "nandri", "nanri", "vanakkam",
               "poyittu varen", "vendam", "illai", "illa"),
    answers=("ஆமா", "ஆமாம்", "இல்லை", "இல்ல", "சரி", "வேண்டும்", "வேண்டாம்", "நன்றி", "aama", "aamaam", "illai", "illa", "sari",
             "seri", "venum", "vendam", "nandri"),
    courtesies=("தயவுசெய்து", "thayavu seithu", "sir", "madam", "anna", "akka"),
    digits=("பூஜ்யம்", "பூஜ்ஜியம்", "ஜீரோ", "ஒன்று", "ஒண்ணு", "இரண்டு", "ரெண்டு", "மூன்று", "மூணு", "நான்கு", "நாலு", "ஐந்து", "அஞ்சு",
            "ஆறு", "ஏழு", "எட்டு", "ஒன்பது", "poojyam", "onnu", "ondru", "rendu", "irandu", "moonu", "moondru",
            "naalu", "naangu", "anju", "ainthu", "aaru", "ezhu", "ettu", "onbathu", "ombathu", "டபுள்"),
)

_FR = WordLists(
    unfinished=(
        "et", "ou", "mais", "donc", "car", "parce que", "que", "qui", "dont", "le", "la", "les", "une", "des", "du",
        "de", "mon", "ma", "mes", "votre", "vos", "notre", "nos", "à", "au", "aux", "dans", "sur", "pour", "avec",
        "sans", "chez", "par", "je", "j'ai", "je suis", "c'est", "est", "sont", "si", "quand", "comme", "puis",
        "alors", "euh", "heu", "ben", "bah", "enfin", "attendez voir", "un instant", "une seconde", "je regarde",
    ),
    number_follows=("numéro c'est", "numéro est", "c'est le", "numéro", "code est", "code c'est"),
    backchannels=(
        "oui", "ouais", "d'accord", "ok", "okay", "hum", "hm", "hmm", "mm", "mmh", "mhm", "ah", "ah oui", "ah bon",
        "ah d'accord", "oh", "bien", "très bien", "je vois", "je comprends", "entendu", "exactement", "voilà", "super",
        "parfait", "bien sûr", "allez-y", "c'est ça", "tout à fait", "effectivement", "euh",
    ),
    hails=("allô", "allo", "bonjour", "bonsoir", "vous êtes là"),
    stop_words=("stop", "arrêtez", "arrête", "attendez", "attends", "non", "pardon", "excusez-moi", "excuse-moi",
                "un instant", "une seconde", "une minute", "désolé", "désolée"),
    farewells=("au revoir", "merci", "merci beaucoup", "merci bien", "bonne journée", "bonne soirée", "à bientôt",
               "salut", "adieu", "bye", "non", "non merci", "vous aussi", "à vous aussi", "de même", "pareillement"),
    answers=("oui", "non", "ouais", "d'accord", "ok", "bien sûr", "merci", "non merci", "oui merci", "bonjour",
             "au revoir", "c'est tout", "voilà", "exactement"),
    courtesies=("s'il vous plaît", "s'il te plaît", "svp", "merci", "monsieur", "madame"),
    digits=("zéro", "un", "une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf",
            "double"),
    pairs=("dix", "onze", "douze", "treize", "quatorze", "quinze", "seize", "cent"),
    tens=("vingt", "trente", "quarante", "cinquante", "soixante"),
)

_LISTS = {"en": _EN, "hi": _HI, "ml": _ML, "ta": _TA, "fr": _FR}
_WITH_ENGLISH = ("hi", "ml", "ta")

LANGUAGES = tuple(_LISTS)
"""The languages that there are lists for."""


@lru_cache(maxsize=16)
def word_lists(language: str) -> WordLists:
    """The lists for an ISO 639-1 code (``ml``, ``ml-IN``); those of English for a language that has none."""
    code = language.replace("_", "-").split("-")[0].lower()
    lists = _LISTS.get(code, _LISTS[DEFAULT])
    if code not in _WITH_ENGLISH:
        return lists
    return WordLists(**{f.name: getattr(lists, f.name) + getattr(_EN, f.name) for f in fields(WordLists)})


__all__ = ["DEFAULT", "LANGUAGES", "WordLists", "word_lists"]
