"""How the audio of FreeSWITCH's channels comes to the engine: one module a back-end, all behind one protocol."""
