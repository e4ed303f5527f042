"""The servers that these tests ask for."""

from services import postgres_server

__all__ = ["postgres_server"]
