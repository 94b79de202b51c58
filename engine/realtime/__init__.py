"""The OpenAI Realtime protocol as the engine's public voice WebSocket: pure state, then server, then relay."""
