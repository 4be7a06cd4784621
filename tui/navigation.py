"""From an address to its screen. The only place that knows which class stands at which address."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from screens import addresses as to

if TYPE_CHECKING:
    from screens.base import RoomScreen

# Imported where they are opened: the first paint must not pay for screens that nobody has asked for.
# ruff: noqa: PLC0415


def screen_at(address: to.Address) -> RoomScreen:
    """A new screen at this address. Nothing is asked of any source yet."""
    match address:
        case to.AccountAt() | to.DealAt() | to.EventAt() | to.ExplorerAt():
            return _of_data(address)
        case to.ProblemsAt() | to.MonitorAt() | to.RefusalAt() | to.RefusalsAt():
            return _of_health(address)
        case to.InvestigateAt():
            from screens.investigate import InvestigateScreen

            return InvestigateScreen()
        case to.InvestigationAt(investigation_id=name):
            from screens.investigation import InvestigationScreen

            return InvestigationScreen(name)
        case _:
            return _of_incident(address)


def _of_data(address: to.AccountAt | to.DealAt | to.EventAt | to.ExplorerAt) -> RoomScreen:
    match address:
        case to.AccountAt():
            from screens.account import AccountScreen

            return AccountScreen(address.account_id, tab=address.tab)
        case to.DealAt():
            from screens.deal import DealScreen

            return DealScreen(address.deal_id, address.account_id, note=address.note)
        case to.EventAt():
            from screens.event import EventScreen

            return EventScreen(address.event, address.filter_by)
        case to.ExplorerAt():
            from screens.explorer import ExplorerScreen

            return ExplorerScreen(
                address.query,
                window_s=address.window_s,
                fixed=address.fixed,
                events=address.events,
                about=address.about,
            )
        case _:
            assert_never(address)


def _of_health(address: to.ProblemsAt | to.MonitorAt | to.RefusalAt | to.RefusalsAt) -> RoomScreen:
    match address:
        case to.ProblemsAt(order=order):
            from screens.problems import ProblemsScreen

            return ProblemsScreen(order)
        case to.MonitorAt(draft=draft):
            from screens.monitors import MonitorScreen

            return MonitorScreen(draft)
        case to.RefusalAt(refusal=refusal):
            from screens.refusals import RefusalScreen

            return RefusalScreen(refusal)
        case to.RefusalsAt():
            from screens.refusals import RefusalsScreen

            return RefusalsScreen()
        case _:
            assert_never(address)


def _of_incident(
    address: to.DeliveriesAt
    | to.RespondAt
    | to.DeclareAt
    | to.EscalationAt
    | to.IncidentsAt
    | to.StatusAt
    | to.ClaimAt
    | to.TasksAt
    | to.TimelineAt
    | to.HandoffAt
    | to.ReviewAt,
) -> RoomScreen:
    match address:
        case to.RespondAt():
            return _respond(address)
        case to.DeclareAt(issue_type=issue, severity=severity):
            from screens.declare import DeclareScreen

            return DeclareScreen(issue, severity)
        case to.EscalationAt():
            from screens.escalation import EscalationScreen

            return EscalationScreen()
        case to.IncidentsAt():
            from screens.incidents import IncidentsScreen

            return IncidentsScreen()
        case to.ClaimAt():
            from screens.claim import ClaimScreen

            return ClaimScreen()
        case _:
            return _of_one_incident(address)


def _of_one_incident(
    address: to.DeliveriesAt | to.StatusAt | to.TasksAt | to.TimelineAt | to.HandoffAt | to.ReviewAt,
) -> RoomScreen:
    match address:
        case to.DeliveriesAt(incident_id=incident):
            from screens.deliveries import DeliveriesScreen

            return DeliveriesScreen(incident)
        case to.StatusAt(incident_id=incident):
            from screens.status import StatusScreen

            return StatusScreen(incident)
        case to.TasksAt(incident_id=incident):
            from screens.tasks import TasksScreen

            return TasksScreen(incident)
        case to.TimelineAt(incident_id=incident):
            from screens.timeline import TimelineScreen

            return TimelineScreen(incident)
        case to.HandoffAt(incident_id=incident):
            from screens.record_documents import HandoffScreen

            return HandoffScreen(incident)
        case to.ReviewAt(incident_id=incident):
            from screens.record_documents import ReviewScreen

            return ReviewScreen(incident)
        case _:
            assert_never(address)


def _respond(address: to.RespondAt) -> RoomScreen:
    from diagnostics.models.entries import Audience, Purpose
    from screens.respond import RespondScreen

    return RespondScreen(
        issue_type=address.issue_type,
        severity=address.severity,
        incident=address.incident,
        purpose=address.purpose or Purpose.FIRST_NOTICE,
        audience=address.audience or Audience.RESPONDERS,
        words=address.words,
        systems=address.systems,
        accounts=address.accounts,
    )
