"""From text to lexemes, without ever failing: what cannot be read becomes an `ERROR` lexeme that says why.

One scanner serves the grammar and the colouring, so that the two can never disagree. It reads each character once.
What documentation leaves open (`&&`, `||`, `- a`, `@a: b`) is read as Datadog's own grammar of its search has it, which
is published with Vector: vectordotdev/vrl, src/datadog/search/grammar.pest.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from diagnostics.core.sanitizer import MARK, clean
from diagnostics.logs.lexemes import Lexeme, LexemeKind, Problem, word_value
from diagnostics.logs.tree import RESERVED_NAMES, STATUSES, Glob

MAX_DEPTH = 50
"""Groups and exclusions inside each other. Keeps every later walk over the tree far from the interpreter's limit."""


def check_nesting(lexemes: list[Lexeme]) -> None:
    """Put a problem on every parenthesis without a partner and on the first lexeme that nests too deep."""
    open_groups: list[tuple[Lexeme, int]] = []
    depth = 0
    exclusions = 0
    for lexeme in lexemes:
        kind = lexeme.kind
        if kind in (LexemeKind.MINUS, LexemeKind.NOT):
            exclusions += 1
        elif kind in (LexemeKind.OPEN, LexemeKind.CIDR):
            if lexeme.problem is None:
                open_groups.append((lexeme, exclusions + 1))
                depth += exclusions + 1
            exclusions = 0
        elif kind is LexemeKind.CLOSE and open_groups:
            depth -= open_groups.pop()[1]
            exclusions = 0
        elif kind is LexemeKind.CLOSE:
            lexeme.problem = Problem(
                f"the parenthesis closed at column {lexeme.start + 1} was never opened",
                lexeme.start,
                1,
                next_step=r"open it earlier, remove it, or write \) for the character",
            )
        elif kind is not LexemeKind.FIELD:
            exclusions = 0
        if depth + exclusions > MAX_DEPTH and lexeme.problem is None:
            lexeme.problem = Problem(
                f"the query nests deeper than {MAX_DEPTH} levels",
                lexeme.start,
                len(lexeme.text),
                f"at most {MAX_DEPTH} groups and exclusions inside each other",
                "remove parentheses that change nothing",
            )
            return
    for lexeme, _ in open_groups:
        lexeme.problem = lexeme.problem or Problem(
            f"the parenthesis opened at column {lexeme.end} is never closed",
            lexeme.end - 1,
            1,
            "a closing )",
            r"close it, or write \( for the character",
        )


MAX_QUERY_LENGTH = 8_192
"""Characters of one query. The longest catalogue query has under 200."""

_HIDDEN = "\x00"
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"(?:\\[^\x00\t\r\n]|[^\s\\\"():<>\[\]{}\x00])+")
_PHRASE = re.compile(r'"(?:\\[^\x00]|[^"\\\x00])*"')
_BOUND = re.compile(r'"(?:\\[^\x00]|[^"\\\x00])*"|(?:\\[^\x00\t\r\n]|[^\s\\\"\[\]{}\x00])+')
_ADDRESS = re.compile(r"(?:\\[^\x00\t\r\n]|[^\s\\\",()\x00])+")
_NEGATIVE = re.compile(r"-[0-9]")
_WORDY_OPERATOR = re.compile(r"(?<!\\)(?:&&|\|\|)")
_KEYWORDS = {"AND": LexemeKind.AND, "OR": LexemeKind.OR, "NOT": LexemeKind.NOT}
_SIGNS = {"&&": LexemeKind.AND, "||": LexemeKind.OR}
_CALCULATED = (
    "calculated fields (#name) cannot be searched here",
    r"name the attribute, or write \# for the character",
)
_ASSIGNED = re.compile(r"(@?[\w.-]+)(!?)=+(.*)")
_OTHER_SYNTAX = {"_exists_": "", "_missing_": "-"}
_BRACKETED = re.compile(r"\[([^\[\]{}\"\x00]*)\]")
_JSON = re.compile(r'[\[{]\s*(?:[\[{]\s*)?"(?:[^"\\]|\\.)*"\s*[:,\]}]')
_LEVELS = {"warning": "warn", "err": "error", "fatal": "critical"} | {status: status for status in STATUSES}
_MOST_LEAVES = 2


def scan(text: str) -> list[Lexeme]:
    """Return the lexemes of `text` in order, with a problem on each one that is wrong. Never raises."""
    lexemes = _Scanner(text[:MAX_QUERY_LENGTH]).run()
    check_nesting(lexemes)
    if len(text) > MAX_QUERY_LENGTH:
        rest = Lexeme(LexemeKind.ERROR, text[MAX_QUERY_LENGTH:], MAX_QUERY_LENGTH)
        rest.problem = Problem(
            f"the query is longer than {MAX_QUERY_LENGTH:,} characters",
            MAX_QUERY_LENGTH,
            len(rest.text),
            f"at most {MAX_QUERY_LENGTH:,} characters",
            "split the question, or match with a wildcard instead of listing every value",
        )
        lexemes.append(rest)
    return lexemes


def _is_forbidden(char: str) -> bool:
    """True for what the sanitizer would remove: controls, bidirectional overrides, zero-width characters."""
    if char.isprintable() or char in "\t\r\n" or unicodedata.category(char) == "Zs":
        return False
    return clean(char) == MARK


def _fields_in(text: str) -> str:
    """The first fields of an object in JSON, as terms of a query; empty where none can be read."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return " ".join(islice(_leaves(tree, ()), _MOST_LEAVES))


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, (*path, str(key)))
    elif path and isinstance(node, str | int | float) and not isinstance(node, bool):
        text = str(node)
        name = ".".join(path)
        if name in RESERVED_NAMES or re.fullmatch(r"[\w.]+", name):
            value = text if re.fullmatch(r"[\w.]+", text) else json.dumps(text, ensure_ascii=False)
            yield f"{'' if name in RESERVED_NAMES else '@'}{name}:{value}"


class _Scanner:
    """One pass over one text. `source` is the text with forbidden characters replaced by NUL, column for column."""

    def __init__(self, text: str) -> None:
        self.text = text
        printable = text.isprintable()
        self.source = text if printable else "".join(_HIDDEN if _is_forbidden(char) else char for char in text)
        self.position = 0
        self.lexemes: list[Lexeme] = []
        self._value_at = -1
        """Where the value of the last field begins."""

    def run(self) -> list[Lexeme]:
        while self.position < len(self.source):
            space = _SPACE.match(self.source, self.position)
            if space:
                self.position = space.end()
                continue
            self._clause()
        if self.lexemes and self.lexemes[-1].kind is LexemeKind.FIELD:
            self._no_value(self.lexemes[-1])
        return self.lexemes

    # What stands at the present position.

    def _clause(self) -> None:
        char = self.source[self.position]
        last = self.lexemes[-1] if self.lexemes else None
        if last is not None and last.kind is LexemeKind.FIELD:
            if char == ")" or (last.end != self.position and not self._is_value()):
                self._no_value(last)
            else:
                self._value_at = self.position
        if char == '"':
            self._phrase()
        elif char == "(":
            self._add(LexemeKind.OPEN, 1)
        elif char == ")":
            self._add(LexemeKind.CLOSE, 1)
        elif char in "[{":
            self._range()
        elif char in "<>":
            self._comparison()
        elif char == "-" and not (self._in_value() and _NEGATIVE.match(self.source, self.position)):
            self._minus()
        else:
            self._word()

    def _minus(self) -> None:
        if self._in_value():
            self._word()
            self.lexemes[-1].problem = self._problem_of_last(
                "a value cannot begin with a dash unless it is a number",
                r"a dash before the field excludes: -@name:value; a dash in the value is written \-",
            )
            return
        minus = self._add(LexemeKind.MINUS, 1)
        following = self.source[self.position :].lstrip()[:1]
        if not following or following == ")":
            minus.problem = self._problem_of_last(
                "the dash excludes nothing: what it excludes must follow it",
                r"remove the dash, write a term after it, or write \- for the character",
            )

    def _word(self) -> None:
        in_value = self._in_value()
        sign = self.source[self.position : self.position + 2]
        if sign in _SIGNS and not in_value:
            # Before the word that it may begin: of many in a row, each would look through all that follow.
            self._add(_SIGNS[sign], 2)
            return
        match = _WORD.match(self.source, self.position)
        if match is None:
            self._stray()
            return
        word = match.group()
        following = self.source[match.end() : match.end() + 1]
        if following == ":" and not in_value:
            self._field(word)
        elif word == "CIDR" and following == "(" and not in_value:
            self._cidr()
        elif word in _KEYWORDS and not in_value and (following in ("", "(", ")", '"') or following.isspace()):
            self._add(_KEYWORDS[word], len(word))
        else:
            lexeme = self._add(LexemeKind.WORD, len(word))
            lexeme.problem = self._word_problem(word, in_value=in_value)
            self._end_of_value()

    def _word_problem(self, word: str, *, in_value: bool) -> Problem | None:
        operator = _WORDY_OPERATOR.search(word)
        if operator:
            name = "AND" if operator.group() == "&&" else "OR"
            return Problem(
                f"{operator.group()} is an operator between terms only",
                self.lexemes[-1].start + operator.start(),
                2,
                "AND, OR, NOT, &&, || and a dash before a term",
                f"put a space before it, or write {name}; for the text itself, put the value in quotation marks",
            )
        if in_value and word in _KEYWORDS:
            return self._problem_of_last(f"{word} is an operator and cannot be a value as it stands", f'write "{word}"')
        if word[0] == "#":
            return self._problem_of_last(*_CALCULATED)
        if word[0] in "!=":
            return self._wrong_sign(word, in_value=in_value)
        return None if in_value else self._unnamed_problem(word)

    def _unnamed_problem(self, word: str) -> Problem | None:
        """What is wrong with a word that is no value of a field."""
        assigned = _ASSIGNED.fullmatch(word)
        if assigned:
            name, exclusion, value = assigned.groups()
            as_text = "" if name[0] == "@" else f', or "{word}" for the text'
            return self._problem_of_last(
                "a field and its value are parted by a colon",
                f"write {'-' * len(exclusion)}{name}:{value or 'value'}{as_text}",
            )
        if word[0] == "@":
            return self._problem_of_last(
                f"{word} names an attribute and says nothing about it", f"write {word}:value, or {word}:* for any value"
            )
        return None

    def _wrong_sign(self, word: str, *, in_value: bool) -> Problem:
        field = self.lexemes[-2].text if in_value and len(self.lexemes) > 1 else ""
        value = word.lstrip("!=") or "value"
        if word[0] == "=":
            return self._problem_of_last("a value does not begin with =", f"write {field or '@name:'}{value}")
        return self._problem_of_last("! does not exclude here, a dash does", f"write -{field}{value}")

    def _field(self, word: str) -> None:
        field = self._add(LexemeKind.FIELD, len(word) + 1)
        name = word[1:] if word[0] == "@" else word
        if not name:
            field.problem = self._problem_of_last("@ is not followed by an attribute name", "write @name:value")
        elif word in _OTHER_SYNTAX:
            named = _WORD.match(self.source, self.position)
            name = named.group().lstrip("@") if named else "name"
            form = f"{_OTHER_SYNTAX[word]}{name if name in RESERVED_NAMES else f'@{name}'}:*"
            field.problem = self._problem_of_last(f"{word}: is not part of this syntax", f"write {form}")
        elif word[0] == "#":
            field.problem = self._problem_of_last(*_CALCULATED)
        elif word[0] in "!=":
            field.problem = self._wrong_sign(f"{word}:value", in_value=False)
        elif word != "*" and isinstance(word_value(name), Glob):
            field.problem = self._problem_of_last(
                "wildcards are not allowed in the name of a field", r"name one field, or search everywhere with *:value"
            )

    def _phrase(self) -> None:
        match = _PHRASE.match(self.source, self.position)
        if match:
            self._add(LexemeKind.PHRASE, len(match.group()))
            self._end_of_value()
            return
        hidden = self.source.find(_HIDDEN, self.position)
        opened = self.position + 1
        if hidden >= 0:
            self._add(LexemeKind.ERROR, hidden - self.position)
            self._stray()
            return
        self._add(LexemeKind.ERROR, len(self.source) - self.position)
        self.lexemes[-1].problem = Problem(
            f"the quotation mark opened at column {opened} is never closed",
            opened - 1,
            1,
            'a closing "',
            r"close it, or write \" for the character",
        )

    def _comparison(self) -> None:
        operator = self.source[self.position : self.position + 2]
        comparison = self._add(LexemeKind.COMPARISON, 2 if operator[1:] == "=" else 1)
        following = self.source[self.position : self.position + 1]
        if not following or following.isspace() or following in "()[]{}<>:":
            comparison.problem = self._problem_of_last(
                f"{comparison.text} has no value to compare with",
                f"write the value directly after it: {comparison.text}5",
            )
        elif following == '"':
            self._phrase()
        else:
            self._word()
            bound = self.lexemes[-1]
            if bound.kind is not LexemeKind.WORD and bound.problem is None:
                bound.problem = self._problem_of_last("a comparison takes one value", "write @name:>=5")

    # Two forms with an inside of their own.

    def _range(self) -> None:
        if not self._in_value() and self._is_pasted():
            return
        opening = self._add(LexemeKind.RANGE_OPEN, 1)
        while self.position < len(self.source):
            space = _SPACE.match(self.source, self.position)
            if space:
                self.position = space.end()
                continue
            if self.source[self.position] in "]}":
                self._add(LexemeKind.RANGE_CLOSE, 1)
                self._end_of_value()
                return
            match = _BOUND.match(self.source, self.position)
            if match is None:
                break
            word = match.group()
            kind = LexemeKind.TO if word == "TO" else LexemeKind.PHRASE if word[0] == '"' else LexemeKind.WORD
            self._add(kind, len(word))
        opening.problem = Problem(
            f"the range opened at column {opening.start + 1} is never closed",
            opening.start,
            1,
            "[1 TO 5], {1 TO 5} or a mixture, with * for an open end",
            "close it with ] to include the upper end or with } to exclude it",
        )

    def _is_pasted(self) -> bool:
        """True for JSON and for a level in brackets, as log lines begin: taken as one piece, with advice."""
        if _JSON.match(self.source, self.position):
            self._add(LexemeKind.ERROR, len(self.source) - self.position)
            written = _fields_in(self.lexemes[-1].text) or "@name:value for each field that matters"
            self.lexemes[-1].problem = self._problem_of_last("this is JSON and not a query", f"write {written}")
            return True
        bracketed = _BRACKETED.match(self.source, self.position)
        if bracketed is None or not bracketed[1].strip() or " TO" in f" {bracketed[1]}":
            return False
        text = bracketed[1].strip()
        level = _LEVELS.get(text.lower())
        as_text = text if text.isalnum() else f'"{text}"'
        self._add(LexemeKind.ERROR, len(bracketed.group()))
        self.lexemes[-1].problem = self._problem_of_last(
            "brackets are for ranges, and cannot be searched in text",
            f"write status:{level}, or {as_text} for the word" if level else f"write {as_text}",
            "@name:[1 TO 5]",
        )
        return True

    def _cidr(self) -> None:
        opening = self._add(LexemeKind.CIDR, len("CIDR("))
        while self.position < len(self.source):
            char = self.source[self.position]
            space = _SPACE.match(self.source, self.position)
            if space:
                self.position = space.end()
            elif char == ")":
                self._add(LexemeKind.CLOSE, 1)
                self._end_of_value()
                return
            elif char == ",":
                self._add(LexemeKind.COMMA, 1)
            else:
                match = _ADDRESS.match(self.source, self.position)
                if match is None:
                    break
                self._add(LexemeKind.NAME if char == "@" else LexemeKind.NETWORK, len(match.group()))
        opening.problem = Problem(
            f"the parenthesis opened at column {opening.end} is never closed",
            opening.end - 1,
            1,
            "CIDR(@name,10.0.0.0/8)",
            "close it with )",
        )

    # What may not stand beside what.

    def _end_of_value(self) -> None:
        following = self.source[self.position : self.position + 1]
        if not following or following.isspace() or following in (")", "\\", _HIDDEN):
            return
        last = self.lexemes[-1]
        if last.kind is LexemeKind.WORD and last.problem is None:
            last.problem = Problem(
                f"{following} has a meaning of its own and cannot stand inside a word",
                self.position,
                1,
                next_step=f"write \\{following} for the character, or put the whole value in quotation marks",
            )
        elif last.kind is not LexemeKind.WORD and last.problem is None:
            last.problem = Problem(
                "there is no space between this value and what follows it",
                last.start,
                len(last.text),
                next_step=f"put a space at column {self.position + 1}",
            )
        if following == ":":
            self._add(LexemeKind.ERROR, 1)

    def _stray(self) -> None:
        char = self.text[self.position]
        name = f"U+{ord(char):04X}"
        self._add(LexemeKind.ERROR, 1)
        if self.source[self.position - 1] == _HIDDEN:
            message, step = (
                f"an invisible or control character ({name}) is in the query",
                "remove it, or type the query again",
            )
        elif char == "\\":
            message, step = "the backslash escapes nothing", r"write \\ for the character"
        elif char == ":":
            message, step = "the colon has no field name before it", r"write name:value, or \: for the character"
        else:
            message, step = f"{char} closes a range that was never opened", f"write \\{char} for the character"
        self.lexemes[-1].problem = self._problem_of_last(message, step)

    def _in_value(self) -> bool:
        """True at the value of a field: after its colon, and after spaces behind it."""
        last = self.lexemes[-1] if self.lexemes else None
        return last is not None and last.kind is LexemeKind.FIELD and self.position in (last.end, self._value_at)

    def _is_value(self) -> bool:
        """Whether what stands here, apart from the colon before it, can be the field's value."""
        if self.source[self.position] == "-":
            return False
        match = _WORD.match(self.source, self.position)
        if match is None:
            return True
        word = match.group()
        is_operator = word in _KEYWORDS or word[:2] in _SIGNS
        return not is_operator and self.source[match.end() : match.end() + 1] != ":"

    def _no_value(self, field: Lexeme) -> None:
        if field.problem is None:
            field.problem = Problem(
                f"{field.text} has no value",
                field.start,
                len(field.text),
                "a value directly after the colon",
                f'write {field.text}value without a space, or "{field.text[:-1]}" to search for the text',
            )

    def _add(self, kind: LexemeKind, length: int) -> Lexeme:
        lexeme = Lexeme(kind, self.text[self.position : self.position + length], self.position)
        self.position += length
        self.lexemes.append(lexeme)
        return lexeme

    def _problem_of_last(self, message: str, next_step: str, accepted: str = "") -> Problem:
        last = self.lexemes[-1]
        return Problem(message, last.start, len(last.text), accepted, next_step)
