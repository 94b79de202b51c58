"""Audio of a call: legs, frame clock, playout and its ledger, recording, G.711, resampling. Decides nothing."""
