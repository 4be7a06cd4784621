"""From Datadog's JSON to the console's own values. Every string passes the sanitizer here, once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson

from diagnostics.core.lazy_json import Sharing, lazy
from diagnostics.core.sanitizer import clean, clean_tree
from diagnostics.models.datadog import Bucket, Compute, DatadogIncident, MeasuredValue, Monitor, Series
from diagnostics.models.events import LogEvent
from diagnostics.sources.datadog.tiers import FlexTier

_MAX_TAGS = 256
_MAX_WARNINGS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * 1_000
"""A moment beyond the calendar cannot be written as a date by anybody. The last year is left for time zones."""

_NO_ATTRIBUTES: Mapping[str, Any] = {}
_SHARED = Sharing()


class WrongShape(ValueError):  # noqa: N818  # it says what is wrong with the answer
    """The document is JSON, and not what the endpoint documents."""


class NoFigure(WrongShape):
    """An answer without the number that was asked for: to read it as 0 would be an all-clear that nobody gave."""


def read_json(body: bytes) -> object:
    """Return the document in `body`; raises ValueError for anything that is not one.

    orjson is strict: one lone surrogate or one invalid UTF-8 byte in one log message would cost the whole page. So a
    refused body is read again by the standard library, with the bad bytes replaced; the sanitizer marks the rest.
    """
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _read_lenient(body)
    return document


def _read_lenient(body: bytes) -> object:
    try:
        document: object = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return document


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def document(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; raises ValueError (WrongShape when it is another JSON value)."""
    value = read_json(body)
    if not isinstance(value, dict):
        raise WrongShape("is not a JSON object")
    return value


def events(page: Mapping[str, Any], most: int) -> tuple[tuple[LogEvent, ...], int, int]:
    """The first `most` events of one search page in their order, how many of these could not be read, and how many
    more there were. Raises WrongShape.

    A page without events is recorded as an empty list; without a list, nothing says that there are none.
    """
    data = page.get("data")
    if not isinstance(data, list):
        raise WrongShape("has no list of events")
    read = [_event(item) for item in data[:most]]
    good = tuple(event for event in read if event is not None)
    return good, len(read) - len(good), max(0, len(data) - most)


def _event(item: object) -> LogEvent | None:
    if not isinstance(item, dict):
        return None
    fields = item.get("attributes")
    identity = item.get("id")
    if not isinstance(fields, dict) or not isinstance(identity, str):
        return None
    moment = epoch_ms(fields.get("timestamp"))
    if moment is None:
        return None
    nested = fields.get("attributes")
    tags = fields.get("tags")
    return LogEvent(
        id=clean(identity, limit=512),
        timestamp_ms=moment,
        service=_SHARED.text(_text(fields.get("service"), 256)),
        status=_SHARED.text(_text(fields.get("status"), 32).lower()),
        message=_SHARED.text(_text(fields.get("message"))),
        host=_SHARED.text(_text(fields.get("host"), 256)),
        tags=_SHARED.texts(tuple(clean(tag, limit=512) for tag in tags[:_MAX_TAGS] if isinstance(tag, str)))
        if isinstance(tags, list)
        else (),
        attributes=lazy(cast("dict[str, Any]", clean_tree(nested))) if isinstance(nested, dict) else _NO_ATTRIBUTES,
    )


def _text(value: object, limit: int = 32_768) -> str:
    if isinstance(value, str):
        return clean(value, limit=limit)
    return "" if value is None else clean(str(value), limit=limit)


def epoch_ms(value: object) -> int | None:
    """Milliseconds since the epoch from an ISO 8601 text or a number of milliseconds.

    None when it is neither, and for a moment before 1970 or after 9998: no log is from then.
    """
    moment_ms = _read_ms(value)
    return moment_ms if moment_ms is not None and 0 <= moment_ms < _LATEST_MS else None


def _read_ms(value: object) -> int | None:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value)
    return None


def next_cursor(page: Mapping[str, Any]) -> str | None:
    """The cursor of the page after this one, exactly as sent: it goes back to the service and is never shown.

    Every page that holds something is recorded with a cursor, the last one too, and behind it comes an empty page: that
    ends the reading, whatever it carries.
    """
    if not page.get("data"):
        return None
    meta = page.get("meta")
    place = meta.get("page") if isinstance(meta, dict) else None
    cursor = place.get("after") if isinstance(place, dict) else None
    return cursor if isinstance(cursor, str) and cursor else None


def missing(answer: Mapping[str, Any], *, says_done: bool = False) -> tuple[str, ...]:
    """Why the answer is not whole, cleaned, for a person; empty where it is.

    "Partial results might be returned if warnings are present", Datadog documents. `says_done` is for answers that are
    recorded with the status "done" whenever they are whole, as aggregates are; pages of a search come without any.
    """
    meta = answer.get("meta")
    about = meta if isinstance(meta, dict) else {}
    status, warnings = about.get("status"), about.get("warnings") or []
    reasons: list[str] = []
    if status == "timeout":
        reasons.append("Datadog timed out inside: not everything it holds")
    elif says_done and status != "done":
        reasons.append("the answer does not say that it is done")
    listed = warnings if isinstance(warnings, list) else [warnings]
    reasons += [_warning(warning) for warning in listed[:_MAX_WARNINGS]]
    return tuple(reasons)


def _warning(warning: object) -> str:
    said = warning if isinstance(warning, dict) else {}
    named = _text(said.get("detail") or said.get("title"), 200)
    code = _text(said.get("code"), 60)
    return ": ".join(part for part in (code, named) if part) or "Datadog warns, without saying of what"


def buckets(answer: Mapping[str, Any], computes: Sequence[Compute], *, grouped: bool) -> tuple[Bucket, ...]:
    """The groups of an aggregate with one value per compute, in the service's order.

    Nothing at all is recorded as an empty list of buckets. Raises WrongShape, of it NoFigure for a count that is none.
    """
    data = answer.get("data")
    found = data.get("buckets") if isinstance(data, dict) else None
    if found is None and isinstance(data, dict):
        raise NoFigure("has no buckets to read figures from")
    if not isinstance(found, list):
        raise WrongShape("has no buckets")
    read = tuple(_bucket(item, computes) for item in found)
    if not read and not grouped:
        return (Bucket({}, tuple(compute.of_nothing for compute in computes)),)
    return read


def _bucket(item: object, computes: Sequence[Compute]) -> Bucket:
    if not isinstance(item, dict):
        raise WrongShape("has a bucket that is not an object")
    by, values = item.get("by") or {}, item.get("computes") or {}
    if not isinstance(by, dict) or not isinstance(values, dict):
        raise WrongShape("has a bucket without figures")
    figures = tuple(_measured(values.get(f"c{index}"), compute, index) for index, compute in enumerate(computes))
    counted = {
        _is_something(figure)
        for compute, figure in zip(computes, figures, strict=True)
        if compute.aggregation == "count"
    }
    if len(counted) > 1:
        raise NoFigure("counts events in total and none over time, or the reverse")
    return Bucket(by={clean(str(facet), limit=256): _text(value, 512) for facet, value in by.items()}, values=figures)


def _is_something(figure: MeasuredValue) -> bool:
    return any(value for _, value in figure) if isinstance(figure, tuple) else bool(figure)


def _measured(value: object, compute: Compute, index: int) -> MeasuredValue:
    if compute.interval_ms is not None:
        return _series(value, compute, index)
    figure = _number(value)
    if compute.aggregation not in {"count", "cardinality"}:
        # What is computed from values is null where no event has one.
        return figure
    if figure is None or figure < 0:
        if compute.aggregation == "count":
            raise _not_counted(index, value)
        return None
    return figure


def _series(value: object, compute: Compute, index: int) -> Series:
    if not isinstance(value, list):
        raise _not_counted(index, value)
    points: list[tuple[int, float]] = []
    for point in value:
        held = point if isinstance(point, dict) else {}
        moment, figure = epoch_ms(held.get("time")), _number(held.get("value"))
        if moment is not None and figure is not None and (figure >= 0 or compute.aggregation != "count"):
            points.append((moment, figure))
        elif compute.aggregation == "count":
            raise _not_counted(index, point)
    return tuple(sorted(points))


def _not_counted(index: int, value: object) -> NoFigure:
    what = "missing or null" if value is None else f"no count but {_text(value, 40)}"
    return NoFigure(f"has no figure to count with: c{index} is {what}")


def _number(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            figure = float(value)
        except OverflowError:
            return None
        return figure if math.isfinite(figure) else None
    return None


def flex_tier(answer: Mapping[str, Any]) -> FlexTier:
    """Whether any index keeps logs in a flex tier, from the list of indexes. Raises WrongShape where it does not say.

    `num_flex_logs_retention_days` are the days in both tiers together, `num_retention_days` those in the standard tier;
    indexes without flex storage say 0, and those of older recordings say nothing.
    """
    found = answer.get("indexes")
    indexes = [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []
    if not indexes:
        raise WrongShape("lists no index")
    flex = [(_days(item, "num_flex_logs_retention_days"), _days(item, "num_retention_days")) for item in indexes]
    silent = any(days is None for days, _ in flex)
    standard = [days or 0 for in_all, days in flex if in_all]
    if not standard and silent:
        raise WrongShape("does not say of every index whether it has a flex tier")
    return FlexTier(bool(standard), 0 if silent else min(standard, default=0))


def _days(index: Mapping[str, Any], name: str) -> int | None:
    value = index.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def monitors(body: bytes) -> tuple[tuple[Monitor, ...], int]:
    """The monitors in a list answer and how many could not be read. Raises ValueError, WrongShape."""
    data = read_json(body)
    if not isinstance(data, list):
        raise WrongShape("is not a list of monitors")
    read = [_monitor(item) for item in data]
    good = tuple(monitor for monitor in read if monitor is not None)
    return good, len(read) - len(good)


def monitor(body: bytes) -> Monitor:
    """The monitor in the answer to its creation. Raises ValueError, WrongShape."""
    found = _monitor(read_json(body))
    if found is None:
        raise WrongShape("is not a monitor")
    return found


def incident(answer: Mapping[str, Any]) -> DatadogIncident:
    """The incident in the answer to one being created, read or changed. Raises WrongShape."""
    found = _incident(answer.get("data"))
    if found is None:
        raise WrongShape("is not an incident")
    return found


def incidents_found(answer: Mapping[str, Any]) -> tuple[DatadogIncident, ...]:
    """The incidents of one page of a search in the service's order. Raises WrongShape, also for an unreadable one.

    One that cannot be read might be the very one that is looked for: nothing is left out.
    """
    data = answer.get("data")
    attributes = data.get("attributes") if isinstance(data, dict) else None
    found = attributes.get("incidents") if isinstance(attributes, dict) else None
    if not isinstance(found, list):
        raise WrongShape("has no list of incidents")
    read = [_incident(item.get("data")) if isinstance(item, dict) else None for item in found]
    good = tuple(one for one in read if one is not None)
    if len(good) < len(read):
        raise WrongShape("has an incident that cannot be read")
    return good


def _incident(data: object) -> DatadogIncident | None:
    attributes = data.get("attributes") if isinstance(data, dict) else None
    identity = data.get("id") if isinstance(data, dict) else None
    if not isinstance(attributes, dict) or not isinstance(identity, str) or not identity:
        return None
    number, created = attributes.get("public_id"), _read_ms(attributes.get("created"))
    return DatadogIncident(
        id=clean(identity, limit=64),
        number=number if isinstance(number, int) and not isinstance(number, bool) else None,
        title=_text(attributes.get("title"), 2_048),
        severity=_field(attributes, "severity"),
        state=_field(attributes, "state"),
        created=None if created is None or created >= _LATEST_MS else _EPOCH + timedelta(milliseconds=created),
    )


def _field(attributes: Mapping[str, Any], name: str) -> str:
    """A field's value; it stands under `fields`, and with newer incidents beside them too."""
    fields = attributes.get("fields")
    field = fields.get(name) if isinstance(fields, dict) else None
    value = field.get("value") if isinstance(field, dict) else None
    return _text(value if isinstance(value, str) else attributes.get(name), 64)


def metric_series(answer: Mapping[str, Any], count: int) -> tuple[Series | None, ...]:
    """The series of `count` metric queries by their index, None where there is none. Raises WrongShape.

    A query the service cannot work out is answered with 200 and its words under `error`.
    """
    found = answer.get("series")
    if answer.get("status") == "error" or not isinstance(found, list):
        said = _text(answer.get("error"), 200)
        raise WrongShape(f"holds an error: {said}" if said else "has no list of series")
    series: list[Series | None] = [None] * count
    for position, item in enumerate(found):
        if not isinstance(item, dict):
            continue
        index = item.get("query_index", position)
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count:
            series[index] = _points(item.get("pointlist"))
    return tuple(series)


def _points(value: object) -> Series:
    """Points of a metric: pairs of epoch milliseconds and a value, either of which may be absent."""
    points: list[tuple[int, float]] = []
    for pair in value if isinstance(value, list) else ():
        if isinstance(pair, list) and len(pair) == 2:
            at, figure = epoch_ms(pair[0]), _number(pair[1])
            if at is not None and figure is not None:
                points.append((at, figure))
    return tuple(sorted(points))


def _monitor(item: object) -> Monitor | None:
    if not isinstance(item, dict):
        return None
    identity, tags = item.get("id"), item.get("tags")
    if not isinstance(identity, int) or isinstance(identity, bool):
        return None
    return Monitor(
        id=identity,
        name=_text(item.get("name"), 512),
        state=_text(item.get("overall_state"), 32) or "Unknown",
        query=_text(item.get("query"), 4_096),
        tags=tuple(clean(tag, limit=512) for tag in tags[:_MAX_TAGS] if isinstance(tag, str))
        if isinstance(tags, list)
        else (),
        message=_text(item.get("message"), 4_096),
    )
