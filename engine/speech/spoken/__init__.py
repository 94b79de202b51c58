"""What a voice is given to say for what is written: numbers, money, dates and codes in words, nothing of the layout."""

from engine.speech.spoken.spoken import Speaker, Spoken, speakable

__all__ = ["Speaker", "Spoken", "speakable"]
