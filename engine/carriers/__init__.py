"""Carriers without FreeSWITCH between: what Twilio and Exotel send over HTTP, how it is proven, and what it means."""
