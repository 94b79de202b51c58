"""sipp (Debian's sip-tester, https://sipp.sourceforge.net) as the peer: scenarios put together, and run."""

import shutil
import subprocess

import pytest

needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="no sipp (apt-get install sip-tester)")

LIMIT_S = 60

FIRST = "z9hG4bK[pid]first[call_number]"
"""The branch of the INVITE where CANCEL and the ACK of a refusal must have it too."""

_SDP = """v=0
o=- 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio {port} RTP/AVP {codec} 101
a=rtpmap:101 telephone-event/8000
a={direction}
"""


def sdp(codec=0, version=1, direction="sendrecv", port=30000):
    return _SDP.format(codec=codec, version=version, direction=direction, port=port)


def send(method, number, body="", *, to="[last_To:]", branch="[branch]", retrans=100, uri="[next_url]",
         txn=True):
    """One request. It is sent again after ``retrans`` ms, as a caller with that T1 does. sipp is told which answers
    belong to it: by itself it takes a late 200 of the first INVITE for one of the second."""
    again = f' ack_txn="t{number}"' if method == "ACK" else f' retrans="{retrans}" start_txn="t{number}"'
    if method == "CANCEL" or not txn:
        again = ' retrans="100"'
    lines = [
        f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch={branch}",
        "From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]s[call_number]", to, "Call-ID: [call_id]",
        f"CSeq: {number} {method}", "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>",
        "Max-Forwards: 70", *(["Content-Type: application/sdp"] if body else []),
        "Content-Length: [len]", "", body,
    ]  # fmt: skip
    return f"<send{again}><![CDATA[\n" + "\n".join(lines) + "\n]]></send>"


def invite(number=1, **more):
    """The INVITE that begins the call, or a re-INVITE."""
    if number == 1:
        more = {"to": "To: <sip:token@[remote_ip]:[remote_port]>", "uri": "sip:token@[remote_ip]:[remote_port]", **more}
    return send("INVITE", number, more.pop("body", sdp()), **more)


def recv(status, number=None, *, optional=False):
    """An answer, to the request with that number."""
    return (f'<recv response="{status}"' + (f' response_txn="t{number}"' if number is not None else "")
            + (' optional="true"' if optional else "") + ' rrs="true"/>')  # fmt: skip


def pause(ms):
    return f'<pause milliseconds="{ms}"/>'


def answered(number=1):
    """The INVITE with that number is answered and acknowledged."""
    return [recv(100, number, optional=True), recv(180, number, optional=True), recv(200, number), send("ACK", number)]


ENDED = [send("BYE", 9), recv(200, 9)]


def run(folder, steps, endpoint, *arguments, calls=1, port=None, transport="u1"):
    """Run the scenario against the endpoint; fails with what sipp says if a call of it failed."""
    path = folder / "scenario.xml"
    head = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="test">\n'
    path.write_text(head + "\n".join(steps) + "\n</scenario>\n")
    run_sipp(folder, ["-sf", str(path), "-m", str(calls), "-t", transport, *arguments], port or endpoint.address[1])


def run_sipp(folder, arguments, port):
    command = ["sipp", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-nostdin", "-timeout", f"{LIMIT_S}s", "-timeout_error",
               "-trace_err", "-error_file", str(folder / "errors.log"), *arguments]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S + 20, stdin=subprocess.DEVNULL
    )
    errors = folder / "errors.log"
    said = errors.read_text(errors="replace")[:3000] if errors.exists() else ""
    assert done.returncode == 0, f"sipp exit {done.returncode}\n{said}\n{done.stdout[-1500:]}\n{done.stderr[-500:]}"
