"""ZIP containers (DOCX, PPTX, XLSX) are looked at before any parser opens them: bombs and document types are refused.

The sizes are those of the container's own list; ``zipfile`` reads no more of a member than its listed size, so a list
that lies only damages its own file.
"""

import io
import zipfile

from engine.knowledge.reading.blocks import Source

MAX_UNPACKED = 300 * 1024 * 1024
MAX_RATIO = 200
"""Unpacked against packed, where more than ``RATIO_FROM`` is unpacked. Real tables reach 50."""

RATIO_FROM = 20 * 1024 * 1024
MAX_MEMBERS = 10_000


def check(source: Source) -> list[str]:
    """The names of the members. Raises ``DocumentError`` when it must not be opened."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as container:
            members = container.infolist()
            _sizes(source, members)
            for member in members:
                if member.flag_bits & 1:
                    raise source.fault("is encrypted; save a copy without a password")
                if member.filename.lower().endswith((".xml", ".rels")):
                    with container.open(member) as opened:
                        head = opened.read(4096)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise source.fault(f"its part {member.filename} has a document type, which no office program "
                                           "writes: it is not opened")
            return [member.filename for member in members]
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as fault:
        raise source.fault(f"is damaged or cut off ({fault}); save it anew") from fault


def _sizes(source: Source, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(member.file_size for member in members)
    if len(members) > MAX_MEMBERS:
        raise source.fault(f"has {len(members)} parts, more than {MAX_MEMBERS}: it is not opened")
    if unpacked > MAX_UNPACKED or (unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(1, len(source.data))):
        raise source.fault(f"would unpack to {unpacked / 1e6:,.0f} MB from {len(source.data) / 1e6:,.2f} MB, like a "
                           "zip bomb: it is not opened. If it is a real document, split it")
