"""Where a program may send a caller: ``tel:`` and ``sip:`` targets, checked against the operator's patterns. Pure.

The target reaches a command of FreeSWITCH, where a line end, a quote or a brace would be another command: only what a
number or a plain address needs is let through, no parameters and no headers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.apps.errors import ReferRefused

LONGEST = 256
_TEL = re.compile(r"tel:(\+?[0-9][0-9.()-]{0,30})")
_SIP = re.compile(r"sip:[A-Za-z0-9+][A-Za-z0-9._+*#-]{0,63}@"
                  r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Referral:
    """``uri`` in its plain form; ``number`` of a ``tel:`` target, empty for an address."""

    uri: str
    number: str = ""


def referral(target: str, allowed: Iterable[str]) -> Referral:
    """The target of a ``refer``. Raises ``ReferRefused`` where it is none, or matches none of the patterns
    ``allowed``."""
    tel = _TEL.fullmatch(target) if len(target) <= LONGEST else None
    if tel is not None:
        number = re.sub(r"[^0-9+]", "", tel[1])
        found = Referral(f"tel:{number}", number)
    elif len(target) <= LONGEST and _SIP.fullmatch(target):
        found = Referral(target)
    else:
        raise ReferRefused("target_uri must be tel:NUMBER or sip:USER@HOST, without parameters, at most "
                           f"{LONGEST} characters")
    if not any(_matches(pattern, found.uri) for pattern in allowed):
        raise ReferRefused(f"{found.uri} is none of realtime.refer_targets: callers may not be sent there")
    return found


def refer_to(to: Referral, host: str) -> str:
    """What stands in Refer-To. FreeSWITCH makes an address of its own of whatever is no ``sip:`` address
    (SWITCH_MESSAGE_INDICATE_DEFLECT, mod_sofia.c), so a number becomes one at ``host``. Raises ``ReferRefused``."""
    if not to.number:
        return to.uri
    address = f"sip:{to.number}@{host}"
    if not _SIP.fullmatch(address):
        raise ReferRefused(f"{to.uri}: the trunk's host is not known; set realtime.refer_host")
    return address


def _matches(pattern: str, uri: str) -> bool:
    """``*`` stands for any characters, but in an address not for the ``@``: the host is the operator's choice."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch("[^@]*".join(parts), uri, re.IGNORECASE) is not None


__all__ = ["Referral", "refer_to", "referral"]
