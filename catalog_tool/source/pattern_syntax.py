"""The regular expressions that JSON Schema's ``pattern`` may use, parsed by ourselves.

ECMA-262, Python and Rust read the same text differently: ``$`` before a final newline, ``\\d`` in
other scripts, ``.`` at U+2028. So a pattern is parsed here once, with ECMA's meaning, and spelled
out again with nothing left to interpretation: every class becomes explicit ranges. What the
dialects do not share is refused with a reason: look-around, back-references, inline flags,
possessive and atomic groups.

The parser looks at each character once and is bounded: 2,000 characters, groups 20 deep, counts up
to 1,000.
"""

from __future__ import annotations

from catalog_tool.source.pattern_nodes import (
    SURROGATES,
    TOP,
    Chars,
    Choice,
    Edge,
    Node,
    Ranges,
    Repeat,
    Sequence,
    complement,
    spell_range,
    union,
)

PATTERN_CHARACTERS = 2000
"""A longer pattern is not evaluated."""
PATTERN_GROUPS = 20
"""Groups inside one another."""
PATTERN_COUNT = 1000
"""The largest number in ``{n,m}``."""


class UnreadablePatternError(ValueError):
    """Not a pattern that all dialects read alike; the message says what stands in the way."""


_EVERYTHING: Ranges = ((0, TOP),)
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
# White space and line ends as ECMA-262 lists them.
_SPACE = union(
    [
        (0x09, 0x0D),
        (0x20, 0x20),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
        (0xFEFF, 0xFEFF),
    ]
)
_ANY = complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
_CLASSES = {
    "d": _DIGIT,
    "D": complement(_DIGIT),
    "w": _WORD,
    "W": complement(_WORD),
    "s": _SPACE,
    "S": complement(_SPACE),
}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
_GROUPS = {
    "?=": "look-ahead",
    "?!": "look-ahead",
    "?<=": "look-behind",
    "?<!": "look-behind",
    "?>": "an atomic group",
    "?P": "a group spelled (?P…), which only Python and Rust read",
    "?(": "a conditional group",
}


def parse(pattern: str) -> Node:
    """The tree of ``pattern``. UnreadablePatternError: not a portable pattern, or too large."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise UnreadablePatternError(f"longer than {PATTERN_CHARACTERS:,} characters")
    if any(SURROGATES[0] <= ord(character) <= SURROGATES[1] for character in pattern):
        raise UnreadablePatternError("half of a surrogate pair")
    reader = _Reader(pattern)
    node = reader.choice(0)
    if reader.at < len(pattern):
        raise UnreadablePatternError("a closing ) without its (")
    return node


class _Reader:
    """A recursive descent over one pattern; ``at`` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.properties: list[str] = []

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        sign = self.peek()
        if not sign:
            raise UnreadablePatternError("it ends too early")
        self.at += 1
        return sign

    def choice(self, depth: int) -> Node:
        if depth > PATTERN_GROUPS:
            raise UnreadablePatternError(f"groups more than {PATTERN_GROUPS} deep")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while (sign := self.peek()) and sign not in "|)":
            parts.append(self.repeated(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self, depth: int) -> Node:
        sign = self.take()
        if sign == "(":
            return self.group(depth)
        if sign == "[":
            return self.bracket()
        if sign == ".":
            return Chars(_ANY)
        if sign in "^$":
            return Edge(sign)
        if sign == "\\":
            return self.escape()
        if sign in "*+?{":
            raise UnreadablePatternError(f"{sign} with nothing before it to repeat")
        return Chars(((ord(sign), ord(sign)),))

    def group(self, depth: int) -> Node:
        if self.peek() == "?":
            self.group_kind()
        inner = self.choice(depth + 1)
        if self.peek() != ")":
            raise UnreadablePatternError("an opening ( without its )")
        self.at += 1
        return inner

    def group_kind(self) -> None:
        rest = self.text[self.at : self.at + 3]
        if rest.startswith("?:"):
            self.at += 2
            return
        for opening, what in _GROUPS.items():
            if rest.startswith(opening):
                raise UnreadablePatternError(what)
        end = self.text.find(">", self.at)
        name = self.text[self.at + 2 : end]
        if not rest.startswith("?<") or end < 0 or not (name.isascii() and name.isidentifier()):
            raise UnreadablePatternError("inline flags or an unknown kind of group")
        self.at = end + 1

    def repeated(self, body: Node) -> Node:
        sign = self.peek()
        if not sign or sign not in "*+?{":
            return body
        if isinstance(body, Edge):
            raise UnreadablePatternError(f"{body.sign} repeated")
        self.at += 1
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        low, high = bounds[sign] if sign in bounds else self.counts()
        if self.peek() == "?":
            self.at += 1  # lazy or greedy: the same texts match
        following = self.peek()
        if following and following in "*+?{":
            raise UnreadablePatternError("a quantifier on a quantifier, or a possessive one")
        return Repeat(body, low, high)

    def counts(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        first, comma, second = self.text[self.at : max(end, self.at)].partition(",")
        self.at = end + 1
        if not _is_count(first) or (second and not _is_count(second)):
            raise UnreadablePatternError(f"a {{ that is no count up to {PATTERN_COUNT:,}; a literal one is \\{{")
        low = int(first)
        high = low if not comma else int(second) if second else None
        if high is not None and high < low:
            raise UnreadablePatternError("a count whose end is below its start")
        return low, high

    def escape(self) -> Node:
        sign = self.peek()
        if sign == "b":
            self.at += 1
            return Edge("\\b")
        if sign and sign in "123456789k":
            raise UnreadablePatternError("a back-reference")
        ranges = self.escaped()
        return Chars(ranges) if ranges else Chars(_EVERYTHING, self.properties.pop())

    def escaped(self) -> Ranges:
        """What a backslash stands for, in and out of brackets; a Unicode property is put aside."""
        sign = self.take()
        if sign in "pP":
            self.properties.append(self.unicode_property(sign))
            return ()
        if sign in _CLASSES:
            return _CLASSES[sign]
        code = self.code_point(sign)
        return ((code, code),)

    def code_point(self, sign: str) -> int:
        if sign in _CONTROLS and not (sign == "0" and self.peek().isdigit()):
            return _CONTROLS[sign]
        if sign == "x":
            return self.hexadecimal(2)
        if sign == "u":
            return self.unicode()
        if sign == "c" and self.peek().isascii() and self.peek().isalpha():
            return ord(self.take()) % 32
        if sign.isalnum():
            raise UnreadablePatternError(f"\\{sign}, which dialects read differently")
        return ord(sign)

    def unicode(self) -> int:
        if self.peek() == "{":
            end = self.text.find("}", self.at)
            self.at += 1
            code = self.hexadecimal(end - self.at)
            self.at += 1
        else:
            code = self.hexadecimal(4)
            if 0xD800 <= code < 0xDC00 and self.text.startswith("\\u", self.at):
                self.at += 2
                code = 0x10000 + ((code - 0xD800) << 10) + (self.hexadecimal(4) - 0xDC00)
        if code > TOP or SURROGATES[0] <= code <= SURROGATES[1]:
            raise UnreadablePatternError("half of a surrogate pair")
        return code

    def hexadecimal(self, length: int) -> int:
        digits = self.text[self.at : self.at + max(length, 0)]
        if not 0 < length <= 6 or len(digits) < length or not set(digits) <= set("0123456789abcdefABCDEF"):
            raise UnreadablePatternError("an escape without its hexadecimal digits")
        self.at += length
        return int(digits, 16)

    def unicode_property(self, sign: str) -> str:
        end = self.text.find("}", self.at)
        name = self.text[self.at + 1 : end]
        if self.peek() != "{" or end < 0 or not name.replace("=", "").isidentifier() or not name.isascii():
            raise UnreadablePatternError("a Unicode property without its name in braces")
        self.at = end + 1
        return f"\\{sign}{{{name}}}"

    def bracket(self) -> Node:
        negated = self.peek() == "^"
        self.at += negated
        pairs: list[tuple[int, int]] = []
        while self.peek() != "]":
            pairs += self.member()
        self.at += 1
        properties, self.properties = self.properties, []
        if properties:
            plain = "".join(spell_range(low, high) for low, high in union(pairs))
            return Chars(_EVERYTHING, f"[{'^' if negated else ''}{plain}{''.join(properties)}]")
        if not pairs:
            raise UnreadablePatternError("empty brackets")
        ranges = complement(union(pairs)) if negated else union(pairs)
        if not ranges:
            raise UnreadablePatternError("brackets that no character fits")
        return Chars(ranges)

    def member(self) -> Ranges:
        low = self.single()
        if not low or self.peek() != "-" or self.text[self.at + 1 : self.at + 2] == "]":
            return low
        self.at += 1
        high = self.single()
        if not (len(low) == len(high) == 1) or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
            raise UnreadablePatternError("a range that begins or ends with a class")
        if low[0][0] > high[0][0]:
            raise UnreadablePatternError("a range whose end is below its start")
        return ((low[0][0], high[0][0]),)

    def single(self) -> Ranges:
        sign = self.take()
        if sign == "\\":
            if self.peek() == "b":
                self.at += 1
                return ((0x08, 0x08),)
            return self.escaped()
        return ((ord(sign), ord(sign)),)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= PATTERN_COUNT
