"""Signatures of carriers: the published vectors, and what must not pass."""

import base64
import hashlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.carriers.errors import CarrierError
from engine.carriers.publicurl import public_base, public_url
from engine.carriers.signatures import (
    exotel_signature,
    twilio_signature,
    verify_address,
    verify_basic,
    verify_exotel,
    verify_token,
    verify_twilio,
)

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"


def _params(number: str) -> list[tuple[str, str]]:
    return [("CallSid", "CA1234567890ABCDE"), ("Caller", number), ("Digits", "1234"), ("From", number),
            ("To", "+18005551212")]


@pytest.mark.parametrize(("number", "signature"), [
    ("+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    ("+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
])
def test_both_published_vectors_of_twilio_are_right(number, signature):
    """The vectors of Twilio's documentation and of its library: who gets these right talks to the real one."""
    assert verify_twilio(TOKEN, URL, _params(number), signature)
    assert verify_twilio(TOKEN, URL, reversed(_params(number)), signature)


@pytest.mark.parametrize("other", [
    (TOKEN, URL + "3", _params("+12349013030"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    ("12346", URL, _params("+12349013030"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    ("", URL, _params("+12349013030"), twilio_signature("", URL, _params("+12349013030"))),
    (TOKEN, URL, _params("+12349013031"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="),
    (TOKEN, URL, _params("+12349013030"), ""),
    (TOKEN, URL, _params("+12349013030"), "é" * 2000),
    (TOKEN, URL, _params("+12349013030"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ"),
])
def test_anything_else_is_refused(other):
    """One changed byte anywhere, no signature, or no token configured: nobody is let in."""
    assert not verify_twilio(*other)


def test_a_repeated_parameter_counts_once_for_each_value_in_order():
    """Twilio sends MessagingServiceSid and the like twice; its library sorts the different values."""
    params = [("Sid", "b"), ("Sid", "a"), ("Sid", "b")]
    assert twilio_signature(TOKEN, URL, params) == twilio_signature(TOKEN, URL, [("Sid", "a"), ("Sid", "b")])
    assert twilio_signature(TOKEN, URL, params) == twilio_signature(TOKEN, f"{URL}SidaSidb")


def test_a_json_body_is_proven_by_its_hash_in_the_url():
    """A JSON body is no part of the message: without the hash anybody could change it."""
    body = b'{"a": 1}'
    url = f"https://mycompany.com/hook?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = twilio_signature(TOKEN, url)
    assert verify_twilio(TOKEN, url, (), signature, body)
    assert not verify_twilio(TOKEN, url, (), signature, body + b" ")
    bare = "https://mycompany.com/hook"
    assert not verify_twilio(TOKEN, bare, (), twilio_signature(TOKEN, bare), body)
    twice = url + "&bodySHA256=" + hashlib.sha256(b"x").hexdigest()
    assert not verify_twilio(TOKEN, twice, (), twilio_signature(TOKEN, twice), body)


@pytest.mark.parametrize(("signed", "seen"), [
    ("https://a.example/x?y=1", "https://a.example:443/x?y=1"),
    ("https://a.example:443/x?y=1", "https://a.example/x?y=1"),
    ("https://a.example/x", "https://a.example:8443/x"),
    ("https://a.example:8443/x", "https://a.example:8443/x"),
    ("http://a.example:80/x", "http://a.example/x"),
    ("wss://a.example/ws", "wss://a.example:443/ws"),
    ("wss://a.example:443/ws/twilio", "wss://a.example/ws/twilio"),
    ("wss://a.example/", "wss://a.example"),
    ("https://a.example/x", "https://user:secret@a.example/x"),
    ("https://[2001:db8::1]:443/x", "https://[2001:db8::1]/x"),
])
def test_twilio_may_sign_with_or_without_the_port(signed, seen):
    """Twilio's library tries both because Twilio does both; a name and password in the URL are never signed."""
    assert verify_twilio(TOKEN, seen, (), twilio_signature(TOKEN, signed))


@pytest.mark.parametrize(("signed", "seen"), [
    ("https://a.example/x", "http://a.example/x"),
    ("https://a.example/x", "https://b.example/x"),
    ("https://a.example/x/", "https://a.example/x"),
    ("https://a.example/x?b=2&a=1", "https://a.example/x?a=1&b=2"),
    ("https://a.example:8443/x", "https://a.example:9443/x"),
])
def test_another_url_is_another_message(signed, seen):
    assert not verify_twilio(TOKEN, seen, (), twilio_signature(TOKEN, signed))


@given(st.text(max_size=40), st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=6), st.text())
def test_no_url_parameters_or_signature_break_it(url, params, signature):
    """What strangers send must be refused, not crash; what was signed here is found right."""
    assert verify_twilio(TOKEN, url, params, twilio_signature(TOKEN, url, params))
    assert verify_twilio(TOKEN, url, params, signature) in (True, False)


def test_exotel_is_hexadecimal_over_the_raw_body():
    """The body byte for byte: parsed and written again it would be another one."""
    body = b"CallSid=abc&digits=%225%22"
    right = exotel_signature("secret", body)
    assert right == hashlib_hmac(b"secret", body)
    assert verify_exotel("secret", body, right) and verify_exotel("secret", body, right.upper())
    assert not verify_exotel("secret", body + b"&", right)
    assert not verify_exotel("secret", body, right[:-1]) and not verify_exotel("secret", body, "")
    assert not verify_exotel("", body, exotel_signature("", body))


def hashlib_hmac(key: bytes, body: bytes) -> str:
    """HMAC-SHA256 after RFC 2104, by hand."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in block) + body).digest()
    return hashlib.sha256(bytes(one ^ 0x5C for one in block) + inner).hexdigest()


@pytest.mark.parametrize("header", [
    "", "Basic", "Basic !!!", "Bearer a2V5OnRva2Vu", "Basic " + base64.b64encode(b"key:wrong").decode(),
    "Basic " + base64.b64encode(b"key:token:more").decode(), "Basic " + "A" * 5000, "Basic é",
])
def test_basic_authentication_needs_name_and_password(header):
    assert verify_basic("basic " + base64.b64encode(b"key:token").decode(), "key", "token")
    assert not verify_basic(header, "key", "token")


def test_without_a_configured_secret_nobody_is_let_in():
    """An empty password must not make an empty header right."""
    assert not verify_basic("Basic " + base64.b64encode(b"key:").decode(), "key", "")
    assert not verify_token("", "")
    assert verify_token("abc", "abc") and not verify_token("abd", "abc")


def test_addresses_are_compared_as_addresses():
    """As text ``::ffff:203.0.113.7`` would be no address of 203.0.113.0/24, and 10.1 one of 10.0.0.0/8."""
    networks = [ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")]
    assert all(verify_address(one, networks) for one in ("203.0.113.7", "::ffff:203.0.113.7", "2001:db8::1%eth0"))
    assert not any(verify_address(one, networks) for one in ("203.0.114.7", "203.0.113", "", "x", "::1"))


def test_the_configured_base_url_wins():
    """A request must not choose the URL that its signature is checked against."""
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}
    assert public_base("https://voice.example/base/", "http", headers, True) == "https://voice.example/base"


@pytest.mark.parametrize(("headers", "trusted", "base"), [
    ({"host": "a.example"}, False, "http://a.example"),
    ({"host": "a.example:8080"}, False, "http://a.example:8080"),
    ({"host": "in", "x-forwarded-host": "a.example", "x-forwarded-proto": "https"}, False, "http://in"),
    ({"host": "in", "x-forwarded-host": "a.example", "x-forwarded-proto": "https"}, True, "https://a.example"),
    ({"host": "a.example", "x-forwarded-proto": "https, http"}, True, "https://a.example"),
    ({"host": "a.example", "x-forwarded-proto": "https", "x-forwarded-port": "443"}, True, "https://a.example"),
    ({"host": "a.example", "x-forwarded-proto": "https", "x-forwarded-port": "8443"}, True, "https://a.example:8443"),
])
def test_only_a_trusted_proxy_tells_scheme_and_host(headers, trusted, base):
    assert public_base("", "http", headers, trusted) == base


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "a\r\nb", "a" * 300])
def test_a_host_that_is_none_is_refused(host):
    with pytest.raises(CarrierError, match="webhook_base_url"):
        public_base("", "https", {"host": host}, False)


def test_the_url_of_a_socket_has_its_scheme():
    assert public_url("https://a.example/base", "/ws/twilio", socket=True) == "wss://a.example/base/ws/twilio"
    assert public_url("http://a.example", "/webhook/twilio", "x=1&y=%20") == "http://a.example/webhook/twilio?x=1&y=%20"
