"""Reading, checking and tracing a FreeSWITCH configuration without a FreeSWITCH.

``source`` and ``preprocess`` do what FreeSWITCH does to the text before it parses it, and keep the way back to the
file; ``xmltree`` parses as FreeSWITCH's own XML parser does; ``reader`` puts both together; ``model`` makes contexts,
extensions and conditions of the elements; ``hunt`` runs a number through them. All of it is pure but for the reading
of files, and nothing of a configuration is ever executed.
"""
