"""The library beneath: what language was found."""


def whisper_full_lang_id(context):
    assert context is not None
    return 11


def whisper_lang_str(number):
    return {11: "ml"}[number]
