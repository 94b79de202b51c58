"""gevent patches the standard library before any test module is imported."""

from gevent import monkey

monkey.patch_all()
