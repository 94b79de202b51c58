"""Microsoft Entra's token endpoint as a strict fake, by the page "OAuth 2.0 client credentials flow"."""

from urllib.parse import parse_qs

from tests.providers.fake_http import FakeHttp, Request, Response, error

FORM = {"grant_type": ["client_credentials"], "client_id": ["app"], "client_secret": ["secret&1"],
        "scope": ["https://cognitiveservices.azure.com/.default"]}


class FakeEntra(FakeHttp):
    """Gives ``token-1``, ``token-2`` ... that last ``lasts_s``."""

    def __init__(self) -> None:
        super().__init__()
        self.lasts_s = 3600
        self.form = FORM

    def answer(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/tenant-1/oauth2/v2.0/token"):
            return error(404, {"error": "invalid_tenant"})
        if request.headers["content-type"] != "application/x-www-form-urlencoded":
            return error(400, {"error": "invalid_request", "error_description": "AADSTS900144: no form"})
        if parse_qs(request.body.decode()) != self.form:
            return error(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"})
        body = {"token_type": "Bearer", "expires_in": self.lasts_s, "access_token": f"token-{len(self.requests)}"}
        return error(200, body)
