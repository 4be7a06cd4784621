"""The grammar of the command line. Flags are spelled with `-` or `_`, and stand before or after the command."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from diagnostics.config.paths import THEMES
from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from tui.options import Options

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    Subparsers = argparse._SubParsersAction["Parser"]

EPILOG = """\
exit codes: 0 healthy; 1 critical or incident found; 2 warning found; 3 refused, with guidance; 4 a source was
unreachable; 64 bad usage or bad configuration; 70 an error of the console's own; 130 interrupted. Of incidents: 0 done;
2 something waits, or it is unclear whether it arrived; 3 refused. Of `journal verify`: 1 where it was tampered with.

issue types and their severities, of --issue and --severity:
  oauth_failure      critical, high, normal
  transaction_sync   critical, high, normal
  rate_limiting      incident, high, normal
  agent_resolution   high, normal
  connection_health  monitoring, preventive

faults of the stand-ins, --fault [SCOPE=]KIND[:SECONDS or NAME][/COUNT]: e.g. 429:20 (rate limited for 20 s),
aggregate=503 (one endpoint), slack_post=hang/1 (once). All kinds and scopes: warroom sandbox serve --help

examples:
  warroom                                                   the console
  warroom --issue rate_limiting --severity incident         the console, opened on that triage
  warroom --sandbox nov17                                   the console on the built-in stand-ins
  warroom triage --issue transaction_sync --deal-id 12345 --format json
  warroom diagnose oauth --account-id 148261                zillow-oauth-diagnosis
  warroom diagnose sync --account-id 14009 --deal-id 12345  zillow-sync-diagnosis
  warroom recover backlog                                   zillow-incident-recovery
  warroom accounts affected --issue rate_limiting --format csv
  warroom setup                                             asks, tests, writes the settings file
  warroom doctor --account-id 14009
  warroom incident declare --issue rate_limiting --severity incident --title "Sync suspended" --yes
  warroom incident update --text "Backlog halved" --audience stakeholders
  warroom reconcile report --account-id 14009 --wait
  warroom journal verify
  warroom triage --issue rate_limiting --brief              one line, for chat and status bars
  source <(warroom completion bash)                         also zsh, fish; `warroom completion man` is the manual"""

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})

MOST_DIGITS = 20
"""More than any id column holds; what still fits is refused by the triage service, with guidance."""

FORMATS = ("text", "json")
SHELLS = ("bash", "zsh", "fish", "man")
AUDIENCES = ("responders", "stakeholders", "executives")
PURPOSES = ("first_notice", "update", "resolution")
STATUSES = ("declared", "investigating", "in_progress", "monitoring", "resolved")
WAIT_S, LONGEST_WAIT_S = 60, 3_600
LONGEST_WINDOW_S = 86_400

SANDBOX = """\
with --sandbox NAME: the next command goes on in the same world, with its journal and what Slack, Jira and Datadog
received; `warroom sandbox reset NAME` begins it again. With --fault or --sandbox-database, or WARROOM_SANDBOX_KEEP=no,
the world goes when the command ends. The journal of a settings file is never used; WARROOM_STATE__URL names another."""

_SENDING = "exit codes: 0 sent; 2 something waits, or it is unclear whether it arrived; 3 refused, nothing was done"
_WRITING = "exit codes: 0 done; 3 refused, nothing was done; 4 the journal cannot be reached"

_REPAIRING = """\
exit codes: 0 nothing persists, or done; 2 differences persist, or rows were left as they are; 4 not everything was
read, or read only once; 64 refused, nothing was written. Writing needs writes.repairs and databases.writer."""
_RECOVERING = """\
exit codes: 0 done, and every event delivered; 2 some were not: they stand in lists; 3 a plan that may not be used;
4 events cannot be read; 64 refused, nothing was sent. Sending needs writes.recovery and databases.writer."""
RECOVER = ("backlog", "plan", "show", "apply", "resume", "pause", "throttle", "stop", "report", "drains")
REPAIRABLE = ("stale_agent",)
SYSTEMS = ("ZillowAuth", "ZillowSyncUser", "ZillowAgent", "ZillowTeam", "ZillowSyncAgent", "ZillowSyncTeam")

COMMANDS = frozenset({"triage", "diagnose", "recover", "accounts", "doctor", "config", "guide", "completion"}) | {
    *("setup", "incident", "notify", "journal", "reconcile", "sandbox")
}
"""The words that make a command of what was typed."""

Under = Callable[..., argparse.ArgumentParser]
"""Adds a command below another: what it is added to, its name, what it does, its exit codes."""


class Parser(argparse.ArgumentParser):
    """Bad usage is a `UserError`, in the words and with the exit code of all others."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise UserError(
            clean(message.removeprefix("argument "), limit=400),
            where="command line",
            next_step=f"{self.prog} --help",
        )

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Write the help; argparse's own way keeps silent where that fails."""
        (file or sys.stdout).write(self.format_help())


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What was typed. Raises UserError; SystemExit for --help.

    The console is begun with flags alone, and must not wait for the flags of every command to be put together.
    """
    if not any(word in COMMANDS or word in {"-h", "--help"} for word in arguments):
        bare = Parser(prog="warroom", parents=[_shared()], allow_abbrev=False, add_help=False)
        _version(bare)
        # What it does not understand is told by the parser that knows all.
        with suppress(UserError):
            return argparse.Namespace(command=None, **vars(bare.parse_args(arguments)))
    return parser().parse_args(arguments)


def _version(root: argparse.ArgumentParser) -> None:
    root.add_argument("--version", action="store_true", help="print the version")


def parser() -> Parser:
    """The parser of the whole command line."""
    shared = _shared()
    root = Parser(
        prog="warroom",
        description="The war room for Follow Up Boss's Zillow integration. Without a command: the console.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )
    _version(root)
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)

    triage = command("triage", "classify one issue, run its first-response checks, print the answer")
    _form(triage, *FORMATS, "markdown")
    triage.add_argument("--evidence", action="store_true", help="text with the query behind each finding")
    triage.add_argument("--brief", action="store_true", help="one line: verdict, next step, route")
    diagnose = command("diagnose", "let a specialist look: the credentials of an account, or why its deals do not sync")
    diagnose.add_argument("what", choices=("oauth", "sync"))
    _form(diagnose, *FORMATS, "markdown")
    _add_recover(command)
    accounts = command(
        "accounts", "accounts affected by an issue, the largest impact first; without --issue, by each of level 1"
    )
    accounts.add_argument("what", choices=("affected",))
    accounts.add_argument("--window", type=_window, metavar="SECONDS", help="left out, the window of the settings")
    accounts.add_argument("--output", metavar="FILE", help="write a new file; one that is there already is left alone")
    _form(accounts, *FORMATS, "csv")
    _form(command("doctor", "test every source: reachable, permitted, mapped, read-only"))
    config = command("config", "show the effective settings, or check settings and catalogue")
    config.add_argument("what", choices=("show", "check"))
    command("setup", "ask for what the console needs, test each answer, write the settings file")
    guide = command("guide", "print one of the responders' guides, or list them")
    guide.add_argument("name", nargs="?")
    completion = command("completion", "print the completion of a shell, or the manual page")
    completion.add_argument("shell", choices=SHELLS)
    _add_of_incidents(commands, shared)
    _add_reconcile(commands, shared)
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
    if options.plain and given.command is not None:
        raise UserError(
            "--plain is the console as lines, and has no meaning with a command",
            where="command line",
            next_step="leave it out: commands print lines already",
        )
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
    setting.add_argument(
        "--plain", action="store_true", help="no screen: changes as lines, for screen readers; type help"
    )
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


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"a number, such as 20 or 0.5, not {text[:60]!r}")
    return value


def _switch(text: str) -> bool:
    word = text.lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise argparse.ArgumentTypeError(f"true or false, not {text[:60]!r}")
    return word in TRUE_WORDS


# ---- incidents, notices, the journal


def _add_of_incidents(commands: Subparsers, shared: Parser) -> None:
    def under(among: Subparsers, name: str, text: str, end: str = "") -> argparse.ArgumentParser:
        return among.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"{end}\n\n{SANDBOX}".strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
            allow_abbrev=False,
        )

    incident = under(commands, "incident", "declare an incident, tell people, write into its record")
    whats = incident.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=Parser)
    _sending(whats, under)
    _writing(whats, under)
    _reading(whats, under)

    notify = under(commands, "notify", "show what a notice would say, with figures measured now; sends nothing")
    notify.add_argument("--preview", action="store_true", help="required: only declare, update and resolve send")
    notify.add_argument("--incident", metavar="ID", help="e.g. INC-7; left out, a notice that declares one")
    notify.add_argument("--title", default="", help="of the incident it would declare")
    notify.add_argument("--purpose", choices=PURPOSES, help="left out: first notice, or update of an incident")
    _worded(notify)
    notify.add_argument("--text", help="what there is to say")
    _form(notify)

    journal = under(commands, "journal", "read the whole journal and compute every hash again")
    journal.add_argument("what", choices=("verify",))
    _verifying(journal)


def _add_recover(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    recover = command("recover", "the webhook backlog: where it goes; plan its recovery, carry a plan out, report")
    recover.epilog = _RECOVERING
    recover.add_argument("what", choices=RECOVER)
    recover.add_argument(
        "plan", nargs="?", metavar="NAME", help="a plan (RP-…) for show and apply, else a drain (DRN-N); or the newest"
    )
    recover.add_argument(
        "--rate",
        type=_amount,
        metavar="N",
        help="of plan: the limit, events a second, where known; of throttle: at most",
    )
    recover.add_argument(
        "--live-share", "--live_share", dest="live_share", type=_amount, metavar="SHARE", help="of it, for live traffic"
    )
    recover.add_argument("--carrier", metavar="NAME", help="of plan: what is to carry it out, e.g. flip")
    recover.add_argument("--from", dest="again", metavar="DRN-N", help="of plan: of a list of this drain, with --list")
    recover.add_argument("--list", dest="listed", metavar="LIST", help="of plan and report: e.g. failed, never_sent")
    recover.add_argument("--confirm", metavar="WORDS", help='events and environment, e.g. "211991 PROD"')
    recover.add_argument("--why", default="", help="of pause and stop: for the record")
    _form(recover)


def _add_reconcile(commands: Subparsers, shared: Parser) -> None:
    text = "data that disagrees in an account, a deal or a system: report it, plan a repair, carry it out, take it back"
    reconcile = commands.add_parser(
        "reconcile",
        help=text,
        description=text,
        epilog=_REPAIRING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )
    whats = reconcile.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=Parser)

    def under(name: str, does: str) -> argparse.ArgumentParser:
        made = whats.add_parser(
            name,
            help=does,
            description=does,
            epilog=_REPAIRING,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
            allow_abbrev=False,
        )
        _form(made)
        return made

    report = under("report", "differences of an account, a deal or a system, held against the reading before")
    plan = under("plan", "seal a plan for the differences that persist; writes nothing")
    plan.add_argument("--kind", choices=REPAIRABLE, default=REPAIRABLE[0], help="the kind of difference to fix")
    for one in (report, plan):
        one.add_argument("--system", choices=SYSTEMS, help="over all accounts, in place of --account-id")
        one.add_argument("--wait", action="store_true", help="read a second time after a minute, where that is needed")
    under("list", "all repairs, the newest first")
    for name, does in (
        ("show", "a repair: its plan, and what became of each row"),
        ("apply", "carry a plan out, once"),
        ("resume", "go on with a repair that ended before its end"),
        ("undo", "plan the taking back of a repair; carry that plan out with apply"),
    ):
        made = under(name, does)
        made.add_argument("repair", metavar="REP-N")
        if name in {"apply", "resume"}:
            made.add_argument("--confirm", metavar="WORDS", help='number of rows and environment, e.g. "47 PROD"')


def _sending(whats: Subparsers, under: Under) -> None:
    declare = under(
        whats, "declare", "declare an incident, tell the team and open tracking, after one confirmation", _SENDING
    )
    declare.add_argument("--title", required=True, help="one line: what is broken, for whom")
    declare.add_argument("--summary", default="", help="what it means for customers")
    declare.add_argument("--began-at", "--began_at", dest="began_at", metavar="MOMENT", help="ISO 8601 with its offset")
    declare.add_argument("--no-notices", action="store_true", help="declare only: nothing is sent, nothing is opened")
    update = under(whats, "update", "post an update", _SENDING)
    resolve = under(whats, "resolve", "announce resolution, and end the incident", _SENDING)
    resolve.add_argument("--root-cause", "--root_cause", dest="root_cause", default="", help="what caused it, if known")
    for one in (update, resolve):
        _incident(one)
        one.add_argument("--text", required=True, help="what was done, as free text")
    for one in (declare, update, resolve):
        _worded(one)
        one.add_argument("--yes", action="store_true", help="confirm without being asked: the text is sent as it is")
        one.add_argument(
            "--accept", action="append", default=[], metavar="FIGURE", help="send this old figure as it is; repeatable"
        )
        one.add_argument(
            "--wait", type=_seconds, default=WAIT_S, metavar="SECONDS", help=f"for the deliveries, at most ({WAIT_S})"
        )
        _form(one)


def _writing(whats: Subparsers, under: Under) -> None:
    claim = under(whats, "claim", "take a role", _WRITING)
    claim.add_argument("--role", required=True, help="e.g. commander")
    claim.add_argument("--person", help="somebody else; left out, it is you")
    claim.add_argument("--take-over", "--take_over", dest="take_over", action="store_true", help="from who holds it")
    note = under(whats, "note", "a line for the timeline", _WRITING)
    note.add_argument("--text", required=True)
    status = under(whats, "status", "move it on, or back with a reason; tells nobody", _WRITING)
    status.add_argument("--to", required=True, type=_status, choices=STATUSES)
    status.add_argument("--text", default="", help="the reason, where one is needed")
    for one in (claim, note, status):
        _incident(one)
        _form(one)


def _reading(whats: Subparsers, under: Under) -> None:
    listed = under(whats, "list", "all incidents, newest first")
    listed.add_argument("--open", action="store_true", help="only those that are open")
    shown = under(whats, "show", "one incident: state, people, deliveries, the newest lines of its timeline")
    export = under(whats, "export", "the post-incident review as Markdown, or everything as JSON")
    export.add_argument("--format", choices=("json", "markdown"), default="markdown")
    _incident(shown)
    _incident(export)
    _form(listed)
    _form(shown)
    _verifying(under(whats, "verify", "the same as `journal verify`: is the record of all incidents as it was written"))


def _verifying(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", metavar="HASH", default="", help="where it ended once, as a notice or an export says: NUMBER:HASH"
    )
    _form(parser)


def _incident(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--incident", metavar="ID", help="e.g. INC-7; left out, the one that is open")


def _worded(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--audience", choices=AUDIENCES, default=AUDIENCES[0])
    parser.add_argument(
        "--fill", action="append", default=[], metavar="NAME=TEXT", help="a placeholder of the template, e.g. eta=22:00"
    )


def _form(parser: argparse.ArgumentParser, *forms: str) -> None:
    parser.add_argument("--format", choices=forms or FORMATS, default="text")


def _status(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def _window(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and 60 <= int(text) <= LONGEST_WINDOW_S):
        raise argparse.ArgumentTypeError(f"60 to {LONGEST_WINDOW_S:,} whole seconds, not {text[:60]!r}")
    return int(text)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= LONGEST_WAIT_S):
        raise argparse.ArgumentTypeError(f"0 to {LONGEST_WAIT_S:,} whole seconds, not {text[:60]!r}")
    return int(text)
