"""The one form of audio: 16-bit signed mono, native order (little-endian on every machine FreeSWITCH runs on)."""

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

SAMPLE_BYTES = 2
