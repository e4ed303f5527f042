"""Keeping a runtime true to git: desired, live and last applied, planned and applied (design §8)."""
