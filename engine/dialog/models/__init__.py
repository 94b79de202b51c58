"""Language models: one file a kind of service, each a ``Model`` of ``engine/dialog/model.py``."""
