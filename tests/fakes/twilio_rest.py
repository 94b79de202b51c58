"""Twilio's REST API, as far as a call in progress is changed: strict about who asks, for what, and in which form."""

import base64
import json
from urllib.parse import parse_qs
from xml.etree import ElementTree

from gevent.pywsgi import WSGIServer


class TwilioRest:
    """``with TwilioRest(account, user, password) as rest``: ``rest.url``; ``rest.asked`` are the forms that it took.
    ``told(form)`` is called with each; ``fault`` is answered instead: (status, code, message)."""

    def __init__(self, account, user, password, calls, told=lambda form: None):
        self.account, self.login, self.calls, self.told = account, f"{user}:{password}", calls, told
        self.asked, self.fault = [], None
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None, error_log=None)

    def __enter__(self):
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *exception):
        self._server.stop(1)

    def _answer(self, environ, start):
        status, body = self._take(environ)
        start(f"{status} x", [("Content-Type", "application/json"), ("Connection", "close")])
        return [json.dumps(body).encode()]

    def _take(self, environ):
        form = {name: values[0] for name, values in parse_qs(environ["wsgi.input"].read().decode()).items()}
        expected = "Basic " + base64.b64encode(self.login.encode()).decode()
        if environ.get("HTTP_AUTHORIZATION") != expected:
            return 401, {"code": 20003, "message": "Authenticate", "status": 401}
        head, _, sid = environ["PATH_INFO"].rpartition("/Calls/")
        sid, account = sid.removesuffix(".json"), f"/2010-04-01/Accounts/{self.account}"
        if environ["REQUEST_METHOD"] != "POST" or head != account or sid not in self.calls:
            return 404, {"code": 20404, "message": f"The requested resource {environ['PATH_INFO']} was not found"}
        if environ.get("CONTENT_TYPE") != "application/x-www-form-urlencoded":
            return 415, {"code": 20415, "message": "Unsupported Media Type"}
        if self.fault is not None:
            return self.fault[0], {"code": self.fault[1], "message": self.fault[2], "status": self.fault[0]}
        twiml, status = form.get("Twiml"), form.get("Status")
        if not form or not set(form) <= {"Status", "Twiml"} or status not in (None, "completed", "canceled"):
            return 400, {"code": 20001, "message": "Invalid parameter"}
        if twiml is not None and (len(twiml) > 4000 or ElementTree.fromstring(twiml).tag != "Response"):
            return 400, {"code": 21205, "message": "Twiml is not valid"}
        self.asked.append(form)
        self.told(form)
        return 200, {"sid": sid, "status": "in-progress"}
