"""The `:` lines about incidents: open one, write into it, hand it over, review it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from diagnostics.core.failures import UserError
from diagnostics.core.ids import ACCEPTED, id_of
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from screens import addresses as to
from screens.base import ConsoleScreen
from tui.commands.verb import CommandApp, Verb, VerbRunner, opened, opens

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident
    from diagnostics.service import Diagnostics

UNITS = {"m": 60, "h": 3_600, "d": 86_400}

SCOPES: Mapping[str, Literal["system", "account"]] = {"system": "system", "account": "account"}


def moment_of(word: str, now: datetime) -> datetime:
    """`+30m`, `+2h`, `+1d`, or `14:30` UTC, which is tomorrow where it has passed today. Raises UserError."""
    if word.startswith("+") and word[1:-1].isdigit() and word[-1:] in UNITS:
        return now + timedelta(seconds=min(int(word[1:-1]), 100_000) * UNITS[word[-1]])
    try:
        clock = datetime.strptime(word, "%H:%M")  # noqa: DTZ007  # only its hours and minutes are used
    except ValueError:
        raise UserError(f"{clean(word, limit=40)!r} is no time", accepted="+30m, +2h, +1d, or 14:30 in UTC") from None
    moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return moment if moment > now else moment + timedelta(days=1)


def _incident(app: CommandApp) -> Incident:
    if app.incident is None and app.incident_unknown:
        raise UserError(app.incident_unknown, next_step="ask the team; sources shows which place does not answer")
    if app.incident is None:
        raise UserError(
            "no incident is in view", accepted="an open incident", next_step="n declares one; incidents lists them"
        )
    return app.incident


def _needs(text: str, verb: str, accepted: str) -> str:
    if not text:
        raise UserError(f"{verb} what?", accepted=accepted)
    return text


def _choose(app: CommandApp, rest: str) -> None:
    service, name = opened(app), _needs(rest, "incident", "its id, such as INC-7")

    def show(_done: None) -> None:
        app.incident_changed()
        if not (isinstance(app.screen, ConsoleScreen) and app.screen.place() == "escalation"):
            app.navigate(to.EscalationAt())

    app.ask(lambda: service.incidents.choose(name), show, doing=f"looking for {clean(name, limit=40)}")


# ---- screens


def _at(address: Callable[[], to.Address]) -> VerbRunner:
    return opens(lambda _app, _rest: address())


def _named(address: Callable[[str], to.Address]) -> VerbRunner:
    """Of the incident of that id, or of the one in view where none is given."""
    return opens(lambda app, rest: address(rest.upper() or _incident(app).id))


_declare = opens(lambda _app, rest: to.DeclareAt(rest.partition(" ")[0] or None))

_investigation = opens(
    lambda _app, rest: to.InvestigationAt(_needs(rest, "investigation", "its id, such as INV-1").upper())
)


# ---- writing

Writing = tuple[Callable[[], "Incident"], str, str]
"""Function that writes, sentence once it is written, sentence meanwhile."""


def _writes(prepare: Callable[[Diagnostics, Incident, str], Writing]) -> VerbRunner:
    """A runner that writes into the incident in view what `prepare` makes of the rest of the line."""

    def run(app: CommandApp, rest: str) -> None:
        write, said, doing = prepare(opened(app), _incident(app), rest)

        def done(_incident: Incident) -> None:
            app.say(said, "pass")
            app.incident_changed()

        app.ask(write, done, doing=doing)

    return run


@_writes
def _note(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    text = _needs(rest, "note", "a sentence")
    return lambda: service.incidents.note(incident.id, text), f"noted in {incident.id}", "noting"


@_writes
def _task(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    owner, due, words = "", None, []
    for word in _needs(rest, "task", "what to do, with @somebody and +30m or 14:30 where known").split():
        if word.startswith("@") and len(word) > 1:
            owner = word[1:]
        elif word.startswith("+") and word[1:2].isdigit():
            due = moment_of(word, utc_now())
        else:
            words.append(word)
    text, said = " ".join(words), f"task added to {incident.id}"
    return lambda: service.incidents.add_task(incident.id, text, owner, due), said, "adding"


@_writes
def _take_role(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    return lambda: service.incidents.claim(incident.id, rest), f"{rest} is yours", "claiming"


def _claim(app: CommandApp, rest: str) -> None:
    opened(app)
    _incident(app)
    if rest:
        _take_role(app, rest)
    else:
        app.navigate(to.ClaimAt())


@_writes
def _cadence(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    if not rest.isdigit():
        raise UserError(f"{clean(rest, limit=40)!r} is no number of minutes", accepted="1 to 1,440", where="cadence")
    minutes = int(rest[:6])
    return lambda: service.incidents.set_cadence(incident.id, minutes), f"updates every {minutes} min", "promising"


@_writes
def _scope(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    words = rest.split()
    leaves = words[:1] == ["out"]
    what, name = words[-2:] if len(words) == (3 if leaves else 2) else ("", "")
    if what not in SCOPES:
        raise UserError(
            "scope of what?", accepted="scope account 14009, scope system ZillowAuth, scope out account 14009"
        )
    if what == "account" and id_of(name) is None:
        raise UserError(f"{clean(name, limit=40)!r} is no account id", accepted=ACCEPTED)
    write = service.incidents.leave_scope if leaves else service.incidents.enter_scope
    said = f"{what} {name} is {'out' if leaves else 'affected'}"
    return lambda: write(incident.id, SCOPES[what], name), said, "scope"


@_writes
def _lesson(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    side, _, text = _needs(rest, "lesson", "well, badly or prevention, and a sentence").partition(" ")
    return lambda: service.incidents.lesson(incident.id, side, text), "kept for the review", "lesson"


@_writes
def _follow_up(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    when, _, text = _needs(rest, "follow-up", "+24h or 14:30, and what to look at").partition(" ")
    due = moment_of(when, utc_now())
    words = _needs(text.strip(), "follow-up", "what to look at, behind the time").split()
    check = next((word.partition("=")[2] for word in words if word.startswith("check=")), "")
    wanted = " ".join(word for word in words if not word.startswith("check=")) or check.replace("_", " ")
    said = f"follow-up on {due:%d %b %H:%M} UTC"
    return lambda: service.reviews.follow_ups.schedule(incident.id, wanted, due, check=check), said, "scheduling"


@_writes
def _follow_up_done(service: Diagnostics, incident: Incident, rest: str) -> Writing:
    words = rest.split(maxsplit=2)
    if len(words) != 3:  # number, state, words
        raise UserError("which follow-up?", accepted="its number, pass, warn or fail, and a sentence")
    name, status, summary = words[0].upper(), *words[1:]
    write = service.reviews.follow_ups.record
    return lambda: write(incident.id, name, status, summary), f"{name} recorded", "recording"


VERBS = (
    Verb("incidents", "all incidents, open and past; enter brings one into view", _at(to.IncidentsAt)),
    Verb("incident ", "bring an incident into view: incident INC-7", _choose),
    Verb("declare", "declare an incident by hand, where no triage is in view", _declare),
    Verb("note ", "a line for the timeline of the incident in view: note the queue is draining", _note),
    Verb("task ", "something to do: task call the customer @cl.nolen +30m", _task),
    Verb("tasks", "what is to be done, by whom and by when", _named(to.TasksAt)),
    Verb("claim ", "take a role: claim commander", _claim),
    Verb("cadence ", "how often updates are promised, in minutes: cadence 30", _cadence),
    Verb("scope ", "who is affected: scope account 14009, scope system ZillowAuth; scope out account 14009", _scope),
    Verb("lesson ", "what went well or badly, for the review: lesson badly the alert came an hour late", _lesson),
    Verb(
        "follow-up ",
        "look again later: follow-up +24h is it empty; follow-up +1h check=webhook_backlog runs by itself",
        _follow_up,
    ),
    Verb(
        "follow-up-done ",
        "what came of a follow-up that people do: follow-up-done F1 pass all deals are there",
        _follow_up_done,
    ),
    Verb("timeline ", "the timeline of an incident: timeline INC-7", _named(to.TimelineAt)),
    Verb("status ", "the status of an incident, and its exit criteria: status INC-7", _named(to.StatusAt)),
    Verb("deliveries", "what was sent, what waits, what is uncertain", _named(to.DeliveriesAt)),
    Verb("handoff", "the hand-off note for the next commander", _named(to.HandoffAt)),
    Verb("review", "the post-incident review, from what was recorded", _named(to.ReviewAt)),
    Verb("refusals", "the six conditions under which the console refuses, and what to do then", _at(to.RefusalsAt)),
    Verb("investigation ", "an investigation record: investigation INV-1", _investigation),
)
