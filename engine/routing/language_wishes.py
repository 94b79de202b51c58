"""What a caller says who wants another language: "Hindi please", "malayalathil parayamo". Pure.

A language that is only mentioned ("my Tamil teacher") is no wish, nor is one that is refused ("I don't know Hindi").
"""

import re

_NAMES = {
    "en": r"english|inglish|angre[zj]i|anglais|अंग्रे[ज़]+ी|अंग्रेज़ी|अंग्रेजी|इंग्लिश|ഇംഗ്ലീഷ\S*|ஆங்கில\S*|இங்கிலீஷ்",
    "hi": r"hin(?:di|thi)(?:yil|la|le)?|हिंदी|हिन्दी|ഹിന്ദി\S*|இந்தி\S*|ஹிந்தி\S*",
    "ml": r"malayal(?:am|ath(?:il|ile|inu)|athile|ee)|മലയാള\S*|मलयालम|மலையாள\S*",
    "ta": r"t(?:ami[lz]h?|hami[lz]h?)(?:il|la|le)?|தமிழ\S*|തമിഴ\S*|तमिल",
    "fr": r"french|fran[cç]ais|फ़्रेंच|फ्रेंच|ഫ്രഞ്ച\S*|பிரெஞ்ச\S*",
}
_NAME = re.compile("|".join(rf"(?P<{code}>(?<!\w)(?:{names})(?!\w))" for code, names in _NAMES.items()), re.IGNORECASE)

_ASKING = re.compile(
    r"\b(?:please|speak|talk|switch|change|continue|prefer|use|want|need|can we|could you|can you|answer|reply"
    r"|bol\w*|baat|ba+t ?ch?it|kar\w*|chahiye|boliye|mein|me"
    r"|paray\w*|samsari\w*|sa+msa+ri\w*|mathi|venam|patt?umo|athil"
    r"|pes\w*|sol\w*|venum|vendum|parl\w+|s'il vous|voudrais|préf\w+|svp)\b"
    r"|में|बोल|बात|चाहिए|ത്തിൽ|യിൽ|പറയ|സംസാരി|മതി|വേണം|ல்\b|பேச|சொல்ல|வேண்டும்",
    re.IGNORECASE,
)
_REFUSED_BEFORE = re.compile(
    r"(?:\b(?:not|no|don'?t|do not|can'?t|cannot|never|instead of|rather than|without|pas|cours de"
    r"|professeur de|comprends? pas|parle pas)\b"
    r"(?:\W+(?:speak|know|understand|talk|want|in|en|any|le|any more|like))*\W*)$",
    re.IGNORECASE,
)
_REFUSED_AFTER = re.compile(
    r"^\W*(?:mein |me )?(?:(?:nahi+n?|nhi|mat|samajh nahi|ariyill?a|venda|illa|manassila\w*illa|theriya\w*|vendam"
    r"|puriya\w*|pas|course|class(?:es)?|lessons?|teachers?|movies?|films?|songs?|books?|channels?|newspapers?|exams?"
    r"|department|restaurants?|food|students?)\b|नहीं|मत|അറിയില്ല|വേണ്ട|മനസ്സിലാ\S*ല്ല|തெரியா\S*|தெரியா\S*|வேண்டாம்|புரிய\S*)",
    re.IGNORECASE,
)
_FEW_WORDS = 3
_LONGEST = 400


def wished_language(text: str) -> str:
    """The language that the caller asks for (``en``, ``hi``, ``ml``, ``ta``, ``fr``), or "" for none."""
    text = text[:_LONGEST]
    wanted = [
        found for found in _NAME.finditer(text)
        if not _REFUSED_BEFORE.search(text[: found.start()]) and not _REFUSED_AFTER.match(text[found.end() :])
    ]  # fmt: skip
    if not wanted:
        return ""
    if len(text.split()) > _FEW_WORDS and not _ASKING.search(text):
        return ""
    return wanted[-1].lastgroup or ""
