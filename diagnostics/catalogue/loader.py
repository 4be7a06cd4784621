"""The catalogue, loaded: shipped data, the team's overrides on top, everything validated before anything is shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diagnostics.catalogue.crosscheck import check_references, check_response, check_schema, check_thresholds
from diagnostics.catalogue.groups import Group, Source, read_source
from diagnostics.catalogue.insertions import Values, insertions
from diagnostics.catalogue.model import (
    Baseline,
    Catalogue,
    CatalogueError,
    Contact,
    Indicator,
    IssueType,
    KnownMessage,
    Metric,
    NamedQuery,
    Role,
    RouteEntry,
    SchemaMap,
    System,
    TableMap,
    Threshold,
)
from diagnostics.catalogue.response import (
    AlertTier,
    Cadence,
    Checklist,
    DeliveryRules,
    ExitCriteria,
    ImpactRules,
)
from diagnostics.catalogue.texts import check_template, insert_values, read_pages, split_sections, title_of
from diagnostics.config.toml import suggestion
from diagnostics.models.doctor import Guide

FILES = (
    "issues",
    "thresholds",
    "baselines",
    "queries",
    "metrics",
    "indicators",
    "systems",
    "routes",
    "contacts",
    "roles",
    "messages",
    "checklists",
    "exit_criteria",
    "tiers",
    "impact",
    "cadence",
    "delivery",
    "schema",
)
"""Names of the catalogue's TOML files; the folders `guides` and `templates` stand beside them."""


def load_catalogue(override: Path | None = None) -> Catalogue:
    """Return the shipped catalogue with the files of the folder `override` merged in.

    Raises `CatalogueError`, which names file, line, value and what is accepted.
    """
    _check_folder(override)
    sources = {name: read_source(name, override) for name in FILES}
    groups = _groups(sources)
    for group in groups.values():
        group.load()
    check_thresholds(groups["thresholds"])
    check_schema(groups["schema"])
    check_references(groups)
    check_response(groups)
    pages = read_pages("templates", override, open_ended=False)
    templates = {name: check_template(page) for name, page in pages.items()}
    values = _values(groups, templates)
    guides, sections, page_origins = _guides(override, values)
    _check_guide_sections(groups["issues"], sections)
    origins = {key: origin for group in groups.values() for key, origin in group.origins().items()}
    origins |= page_origins | {f"templates.{name}": page.origin for name, page in pages.items()}
    return Catalogue(
        issues=groups["issues"].entries,
        thresholds=groups["thresholds"].entries,
        baselines=groups["baselines"].entries,
        queries=groups["queries"].entries,
        metrics=groups["metrics"].entries,
        indicators=groups["indicators"].entries,
        systems=groups["systems"].entries,
        routes=groups["routes"].entries,
        contact=values.contact,
        roles=groups["roles"].entries,
        schema_map=SchemaMap(tables=groups["schema"].entries),
        known_messages=groups["messages"].entries,
        checklists=groups["checklists"].entries,
        exit_criteria=groups["exit_criteria"].entries,
        tiers=groups["tiers"].entries,
        impact=groups["impact"].entries["impact"],
        cadence=groups["cadence"].entries,
        delivery=groups["delivery"].entries["delivery"],
        templates=templates,
        guides=guides,
        sections=sections,
        origins=origins,
    )


def _groups(sources: Mapping[str, Source]) -> dict[str, Group[Any]]:
    return {
        "issues": Group("issues", sources["issues"], IssueType, "name"),
        "thresholds": Group("thresholds", sources["thresholds"], Threshold, "id"),
        "baselines": Group("baselines", sources["baselines"], Baseline, "id"),
        "queries": Group("queries", sources["queries"], NamedQuery, "id", open=True),
        "metrics": Group("metrics", sources["metrics"], Metric, "id", open=True),
        "indicators": Group("indicators", sources["indicators"], Indicator, "id", open=True),
        "systems": Group("systems", sources["systems"], System, "name", open=True),
        "routes": Group("routes", sources["routes"], RouteEntry, "name", open=True),
        "contacts": Group("contacts", sources["contacts"], Contact, ""),
        "roles": Group("roles", sources["roles"], Role, "id", open=True),
        "messages": Group("messages", sources["messages"], KnownMessage, "id", open=True),
        "checklists": Group("checklists", sources["checklists"], Checklist, "issue"),
        "exit_criteria": Group("exit_criteria", sources["exit_criteria"], ExitCriteria, "issue"),
        "tiers": Group("tiers", sources["tiers"], AlertTier, "name"),
        "impact": Group("impact", sources["impact"], ImpactRules, "", exact_tables=("severities",)),
        "cadence": Group("cadence", sources["cadence"], Cadence, "severity"),
        "delivery": Group("delivery", sources["delivery"], DeliveryRules, ""),
        "schema": Group("schema", sources["schema"], TableMap, "logical", exact_tables=("columns",)),
    }


def _values(groups: Mapping[str, Group[Any]], templates: Mapping[str, str]) -> Values:
    return Values(
        issues=groups["issues"].entries,
        thresholds=groups["thresholds"].entries,
        baselines=groups["baselines"].entries,
        queries=groups["queries"].entries,
        metrics=groups["metrics"].entries,
        indicators=groups["indicators"].entries,
        tables=groups["schema"].entries,
        systems=groups["systems"].entries,
        routes=groups["routes"].entries,
        contact=groups["contacts"].entries["contact"],
        roles=groups["roles"].entries,
        messages=groups["messages"].entries,
        checklists=groups["checklists"].entries,
        exit_criteria=groups["exit_criteria"].entries,
        tiers=groups["tiers"].entries,
        impact=groups["impact"].entries["impact"],
        cadence=groups["cadence"].entries,
        delivery=groups["delivery"].entries["delivery"],
        templates=templates,
    )


def _check_folder(override: Path | None) -> None:
    """Refuse an override folder that is not there, and a file in it that would be read by nobody."""
    if override is None:
        return
    _check_readable(override)
    for folder in (override / "guides", override / "templates"):
        if os.path.lexists(folder):
            _check_readable(folder)
    for path in sorted(override.glob("*.toml")):
        if path.stem not in FILES and not path.name.startswith("."):
            raise CatalogueError(
                f"the catalogue has no file {path.name!r}{suggestion(path.stem, FILES)}",
                file=path,
                value=path.name,
                accepted=", ".join(f"{name}.toml" for name in FILES),
            )


def _check_readable(folder: Path) -> None:
    """Refuse a folder that cannot be listed: `glob` would find it empty, and the overrides would silently not apply."""
    if not folder.is_dir():
        raise CatalogueError("the catalogue folder does not exist", file=folder, accepted="a folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise CatalogueError("the catalogue folder cannot be read", file=folder, accepted="a readable folder")


def _guides(
    override: Path | None, values: Values
) -> tuple[dict[str, Guide], dict[str, dict[str, str]], dict[str, str]]:
    """Guides and sections by name, with the catalogue's values in them, and where each guide comes from."""
    guides: dict[str, Guide] = {}
    sections: dict[str, dict[str, str]] = {}
    available = insertions(values)
    pages = read_pages("guides", override, open_ended=True)
    for name, page in pages.items():
        markdown, sections[name] = split_sections(page, insert_values(page, available))
        guides[name] = Guide(name=name, title=title_of(page), markdown=markdown, origin=page.origin)
    return guides, sections, {f"guides.{name}": page.origin for name, page in pages.items()}


def _check_guide_sections(issues: Group[Any], sections: Mapping[str, Mapping[str, str]]) -> None:
    """Every issue's section of the immediate-actions guide exists: a responder opens it with one key."""
    known = tuple(sections["immediate-actions"])
    for name, issue in issues.entries.items():
        if issue.guide_section not in known:
            raise issues.mistake(
                f"the guide immediate-actions has no section {issue.guide_section!r}"
                f"{suggestion(issue.guide_section, known)}",
                (name, "guide_section"),
                accepted=", ".join(known),
                value=issue.guide_section,
            )
