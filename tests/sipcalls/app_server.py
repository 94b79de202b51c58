"""A program as OpenAI's examples write one: a webhook that the stock SDK verifies, and the SDK's calls API."""

import gevent
from gevent.pywsgi import WSGIServer
from openai import OpenAI

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM="


class AppServer:
    """``does(app, call_id, event)`` runs for each verified event, before it is answered with ``status``; ``statuses``:
    of the next answers, those before the last one without an event taken."""

    def __init__(self):
        self.events, self.headers, self.refused, self.faults = [], [], [], []
        self.statuses = []
        self.does = lambda app, call_id, event: None
        self._server = WSGIServer(("127.0.0.1", 0), self._serve, log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?from=trunkline"
        self.client = None

    def start(self, engine_url):
        self.client = OpenAI(api_key="k", base_url=engine_url + "/v1", webhook_secret=SECRET, max_retries=0)

    def stop(self):
        self._server.stop(timeout=1)
        if self.client is not None:
            self.client.close()

    def _serve(self, environ, answer):
        body = environ["wsgi.input"].read()
        headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items()
                   if name.startswith("HTTP_")}
        self.headers.append(headers)
        event = self.client.webhooks.unwrap(body, headers)
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.events.append(event)
            try:
                self.does(self, event.data.call_id, event)
            except Exception as fault:
                self.faults.append(fault)
        answer(f"{status} .", [("Content-Length", "0")])
        return [b""]

    def later(self, do, *arguments):
        """As a program that answers the webhook first."""
        self.does = lambda app, call_id, event: gevent.spawn(self._safely, do, call_id, *arguments)

    def _safely(self, do, call_id, *arguments):
        try:
            do(call_id, *arguments)
        except Exception as fault:
            self.faults.append(fault)
