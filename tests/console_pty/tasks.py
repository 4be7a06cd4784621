"""What an engineer on call does at 03:10, key by key: docs/keys.md and `test_tasks` are both made of it.

`python -m tests.console_pty.tasks` writes the page. An action is at most `MOST` keys, then a text that is typed and its
enter; the test presses exactly what stands here, in a terminal of 80×24.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "keys.md"
MOST = 4
"""Keys of one action, at most; a text that is typed, and its enter, are not counted."""

_HEAD = f"""# Tasks of an engineer on call, key by key

What is asked of an engineer on call, on a terminal of 80×24, and the keys that do it: at most {MOST} an action, then a
text and its enter. `tests/console_pty/test_tasks.py` presses exactly these, on the stand-ins named, and waits for what
is to show; this page is written from the same list by `python -m tests.console_pty.tasks`.

Not held yet: sending an update, resolving an incident, and reading its review.
"""


@dataclass(slots=True, frozen=True)
class Step:
    """One action: its keys, the text that is typed after them, and what must then stand on the screen."""

    what: str
    keys: str = ""
    """Names of keys, a blank between two."""
    typed: str = ""
    """Typed after the keys, and sent with enter; empty where nothing is typed."""
    shows: tuple[str, ...] = ()
    """Texts that must all stand on the screen at once."""
    gone: tuple[str, ...] = ()
    """Texts that must not stand there any more: what a person would wait for."""
    recolours: bool = False
    """Whether the colours of the screen must be others than before."""

    @property
    def pressed(self) -> tuple[str, ...]:
        """The keys one by one."""
        return tuple(self.keys.split())


@dataclass(slots=True, frozen=True)
class Task:
    """One thing to be done, from the start of a console."""

    name: str
    steps: tuple[Step, ...]
    story: str = "nov17"
    """The scenario of the stand-ins."""
    fault: str = ""
    """What they are told to do wrong; `GONE` takes the databases away."""


GONE = "the databases are gone"
RATE = "RATE LIMITING · why INCIDENT"

_FIRE = Step("see it", shows=("LEVEL 1 · ", "on fire", "INCIDENT", RATE, "429 answers", "CL Nolen"))
_PREVIEW = Step("see the first notice", "n", "", ("first notice", "▶ Cancel", "Send to 3 places"), ("measuring",))
_SEND = Step("send it, and have it tracked", "j enter", "send", ("done. Delivered: Slack, Datadog incident, Jira",))

TASKS: tuple[Task, ...] = (
    Task("What is on fire?", (_FIRE,)),
    Task("Tell the team, and track it", (_PREVIEW, _SEND)),
    Task(
        "Which accounts, and the largest?",
        (
            Step("list them, the largest impact first", "i", "", ("61 accounts", "by impact", "Riverside Realty")),
            Step("sort by size: the column, then the sort", "right right s", "", ("by users", "▶ 37639")),
            Step("open the largest", "enter", "", ("account 37639", "4,000 users")),
        ),
    ),
    Task(
        "Why is account 14009 unhealthy?",
        (
            Step("open it", "a", "14009", ("Harbor & Pine Realty", "unhealthy since", "44 agents INFERRED")),
            Step("ask for the evidence", "w", "", ("why · account 14009", "SELECT")),
        ),
    ),
    Task(
        "Why does deal 12345 not sync?",
        (Step("diagnose it", "d", "12345 14009", ("fails with", "agent_verification_failed", "Assign an agent")),),
    ),
    Task(
        "Read the logs",
        (
            Step("open the explorer on the query in view", "L", "", ("logs per 15 s", "lines · following")),
            Step(
                "filter",
                "/ ctrl+u",
                "service:fub status:error",
                ("logs  service:fub status:error", "error  acct", "lines · following"),
            ),
            Step("to the error before, and one more", "[ [", "", ("new below",)),
            Step("follow its correlation id", "C", "", ("correlation ",)),
            Step("back", "escape", "", ("logs  service:fub status:error",)),
            Step("see what values there are", "v", "", ("values", "@context.account_id")),
            Step("back to the lines", "escape", "", ("logs per",)),
            Step("save the query", "S", "errors of fub", ("errors of fub",)),
            Step("find it again", ":", "queries", ("saved queries · 1", "errors of fub")),
        ),
    ),
    Task(
        "Where did the cascade begin?",
        (
            Step("investigate", "3", "", ("possible cascade", "ZillowAuth → ZillowAgent")),
            Step("open the system it begins with", "tab tab enter", "", ("system · ZillowAuth", "Expired tokens")),
        ),
        story="oauth_cascade",
    ),
    Task(
        "Which route does account 148261 take?",
        (
            Step("open it", "a", "148261", ("Summit Ridge Group", "1,204 users", "integration is disabled")),
            Step(
                "diagnose OAuth",
                "x",
                "",
                ("integration disabled in Premier Agent", "three independent sources", "has to be done"),
            ),
        ),
        story="account_14009",
    ),
    Task(
        "Take a role, and preview an update",
        (
            _PREVIEW,
            _SEND,
            Step("see the roles", "c", "", ("roles · INC-1", "enter claims it")),
            Step("take command", "enter", "", ("Incident commander", "(you)")),
            Step("preview an update", "n", "", ("update for responders · INC-1", "▶ Cancel"), ("measuring",)),
        ),
    ),
    Task("Help", (Step("ask", "?", "", ("help", "What is on fire now", "keys of this screen")),)),
    Task(
        "Datadog is limited",
        (
            Step("see it", "", "", ("LEVEL 1 · ", "rate limited")),
            Step("see what was asked, and when it can be asked again", ":", "sources", ("sources", "rate limited")),
        ),
        fault="429:20",
    ),
    Task(
        "The database is gone",
        (
            Step("see it", "", "", ("LEVEL 1 · ", "unreachable")),
            Step("test every source", ":", "doctor", ("doctor", "unreachable")),
        ),
        fault=GONE,
    ),
    Task(
        "Another theme",
        (
            Step("a light one", ":", "theme light", ("LEVEL 1 · ",), recolours=True),
            Step("more contrast", ":", "theme contrast", ("LEVEL 1 · ",), recolours=True),
        ),
    ),
)


def document() -> str:
    """The page as it ought to be."""
    lines = [_HEAD]
    for task in TASKS:
        fault = f", {task.fault if task.fault == GONE else f'`--fault {task.fault}`'}" if task.fault else ""
        lines.append(f"\n## {task.name}\n\nOn `{task.story}`{fault}.\n\n")
        lines.append("| action | keys | typed, then enter | keys counted |\n|---|---|---|---|\n")
        lines += [_row(step) for step in task.steps]
    return "".join(lines)


def _row(step: Step) -> str:
    keys = " ".join(f"`{key}`" for key in step.pressed) or "none"
    typed = f"`{step.typed}`" if step.typed else ""
    return f"| {step.what} | {keys} | {typed} | {len(step.pressed)} |\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
