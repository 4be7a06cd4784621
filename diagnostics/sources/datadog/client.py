"""The official client, with its endpoints, authentication and configuration, cut down to its lowest layer.

Imported on first use, because the client costs some 100 ms. What is set aside, and why:

- Typed models. `preload_content=False` and `check_input_type=False` keep them out both ways: deserialising 1,000 logs
  takes the client about a quarter of a second under the interpreter lock, reading the same bytes with orjson a few
  milliseconds; and building its request models costs an import of 0.7 s at best.
- Its error path, which reads an error body without limit of time or size, into an exception that prints headers.
- Its retry, which knows no total time, and redirects, which would carry the keys to another host.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import urllib3
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.rest import RESTClientObject
from pydantic import SecretStr

from diagnostics.failures import UserError
from diagnostics.sources.datadog.sockets import Flight, guard

_UNSTABLE = ("create_incident", "get_incident", "update_incident", "search_incidents")
_CONNECTIONS = 16
"""Kept open at most. More than the threads that ask, so that none is thrown away and opened again."""


class _Keys(Configuration):
    """The client's configuration, holding the keys as SecretStr until one request's headers are written."""

    def get_api_key_with_prefix(self, identifier: str, alias: str | None = None) -> str | None:  # noqa: ARG002
        secret: SecretStr = self.api_key[identifier]
        try:
            return secret.get_secret_value().strip()
        except UserError:
            # The client asks for both keys even where one is enough; the needed ones were checked before.
            return None


class _RawRest(RESTClientObject):
    """The client's lowest layer, handing back every answer unread, whatever its status."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration, maxsize=_CONNECTIONS)  # type: ignore[no-untyped-call]
        guard(self.pool_manager)
        if configuration.host.startswith("https:"):
            # One context for all connections: each would otherwise read the system's certificates again, 19 ms.
            self.pool_manager.connection_pool_kw["ssl_context"] = ssl.create_default_context()

    def request(  # noqa: PLR0917  # the signature is the client's
        self,
        method: str,
        url: str,
        query_params: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        body: object = None,
        post_params: object = None,  # noqa: ARG002
        preload_content: bool = False,  # noqa: ARG002
        request_timeout: object = None,  # noqa: ARG002  # the flight's limits hold instead
    ) -> urllib3.BaseHTTPResponse:
        flight = Flight.current()
        if query_params:
            url = f"{url}?{urlencode(query_params, quote_via=quote)}"
        limits = urllib3.Timeout(
            connect=flight.within(flight.connect_timeout_s), read=flight.within(flight.read_timeout_s)
        )
        response: urllib3.BaseHTTPResponse = self.pool_manager.urlopen(
            method,
            url,
            headers=headers,
            body=None if body is None else orjson.dumps(body),
            timeout=limits,
            preload_content=False,
            redirect=False,
            retries=False,
        )
        return response


class Client(ApiClient):
    """The endpoints the console uses, each returning its answer unread. To be called inside a `Flight`."""

    def __init__(self, host: str, keys: Mapping[str, SecretStr]) -> None:
        configuration = _Keys(  # type: ignore[no-untyped-call]
            host=host, preload_content=False, check_input_type=False, enable_retry=False
        )
        # The client would take an absent key from the environment; only the settings decide what is sent where.
        configuration.api_key = dict(keys)
        for operation in _UNSTABLE:
            # False refuses the operation; True lets it through with a warning on standard error, which is the screen.
            configuration.unstable_operations[operation] = None
        super().__init__(configuration)

    def _build_rest_client(self) -> _RawRest:
        return _RawRest(self.configuration)

    def search(self, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """POST /api/v2/logs/events/search."""
        answer: urllib3.BaseHTTPResponse = self._logs().list_logs(body=body)
        return answer

    def aggregate(self, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """POST /api/v2/logs/analytics/aggregate."""
        answer: urllib3.BaseHTTPResponse = self._logs().aggregate_logs(body=body)
        return answer

    def monitors(self, tags: str, page_size: int) -> urllib3.BaseHTTPResponse:
        """GET /api/v1/monitor, first page."""
        from datadog_api_client.v1.api.monitors_api import MonitorsApi  # noqa: PLC0415

        endpoints: Any = MonitorsApi
        answer: urllib3.BaseHTTPResponse = endpoints(self).list_monitors(monitor_tags=tags, page=0, page_size=page_size)
        return answer

    def create_monitor(self, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """POST /api/v1/monitor."""
        from datadog_api_client.v1.api.monitors_api import MonitorsApi  # noqa: PLC0415

        endpoints: Any = MonitorsApi
        answer: urllib3.BaseHTTPResponse = endpoints(self).create_monitor(body=body)
        return answer

    def metrics(self, query: str, start_s: int, end_s: int) -> urllib3.BaseHTTPResponse:
        """GET /api/v1/query."""
        from datadog_api_client.v1.api.metrics_api import MetricsApi  # noqa: PLC0415

        endpoints: Any = MetricsApi
        answer: urllib3.BaseHTTPResponse = endpoints(self).query_metrics(_from=start_s, to=end_s, query=query)
        return answer

    def validate(self) -> urllib3.BaseHTTPResponse:
        """GET /api/v1/validate."""
        from datadog_api_client.v1.api.authentication_api import AuthenticationApi  # noqa: PLC0415

        endpoints: Any = AuthenticationApi
        answer: urllib3.BaseHTTPResponse = endpoints(self).validate()
        return answer

    def create_incident(self, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """POST /api/v2/incidents."""
        answer: urllib3.BaseHTTPResponse = self._incidents().create_incident(body=body)
        return answer

    def get_incident(self, identity: str) -> urllib3.BaseHTTPResponse:
        """GET /api/v2/incidents/{id}."""
        answer: urllib3.BaseHTTPResponse = self._incidents().get_incident(incident_id=identity)
        return answer

    def update_incident(self, identity: str, body: dict[str, Any]) -> urllib3.BaseHTTPResponse:
        """PATCH /api/v2/incidents/{id}."""
        answer: urllib3.BaseHTTPResponse = self._incidents().update_incident(incident_id=identity, body=body)
        return answer

    def search_incidents(self, query: str, page_size: int, offset: int) -> urllib3.BaseHTTPResponse:
        """GET /api/v2/incidents/search, the newest first."""
        answer: urllib3.BaseHTTPResponse = self._incidents().search_incidents(
            query=query, sort="-created", page_size=page_size, page_offset=offset
        )
        return answer

    def _incidents(self) -> Any:  # noqa: ANN401  # as below
        from datadog_api_client.v2.api.incidents_api import IncidentsApi  # noqa: PLC0415

        endpoints: Any = IncidentsApi
        return endpoints(self)

    def _logs(self) -> Any:  # noqa: ANN401  # the client's annotations promise models, and it is told not to build them
        from datadog_api_client.v2.api.logs_api import LogsApi  # noqa: PLC0415

        endpoints: Any = LogsApi
        return endpoints(self)
