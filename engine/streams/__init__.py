"""Calls that carriers stream over WebSockets: Twilio Media Streams and Exotel AgentStream."""
