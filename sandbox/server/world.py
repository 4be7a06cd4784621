"""Everything the endpoints answer from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sandbox.recovery.zillow import Limit, Zillow
from sandbox.server.faults import Faults
from sandbox.server.incidents import Incidents
from sandbox.server.jira import JiraStandIn
from sandbox.server.limits import RateLimits
from sandbox.server.log_search import QueryCache
from sandbox.server.monitors import Created
from sandbox.server.recorder import Recorder
from sandbox.server.slack import TEAM, WEBHOOK_SERVICE, SlackStandIn
from sandbox.stores.behind import Behind
from sandbox.stores.client_faults import ClientFaults
from sandbox.stories.clock import now_s, set_ahead
from sandbox.stories.story import Secrets, Story
from sandbox.stories.timeline import Timeline


@dataclass(slots=True)
class World:
    """One story, and what was done to it since the process began."""

    story: Story
    secrets: Secrets
    timeline: Timeline
    faults: Faults
    limits: RateLimits
    base_url: str
    cache: QueryCache
    zillow: Zillow = field(default_factory=lambda: Zillow(Limit(), now_s()))
    """What takes webhook events."""
    created: Created = field(default_factory=Created)
    """Monitors that were created while it ran."""
    recorder: Recorder = field(default_factory=Recorder)
    """Record of the services below and of the monitors."""
    slack: SlackStandIn = field(init=False)
    jira: JiraStandIn = field(init=False)
    incidents: Incidents = field(init=False)
    ready: bool = False
    """The databases are filled too."""
    clients: ClientFaults | None = None
    """Faults of the client databases; there once these are filled."""
    behind: Behind | None = None
    """How late the databases are; there once they are filled."""
    _tally: tuple[int, Counter[int]] = field(default_factory=lambda: (0, Counter()))

    def __post_init__(self) -> None:
        self.obey()
        self.forget()

    def obey(self) -> None:
        """Let clock, logs and databases be as the faults in force say; after every change of them."""
        set_ahead(self.faults.skew_s)
        self.timeline.delay(self.faults.delays)
        if self.behind is not None:
            self.behind.apply(self.faults.behind)

    def forget(self) -> None:
        """Begin anew with what people write: no message, no incident, no issue, nothing counted."""
        self.recorder = Recorder()
        per_channel = self.limits.numbers("slack_channel")
        self.slack = SlackStandIn(self.secrets.slack_token, self.secrets.slack_webhook, self.recorder, per_channel)
        self.jira = JiraStandIn(self.secrets.jira_token, self.base_url, self.recorder)
        self.incidents = Incidents(self.recorder)

    @property
    def webhook_url(self) -> str:
        """Address of the incoming webhook: a secret."""
        return f"{self.base_url}/services/{TEAM}/{WEBHOOK_SERVICE}/{self.secrets.slack_webhook}"

    def fault_specs(self) -> list[str]:
        """All faults in force, as written."""
        return [*self.faults.specs(), *(self.clients.specs() if self.clients else ())]

    def event_counts(self, present: int) -> Counter[int]:
        """Return how many events of each prototype stand before a position; counted on from the last time."""
        seen, counts = self._tally
        if present > seen:
            counts.update(self.timeline.kinds[seen:present])
            self._tally = (present, counts)
        return self._tally[1]
