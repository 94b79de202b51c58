"""E-mail, one message (.eml) or a folder of them (.mbox): subjects as titles; quotations and signatures left out."""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

from engine.knowledge.reading import htmlfile, plain
from engine.knowledge.reading.blocks import Block, Draft, Heading, Source

MAX_PARTS = 500
_FROM = re.compile(rb"(?:\A|\n)From [^\n]*\n")
_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|tr|sv|antw)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_REPLY = re.compile(r"^\s*(?:On\b.{4,200}\bwrote|Le\b.{4,200}\ba écrit|Am\b.{4,200}\bschrieb.{0,80}|"
                    r"-{2,}\s*(?:Original Message|Message d'origine|Forwarded message).{0,20}-{2,}|_{20,})\s*:?\s*$",
                    re.IGNORECASE)
_OUTLOOK = re.compile(r"^\s*(?:From|De|Von):\s.+$", re.IGNORECASE)
_OUTLOOK_NEXT = re.compile(r"^\s*(?:Sent|Date|To|Envoyé|À|Gesendet|An):\s", re.IGNORECASE)
_DEVICE = re.compile(r"^\s*(?:Sent from my|Envoyé de mon|Get Outlook for)\b.{0,60}$", re.IGNORECASE)


def parse(source: Source) -> Draft:
    """A message. Raises ``DocumentError`` when it has no header."""
    message = _message(source.data)
    if not any(name in message for name in ("Subject", "From", "Date", "Message-ID")):
        raise source.fault("there is no header (From, Subject, Date) in it: this is no e-mail")
    return Draft(list(_body(message, source)), _subject(message))


def parse_folder(source: Source) -> Draft:
    """Messages one after the other; each has its subject as heading."""
    marks = list(_FROM.finditer(source.data))
    if not marks or source.data[:marks[0].start()].strip():
        raise source.fault("does not begin with a line 'From ...': this is no mbox")
    ends = [mark.start() for mark in marks[1:]] + [len(source.data)]
    blocks: list[Block] = []
    for mark, end in zip(marks, ends, strict=True):
        message = _message(source.data[mark.end():end])
        blocks += [Heading(_subject(message) or "Message", 2), *_body(message, source)]
    return Draft(blocks)


def _message(data: bytes) -> EmailMessage:
    return message_from_bytes(data, policy=policy.default)


def _subject(message: EmailMessage) -> str:
    return _PREFIX.sub("", " ".join(str(message.get("Subject", "")).split()))


def _body(message: EmailMessage, source: Source) -> Iterator[Block]:
    """The text of a message; of HTML where it has nothing else."""
    texts: list[tuple[str, str]] = []
    attached = 0
    for number, part in enumerate(message.walk()):
        if number >= MAX_PARTS:
            raise source.fault(f"has more than {MAX_PARTS} parts")
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            attached += 1
            continue
        texts.append((kind, _decoded(part)))
    if attached:
        source.notes.append(f"{attached} attached files or pictures are not read; save them as documents of their own")
    plain_texts = [text for kind, text in texts if kind == "text/plain" and text.strip()]
    if plain_texts:
        for text in plain_texts:
            yield from plain.blocks(own_words(text), source)
        return
    for kind, text in texts:
        if kind == "text/html":
            yield from htmlfile.draft(_without_quotations(text), source).blocks


def _decoded(part: EmailMessage) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    for charset in (part.get_content_charset(), "utf-8"):
        try:
            if charset:
                return data.decode(charset).replace("\r\n", "\n")
        except (LookupError, UnicodeError):
            continue
    return data.decode("cp1252", "replace").replace("\r\n", "\n")


def own_words(text: str) -> str:
    """A message without what it quotes and without its signature."""
    lines = text.split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.rstrip("\r") in ("-- ", "--") or _DEVICE.match(line):
            break
        wraps = bool(following.strip()) and _REPLY.match(f"{line.rstrip()} {following.strip()}")
        if _REPLY.match(line) or (wraps and re.match(r"^\s*(?:On|Le|Am)\b", line)):
            break
        if _OUTLOOK.match(line) and any(_OUTLOOK_NEXT.match(one) for one in lines[number + 1:number + 4]):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept)


def _without_quotations(text: str) -> str:
    return re.split(r"<blockquote|<div[^>]{0,200}(?:gmail_quote|divRplyFwdMsg)", text, maxsplit=1,
                    flags=re.IGNORECASE)[0]
