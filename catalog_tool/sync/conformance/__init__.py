"""The conformance kit: one class of tests that every backend passes, ours and other packages'.

Subclass ``BackendConformance`` in a test module, give ``connect``, and pytest collects every test::

    class TestMine(BackendConformance):
        @pytest.fixture
        def connect(self, tmp_path):
            return lambda prefix="": MyBackend(tmp_path / "store", prefix)

``connect`` opens the same, at first empty, store each time it is called in one test. The kit uses
plain assertions and needs pytest only for collecting, and git for the order of commits. Where
``capabilities`` says that a store can do less, what asks for more is not run; nothing else is optional.
"""

from catalog_tool.sync.conformance.engine import EngineConformance
from catalog_tool.sync.conformance.evidence import EvidenceConformance
from catalog_tool.sync.conformance.sides import SidesConformance
from catalog_tool.sync.conformance.store import Connect, StoreConformance


class BackendConformance(StoreConformance, EngineConformance, SidesConformance, EvidenceConformance):
    """All of it."""


__all__ = [
    "BackendConformance",
    "Connect",
    "EngineConformance",
    "EvidenceConformance",
    "SidesConformance",
    "StoreConformance",
]
