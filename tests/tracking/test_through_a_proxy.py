"""Datadog, Slack and Jira behind a proxy that tunnels and a company's own authority, all of them over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import window_ending
from diagnostics.service import Diagnostics
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.jira import Jira
from diagnostics.sources.proxies import route_of
from diagnostics.sources.slack import Slack
from sandbox.launch import SandboxProcess
from tests.network import COMPANY_CA
from tests.network.servers import ConnectProxy, TlsFront
from tests.shipped import shipped_catalogue

HOSTS = ("api.datadoghq.com", "slack.com", "example.atlassian.net")
LOGIN = "bastion:p@ss-w0rd"


@pytest.fixture
def front(sandbox: SandboxProcess) -> Iterator[TlsFront]:
    port = urlsplit(sandbox.url).port
    assert port is not None
    with TlsFront(port) as made:
        yield made


@pytest.fixture
def proxy(front: TlsFront) -> Iterator[ConnectProxy]:
    with ConnectProxy({f"{host}:443": front.port for host in HOSTS}, login=LOGIN) as made:
        yield made


def settings_of(sandbox: SandboxProcess, **environ: str) -> Settings:
    """The services at their real addresses; where they are reached is the environment's matter."""
    datadog, slack, jira = HOSTS
    flags = {name: value for name, value in sandbox.flags().items() if name != "network.proxy"} | {
        "datadog.api_url": f"https://{datadog}",
        "slack.api_url": f"https://{slack}/api",
        "jira.url": f"https://{jira}",
    }
    return load_settings(flags=flags, environ=environ).settings


def test_three_services_are_reached_with_one_round_trip_a_connection_more(
    sandbox: SandboxProcess, proxy: ConnectProxy, front: TlsFront
) -> None:
    settings = settings_of(
        sandbox, HTTPS_PROXY=proxy.url.replace("://", "://bastion:p%40ss-w0rd@"), WARROOM_NETWORK__CA=str(COMPANY_CA)
    )
    route = route_of(settings.network)
    start, end = window_ending(900)
    with (
        closing(Datadog(settings.datadog, route)) as datadog,
        closing(Slack(settings.slack, route)) as slack,
        closing(Jira(settings.jira, route)) as jira,
    ):
        for _ in range(3):
            assert datadog.validate().took_ms > 0
            assert datadog.search("*", start=start, end=end, limit=1).evidence.source == "datadog"
            slack.newest("#fub-zyno-support")
            assert jira.probe().rows == 1
    assert [one.target for one in proxy.asked] == [f"{host}:443" for host in HOSTS], "each connection was kept"
    assert [(one.trips, one.login) for one in proxy.asked] == [(1, LOGIN)] * 3
    assert front.connections == 3


def test_what_a_team_has_set_for_its_own_network_does_not_reach_the_stand_ins(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[databases]\ntls = true\nclient_tls = "required"\n[redis]\ntls = "verify-identity"\n'
        '[network]\nproxy = "http://proxy.example:3128"\nproxy_loopback = true\n'
    )
    settings = load_settings(file, sandbox.flags(), {}).settings
    with Diagnostics.open(settings, shipped_catalogue()) as service:
        assert service.context.datadog.validate().took_ms > 0
        assert service.context.databases.ping_common().rows == 1
        assert service.context.mutexes.ping().query == "PING"


def test_a_message_that_is_written_has_a_connection_of_its_own(sandbox: SandboxProcess, proxy: ConnectProxy) -> None:
    settings = settings_of(
        sandbox,
        WARROOM_NETWORK__PROXY=proxy.url,
        WARROOM_NETWORK__PROXY_LOGIN=LOGIN,
        WARROOM_NETWORK__CA=str(COMPANY_CA),
    )
    with closing(Slack(settings.slack, route_of(settings.network))) as slack:
        assert slack.identity().team
        assert slack.post("#fub-zyno-support", "through the proxy", "token-1").ts
        assert slack.post("#fub-zyno-support", "through the proxy", "token-2").ts
    assert len(proxy.asked) == 3


def test_each_service_names_the_proxy_the_login_and_the_authority(sandbox: SandboxProcess, proxy: ConnectProxy) -> None:
    def failures(**environ: str) -> list[SourceFailure]:
        settings, told = settings_of(sandbox, **environ), []
        route = route_of(settings.network)
        with (
            closing(Datadog(settings.datadog, route)) as datadog,
            closing(Slack(settings.slack, route)) as slack,
            closing(Jira(settings.jira, route)) as jira,
        ):
            for ask in (datadog.validate, slack.identity, jira.probe):
                with pytest.raises(SourceFailure) as caught:
                    ask()
                told.append(caught.value)
        return told

    for told in failures(HTTPS_PROXY=proxy.url):
        assert told.kind is FailureKind.NOT_CONFIGURED
        assert f"the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY) wants a login" in told.reason
        assert "network.proxy_login" in told.remedy
    for told in failures(HTTPS_PROXY=proxy.url, WARROOM_NETWORK__PROXY_LOGIN=LOGIN):
        assert told.kind is FailureKind.UNREACHABLE
        assert f"through the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY)" in told.reason
        assert "trusted are the system's authorities" in told.reason
        assert "network.ca" in told.remedy
        assert "w0rd" not in f"{told} {told.remedy}"
    for told in failures(ALL_PROXY="socks5://127.0.0.1:1080"):
        assert "ALL_PROXY names a proxy that is spoken to by socks5" in told.reason
        assert "network.proxy" in told.remedy
