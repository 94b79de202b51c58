"""A stand-in for FreeSWITCH: the other side of the outbound socket and of unicast, for demo, tests and load."""
