"""What is no address of a server is told by one place, so that no library below stumbles over it."""

import httpx
import pytest

from catalog_tool.backends.registry import connect
from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import UsageError

GOOD = [
    "http://localhost", "https://example.org:8443/path?query=1", "http://127.0.0.1:3000/", "http://[::1]:80",
    "http://[fe80::1%eth0]/", "https://bücher.example", "https://xn--bcher-kva.example", "http://loki_1:3100",
    "HTTPS://EXAMPLE.ORG", "http://user:secret@host", "http://host.",
]  # fmt: skip
BAD = [
    "", "host", "//host", "ftp://host", "http://", "http:///path", "http://[", "http://[::1", "http://[::g]",
    "http://[::g]:80/", "http://x:99999", "http://x:0", "http://x:port", "http://xn--a",
    "http://\N{COLLISION SYMBOL}.example", f"http://{'a' * 64}.example", "http://a..b", "http://ex\0ample",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_address(text: str) -> None:
    assert is_web_address(text)
    assert httpx.URL(text).host


@pytest.mark.parametrize("text", BAD)
def test_no_address(text: str) -> None:
    assert not is_web_address(text)


@pytest.mark.parametrize("backend", ["http", "langfuse", "mlflow"])
@pytest.mark.parametrize("text", [text.replace("//", "//me:hunter2@") for text in BAD if text])
def test_a_target_there_is_one_clear_error_without_the_address(backend: str, text: str) -> None:
    keys = {"public_key": "pk", "secret_key": "sk"} if backend == "langfuse" else {}
    with pytest.raises(UsageError, match=r"address of a server|is none") as refused:
        connect(backend, {"url": text, **keys})
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"
