"""The metadata's digest of a wanted version is read from its entry without reading all of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.sync.wanted import NO_META, WantedObject, meta_digest

META = st.dictionaries(st.sampled_from(["description", "x-a", "meta"]), st.text() | st.just('"meta":{}'), max_size=2)
PLACES = st.sampled_from(["text", '"meta":{}', '{"meta":{"owners":["me"]}}', {"meta": {}}, {"a": {"meta": {"b": 1}}}])


@given(meta=META.filter(lambda found: "\ud800" not in str(found)), inside=PLACES)
def test_the_metadata_is_the_entry_s_own_whatever_else_is_called_so(meta: dict[str, Any], inside: Any) -> None:
    entry = canonical_bytes({"digest": "d", "messages": [inside], "meta": meta, "params": {}})
    for address in ("prompts/p@v1", "skills/s"):
        assert WantedObject(address, "d", entry).meta == meta_digest(address, json.loads(entry))
    assert WantedObject("prompts/p@v1", "d", entry).meta == (digest_of(meta) if meta else NO_META)
    assert WantedObject("labels/p@production", '"v1"', b'"v1"').meta == ""
