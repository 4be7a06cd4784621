"""The `:` lines about incidents: open one, write into it, hand it over, review it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.failures import UserError
from diagnostics.now import utc_now
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident
    from diagnostics.service import Diagnostics
    from tui.app import WarRoomApp

ENTRIES = (
    ("incidents", "all incidents, open and past; enter brings one into view"),
    ("incident ", "bring an incident into view: incident INC-7"),
    ("declare", "declare an incident by hand, where no triage is in view"),
    ("note ", "a line for the timeline of the incident in view: note the queue is draining"),
    ("task ", "something to do: task call the customer @cl.nolen +30m"),
    ("tasks", "what is to be done, by whom and by when"),
    ("claim ", "take a role: claim commander"),
    ("cadence ", "how often updates are promised, in minutes: cadence 30"),
    ("scope ", "who is affected: scope account 14009, scope system ZillowAuth; scope out account 14009"),
    ("lesson ", "what went well or badly, for the review: lesson badly the alert came an hour late"),
    ("follow-up ", "look again later: follow-up +24h is it empty; follow-up +1h check=webhook_backlog runs by itself"),
    ("follow-up-done ", "what came of a follow-up that people do: follow-up-done F1 pass all deals are there"),
    ("timeline ", "the timeline of an incident: timeline INC-7"),
    ("deliveries", "what was sent, what waits, what nobody knows of"),
    ("handoff", "the hand-off note for the next commander"),
    ("review", "the post-incident review, from what was recorded"),
    ("refusals", "the six conditions under which the console refuses, and what to do then"),
    ("investigation ", "an investigation record: investigation INV-1"),
)
VERBS = tuple(line.strip() for line, _ in ENTRIES)

UNITS = {"m": 60, "h": 3_600, "d": 86_400}

__all__ = ["ENTRIES", "VERBS", "moment_of", "run"]


def run(app: WarRoomApp, verb: str, rest: str) -> None:
    """Run one of `VERBS`; `rest` is the line behind the verb as it was typed. Raises UserError."""
    if app.service is None:
        raise UserError("the sources are still opening", next_step="try again in a moment")
    _RUNNERS[verb](app, app.service, rest)


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


def _incident(app: WarRoomApp) -> Incident:
    if app.incident is None:
        raise UserError(
            "no incident is in view", accepted="an open incident", next_step="n declares one; incidents lists them"
        )
    return app.incident


def _write(app: WarRoomApp, work: Callable[[], Incident], said: str, doing: str) -> None:
    def done(_incident: Incident) -> None:
        app.say(said, "pass")
        app.incident_changed()

    app.ask(work, done, doing=doing)


def _needs(text: str, verb: str, accepted: str) -> str:
    if not text.strip():
        raise UserError(f"{verb} what?", accepted=accepted)
    return text.strip()


# ---- screens


def _incidents(app: WarRoomApp, _service: Diagnostics, _rest: str) -> None:
    from screens.incidents import IncidentsScreen  # noqa: PLC0415

    app.push_room_screen(IncidentsScreen())


def _choose(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    name = _needs(rest, "incident", "its id, such as INC-7")

    def show(_done: None) -> None:
        from screens.escalation import EscalationScreen  # noqa: PLC0415

        app.incident_changed()
        if not isinstance(app.screen, EscalationScreen):
            app.push_room_screen(EscalationScreen())

    app.ask(lambda: service.incidents.choose(name), show, doing=f"looking for {clean(name, limit=40)}")


def _declare(app: WarRoomApp, _service: Diagnostics, rest: str) -> None:
    from screens.declare import DeclareScreen  # noqa: PLC0415

    app.push_room_screen(DeclareScreen(issue_type=rest.split(maxsplit=1)[0] if rest.split() else None))


def _tasks(app: WarRoomApp, _service: Diagnostics, _rest: str) -> None:
    from screens.tasks import TasksScreen  # noqa: PLC0415

    app.push_room_screen(TasksScreen(_incident(app).id))


def _deliveries(app: WarRoomApp, _service: Diagnostics, _rest: str) -> None:
    from screens.deliveries import DeliveriesScreen  # noqa: PLC0415

    app.push_room_screen(DeliveriesScreen(_incident(app).id))


def _handoff(app: WarRoomApp, _service: Diagnostics, rest: str) -> None:
    from screens.record_documents import HandoffScreen  # noqa: PLC0415

    app.push_room_screen(HandoffScreen(rest.strip().upper() or _incident(app).id))


def _review(app: WarRoomApp, _service: Diagnostics, rest: str) -> None:
    from screens.record_documents import ReviewScreen  # noqa: PLC0415

    app.push_room_screen(ReviewScreen(rest.strip().upper() or _incident(app).id))


def _refusals(app: WarRoomApp, _service: Diagnostics, _rest: str) -> None:
    from screens.refusals import RefusalsScreen  # noqa: PLC0415

    app.push_room_screen(RefusalsScreen())


def _investigation(app: WarRoomApp, _service: Diagnostics, rest: str) -> None:
    from screens.investigation import InvestigationScreen  # noqa: PLC0415

    app.push_room_screen(InvestigationScreen(_needs(rest, "investigation", "its id, such as INV-1").upper()))


# ---- writing


def _note(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident, text = _incident(app), _needs(rest, "note", "a sentence")
    _write(app, lambda: service.incidents.note(incident.id, text), f"noted in {incident.id}", "noting")


def _task(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident = _incident(app)
    owner, due, words = "", None, []
    for word in _needs(rest, "task", "what to do, with @somebody and +30m or 14:30 where known").split():
        if word.startswith("@") and len(word) > 1:
            owner = word[1:]
        elif word.startswith("+") and word[1:2].isdigit():
            due = moment_of(word, utc_now())
        else:
            words.append(word)
    text = " ".join(words)
    _write(
        app, lambda: service.incidents.add_task(incident.id, text, owner, due), f"task added to {incident.id}", "adding"
    )


def _claim(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident = _incident(app)
    if not rest.strip():
        app.act_claim()
        return
    _write(app, lambda: service.incidents.claim(incident.id, rest), f"{rest.strip()} is yours", "claiming")


def _cadence(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident = _incident(app)
    if not rest.strip().isdigit():
        raise UserError(f"{clean(rest, limit=40)!r} is no number of minutes", accepted="1 to 1,440", where="cadence")
    minutes = int(rest.strip()[:6])
    _write(
        app, lambda: service.incidents.set_cadence(incident.id, minutes), f"updates every {minutes} min", "promising"
    )


def _scope(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident, words = _incident(app), rest.split(maxsplit=2)
    leaves = words[:1] == ["out"]
    words = rest.split()[1:] if leaves else rest.split()
    if len(words) != 2 or words[0] not in {"system", "account"}:  # kind and name
        raise UserError(
            "scope of what?", accepted="scope account 14009, scope system ZillowAuth, scope out account 14009"
        )
    what, name = words
    if what == "account" and not name.isdigit():
        raise UserError(f"{clean(name, limit=40)!r} is no account id", accepted="a positive whole number")
    desk = service.incidents
    if leaves:
        _write(app, lambda: desk.leave_scope(incident.id, what, name), f"{what} {name} is out", "scope")  # type: ignore[arg-type]  # checked above
    else:
        _write(app, lambda: desk.enter_scope(incident.id, what, name), f"{what} {name} is affected", "scope")  # type: ignore[arg-type]  # checked above


def _lesson(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident = _incident(app)
    side, _, text = _needs(rest, "lesson", "well, badly or prevention, and a sentence").partition(" ")
    _write(app, lambda: service.incidents.lesson(incident.id, side, text), "kept for the review", "lesson")


def _follow_up(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident = _incident(app)
    when, _, text = _needs(rest, "follow-up", "+24h or 14:30, and what to look at").partition(" ")
    due = moment_of(when, utc_now())
    words = _needs(text, "follow-up", "what to look at, behind the time").split()
    check = next((word.partition("=")[2] for word in words if word.startswith("check=")), "")
    wanted = " ".join(word for word in words if not word.startswith("check=")) or check.replace("_", " ")
    said = f"follow-up on {due:%d %b %H:%M} UTC"
    _write(app, lambda: service.reviews.follow_ups.schedule(incident.id, wanted, due, check=check), said, "scheduling")


def _follow_up_done(app: WarRoomApp, service: Diagnostics, rest: str) -> None:
    incident, words = _incident(app), rest.split(maxsplit=2)
    if len(words) != 3:  # number, state, words
        raise UserError("which follow-up?", accepted="its number, pass, warn or fail, and a sentence")
    name, status, summary = words
    _write(
        app,
        lambda: service.reviews.follow_ups.record(incident.id, name.upper(), status, summary),
        f"{name.upper()} recorded",
        "recording",
    )


def _timeline(app: WarRoomApp, _service: Diagnostics, rest: str) -> None:
    from screens.timeline import TimelineScreen  # noqa: PLC0415

    app.push_room_screen(TimelineScreen(rest.strip().upper() or _incident(app).id))


_RUNNERS: dict[str, Callable[[WarRoomApp, Diagnostics, str], None]] = {
    "incidents": _incidents,
    "incident": _choose,
    "declare": _declare,
    "note": _note,
    "task": _task,
    "tasks": _tasks,
    "claim": _claim,
    "cadence": _cadence,
    "scope": _scope,
    "lesson": _lesson,
    "follow-up": _follow_up,
    "follow-up-done": _follow_up_done,
    "timeline": _timeline,
    "deliveries": _deliveries,
    "handoff": _handoff,
    "review": _review,
    "refusals": _refusals,
    "investigation": _investigation,
}
