"""Telephone numbers as carriers write them, to E.164. Pure."""

import re

LONGEST = 128

_SEPARATORS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_URI = re.compile(r"(?:sips?|tel):(?:([^@;?>]*)@|([^;?>@]*))", re.I)
_HIDDEN = frozenset({"anonymous", "restricted", "unknown", "unavailable", "private", "null", "none", "nil",
                     "+266696687", "+7378742833", "+8566696", "+86282452253", "266696687", "7378742833"})
"""What stands for a number that is not shown; Twilio writes the words on the keys of a telephone."""

LOCAL_DIGITS = 10
"""Digits of a number without its country, in India as in North America."""


def e164(text: object, country: str = "91") -> str:
    """``+918047361234`` of ``08047361234``, ``91 80473 61234``, ``sip:+918047361234@host``; "" for a hidden number.

    ``country``: of numbers that come without one. What is no number of the world (a short code, a client's name) stays
    as it is, in one line and cut to ``LONGEST``.
    """
    given = "".join(letter for letter in str(text or "")[:4 * LONGEST] if letter.isprintable()).strip().strip('"')
    if (found := _URI.match(given)) is not None:
        given = (found.group(1) or found.group(2) or "").strip()
    digits = _SEPARATORS.sub("", given)
    if digits.lower() in _HIDDEN:
        return ""
    international = digits.startswith(("+", "00"))
    bare = digits[1:] if digits.startswith("+") else digits[2:] if digits.startswith("00") else digits
    if not (bare.isascii() and bare.isdigit()):
        return given[:LONGEST]
    if not international and bare.startswith("0") and len(bare) == LOCAL_DIGITS + 1:
        bare = country + bare[1:]
    elif not international and len(bare) == LOCAL_DIGITS:
        bare = country + bare
    elif not international and not (bare.startswith(country) and len(bare) == len(country) + LOCAL_DIGITS):
        return given[:LONGEST]
    return f"+{bare}" if 7 <= len(bare) <= 15 and bare[0] != "0" else given[:LONGEST]
