"""Written English to the words that are spoken, as a language model counts them."""

import re
import unicodedata

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
         "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
             "twelve": "twelfth"}
_CURRENCIES = {"$": "dollars", "€": "euros", "£": "pounds"}
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "@": "at", "=": "equals"}
_ABBREVIATIONS = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "street", "e.g": "for example",
                  "i.e": "that is", "etc": "and so on", "vs": "versus", "mon": "monday",
                  "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday"}

_TOKEN = re.compile(
    r"(?P<time>\d{1,2}:\d{2}(?!\d))"
    r"|(?P<money>[$€£]\s?\d[\d,]*(?:\.\d+)?)"
    r"|(?P<ordinal>\d+(?:st|nd|rd|th)\b)"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"|(?P<word>[a-z]+(?:['.][a-z]+)*)"
    r"|(?P<sign>[%&+@=])",
)
_SENTENCE_END = re.compile(r"[.!?;:]+(?=\s|$)|\n+|[()\[\]{}\"“”|]|\s[–—-]\s|•")


def sentences(text: str) -> list[list[str]]:
    """The sentences of a text as lists of lower-case words; numbers, money, times and signs are spelt out."""
    spoken = (words(part) for part in _SENTENCE_END.split(text))
    return [sentence for sentence in spoken if sentence]


def words(text: str) -> list[str]:
    """The words of a piece of text, in speaking order, without any mark. Accents are dropped."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'").replace("‘", "'"))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    spoken: list[str] = []
    for match in _TOKEN.finditer(plain.lower()):
        kind, token = match.lastgroup, match.group()
        if kind == "word":
            spoken += _ABBREVIATIONS.get(token, token.replace(".", " ")).split()
        elif kind == "sign":
            spoken.append(_SIGNS[token])
        elif kind == "time":
            hours, minutes = token.split(":")
            spoken += cardinal(int(hours)) + _minutes(int(minutes))
        elif kind == "money":
            spoken += _money(token)
        elif kind == "ordinal":
            spoken += ordinal(int(token[:-2]))
        else:
            spoken += _number(token)
    return spoken


def cardinal(number: int) -> list[str]:
    """``250`` -> two hundred and fifty. From a billion on, digit by digit."""
    if number >= 10**9:
        return digits(str(number))
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            link = ["and"] if 0 < rest < 100 else []
            return cardinal(number // size) + [name] + link + (cardinal(rest) if rest else [])
    if number < 20:
        return [_ONES[number]]
    return [_TENS[number // 10]] + ([_ONES[number % 10]] if number % 10 else [])


def ordinal(number: int) -> list[str]:
    """``21`` -> twenty first."""
    *head, last = cardinal(number)
    regular = (last[:-1] + "ie" if last.endswith("y") else last) + "th"
    return [*head, _ORDINALS.get(last, regular)]


def digits(text: str) -> list[str]:
    """``0151`` -> zero one five one."""
    return [_ONES[int(digit)] for digit in text if digit.isdigit()]


def _minutes(minutes: int) -> list[str]:
    if minutes == 0:
        return []
    return (["oh"] if minutes < 10 else []) + cardinal(minutes)


def _money(token: str) -> list[str]:
    whole, _, cents = token[1:].strip().replace(",", "").partition(".")
    spoken = cardinal(int(whole)) + [_CURRENCIES[token[0]]]
    return spoken + (["and", *cardinal(int(cents)), "cents"] if cents and int(cents) else [])


def _number(token: str) -> list[str]:
    whole, _, fraction = token.replace(",", "").partition(".")
    if len(whole) > 1 and whole.startswith("0") or len(whole) > 6:  # a telephone or part number
        return digits(whole + fraction)
    if len(whole) == 4 and 1900 <= int(whole) <= 2099 and not fraction and int(whole) % 1000 > 9:  # a year
        return cardinal(int(whole[:2])) + (cardinal(int(whole[2:])) if int(whole[2:]) else ["hundred"])
    return cardinal(int(whole)) + (["point", *digits(fraction)] if fraction else [])
