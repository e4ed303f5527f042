"""Stores that a target may stand on, all behind one protocol (``base.Backend``)."""
