"""The page `/phone`: a browser calls through FreeSWITCH's own WebRTC (docs/engineer/browser-calls.md)."""

from pydantic import BaseModel

from engine.config.web import PhoneOptions
from engine.web import pages
from engine.web.errors import ApiError
from engine.web.route import Answer, Asked, Route


class PhoneAnswer(BaseModel):
    """Whom the page calls, and by which way."""

    url: str
    """FreeSWITCH's WebSocket."""

    number: str
    """Empty: the visitor types one."""

    ice: list[str]
    """STUN servers."""


def routes(options: PhoneOptions) -> list[Route]:
    """The page and what it must know. 404 with what to do where no ``http.phone.url`` is set."""

    def page(asked: Asked) -> Answer:
        _need(options)
        return pages.page(asked, "phone/index.html")

    def told(asked: Asked) -> PhoneAnswer:
        _need(options)
        return PhoneAnswer(url=options.url, number=options.number, ice=list(options.ice))

    return [
        Route("GET", "/phone", page, "The page that calls through FreeSWITCH's WebRTC.",
              produces=("text/html",)),
        Route("GET", "/api/phone", told, "Where that page calls.", answer=PhoneAnswer),
    ]


def _need(options: PhoneOptions) -> None:
    if not options.url:
        raise ApiError(404, "not_configured", "no calls through FreeSWITCH from browsers here: set http.phone.url to "
                       "its WebSocket, and browser_calls=on in its vars.xml", "http.phone.url")
