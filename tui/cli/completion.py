"""`warroom completion SHELL` and `warroom manual`: made of the grammar itself, so that they know what it knows."""

from __future__ import annotations

import argparse
import shlex
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from diagnostics.core.words import listed
from tui.cli.arguments import SHELLS, parser
from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.options import Options


@dataclass(slots=True, frozen=True)
class Command:
    """One command, with everything that may stand behind it."""

    path: tuple[str, ...]
    """Its words, such as ("incident", "declare"); empty is the program itself."""
    text: str
    words: dict[str, str]
    """What may come next: name and what it does."""
    flags: dict[str, tuple[str, str, tuple[str, ...]]]
    """By its spelling with hyphens: what it takes (empty for a switch), what it means, and the values it knows."""


def run(options: Options, given: Namespace) -> int:  # noqa: ARG001  # every command takes both
    """Print a script for a shell."""
    say([_SCRIPTS[given.shell](list(commands_of(parser())))])
    return ExitCode.HEALTHY


def commands_of(grammar: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[Command]:
    """The command that `grammar` reads, then those below it."""
    words: dict[str, str] = {}
    flags: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    below: dict[str, argparse.ArgumentParser] = {}
    for action in grammar._actions:  # argparse has no other way to be asked
        choices = action.choices
        if isinstance(action, argparse._SubParsersAction):  # as above
            helps = {one.dest: one.help or "" for one in action._choices_actions}  # as above
            below = dict(action.choices)
            words |= {name: helps.get(name, "") for name in below}
        elif not action.option_strings:
            words |= {str(one): "" for one in choices or ()}
        else:
            takes = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
            values = tuple(map(str, choices or ()))
            for spelled in action.option_strings:
                if "_" not in spelled:
                    flags[spelled] = (takes, action.help or "", values)
    yield Command(path, grammar.description or "", words, flags)
    for name, one in below.items():
        yield from commands_of(one, (*path, name))


def _bash(commands: list[Command]) -> str:
    cases = "\n".join(
        f"    {shlex.quote(' '.join(one.path))}) words={shlex.quote(' '.join([*one.words, *one.flags]))} ;;"
        for one in commands
    )
    paths = "|".join(shlex.quote(" ".join(one.path)) for one in commands if one.path)
    values = "\n".join(
        f"    {shlex.quote(' '.join((*one.path, flag)))}) words={shlex.quote(' '.join(known))} ;;"
        for one in commands
        for flag, (_, _, known) in one.flags.items()
        if known
    )
    takes = "|".join(_taking(commands))
    return f"""# bash completion of warroom: source <(warroom completion bash)
_warroom() {{
  local word path="" next words="" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="${{COMP_WORDS[at]}}"
    case "$word" in {takes}) ((at++)); continue ;; -*) continue ;; esac
    next="${{path:+$path }}$word"
    case "$next" in {paths}) path="$next" ;; esac
  done
  case "${{path:+$path }}${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
  esac
  if [ -z "$words" ]; then case "${{COMP_WORDS[COMP_CWORD-1]}}" in
    {takes}) COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")); return ;;
    *) case "$path" in
{cases}
    esac ;;
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -F _warroom warroom"""


def _zsh(commands: list[Command]) -> str:
    return f"""#compdef warroom
# zsh completion of warroom: source <(warroom completion zsh)
autoload -U +X bashcompinit && bashcompinit
{_bash(commands)}"""


def _fish(commands: list[Command]) -> str:
    lines = ["# fish completion of warroom: warroom completion fish | source", "complete -c warroom -f"]
    for one in commands:
        seen = [f"__fish_seen_subcommand_from {word}" for word in one.path] or ["__fish_use_subcommand"]
        when = f"-n {shlex.quote('; and '.join(seen))}"
        lines += [f"complete -c warroom {when} -a {name} -d {shlex.quote(text)}" for name, text in one.words.items()]
        # What the program itself takes may stand behind every command, too.
        place = f" {when}" if one.path else ""
        own = {flag: told for flag, told in one.flags.items() if not one.path or flag not in commands[0].flags}
        for flag, (takes, text, known) in own.items():
            spelled = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
            value = f" -x -a {shlex.quote(' '.join(known))}" if known else " -r" if takes else ""
            lines.append(f"complete -c warroom{place} {spelled}{value} -d {shlex.quote(text)}")
    return "\n".join(lines)


def _taking(commands: list[Command]) -> list[str]:
    return sorted({flag for one in commands for flag, (takes, _, _) in one.flags.items() if takes})


def _manual(commands: list[Command]) -> str:
    """A manual page: man's own language, where a line that begins with a dot or a quote is an order."""
    root = commands[0]
    lines = ['.TH WARROOM 1 "" "Zillow War Room" "User Commands"', ".SH NAME", "warroom \\- " + _roff(root.text)]
    lines += [".SH SYNOPSIS", ".B warroom", "[\\fICOMMAND\\fR] [\\fIFLAGS\\fR]", ".SH COMMANDS"]
    for one in commands[1:]:
        lines += [".TP", f".B {_roff(' '.join(one.path))}", _roff(one.text)]
        if one.words:
            lines += [".br", f"one of: {_roff(listed(one.words, 'or'))}"]
        for flag, (takes, text, _) in one.flags.items():
            if flag not in root.flags:
                taken = rf" \fI{_roff(takes)}\fR" if takes else ""
                lines += [".br", rf"\fB{_roff(flag)}\fR{taken}" + (f": {_roff(text)}" if text else "")]
    lines.append(".SH OPTIONS")
    for flag, (takes, text, known) in root.flags.items():
        among = f" One of {listed(known, 'or')}." if known else ""
        lines += [".TP", f".B {_roff(flag)} {_roff(takes)}".rstrip(), _roff(f"{text or 'see the examples'}{among}")]
    lines += [".SH NOTES", ".nf", *map(_roff, (parser().epilog or "").splitlines()), ".fi"]
    return "\n".join(lines)


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


_SCRIPTS = dict(zip(SHELLS, (_bash, _zsh, _fish, _manual), strict=True))
