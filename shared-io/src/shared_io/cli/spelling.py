"""Every accepted spelling of a command line, rewritten to the one the parser knows.

The commands grew in several hands: ``--snr_thres`` and ``--snr-thres``, ``-cpu 4``, ``--flag True``,
``--group_ids 360 361``, ``-f PARAM MIN MAX``. `normalise` is a pure function from the words of a command line
and the declared options to canonical words; it opens no file and prints nothing.

An option is looked for in this order, and the first step that finds it decides: as declared; with ``_`` for
``-``; in any case; without dashes at all (``--do-gpu`` is ``--doGPU``); as the beginning of one name only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Parsed", "Spec", "UsageProblem", "match_name", "normalise", "suggest"]

_NEGATIVE_NUMBER = re.compile(r"-(\d|\.\d|inf$|nan$)", re.IGNORECASE)
_TRUE = {"true": True, "1": True, "false": False, "0": False}
_WORDS = {**_TRUE, "yes": True, "on": True, "no": False, "off": False}


class UsageProblem(Exception):
    """The command line (or a settings file) asks for something that does not exist; exit code 2."""


@dataclass(frozen=True)
class Spec:
    """What the normaliser has to know of one option.

    Parameters
    ----------
    name
        The name of the parameter.
    spellings, negatives
        The declared spellings that set it, and those that unset a flag.
    kind
        ``flag`` takes no value, ``count`` counts its occurrences, ``value`` takes values.
    nargs
        How many values one occurrence takes.
    many
        It may be repeated and, with ``nargs`` 1, may be followed by several values.
    number
        Its values are numbers, so that a list ends at the first word that is none.
    secret
        Its value is never shown.
    """

    name: str
    spellings: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    kind: Literal["flag", "count", "value"] = "value"
    nargs: int = 1
    many: bool = False
    number: bool = False
    secret: bool = False


@dataclass
class Parsed:
    """A command line in canonical words.

    Attributes
    ----------
    options
        ``(spec, words)`` for each occurrence, in order.
    positionals
        The other words, with their index in the original line.
    """

    options: list[tuple[Spec, list[str]]] = field(default_factory=list)
    positionals: list[tuple[int, str]] = field(default_factory=list)

    @property
    def argv(self) -> list[str]:
        """The canonical words: options first, then ``--`` and the positionals."""
        words = [word for _, occurrence in self.options for word in occurrence]
        return [*words, "--", *(word for _, word in self.positionals)] if self.positionals else words

    @property
    def secrets(self) -> list[str]:
        """The values that must never be shown."""
        return [value for spec, words in self.options if spec.secret for value in words[1:] if value]

    def values(self, name: str) -> list[str]:
        """The words of the last occurrence of the option ``name``; empty if it was not given."""
        found = [words for spec, words in self.options if spec.name == name]
        return found[-1] if found else []


def normalise(args: Sequence[str], specs: Sequence[Spec], *, required: int = 0) -> Parsed:
    """Rewrite the words of a command line to the declared spellings.

    Parameters
    ----------
    args
        The words after the command's name.
    specs
        The options that the command declares.
    required
        How many positional words it needs: a list at the end of the line gives them back if they are missing.

    Raises
    ------
    UsageProblem
        For an unknown or ambiguous option, a missing value or a value that a flag cannot take.
    """
    return _Reader(list(args), tuple(specs)).read(required)


def match_name(name: str, names: Sequence[str], *, prefixes: bool = True) -> list[str]:
    """The declared names that ``name`` may mean, by the first step of the module's list that finds any."""
    steps: list[Callable[[str], str]] = [str, _dashed, _lowered, _squashed]
    for step in steps:
        found = [n for n in names if step(n) == step(name)]
        if found:
            return found
    return [n for n in names if _lowered(n).startswith(_lowered(name))] if prefixes and name else []


def suggest(name: str, names: Sequence[str]) -> str:
    """``; did you mean X?`` for the most similar name, or nothing."""
    keys = {_squashed(n): n for n in reversed(names)}
    close = difflib.get_close_matches(_squashed(name), keys, n=1, cutoff=0.6)
    return f"; did you mean {keys[close[0]]}?" if close else ""


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _lowered(name: str) -> str:
    return _dashed(name).lower()


def _squashed(name: str) -> str:
    return _lowered(name).replace("-", "")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


class _Reader:
    """One pass over the words of a line."""

    def __init__(self, args: list[str], specs: tuple[Spec, ...]) -> None:
        self.args = args
        self.at = 0
        self.parsed = Parsed()
        self.short: dict[str, tuple[Spec, bool]] = {}
        self.long: dict[str, list[tuple[Spec, bool, str]]] = {}
        for spec in specs:
            for negative, spellings in ((False, spec.spellings), (True, spec.negatives)):
                for spelling in spellings:
                    self._declare(spec, negative, spelling)

    def _declare(self, spec: Spec, negative: bool, spelling: str) -> None:
        body = spelling.lstrip("-")
        if len(body) == 1 and not spelling.startswith("--"):
            self.short[body] = (spec, negative)
        else:
            self.long.setdefault(body, []).append((spec, negative, spelling))

    def read(self, required: int) -> Parsed:
        while self.at < len(self.args):
            index, word = self.at, self.args[self.at]
            self.at += 1
            if word == "--":
                rest = self.args[self.at :]
                self.parsed.positionals += list(enumerate(rest, self.at))
                break
            if word[:1] in ("\u2013", "\u2014", "\u2212") and len(word) > 1:
                hint = suggest(word[1:], self._spellings())
                raise UsageProblem(f"'{word}' starts with a typographic dash, not with '-'{hint}")
            if self._looks_like_option(word):
                self._option(word)
            else:
                self.parsed.positionals.append((index, word))
        self._give_back(required)
        return self.parsed

    def _looks_like_option(self, word: str) -> bool:
        if not word.startswith("-") or word == "-":
            return False
        return not _NEGATIVE_NUMBER.match(word) or word[1] in self.short

    def _option(self, word: str) -> None:
        name, equals, attached = word.partition("=")
        value = attached if equals else None
        found = self._long(name, prefixes=name.startswith("--"))
        if found is None and not name.startswith("--"):
            if self._cluster(word):
                return
            found = self._long(name, prefixes=True)
        if found is None:
            raise UsageProblem(f"no such option: {name}{suggest(name, self._spellings())}")
        self._take(*found, value, name)

    def _long(self, name: str, *, prefixes: bool) -> tuple[Spec, bool, str] | None:
        bodies = match_name(name.lstrip("-"), list(self.long), prefixes=prefixes)
        found = [entry for body in bodies for entry in self.long[body]]
        if len({(spec.name, negative) for spec, negative, _ in found}) > 1:
            choices = ", ".join(sorted({spelling for _, _, spelling in found}))
            raise UsageProblem(f"ambiguous option: {name} may be {choices}")
        return found[0] if found else None

    def _cluster(self, word: str) -> bool:
        """``-qv``, ``-oOUT``, ``-o=OUT``: short options written together."""
        body, occurrences = word[1:], []
        while body:
            found = self.short.get(body[0])
            if found is None:
                return False
            letter, body = body[0], body[1:]
            if found[0].kind == "value":
                value = body.removeprefix("=") if body else None
                occurrences.append((*found, f"-{letter}", value))
                break
            if body.startswith("="):
                occurrences.append((*found, f"-{letter}", body[1:]))
                break
            occurrences.append((*found, f"-{letter}", None))
        for spec, negative, spelling, value in occurrences:
            self._take(spec, negative, spelling, value, spelling)
        return True

    def _take(self, spec: Spec, negative: bool, spelling: str, value: str | None, written: str) -> None:
        if spec.kind == "flag":
            self._flag(spec, negative, value, written)
        elif spec.kind == "count":
            self._count(spec, spelling, value, written)
        else:
            values = self._values(spec, value, written)
            step = spec.nargs
            for i in range(0, len(values), step):
                self.parsed.options.append((spec, [spelling, *values[i : i + step]]))

    def _flag(self, spec: Spec, negative: bool, value: str | None, written: str) -> None:
        state = True
        if value is not None:
            if value.lower() not in _WORDS:
                raise UsageProblem(f"option {written} is a switch: it takes true or false, not '{value}'")
            state = _WORDS[value.lower()]
        elif self.at < len(self.args) and self.args[self.at].lower() in _TRUE:
            state = _TRUE[self.args[self.at].lower()]
            self.at += 1
        spelling = spec.spellings[0] if state != negative else spec.negatives[0]
        self.parsed.options.append((spec, [spelling]))

    def _count(self, spec: Spec, spelling: str, value: str | None, written: str) -> None:
        number = 1 if value is None else _WORDS.get(value.lower(), value)
        if not isinstance(number, int):
            if not number.isdigit() or int(number) > 9:
                raise UsageProblem(f"option {written} takes a number from 0 to 9, not '{value}'")
            number = int(number)
        self.parsed.options += [(spec, [spelling])] * number

    def _values(self, spec: Spec, attached: str | None, written: str) -> list[str]:
        values = [] if attached is None else [attached]
        while len(values) < spec.nargs:
            if self.at >= len(self.args) or self._is_known(self.args[self.at]):
                wanted = "a value" if spec.nargs == 1 else f"{spec.nargs} values"
                raise UsageProblem(f"option {written} needs {wanted}")
            values.append(self.args[self.at])
            self.at += 1
        if spec.many and spec.nargs == 1 and attached is None:
            while self.at < len(self.args) and self._continues(spec, self.args[self.at]):
                values.append(self.args[self.at])
                self.at += 1
        return values

    def _continues(self, spec: Spec, word: str) -> bool:
        if word == "--" or self._looks_like_option(word):
            return False
        return not spec.number or _is_number(word)

    def _is_known(self, word: str) -> bool:
        """Whether a word is an option of the command, so that it cannot be the value that is missing."""
        if word == "--":
            return True
        if not self._looks_like_option(word):
            return False
        name = word.partition("=")[0]
        if match_name(name.lstrip("-"), list(self.long), prefixes=False):
            return True
        return not name.startswith("--") and len(name) == 2 and name[1] in self.short

    def _give_back(self, required: int) -> None:
        """A list that ends the line leaves the command the positional words that it needs."""
        missing = required - len(self.parsed.positionals)
        if missing <= 0 or not self.parsed.options:
            return
        last = self.parsed.options[-1][0]
        end = [words for spec, words in self.parsed.options if spec is last]
        if not last.many or last.nargs != 1 or len(end) <= missing:
            return
        values = [words[1] for words in end[-missing:]]
        if self.args[-missing:] != values:
            return
        del self.parsed.options[-missing:]
        first = len(self.args) - missing
        self.parsed.positionals += list(enumerate(values, first))

    def _spellings(self) -> list[str]:
        return [s for entries in self.long.values() for spec, _, s in entries if s in spec.spellings]
