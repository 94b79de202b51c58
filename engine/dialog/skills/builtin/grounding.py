"""The knowledge base as two tools: ``search`` finds passages, ``report_grounding`` says which of them the answer uses.

``search`` gives ``[id]: passage`` blocks, each ended by a line of dashes; ids consist of letters, digits, ``_ = -``.
"""

import re

from engine.dialog.skills.result import Result, done, failed
from engine.dialog.skills.skill import SkillContext, skill

MAX_PASSAGES = 8
SEPARATOR = "-----"
_ID = re.compile(r"[a-zA-Z0-9_=\-]{1,128}")


@skill(timeout_s=3)
def search(context: SkillContext, query: str) -> Result:
    """Search the knowledge base. Use it before you answer any question about the company, its products, prices, times
    or rules; answer only from what it finds.

    query: what to look for, as a short question in the language of the knowledge base
    """
    knowledge = context.services.knowledge
    if knowledge is None:
        return failed("unavailable", "There is no knowledge base.")
    hits = knowledge.search(query, min(context.persona.passages, MAX_PASSAGES))
    context.cited.extend(hit.citation.as_dict() for hit in hits)
    blocks = [f"[{hit.citation.chunk_id}]: {_harmless(hit.text)}\n{SEPARATOR}\n" for hit in hits]
    return done("".join(blocks), "" if hits else "Nothing was found.")


@skill(timeout_s=3)
def report_grounding(context: SkillContext, sources: list[str]) -> Result:
    """Report which passages of the knowledge base your answer uses. Call it after search, before you answer.

    sources: the ids in square brackets of the passages that you use
    """
    knowledge = context.services.knowledge
    if knowledge is None:
        return failed("unavailable", "There is no knowledge base.")
    used, unknown = [], []
    for source in dict.fromkeys(sources[:MAX_PASSAGES]):
        hit = knowledge.passage(source) if _ID.fullmatch(source) else None
        if hit is None:
            unknown.append(source[:128])
        else:
            used.append(source)
            context.cited.append({**hit.citation.as_dict(), "chunk": hit.text, "reported": True})
    if unknown:
        return Result(bool(used), {"sources": used, "unknown": unknown}, "" if used else "not_found",
                      f"No passages have the ids {', '.join(unknown)}.")
    return done({"sources": used})


def _harmless(text: str) -> str:
    """A passage in which nothing looks like the end of the passage or the beginning of another."""
    return re.sub(r"(?m)^\s*-{3,}\s*$", "", re.sub(r"(?m)^\[[\w=\-]+\]:", " ", text)).strip()
