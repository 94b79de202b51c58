"""What may be said after a closed question, as JSGF. A grammar hears "yes" far better than a language model does."""

_DIGIT = "zero | oh | one | two | three | four | five | six | seven | eight | nine"

GRAMMARS = {
    "yes_no": """#JSGF V1.0; grammar yes_no; public <answer> = [ um | uh | well ] ( <yes> | <no> );
<yes> = yes | yes please | yeah | yep | sure | okay | correct | right | that's right | of course | please do;
<no> = no | no thanks | no thank you | nope | not now | that's wrong | wrong | never mind;""",
    "digits": f"#JSGF V1.0; grammar digits; public <digits> = ( {_DIGIT} | double | triple )+;",
    "commands": """#JSGF V1.0; grammar commands; public <command> = [ please ] ( stop | wait | hold on | repeat that |
say that again | go back | cancel | help | main menu | operator | agent | human agent | talk to a human | goodbye |
louder | slower | continue ) [ please ];""",
}


def vocabulary() -> set[str]:
    """Every word of the grammars; the recogniser's dictionary must have them."""
    words: set[str] = set()
    for text in GRAMMARS.values():
        rules = text.split(";", 2)[2]
        words.update(word for word in rules.replace("public", "").split()
                     if word.replace("'", "").isalpha() and word.islower())
    return words
