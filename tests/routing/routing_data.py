"""Files that tests of routing read."""

from pathlib import Path

SEED = Path(__file__).parents[1] / "data" / "routing" / "seed001.yaml"
"""The routing file of the document that the project began with, byte for byte."""

MANUAL = Path(__file__).parents[2] / "docs" / "operator" / "routing.md"
"""The page for operators."""
