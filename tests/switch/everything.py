"""FreeSWITCH with everything of vars.xml switched on: profiles, gateways, TLS, call records, and all call flows, each
for a number of its own."""

import socket
from pathlib import Path

from switchboard import HOST, free_port

ENGINE_PASSWORD = "of-the-engine"
CDR_TOKEN = "of-the-records"

NUMBERS = {
    "did_1": "+4930100",
    "did_2": "+4930101",
    "business_numbers": "+4930110",
    "ivr_numbers": "+4930120",
    "language_numbers": "+4930130",
    "consent_numbers": "+4930140",
    "queue_ai_numbers": "+4930150",
    "blue_green_numbers": "+4930160",
}
"""Which number runs which flow."""


TRUNK_PORT = free_port(socket.SOCK_DGRAM)
"""Where the gateway "trunk" is called, on 127.0.0.84."""


def only(number: str) -> str:
    """The expression of one number."""
    return rf"^\{number}$"


def everything(folder: Path, engine_port: int) -> dict[str, str]:
    """Environment of such a switch. Ports are free ones; carriers are on loopback addresses of their own."""
    def udp() -> str:
        return str(free_port(socket.SOCK_DGRAM))

    flows = ("did_to_agent", "business_hours", "after_hours_voicemail", "ivr_menu", "language_menu",
             "recording_consent", "queue_with_ai", "outbound", "rescue", "blue_green")
    settings = {
        **{f"flow_{name}": "on" for name in flows},
        **{name: only(number) for name, number in NUMBERS.items()},
        "sip_transport": "udp,tcp",
        "sip_tls": "on", "sip_tls_port": str(free_port()), "sip_tls_verify": "none",
        "twilio": "udp", "twilio_domain": "127.0.0.81", "twilio_user": "u", "twilio_password": "p",
        "twilio_calls_in": "on", "twilio_caller_id": "+14155550100",
        "exotel": "tcp", "exotel_edge": "127.0.0.82", "exotel_account_sid": "acme", "exotel_caller_id": "+918047000000",
        "exotel_user": "sub", "exotel_password": "p",
        "exotel_signalling": "127.0.0.82/32,127.0.0.83/32",
        "trunk": "on", "trunk_proxy": f"127.0.0.84:{TRUNK_PORT}", "trunk_caller_id": "+4930999",
        "phones": "on", "phone_port": udp(), "phone_peers": "127.0.0.0/8", "phone_password": "of-the-phones",
        "browser_calls": "on", "browser_ws_port": str(free_port()), "browser_wss_port": str(free_port()),
        "browser_sip_port": udp(),
        "esl_engine_password": ENGINE_PASSWORD,
        "cdr_token": CDR_TOKEN, "cdr_dir": str(folder / "cdr"),
        "did_1_agent": "support", "did_2_agent": "okti", "did_limit": "1",
        "business_days": "sun-sat", "business_hours": "00:00-23:59:59", "business_timezone": "Asia/Kolkata",
        "ivr_1_agent": "okti", "ivr_2_agent": "kerala",
        "language_1": "en", "language_2": "hi",
        "outbound_numbers": r"^\+(49|91|1)[0-9]+$",
        "rescue_queue": "support@default",
        "engine_blue": f"{HOST}:{engine_port}", "engine_green": f"{HOST}:{free_port()}",
        "voicemail_dir": str(folder / "voicemail"), "consent_dir": str(folder / "consented"),
    }
    return {f"FREESWITCH_{name.upper()}": value for name, value in settings.items()}
