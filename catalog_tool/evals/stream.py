"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, as model servers use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

DONE = "[DONE]"
"""What OpenAI's chat protocol sends as its last event."""


def event_data(chunks: Iterable[bytes]) -> Iterator[str]:
    """The ``data`` of each event, at the moment its last line came; ends with ``DONE`` or with the stream.

    Other fields and comments are passed over: every protocol here says in the data what it is. An event
    that the stream's end cuts off is dropped, as the specification wants.
    """
    data: list[str] = []
    for line in _lines(chunks):
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            text = "\n".join(data)
            data = []
            if text == DONE:
                return
            yield text


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Lines that end with LF, CRLF or CR. A CR at the end of a chunk waits: an LF may follow."""
    pieces: list[bytes] = []
    for chunk in chunks:
        if b"\n" not in chunk and b"\r" not in chunk and not (pieces and pieces[-1].endswith(b"\r")):
            pieces.append(chunk)
            continue
        whole = b"".join([*pieces, chunk])
        held = b"\r" if whole.endswith(b"\r") else b""
        lines = (whole[:-1] if held else whole).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        pieces = [lines.pop() + held]
        for line in lines:
            yield line.decode("utf-8", "replace")
    rest = b"".join(pieces)
    if rest.endswith(b"\r"):
        yield rest[:-1].decode("utf-8", "replace")
