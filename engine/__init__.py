"""Trunkline: an AI voice engine embedded in FreeSWITCH. Start reading at docs/architecture.md."""

__version__ = "0.1.0"
