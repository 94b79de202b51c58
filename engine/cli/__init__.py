"""The ``trunkline`` command: one module a sub-command."""
