"""SIP signalling: the engine as the SIP endpoint that FreeSWITCH bridges a call to. Knows no audio."""
