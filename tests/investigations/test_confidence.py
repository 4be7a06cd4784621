"""How sure anybody may be: the rule, held against every mixture of evidence."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.incident.investigations import LEVELS, judge
from diagnostics.models.entries import EvidenceLabel, EvidenceWeighed
from diagnostics.models.evidence import Evidence
from diagnostics.models.investigations import PRELIMINARY, STANDARD, STRICT, Hypothesis, Weighed

AT = datetime(2025, 11, 17, 14, 2, tzinfo=UTC)
SOURCES = ("datadog", "common", "client 14009", "a customer", "Zillow")


def weighed(
    source: str,
    side: str = "for",
    label: EvidenceLabel = EvidenceLabel.DIRECT,
    *,
    inferred: bool = False,
    withdrawn: bool = False,
    asked: Evidence | None = None,
) -> Weighed:
    item = EvidenceWeighed.model_validate(
        {
            "item": "V1",
            "hypothesis": "H1",
            "side": side,
            "label": label,
            "inferred": inferred,
            "text": "as seen",
            "source": source,
            "evidence": asked,
        }
    )
    return Weighed(item=item, at=AT, by="ann", withdrawn_why="it was another day" if withdrawn else "")


def judged(*items: Weighed) -> Hypothesis:
    return judge(
        Hypothesis(
            hypothesis="H1",
            statement="Zillow limits us",
            overturned_by="no HTTP 429 in the hour",
            added_at=AT,
            added_by="ann",
            speaks_for=tuple(one for one in items if one.item.side == "for"),
            speaks_against=tuple(one for one in items if one.item.side == "against"),
        )
    )


any_item = st.builds(
    weighed,
    st.sampled_from(SOURCES),
    st.sampled_from(("for", "against")),
    st.sampled_from(EvidenceLabel),
    inferred=st.booleans(),
    withdrawn=st.booleans(),
)
mixtures = st.lists(any_item, max_size=12)


def _level(count: int) -> int:
    return sum(count >= needed for needed in (PRELIMINARY, STANDARD, STRICT))


@given(mixtures)
def test_the_confidence_is_the_number_of_observed_sources_less_one_level_for_weighty_doubt(
    items: list[Weighed],
) -> None:
    observed = [one for one in items if not one.item.inferred and not one.withdrawn_why]
    sources = {one.item.source for one in observed if one.item.side == "for"}
    doubt = any(one.item.side == "against" and one.item.label in {"direct", "experimental"} for one in observed)
    found = judged(*items)
    assert found.confidence == LEVELS[max(0, _level(len(sources)) - doubt)]
    assert len(found.sources) == len(sources)


@given(mixtures, any_item)
def test_evidence_for_it_never_lowers_the_confidence_and_evidence_against_never_raises_it(
    items: list[Weighed], one: Weighed
) -> None:
    before, after = (LEVELS.index(judged(*given_items).confidence) for given_items in (items, [*items, one]))
    assert after >= before if one.item.side == "for" else after <= before


@given(mixtures, st.randoms())
def test_the_order_in_which_evidence_came_does_not_matter(items: list[Weighed], chance: object) -> None:
    shuffled = list(items)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # the strategy gives a random.Random
    assert judged(*items).confidence == judged(*shuffled).confidence


@given(mixtures, st.sampled_from(SOURCES), st.sampled_from(EvidenceLabel))
def test_an_inference_is_never_counted_as_a_source(items: list[Weighed], source: str, label: EvidenceLabel) -> None:
    inferred = weighed(source, label=label, inferred=True)
    assert judged(*items, inferred).confidence == judged(*items).confidence


@given(mixtures)
def test_every_confidence_says_why_in_a_sentence(items: list[Weighed]) -> None:
    found = judged(*items)
    assert found.confidence_why.endswith(".")
    assert all(source in found.confidence_why for source in found.sources)


def test_a_source_under_two_spellings_is_one_source() -> None:
    assert judged(weighed("Datadog"), weighed(" datadog ")).confidence == "preliminary"


def test_what_was_really_asked_is_counted_and_not_what_it_is_called() -> None:
    asked = Evidence(source="datadog", query="service:fub", started_at=AT, took_ms=3.0)
    found = judged(weighed("the logs", asked=asked), weighed("the other logs", asked=asked))
    assert found.sources == ("datadog",)


def test_doubt_that_is_only_circumstantial_lowers_nothing() -> None:
    for_it = (weighed("datadog"), weighed("common"))
    mild = weighed("a customer", "against", EvidenceLabel.CIRCUMSTANTIAL)
    assert judged(*for_it, mild).confidence == "standard"


def test_the_sentence_names_what_speaks_against_and_what_the_next_level_needs() -> None:
    found = judged(weighed("datadog"), weighed("common"), weighed("Zillow", "against", EvidenceLabel.EXPERIMENTAL))
    assert found.confidence == "preliminary"
    assert "lowered one level because V1 (experimental) speaks against it" in found.confidence_why
    assert "strict would need 1 more source" in found.confidence_why
