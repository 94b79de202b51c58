"""How many tokens of a language model a text is, about. Pure."""


def tokens(text: str) -> int:
    """About how many tokens this is: four letters of Latin script, a letter and a half of others, make one."""
    others = sum(1 for letter in text if ord(letter) > 0x24F)
    return int((len(text) - others) / 4 + others / 1.5) + 1
