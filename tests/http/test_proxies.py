"""A tunnel through a proxy: one round trip a connection, hosts that are spared, a login that is never shown."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from diagnostics.config.layers import load_settings
from diagnostics.config.settings import NetworkSettings
from diagnostics.core.failures import FailureKind, Sent, UserError
from diagnostics.sources.http import HttpClient, HttpRequest, NoAnswer, Why
from diagnostics.sources.proxies import Route
from tests.http.test_transport import OK, Peer
from tests.network import COMPANY_CA
from tests.network.servers import ConnectProxy, TlsFront

HOST = "api.datadoghq.com"
LOGIN = "bastion:p@ss:w0rd"


@pytest.fixture
def service() -> Iterator[Peer]:
    made = Peer(lambda sock: sock.sendall(OK))
    yield made
    made.close()


@pytest.fixture
def front(service: Peer) -> Iterator[TlsFront]:
    with TlsFront(int(service.url.rpartition(":")[2].partition("/")[0])) as made:
        yield made


@pytest.fixture
def proxy(front: TlsFront) -> Iterator[ConnectProxy]:
    with ConnectProxy({f"{HOST}:443": front.port}) as made:
        yield made


def client(network: NetworkSettings, **given: int | bool) -> HttpClient:
    limits = {"connect_s": 5, "read_s": 5, "total_s": 5, "most_bytes": 1_000}
    return HttpClient(**{**limits, **given}, route=Route(network))  # type: ignore[arg-type]  # as HttpClient takes them


def asked(http: HttpClient, url: str = f"https://{HOST}/", method: str = "GET") -> bytes:
    return http.ask(HttpRequest.of(method, url)).body


def failure(network: NetworkSettings, url: str = f"https://{HOST}/") -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        asked(client(network), url, "POST")
    told = caught.value
    assert told.sent is Sent.NOT_SENT, "nothing of the request has left"
    assert "w0rd" not in f"{told!r} {told.reason} {told.detail} {told.remedy}"
    assert told.__context__ is None
    return told


def through(proxy: ConnectProxy, **given: object) -> NetworkSettings:
    return NetworkSettings.model_validate({"proxy": proxy.url, "ca": COMPANY_CA, **given})


def test_a_tunnel_costs_one_round_trip_and_is_kept(proxy: ConnectProxy, front: TlsFront) -> None:
    http = client(through(proxy), keep_alive=2)
    for _ in range(3):
        assert asked(http) == b"ok"
    http.close()
    assert [(one.target, one.trips) for one in proxy.asked] == [(f"{HOST}:443", 1)]
    assert front.connections == 1
    assert b"Authorization" not in proxy.asked[0].head


def test_writing_meets_no_kept_connection_where_only_reading_keeps_them(proxy: ConnectProxy) -> None:
    http = client(through(proxy), keep_alive=2, kept_for_reading=True)
    for method in ("GET", "POST", "GET", "POST", "GET"):
        assert asked(http, method=method) == b"ok"
    http.close()
    assert len(proxy.asked) == 3, "one for all that is read, one for each that is written"


def test_what_is_read_is_asked_once_more_where_the_kept_connection_was_just_closing() -> None:
    served: list[int] = []

    def closing_once(sock: socket.socket) -> None:
        served.append(1)
        if len(served) == 2:
            sock.shutdown(socket.SHUT_RDWR)
            return
        sock.sendall(OK)

    peer = Peer(closing_once)
    http = client(NetworkSettings(), keep_alive=1, kept_for_reading=True)
    assert [asked(http, peer.url), asked(http, peer.url)] == [b"ok", b"ok"]
    assert (len(served), peer.connections) == (3, 2)
    http.close()
    peer.close()


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("", HOST, False),
        ("*", HOST, True),
        ("datadoghq.com", HOST, True),
        (".datadoghq.com", HOST, True),
        ("*.datadoghq.com", HOST, True),
        ("other.example, API.datadoghq.COM", HOST, True),
        ("api.datadoghq.com:443", HOST, True),
        ("api.datadoghq.com:8443", HOST, False),
        ("doghq.com", HOST, False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "[fd00::7]", True),
        ("[fd00::7]:443", "[fd00::7]", True),
        ("", "localhost", True),
        ("", "127.0.0.1", True),
        ("", "[::1]", True),
    ],
)
def test_hosts_that_are_spared(no_proxy: str, host: str, direct: bool) -> None:
    route = Route(NetworkSettings(proxy="http://proxy.example:3128", no_proxy=no_proxy))
    assert (route.proxy_for(host, 443) is None) is direct


def test_this_machine_is_reached_directly_unless_told(proxy: ConnectProxy, service: Peer) -> None:
    assert asked(client(through(proxy)), service.url) == b"ok"
    assert proxy.asked == []
    told = failure(through(proxy, proxy_loopback=True), service.url)
    assert (told.why, "opens no way to 127.0.0.1" in told.reason) == (Why.PROXY_REFUSED, True)
    assert len(proxy.asked) == 1


def test_a_login_is_sent_to_the_proxy_and_to_nobody_else(front: TlsFront, service: Peer) -> None:
    with ConnectProxy({f"{HOST}:443": front.port}, login=LOGIN) as proxy:
        assert asked(client(through(proxy, proxy_login=SecretStr(LOGIN)))) == b"ok"
        assert proxy.asked[0].login == LOGIN


def test_a_refused_login_is_said_and_not_sent_again(front: TlsFront) -> None:
    """A directory that several programs log in to locks a person out after some wrong passwords."""
    with ConnectProxy({f"{HOST}:443": front.port}, login="bastion:another") as proxy:
        http = client(through(proxy, proxy_login=SecretStr(LOGIN)))
        said = []
        for _ in range(2):
            with pytest.raises(NoAnswer) as caught:
                asked(http)
            said.append(caught.value)
        assert len(proxy.asked) == 1
    assert "refused the login (HTTP 407)" in said[0].reason
    assert "it is not sent again for 30 s" in said[1].reason
    assert {one.kind for one in said} == {FailureKind.NOT_CONFIGURED}
    assert all("network.proxy_login" in one.remedy and "w0rd" not in one.reason for one in said)


def test_a_login_that_is_wanted_names_its_setting_and_one_of_a_domain_names_the_way_round(front: TlsFront) -> None:
    for scheme, reason, remedy in (
        ("Basic", "wants a login (HTTP 407)", "network.proxy_login"),
        ("Negotiate", "wants a login by Negotiate", "network.proxy"),
    ):
        with ConnectProxy({f"{HOST}:443": front.port}, login=LOGIN, scheme=scheme) as proxy:
            told = failure(through(proxy))
        assert (told.why, reason in told.reason, remedy in told.remedy) == (Why.PROXY_LOGIN, True, True)


def test_failures_name_the_proxy_and_what_named_it(proxy: ConnectProxy) -> None:
    told = failure(through(proxy, proxy_named="HTTPS_PROXY"), "https://elsewhere.example/")
    named = f"the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY)"
    assert told.reason == f"{named} opens no way to elsewhere.example:443 (HTTP 403)"
    assert "network.no_proxy" in told.remedy
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        told = failure(NetworkSettings(proxy=f"http://127.0.0.1:{port}"))
    assert (told.why, told.kind) == (Why.NO_PROXY, FailureKind.UNREACHABLE)
    assert f"no connection to the proxy 127.0.0.1:{port} (network.proxy)" in told.reason
    assert "check network.proxy" in told.remedy


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello", b"HTTP/1.1 200 " * 9_000]
)
def test_what_is_no_proxy_is_said_to_be_none(said: bytes) -> None:
    def answer(sock: socket.socket) -> None:
        sock.sendall(said)
        sock.shutdown(socket.SHUT_RDWR)

    peer = Peer(answer)
    told = failure(NetworkSettings(proxy=peer.url.rpartition("/")[0]))
    peer.close()
    assert (told.why, "(network.proxy)" in told.reason) == (Why.PROXY_REFUSED, True)


def test_an_authority_that_is_not_trusted_is_named_with_those_that_are(proxy: ConnectProxy, tmp_path: Path) -> None:
    told = failure(through(proxy, ca=None))
    assert (told.why, told.kind) == (Why.UNTRUSTED, FailureKind.UNREACHABLE)
    assert f"through the proxy 127.0.0.1:{proxy.port} (network.proxy)" in told.reason
    assert "trusted are the system's authorities" in told.reason
    assert "set network.ca" in told.remedy
    absent = tmp_path / "absent.pem"
    told = failure(through(proxy, ca=absent))
    assert (told.why, told.kind) == (Why.UNUSABLE, FailureKind.NOT_CONFIGURED)
    assert told.reason == f"network.ca names a file that is no readable certificate authority: {absent}"


def test_the_environments_authorities_are_named_and_count(proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(COMPANY_CA))
    assert asked(client(through(proxy, ca=None))) == b"ok"
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    assert "SSL_CERT_FILE=/nowhere.pem, SSL_CERT_DIR=/nowhere" in failure(through(proxy, ca=None)).reason


# ---- where the settings come from


def network(tmp_path: Path, text: str = "", **environ: str) -> NetworkSettings:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings(file, None, environ).settings.network


@pytest.mark.parametrize(
    ("environ", "proxy", "named"),
    [
        ({"HTTPS_PROXY": "http://one.test:3128"}, "http://one.test:3128", "HTTPS_PROXY"),
        (
            {"https_proxy": "two.test:3128", "HTTPS_PROXY": "http://one.test"},
            "http://two.test:3128",
            "https_proxy",
        ),
        ({"ALL_PROXY": "http://three.test/"}, "http://three.test", "ALL_PROXY"),
        (
            {"ALL_PROXY": "http://three.test", "HTTPS_PROXY": "http://one.test"},
            "http://one.test",
            "HTTPS_PROXY",
        ),
        ({"HTTP_PROXY": "http://plain.example:3128"}, None, "network.proxy"),
        ({"HTTPS_PROXY": ""}, None, "network.proxy"),
    ],
)
def test_the_environment_names_a_proxy(
    tmp_path: Path, environ: Mapping[str, str], proxy: str | None, named: str
) -> None:
    found = network(tmp_path, **environ)
    assert (found.proxy, found.proxy_named, found.proxy_problem) == (proxy, named, "")


def test_the_consoles_own_settings_stand_over_the_environment(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://user:w0rd@one.test:3128", "NO_PROXY": "a.example"}
    found = network(tmp_path, **environ)
    assert (found.proxy, found.no_proxy) == ("http://one.test:3128", "a.example")
    assert found.proxy_login is not None
    assert found.proxy_login.get_secret_value() == "user:w0rd"
    own = network(tmp_path, '[network]\nproxy = "http://own.example:8080"\nno_proxy = "b.example"\n', **environ)
    assert (own.proxy, own.no_proxy, own.proxy_named) == ("http://own.example:8080", "b.example", "network.proxy")
    assert own.proxy_login is None, "the login of one proxy is not sent to another"
    assert Route(network(tmp_path, '[network]\nproxy = "off"\n', **environ)).proxy_for(HOST, 443) is None


def test_a_login_in_the_environment_is_shown_nowhere(tmp_path: Path) -> None:
    loaded = load_settings(None, {"state_dir": tmp_path}, {"HTTPS_PROXY": "http://user:w0rd%40@one.test:3128"})
    login = loaded.settings.network.proxy_login
    assert login is not None
    assert login.get_secret_value() == "user:w0rd@"
    shown = "\n".join(loaded.lines())
    assert "w0rd" not in f"{shown} {loaded!r} {loaded.settings!r}"
    assert '"http://one.test:3128"' in shown
    assert "environment HTTPS_PROXY" in shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            "socks5h://127.0.0.1:1080",
            "names a proxy that is spoken to by socks5h, which the console does not do",
        ),
        ("https://proxy.example", "names a proxy that is spoken to by https, which the console does not do"),
        ("http://proxy.example:port", "is not the address of a proxy"),
    ],
)
def test_a_proxy_of_the_environment_that_cannot_be_used_ends_no_start_and_no_request_goes_round_it(
    tmp_path: Path, given: str, said: str
) -> None:
    loaded = load_settings(None, {"state_dir": tmp_path}, {"ALL_PROXY": given})
    assert f"ALL_PROXY {said}" in loaded.warnings
    told = failure(loaded.settings.network)
    assert (told.why, told.kind, told.reason) == (Why.UNUSABLE, FailureKind.NOT_CONFIGURED, f"ALL_PROXY {said}")
    assert "network.proxy" in told.remedy


@pytest.mark.parametrize("given", ["socks5://a.example", "http://user:w0rd@a.example", "a.example:3128"])
def test_a_proxy_in_the_settings_that_cannot_be_used_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(UserError, match=r"network\.proxy is not accepted") as caught:
        network(tmp_path, f'[network]\nproxy = "{given}"\n')
    assert "network.proxy_login" in caught.value.accepted
    assert "w0rd" not in "\n".join(caught.value.lines())
