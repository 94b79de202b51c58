"""RTP and RTCP on the wire and in time: pure code, given bytes and told the time. Knows no socket and no call."""
