"""The grammar of `warroom incident`, `warroom notify` and `warroom journal`."""

from __future__ import annotations

import argparse
from typing import Any

AUDIENCES = ("responders", "stakeholders", "executives")
PURPOSES = ("first_notice", "update", "resolution")
STATUSES = ("declared", "investigating", "in_progress", "monitoring", "resolved")
FORMATS = ("text", "json")
WAIT_S, LONGEST_WAIT_S = 60, 3_600

SANDBOX = """\
with --sandbox: the stand-ins keep a journal of their own, in a folder that goes when the command ends. To go on with an
incident in the next command, keep the journal elsewhere: WARROOM_STATE__URL=sqlite:////tmp/practice.db (or state.url).
What goes to Slack, Jira and Datadog goes to the stand-ins. Never practise on the journal of the real world."""

_SENDING = "exit codes: 0 sent; 2 something waits, or nobody knows whether it arrived; 3 refused, nothing was done"
_WRITING = "exit codes: 0 done; 3 refused, nothing was done; 4 the journal cannot be reached"


def add(commands: Any, shared: argparse.ArgumentParser) -> None:  # noqa: ANN401  # argparse keeps its type to itself
    """Add the three commands."""

    def under(among: Any, name: str, text: str, end: str = "") -> argparse.ArgumentParser:  # noqa: ANN401  # as above
        made: argparse.ArgumentParser = among.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"{end}\n\n{SANDBOX}".strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
            allow_abbrev=False,
        )
        return made

    incident = under(commands, "incident", "declare an incident, tell people, write into its record")
    whats = incident.add_subparsers(dest="what", metavar="WHAT", required=True)
    _sending(whats, under)
    _writing(whats, under)
    _reading(whats, under)

    notify = under(commands, "notify", "show what a notice would say, with figures measured now; sends nothing")
    notify.add_argument("--preview", action="store_true", help="required: only declare, update and resolve send")
    _about(notify)
    notify.add_argument("--purpose", choices=PURPOSES, help="left out: first notice, or update of an incident")
    _worded(notify)
    notify.add_argument("--text", help="what there is to say")
    _form(notify)

    journal = under(commands, "journal", "read the whole journal and compute every hash again")
    journal.add_argument("what", choices=("verify",))
    _form(journal)


def _sending(whats: Any, under: Any) -> None:  # noqa: ANN401  # as above
    declare = under(
        whats, "declare", "declare an incident, tell the team and open tracking, after one confirmation", _SENDING
    )
    declare.add_argument("--title", required=True, help="one line: what is broken, for whom")
    declare.add_argument("--summary", default="", help="what it means for customers")
    declare.add_argument("--began-at", "--began_at", dest="began_at", metavar="MOMENT", help="ISO 8601 with its offset")
    declare.add_argument("--no-notices", action="store_true", help="declare only: nothing is sent, nothing is opened")
    update = under(whats, "update", "tell people how far it is", _SENDING)
    resolve = under(whats, "resolve", "tell people that it is over, and end it", _SENDING)
    resolve.add_argument("--root-cause", "--root_cause", dest="root_cause", default="", help="what caused it, if known")
    for one in (update, resolve):
        _incident(one)
        one.add_argument("--text", required=True, help="what was done, in your words")
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


def _writing(whats: Any, under: Any) -> None:  # noqa: ANN401  # as above
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


def _reading(whats: Any, under: Any) -> None:  # noqa: ANN401  # as above
    listed = under(whats, "list", "all incidents, newest first")
    listed.add_argument("--open", action="store_true", help="only those that are open")
    shown = under(whats, "show", "one incident: state, people, deliveries, the newest lines of its timeline")
    export = under(whats, "export", "the post-incident review as Markdown, or everything as JSON")
    export.add_argument("--format", choices=("json", "markdown"), default="markdown")
    _incident(shown)
    _incident(export)
    _form(listed)
    _form(shown)


def _incident(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--incident", metavar="ID", help="e.g. INC-7; left out, the one that is open")


def _about(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--incident", metavar="ID", help="e.g. INC-7; left out, a notice that declares one")
    parser.add_argument("--title", default="", help="of the incident it would declare")


def _worded(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--audience", choices=AUDIENCES, default=AUDIENCES[0])
    parser.add_argument(
        "--fill", action="append", default=[], metavar="NAME=TEXT", help="a placeholder of the template, e.g. eta=22:00"
    )


def _form(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0])


def _status(text: str) -> str:
    return text.strip().lower().replace(" ", "_").replace("-", "_")


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= LONGEST_WAIT_S):
        raise argparse.ArgumentTypeError(f"0 to {LONGEST_WAIT_S:,} whole seconds, not {text[:60]!r}")
    return int(text)
