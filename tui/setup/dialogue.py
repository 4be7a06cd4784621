"""The dialogue of `warroom setup`: subject by subject, each tested as soon as it is answered; then the file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.doctor import NOT_ASKED, DoctorLine
from diagnostics.models.triage import Status
from tui.cli.doctor import as_text
from tui.cli.output import Style, say
from tui.setup.lines import ask, choose, tell
from tui.setup.settings_file import answers_of, differences, put_in_place, text_of
from tui.setup.topics import TOPICS, Answers, Topic
from tui.setup.trial import FAILED, tested


def dialogue(path: Path, moment: datetime, topics: Sequence[Topic] = TOPICS) -> bool:
    """Ask, test, show, write; whether the file was written. Raises Cancelled, UserError."""
    answers = answers_of(path) if path.exists() else {}
    tell(
        [
            f"Settings for {path}" + (" (there already: what is not changed stays)" if answers else ""),
            "Every part can be skipped. Each answer is tested at once. Ctrl+C ends it, and nothing is written.",
        ]
    )
    for number, topic in enumerate(topics, 1):
        tell(["", f"{number} of {len(topics)}  {topic.title}: {topic.why}"])
        answers = _one(topic, answers)
    if not answers:
        tell(["", "Everything was skipped: there is nothing to write."])
        return False
    return _written(path, answers, moment)


def _one(topic: Topic, answers: Answers) -> Answers:
    """The answers with this subject's, tested and accepted, or as they were."""
    known = topic.of(answers)
    rest = {name: value for name, value in answers.items() if name not in known}
    if known:
        tell(["in the file now:", *(f"  {line}" for line in text_of(known, shown=True).splitlines()[1:] if line)])
        chosen = choose("These settings:", [("k", "keep"), ("c", "change"), ("r", "remove")], "k")
        if chosen != "c":
            return answers if chosen == "k" else rest
    while True:
        try:
            given = topic.ask()
        except UserError as error:
            tell(error.lines())
            continue
        if given is None:
            tell(["skipped"])
            return answers
        then = {**rest, **given}
        if not _failed(topic, then):
            return then
        chosen = choose(
            "What now?", [("c", "correct: ask again"), ("k", "keep it as it is"), ("s", "skip this part")], "c"
        )
        if chosen != "c":
            return then if chosen == "k" else answers


def _failed(topic: Topic, answers: Answers) -> bool:
    """Test it and tell what came of it; False too where the person would not have it tested."""
    if topic.warns:
        tell([topic.warns])
        if choose("Test it?", [("y", "yes"), ("n", "no")], "y") == "n":
            return False
    tell(["testing …"])
    lines: list[DoctorLine] = []
    style = Style.of_stdout()
    try:
        for line in tested(topic, answers):
            lines.append(line)
            if line.status is not Status.PASS and not line.detail.startswith(NOT_ASKED):
                say(as_text(line, style))
    except (UserError, SourceFailure) as error:
        tell(error.lines())
        return True
    counts = {status: sum(line.status is status for line in lines) for status in Status}
    passed, failed = counts[Status.PASS], sum(counts[status] for status in FAILED)
    silent = sum(line.detail.startswith(NOT_ASKED) for line in lines)
    noted = len(lines) - passed - failed - silent
    tell([f"tested: {passed} passed, {failed} failed, {noted} to know about, {silent} not asked"])
    # Where nothing was examined nothing is known, and that is no success.
    return failed > 0 or not passed


def _written(path: Path, answers: Answers, moment: datetime) -> bool:
    tell(["", f"The whole file, {path}:", ""])
    tell(f"  {line}" for line in text_of(answers, shown=True).splitlines())
    if path.exists():
        changed = differences(path, answers)
        if not changed:
            tell(["", "The file says this already: nothing was written."])
            return False
        tell(["", "Differences from the file that is there (its comments go; it is kept beside, as a backup):"])
        tell(f"  {line}" for line in changed)
    tell([""])
    if ask("type write to write it, anything else to leave") != "write":
        tell(["Left: nothing was written."])
        return False
    loaded, backup = put_in_place(path, answers, moment)
    tell([f"written: {path} (0600)", *([f"kept: {backup}"] if backup else [])])
    tell(f"warning: {warning}" for warning in loaded.warnings)
    above = sorted(
        f"{name} by {origin}"
        for name, origin in loaded.origins.items()
        if origin.startswith("environment ") and name in answers
    )
    tell(f"the environment stands above the file: {one}" for one in above)
    tell(["next: warroom doctor, then warroom"])
    return True


def in_a_terminal(descriptors: Sequence[int] = (0, 1)) -> bool:
    """Whether a person can be asked."""
    return all(os.isatty(descriptor) for descriptor in descriptors)
