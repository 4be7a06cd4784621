"""The grammar of the command line. Flags are spelled with `-` or `_`, and stand before or after the command."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NoReturn

from diagnostics.failures import UserError
from diagnostics.settings_places import THEMES
from diagnostics.text import clean
from tui.cli import incident_arguments as incident_grammar
from tui.options import Options

EPILOG = """\
exit codes: 0 healthy; 1 critical or incident found; 2 warning found; 3 refused, with guidance; 4 a source was
unreachable; 64 bad usage or bad configuration; 70 an error of the console's own; 130 interrupted. Of incidents: 0 done;
2 something waits, or nobody knows whether it arrived; 3 refused. Of `journal verify`: 1 where it was tampered with.

examples:
  warroom                                                   the console
  warroom --issue rate_limiting --severity incident         the console, opened on that triage
  warroom --sandbox nov17                                   the console on the built-in stand-ins
  warroom triage --issue transaction_sync --deal-id 12345 --format json
  warroom diagnose oauth --account-id 148261                zillow-oauth-diagnosis
  warroom diagnose sync --account-id 14009 --deal-id 12345  zillow-sync-diagnosis
  warroom doctor --account-id 14009
  warroom incident declare --issue rate_limiting --severity incident --title "Sync suspended" --yes
  warroom incident update --text "Backlog halved" --audience stakeholders
  warroom journal verify"""

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})

MOST_DIGITS = 20
"""More than any id column holds; what still fits is refused by the triage service, with guidance."""

FORMATS = ("text", "json", "markdown")


class Parser(argparse.ArgumentParser):
    """Bad usage is a `UserError`, in the words and with the exit code of all others."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise UserError(
            clean(message.removeprefix("argument "), limit=400),
            where="command line",
            next_step=f"{self.prog} --help",
        )


def parser() -> Parser:
    """The whole grammar."""
    shared = _shared()
    root = Parser(
        prog="warroom",
        description="The war room for Follow Up Boss's Zillow integration. Without a command: the console.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )
    root.add_argument("--version", action="store_true", help="print the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)

    triage = command("triage", "classify one issue, run its first-response checks, print the answer")
    triage.add_argument("--format", choices=FORMATS, default="text")
    diagnose = command("diagnose", "let a specialist look: the credentials of an account, or why its deals do not sync")
    diagnose.add_argument("what", choices=("oauth", "sync"))
    diagnose.add_argument("--format", choices=FORMATS, default="text")
    doctor = command("doctor", "test every source: reachable, permitted, mapped, read-only")
    doctor.add_argument("--format", choices=("text", "json"), default="text")
    config = command("config", "show the effective settings, or check settings and catalogue")
    config.add_argument("what", choices=("show", "check"))
    guide = command("guide", "print one of the responders' guides, or list them")
    guide.add_argument("name", nargs="?")
    incident_grammar.add(commands, shared)
    sandbox = commands.add_parser("sandbox", help="run or list the built-in stand-ins", add_help=False)
    sandbox.add_argument("rest", nargs=argparse.REMAINDER)
    return root


def options_of(given: argparse.Namespace) -> Options:
    """The options that every command shares. Raises UserError where one makes no sense without another."""
    known = {name: value for name, value in vars(given).items() if name in Options.__slots__}
    # `--account-id` may be repeated for the doctor and for an incident; every other command is about one account.
    accounts: list[int] = known.pop("account_id", [])
    if len(accounts) > 1 and given.command not in {"doctor", "incident", "notify"}:
        raise UserError(
            "--account-id was given more than once",
            where="command line",
            accepted="one account; the doctor and an incident take several",
        )
    faults = tuple(known.pop("fault", ()))
    options = Options(**known, account_id=accounts[0] if accounts else None, fault=faults)
    for name, value in (("--sandbox-database", options.sandbox_database), ("--fault", options.fault)):
        if value and options.sandbox is None:
            raise UserError(
                f"{name} belongs to the stand-ins, and none were asked for",
                where="command line",
                next_step="add --sandbox nov17, or another scenario: warroom sandbox list",
            )
    return options


def _shared() -> Parser:
    """Flags of the console and of every command; absent ones leave no trace, so that both places may be used."""
    shared = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    question = shared.add_argument_group("the question")
    question.add_argument("--issue", metavar="TYPE", help="issue type, such as rate_limiting")
    question.add_argument("--severity", metavar="WORD", help="severity; left out, it is assessed from the findings")
    for name, action in (("account", "append"), ("deal", "store"), ("user", "store")):
        question.add_argument(
            f"--{name}-id", f"--{name}_id", dest=f"{name}_id", type=_whole_number, action=action, metavar="ID"
        )
    question.add_argument(
        "--preventive", nargs="?", const=True, type=_switch, metavar="true|false", help="ask for early signs"
    )
    setting = shared.add_argument_group("where and how")
    setting.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")
    setting.add_argument("--catalogue", type=Path, metavar="FOLDER", help="the team's catalogue overrides")
    setting.add_argument("--sandbox", metavar="SCENARIO", help="run on the built-in stand-ins, replaying a scenario")
    setting.add_argument("--sandbox-database", "--sandbox_database", dest="sandbox_database", metavar="URL")
    setting.add_argument(
        "--fault", metavar="SPEC", action="append", help="make the stand-ins misbehave; may be given several times"
    )
    setting.add_argument("--theme", choices=THEMES, help="colours; 16 are the terminal's own")
    setting.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    setting.add_argument("--mouse", action="store_true", help="take mouse events from the terminal")
    return shared


def _whole_number(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"an id is a positive whole number, not {text[:60]!r}")
    if len(digits) > MOST_DIGITS:
        raise argparse.ArgumentTypeError(
            f"an id has at most {MOST_DIGITS} digits; this one, of {len(digits)}, is too large"
        )
    # Zero and less go on: the triage service refuses them with guidance of its own.
    return int(text)


def _switch(text: str) -> bool:
    word = text.lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise argparse.ArgumentTypeError(f"true or false, not {text[:60]!r}")
    return word in TRUE_WORDS
