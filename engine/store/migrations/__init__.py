"""Migrations by Alembic, part of the package so that a wheel has them."""
