"""FreeSWITCH with gateways, as ``sofia xmlstatus`` tells of them (spelling and order of 1.11.2), and a clock."""

import time

from tests.fakes.inbound_switch import InboundSwitch

GATEWAY = """  <gateway>
    <name>{name}</name>
    <profile>external</profile>
    <scheme>Digest</scheme>
    <realm>{host}</realm>
    <username>FreeSWITCH</username>
    <password>no</password>
    <from>&lt;sip:FreeSWITCH@{host}&gt;</from>
    <contact>&lt;sip:gw+{name}@192.0.2.10:5080;transport={transport};gw={name}&gt;</contact>
    <exten>FreeSWITCH</exten>
    <to>sip:FreeSWITCH@{host}</to>
    <proxy>sip:{proxy}</proxy>
    <context>public</context>
    <expires>3600</expires>
    <freq>3600</freq>
    <ping>{ping}</ping>
    <pingfreq>{ping}</pingfreq>
    <pingmin>0</pingmin>
    <pingcount>0</pingcount>
    <pingmax>1</pingmax>
    <pingtime>{ping_ms}</pingtime>
    <pinging>0</pinging>
    <state>{state}</state>
    <status>{status}</status>
    <uptime-usec>100</uptime-usec>
    <calls-in>3</calls-in>
    <calls-out>7</calls-out>
    <failed-calls-in>1</failed-calls-in>
    <failed-calls-out>2</failed-calls-out>
  </gateway>
"""
PROFILE = """<?xml version="1.0" encoding="ISO-8859-1"?>
<profile>
  <profile-info>
    <name>external</name>
    <domain-name>N/A</domain-name>
    <rtp-ip>{ip}</rtp-ip>
    <ext-rtp-ip>{ext}</ext-rtp-ip>
    <sip-ip>{ip}</sip-ip>
    <ext-sip-ip>{ext}</ext-sip-ip>
    <url>sip:mod_sofia@{ip}:5080</url>
    <bind-url>sip:mod_sofia@{ip}:5080;transport=udp</bind-url>{tls}
    <outbound-codecs>{codecs}</outbound-codecs>
  </profile-info>
</profile>
"""


def gateway(name="mytrunk", host="127.0.0.1", port=None, transport="udp", state="NOREG", status="UP", ping=30,
            ping_ms="12.50"):
    proxy = f"{host}:{port}" if port else host
    return GATEWAY.format(name=name, host=host, proxy=proxy, transport=transport, state=state, status=status, ping=ping,
                          ping_ms=ping_ms)


def profile(ip="127.0.0.1", ext="N/A", tls=False, codecs="G722,PCMU,PCMA"):
    url = f"\n    <tls-url>sip:mod_sofia@{ip}:5081</tls-url>" if tls else ""
    return PROFILE.format(ip=ip, ext=ext, tls=url, codecs=codecs)


class TrunkSwitch(InboundSwitch):
    """``gateways``: texts of ``gateway``. ``variables``: of vars.xml. ``ahead_s``: how far its clock is ahead."""

    def __init__(self, gateways, profile_text=None, variables=None, outbound=None, ahead_s=0.0, answers=None):
        header = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        table = {"sofia xmlstatus gateway": f"{header}<gateways>\n{''.join(gateways)}</gateways>\n",
                 "sofia xmlstatus profile external": profile_text or profile()}
        given = {"rtp_start_port": "16384", "rtp_end_port": "32768", **(variables or {})}
        table |= {f"global_getvar {name}": value for name, value in given.items()}
        table |= {"global_getvar": "-ERR no reply\n"}
        table |= {f"sofia_gateway_data {name}": value for name, value in (outbound or {}).items()}
        table |= {"sofia_gateway_data": "-ERR permission denied\n"}
        super().__init__((answers or {}) | table)
        self.ahead_s = ahead_s

    def _answer(self, command):
        if not command.startswith("bgapi"):
            return super()._answer(command)
        self.commands.append(command)
        job = command.partition("Job-UUID: ")[2].split("\n")[0]
        body = f"Event-Name: BACKGROUND_JOB\nEvent-Date-Timestamp: {int((time.time() + self.ahead_s) * 1e6)}\n" \
               f"Job-UUID: {job}\nContent-Length: 4\n\n+OK\n"
        event = f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n{body}"
        return f"Content-Type: command/reply\nReply-Text: +OK Job-UUID: {job}\nJob-UUID: {job}\n\n{event}".encode()


__all__ = ["TrunkSwitch", "gateway", "profile"]
