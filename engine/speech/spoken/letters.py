"""What the letters of the Latin alphabet are called: codes are spelled with these names, initials are known by them."""

ALPHABET = "abcdefghijklmnopqrstuvwxyz"

MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u0963\u0971-\u0983\u09bc-\u09e3\u0a70-\u0dff\u200c\u200d"
"""For character classes: signs that go on with a word (vowel signs, virama, joiners), which ``\\w`` does not have."""

_NAMES = {
    "hi": "ए बी सी डी ई एफ़ जी एच आई जे के एल एम एन ओ पी क्यू आर एस टी यू वी डब्ल्यू एक्स वाई ज़ेड",
    "ml": "എ ബി സി ഡി ഇ എഫ് ജി എച്ച് ഐ ജെ കെ എൽ എം എൻ ഒ പി ക്യു ആർ എസ് ടി യു വി ഡബ്ല്യു എക്സ് വൈ സെഡ്",
    "ta": "ஏ பி சி டி இ எஃப் ஜி எச் ஐ ஜே கே எல் எம் என் ஓ பி க்யூ ஆர் எஸ் டி யு வி டபிள்யூ எக்ஸ் ஒய் இசட்",
}

LETTER_NAMES: dict[str, dict[str, str]] = {
    language: dict(zip(ALPHABET, names.split(), strict=True)) for language, names in _NAMES.items()
}
"""Names by language and small letter. Voices of languages in Latin script name capitals themselves."""
