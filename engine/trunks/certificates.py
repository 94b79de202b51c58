"""Whether the certificate of a TLS trunk will do, today and in two weeks."""

from collections.abc import Iterator
from ssl import SSLCertVerificationError

from engine.trunks.errors import TrunkError
from engine.trunks.finding import Finding, failed, passed, warned
from engine.trunks.probe import certificate

WARN_DAYS = 14


def judge(place: tuple[str, int], host: str, wait_s: float, ca_file: str, now: float) -> Iterator[Finding]:
    """One finding. ``now``: seconds since 1970."""
    try:
        shown = certificate(place, host, wait_s, ca_file)
    except SSLCertVerificationError as fault:
        yield failed("tls", f"the certificate of {host} is not to be trusted: {fault.verify_message or fault.reason}",
                     "a carrier's: put its authority into cafile.pem (and give --ca-file); "
                     "an expired one: only its owner can renew it; another name: correct proxy")
        return
    except TrunkError as fault:
        yield failed("tls", str(fault), "wrong port, or no TLS there; some trunks want a client certificate")
        return
    days = (shown.expires.timestamp() - now) / 86400
    text = f"{shown.version}, {shown.subject} by {shown.issuer}, until {shown.expires:%Y-%m-%d}"
    if days < WARN_DAYS:
        yield warned("tls", f"{text}: {days:.0f} days", "ask its owner whether it is renewed in time")
    else:
        yield passed("tls", text)


__all__ = ["judge"]
