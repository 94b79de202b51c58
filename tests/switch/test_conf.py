"""freeswitch-conf/ with everything switched on: it boots in silence, and each door opens to whom it should."""

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from carriers import BusyCarrier, certificate
from everything import CDR_TOKEN, ENGINE_PASSWORD, NUMBERS, everything
from measured import NUMBER
from sipphone import CallFailed, SipPhone
from switchboard import HOST, FreeSwitch, find_freeswitch, free_port, wait_for

from engine.esl.errors import CommandRefused
from engine.esl.inbound import InboundClient
from engine.telephony.switch import Switch

pytestmark = pytest.mark.switch

ENGINE_USER = "engine@event-socket"


class Records:
    """Where FreeSWITCH posts its call records. ``status``: what it is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[tuple[str, str, dict[str, object]]] = []
        """Path, Authorization, body."""

        records = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802 (the library's name)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                records.posts.append((self.path, self.headers["Authorization"], body))
                self.send_response(records.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self._server.server_port}/webhook/freeswitch/cdr"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """No more records."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def records() -> Iterator[Records]:
    place = Records()
    yield place
    place.close()


@pytest.fixture(scope="module")
def place(folder: Path) -> Path:
    return folder / "everything"


@pytest.fixture(scope="module")
def switch(place: Path, records: Records) -> Iterator[FreeSwitch]:
    """FreeSWITCH with everything on, and no engine."""
    settings = everything(place, free_port())
    freeswitch = FreeSwitch(find_freeswitch(), place, free_port(), **settings, FREESWITCH_CDR_URL=records.url)
    try:
        freeswitch.start()
        yield freeswitch
    finally:
        freeswitch.stop()


def complaints(switch: FreeSwitch) -> list[str]:
    """Warnings and worse, but for the one that FreeSWITCH itself gives at every start."""
    lines = [line for line in switch.log().splitlines() if re.search(r"\[(WARNING|ERR|CRIT|ALERT)\]", line)]
    return [line for line in lines if "MSG Thread" not in line]


def test_boots_with_everything_on(switch: FreeSwitch) -> None:
    """Every profile, gateway, module and flow at once, and not one warning: what an operator sees later is news."""
    assert complaints(switch) == []
    status = switch.api("sofia status")
    for name in ("external::twilio", "external::exotel", "external::trunk", "internal", "browsers"):
        assert re.search(rf"^\s*{name}\s", status, re.MULTILINE), name
    assert "(TLS)" in status
    assert (switch.folder / "certs/tls.pem").exists(), "no certificate: FreeSWITCH makes one"


def test_carriers_with_tls(folder: Path) -> None:
    """The TLS variants load too (on a profile without TLS they would be skipped with an error), and a call to Twilio is
    one with TLS and SRTP of the suite that it takes."""
    place = folder / "tls"
    settings = everything(place, free_port()) | {"FREESWITCH_TWILIO": "tls", "FREESWITCH_EXOTEL": "tls"}
    freeswitch = FreeSwitch(find_freeswitch(), place, free_port(), **settings)
    try:
        freeswitch.start()
        assert complaints(freeswitch) == []
        assert "transport=tls" in freeswitch.api("sofia status gateway twilio")
        assert re.search(r"Proxy\s+sip:127\.0\.0\.82:443", freeswitch.api("sofia status gateway exotel"))
        carrier = BusyCarrier(("127.0.0.81", 5061), pem=certificate(place))
        answer = freeswitch.api("originate sofia/gateway/twilio/+14155550199 &park()")
        carrier.close()
        assert answer == "-ERR USER_BUSY", carrier.faults
        ((head, body),) = carrier.invites
        assert head.startswith("INVITE sip:+14155550199@127.0.0.81")
        assert re.search(r"^Via: SIP/2.0/TLS", head, re.MULTILINE)
        assert re.search(r"^m=audio \d+ RTP/SAVP 0 8 ", body, re.MULTILINE)
        assert re.findall(r"^a=crypto:\d+ (\S+)", body, re.MULTILINE) == ["AES_CM_128_HMAC_SHA1_80"]
    finally:
        freeswitch.stop()


# ---------------------------------------------------------------- event socket


def log_in(switch: FreeSwitch, line: str) -> tuple[socket.socket, str]:
    """A connection, and the answer to this login."""
    connection = socket.create_connection((HOST, switch.esl_port), 5)
    connection.settimeout(5)
    receive(connection)
    connection.sendall(f"{line}\n\n".encode())
    return connection, receive(connection)


def receive(connection: socket.socket) -> str:
    """One message: its headers, and its body."""
    text = ""
    while "\n\n" not in text:
        more = connection.recv(65536).decode()
        if not more:
            return text
        text += more
    length = re.search(r"Content-Length: (\d+)", text)
    while length and len(text.partition("\n\n")[2]) < int(length[1]):
        text += connection.recv(65536).decode()
    return text


def ask(connection: socket.socket, command: str) -> str:
    """The answer to a command."""
    connection.sendall(f"{command}\n\n".encode())
    return receive(connection)


def test_the_engines_login_may_do_what_the_engine_does(switch: FreeSwitch) -> None:
    """And nothing that changes or runs anything else on the host. The reply to the login, which repeats the list, is
    whole: FreeSWITCH cuts it off at 512 bytes."""
    connection, reply = log_in(switch, f"userauth {ENGINE_USER}:{ENGINE_PASSWORD}")
    with connection:
        assert "+OK accepted" in reply
        assert reply.endswith("\n\n") and "callcenter_config\n" in reply and "Allowed-LOG: false" in reply
        for command in ("status", "show channels as json", "sofia xmlstatus gateway", "module_exists mod_callcenter",
                        "user_exists id 1001 trunkline.local"):
            assert "permission denied" not in ask(connection, f"api {command}"), command
        for command in ("system id", "bg_system id", "fsctl shutdown", "reload mod_sofia", "load mod_lua", "lua x",
                        "bgapi system id", "eval ${system(id)}", "global_setvar a=b", "reloadxml"):
            assert "permission denied" in ask(connection, f"api {command}"), command
        assert "permission denied" in ask(connection, "bgapi system id")
        assert "+OK" in ask(connection, "event plain BACKGROUND_JOB DTMF CUSTOM callcenter::info")


@pytest.mark.parametrize("login", [
    f"userauth {ENGINE_USER}:wrong", f"userauth {ENGINE_USER}:", "userauth 1001@trunkline.local:of-the-phones",
    "userauth engine@trunkline.local:of-the-engine"])
def test_other_logins_are_refused(login: str, switch: FreeSwitch) -> None:
    """A phone's password is none here, and an empty one never is."""
    connection, reply = log_in(switch, login)
    connection.close()
    assert "-ERR invalid" in reply


def test_the_engine_itself_logs_in(switch: FreeSwitch) -> None:
    """``switch.user``: health, events and calls work with it; what is not on the list is a refusal that says so."""
    client = InboundClient(HOST, switch.esl_port, ENGINE_PASSWORD, user=ENGINE_USER)
    Switch(client)
    client.start()
    try:
        client.wait_connected(5)
        assert client.health().version.startswith("1.")
        with pytest.raises(CommandRefused, match="NO_ROUTE_DESTINATION|CHAN_NOT_IMPLEMENTED|USER_NOT_REGISTERED"):
            client.originate("user/1002", answer_timeout_s=5)
        with pytest.raises(CommandRefused, match="permission denied"):
            client.api("system", "id")
    finally:
        client.close()


# ---------------------------------------------------------------- phones


def register(switch: FreeSwitch, user: str, password: str, port: int, address: str = HOST) -> list[int]:
    """Statuses of a REGISTER without and, where it is asked for, with a password."""
    statuses = []
    challenge: dict[str, str] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((address, 0))
        phone.settimeout(5)
        contact = f"{address}:{phone.getsockname()[1]}"
        for sequence in (1, 2):
            uri = f"sip:{HOST}:{port}"
            via = f"SIP/2.0/UDP {contact};rport;branch=z9hG4bK{user}{sequence}{port}"
            lines = [f"REGISTER {uri} SIP/2.0", f"Via: {via}", "Max-Forwards: 70",
                     f"From: <sip:{user}@{HOST}>;tag=1", f"To: <sip:{user}@{HOST}>", f"Call-ID: {user}{contact}",
                     f"CSeq: {sequence} REGISTER", f"Contact: <sip:{user}@{contact}>", "Expires: 60"]
            if challenge:
                one = hashlib.md5(f"{user}:{challenge['realm']}:{password}".encode()).hexdigest()
                two = hashlib.md5(f"REGISTER:{uri}".encode()).hexdigest()
                middle = f"{challenge['nonce']}:00000001:abc:auth"
                answer = hashlib.md5(f"{one}:{middle}:{two}".encode()).hexdigest()
                lines.append(f'Authorization: Digest username="{user}", realm="{challenge["realm"]}", '
                             f'nonce="{challenge["nonce"]}", uri="{uri}", response="{answer}", algorithm=MD5, '
                             'cnonce="abc", nc=00000001, qop=auth')
            phone.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), (HOST, port))
            reply = phone.recv(65536).decode()
            statuses.append(int(reply.split()[1]))
            challenge = dict(re.findall(r'(realm|nonce)="([^"]+)"', reply))
            if not challenge:
                break
    return statuses


@pytest.fixture(scope="module")
def phone_port(switch: FreeSwitch) -> int:
    return int(switch.api("global_getvar phone_port"))


def test_a_phone_registers_with_its_password(switch: FreeSwitch, phone_port: int) -> None:
    """And is called by its extension; a wrong password is 403, and the engine's login is no phone."""
    assert register(switch, "1001", "of-the-phones", phone_port) == [401, 200]
    wait_for(lambda: "1001" in switch.api("show registrations"), 10, "the registration")
    assert register(switch, "1001", "wrong", phone_port) == [401, 403]
    assert register(switch, "engine", ENGINE_PASSWORD, phone_port) == [401, 403]


def test_a_phone_calls_nobody_without_a_password(switch: FreeSwitch, phone_port: int) -> None:
    """The profile of phones asks everybody: its context may dial out."""
    with SipPhone((HOST, phone_port)) as stranger, pytest.raises(CallFailed) as refused:
        stranger.dial("+4930123456")
    assert refused.value.status == 407


# ---------------------------------------------------------------- call records


def test_a_record_of_each_call(
    switch: FreeSwitch, records: Records, place: Path, phone: Callable[..., SipPhone]
) -> None:
    """Also of calls that no engine has seen: to the path and with the login that the engine expects. What it does not
    take is kept on disk."""
    caller = phone(name="+49301")
    caller.dial(NUMBER)
    caller.hangup()
    wait_for(lambda: records.posts, 10, "the record")
    path, login, body = records.posts[0]
    assert re.fullmatch(r"/webhook/freeswitch/cdr\?uuid=[0-9a-f-]{36}", path)
    assert login == "Basic " + base64.b64encode(f"freeswitch:{CDR_TOKEN}".encode()).decode()
    variables = body["variables"]
    assert isinstance(variables, dict)
    assert (variables["sip_from_user"], variables["hangup_cause"]) == ("+49301", "NORMAL_CLEARING")
    assert not list((place / "cdr").glob("*"))
    records.status = 500
    second = phone()
    second.dial(NUMBER)
    second.hangup()
    kept = wait_for(lambda: list((place / "cdr").glob("*.cdr.json")), 20, "the record on disk")
    json.loads(kept[0].read_text())


def test_carriers_are_let_in_by_their_lists(switch: FreeSwitch) -> None:
    """The lists of the carriers, as far as FreeSWITCH itself can be asked; a stranger is on none."""
    assert switch.api("acl 54.172.60.3 twilio_on") == "true"
    assert switch.api("acl 54.172.60.3 twilio_off") == "false"
    assert switch.api("acl 54.172.60.4 twilio_on") == "false"
    assert [switch.api(f"acl {address} exotel") for address in ("127.0.0.82", "127.0.0.83", "127.0.0.84")] == [
        "true", "true", "false"]


def test_a_carrier_of_the_second_list_gets_in(switch: FreeSwitch, phone: Callable[..., SipPhone]) -> None:
    """Several lists on a profile: the first that knows the address lets it in."""
    caller = phone(address="127.0.0.83")
    caller.dial(NUMBERS["did_1"])
    assert caller.answered_at
    with pytest.raises(CallFailed) as refused:
        phone(address="127.0.0.99").dial(NUMBER)
    assert refused.value.status == 403


def test_a_browser_that_is_gone(switch: FreeSwitch) -> None:
    """A closed page sends no BYE, so its calls end after 20 s without audio (others after an hour); a number that
    nobody answers is 404 for browsers too."""
    port = int(switch.api("global_getvar browser_sip_port"))
    with SipPhone((HOST, port)) as page:
        page.dial(NUMBER)
        assert switch.api(f"uuid_getvar {switch.uuid_of(page.name)} media_timeout") == "20000"
    with SipPhone((HOST, port)) as page, pytest.raises(CallFailed) as refused:
        page.dial("operator")
    assert refused.value.status == 404
    assert switch.api("global_getvar media_timeout") == "3600000"
