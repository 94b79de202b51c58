"""Programs that may take calls before an agent does, offered as OpenAI offers SIP calls."""
