"""A call's RTP in numbers, for its log."""

from collections.abc import Sequence

from engine.media.rtpin import Incoming
from engine.rtp import quality
from engine.rtp.reports import Reports


def heard(streams: Sequence[Incoming], reports: Reports | None, frame_s: float) -> dict[str, object]:
    """The fields of ``rtp_report`` that what came can tell. ``streams`` of the call, the newest last; ``mos`` is of
    what we heard: the peer's loss is in ``peer_lost``."""
    buffers = [stream.buffer for stream in streams]
    seconds = sum(buffer.position / buffer.rate for buffer in buffers)
    lost_s = sum(buffer.lost_ticks / buffer.rate for buffer in buffers)
    trip = reports.round_trip_s if reports is not None else None
    hold_s, jitter_s = (buffers[-1].hold_s, buffers[-1].jitter) if buffers else (0.0, 0.0)
    by_network = quality.estimate(lost_s / seconds if seconds else 0.0, (trip or 0.0) / 2 + hold_s + frame_s)
    return {
        "lost": sum(buffer.lost for buffer in buffers), "late": sum(buffer.late for buffer in buffers),
        "duplicates": sum(buffer.duplicates for buffer in buffers),
        "resyncs": sum(buffer.resyncs for buffer in buffers),
        "concealed_ms": round(lost_s * 1000), "jitter_ms": round(jitter_s * 1000, 1),
        "round_trip_ms": None if trip is None else round(trip * 1000, 1),
        "peer_lost": None if reports is None else reports.peer_lost, "mos": by_network.mos,
    }  # fmt: skip


__all__ = ["heard"]
