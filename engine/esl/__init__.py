"""FreeSWITCH's event socket: wire, commands, connection, session, server, inbound client. Knows no audio."""
