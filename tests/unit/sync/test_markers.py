"""Markers are put together by hand: what they say is canonical JSON all the same, and reads back."""

from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.model.target import Applied
from catalog_tool.sync.markers import marker_text, read_marker

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(catalog=TEXT, address=TEXT, digest=TEXT, meta=TEXT, commit=st.none() | TEXT)
def test_a_marker_is_canonical_and_reads_back(
    catalog: str, address: str, digest: str, meta: str, commit: str | None
) -> None:
    applied = Applied(digest, meta)
    text = marker_text(catalog, address, applied, commit)
    document = {
        "managed_by": "catalog", "catalog": catalog, "object": address, "digest": digest, "meta": meta, "hv": 1,
        "commit": commit,
    }  # fmt: skip
    assert text.encode() == canonical_bytes(document)
    owner = read_marker(text, catalog, address)
    assert (owner.applied, owner.commit, owner.foreign) == (applied, commit, None)
