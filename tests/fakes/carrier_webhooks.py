"""Twilio and Exotel as senders of webhooks: they sign, repeat and refuse as the real ones do.

Both are strict with the answers they get: what the real carrier would not take raises ``AssertionError`` here.
"""

import base64
import hashlib
import hmac
import http.client
import json
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

TWIML = {"Response": {"Connect", "Dial", "Gather", "Say", "Hangup", "Redirect", "Pause"}, "Connect": {"Stream"},
         "Stream": {"Parameter"}, "Dial": {"Sip"}, "Gather": {"Say"}, "Say": set(), "Sip": set(), "Parameter": set(),
         "Hangup": set(), "Redirect": set(), "Pause": set()}


class Sender:
    """Sends to the server at ``to`` (host, port), which the carrier knows as ``base``."""

    def __init__(self, to, base):
        self.to, self.base = to, base

    def send(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection(*self.to, timeout=15)
        try:
            connection.request(method, path, body, {"Host": urlsplit(self.base).netloc, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


class TwilioSender(Sender):
    """``call`` and ``tell`` send a form, ``tell_json`` JSON with its hash in the URL."""

    def __init__(self, to, base, token, account="AC" + "0" * 32):
        super().__init__(to, base)
        self.token, self.account, self.sent = token, account, 0

    def signature(self, url, pairs=()):
        parts = {}
        for name, value in pairs:
            parts.setdefault(name, set()).add(value)
        text = url + "".join(f"{name}{value}" for name in sorted(parts) for value in sorted(parts[name]))
        return base64.b64encode(hmac.new(self.token.encode(), text.encode(), hashlib.sha1).digest()).decode()

    def post(self, path, times=1, headers=None, **params):
        """Status and body; sent ``times`` times, as Twilio repeats what it got no answer to."""
        pairs = [("AccountSid", self.account), ("ApiVersion", "2010-04-01"), *params.items()]
        self.sent += 1
        signed = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
                  "X-Twilio-Signature": self.signature(self.base + path, pairs),
                  "I-Twilio-Idempotency-Token": f"idem-{self.sent}", **(headers or {})}
        signed = {name: value for name, value in signed.items() if value is not None}
        answers = [self.send("POST", path, urlencode(pairs).encode(), signed) for _ in range(times)]
        assert all(one[2] == answers[0][2] for one in answers), "a repeated webhook got another answer"
        return answers[0]

    def twiml(self, path, times=1, **params):
        """The TwiML that it is answered, checked."""
        status, headers, body = self.post(path, times, **params)
        assert (status, headers.get_content_type()) == (200, "text/xml"), body
        root = ElementTree.fromstring(body)
        self._check(root)
        return root

    def status(self, path="/voice/twilio/status", times=1, **params):
        """A status callback."""
        params = {"CallbackSource": "call-progress-events", "Timestamp": "Sat, 21 Nov 2026 10:00:00 +0000", **params}
        status, _, body = self.post(path, times, **params)
        assert status in (200, 204), body

    def tell_json(self, path, found, tampered=b""):
        body = json.dumps(found).encode()
        path = f"{path}?bodySHA256={hashlib.sha256(body).hexdigest()}"
        headers = {"Content-Type": "application/json", "X-Twilio-Signature": self.signature(self.base + path)}
        return self.send("POST", path, body + tampered, headers)

    def _check(self, element):
        assert element.tag in TWIML, element.tag
        for child in element:
            assert child.tag in TWIML[element.tag], f"<{child.tag}> in <{element.tag}>"
            self._check(child)
        if element.tag == "Stream":
            url = element.get("url")
            assert url.startswith("wss://") and "?" not in url
        if element.tag == "Parameter":
            assert len(element.get("name")) + len(element.get("value")) < 500
        if element.tag == "Sip":
            assert element.text.startswith(("sip:", "sips:")) and len(element.text) < 255


class ExotelSender(Sender):
    """``proof``: headers, or a token for the path (``token``), as it was configured."""

    def __init__(self, to, base, token="", user="", password="", secret=""):
        super().__init__(to, base)
        self.token, self.secret, self.headers = token, secret, {}
        if user:
            self.headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def _at(self, path):
        return f"{path}/{self.token}" if self.token else path

    def _signed(self, what):
        if not self.secret:
            return {}
        return {"X-Exotel-Signature": hmac.new(self.secret.encode(), what, hashlib.sha256).hexdigest()}

    def get(self, path, **query):
        """An applet asks: GET, all in the query, ``digits`` in quotation marks."""
        if "digits" in query:
            query["digits"] = f'"{query["digits"]}"'
        as_, text = query.pop("as_", ""), ""
        text = urlencode({**query, **({"as": as_} if as_ else {})})
        return self.send("GET", f"{self._at(path)}?{text}", b"", {**self.headers, **self._signed(text.encode())})

    def post(self, path, found, as_json=False, times=1):
        """A status callback; a form, or JSON. At most two repetitions."""
        assert times <= 3
        body = json.dumps(found).encode() if as_json else urlencode(found).encode()
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **self.headers, **self._signed(body)}
        answers = [self.send("POST", self._at(path), body, headers) for _ in range(times)]
        assert all(one[2] == answers[0][2] for one in answers), "a repeated webhook got another answer"
        return answers[0]
