"""Looking at a trunk from this side: is it there, would a call go out, would its audio come back.

Pure: ``carriers`` (what each carrier takes), ``sofia`` (FreeSWITCH's account of gateways and profiles), ``options``
(an OPTIONS request and its answer), ``dns`` (queries and answers). ``lookup`` asks name servers, ``probe`` opens SIP
and TLS connections; ``checks`` puts it together, one finding a question.
"""
