"""The layers of the settings: defaults, file, environment and flags, put together and validated.

Flags stand over the environment, the environment over the file, the file over the defaults. `pydantic-settings` would
do the same and costs 200 ms to import; the layers are few enough to be read here, with the origin of each value kept.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr, ValidationError

from diagnostics.config.paths import CONFIG_VARIABLE, PREFIX, config_folder, config_path, expanded, state_folder
from diagnostics.config.secrets import LazySecret, literal
from diagnostics.config.settings import DATADOG_SITES, SECRETS, Settings, datadog_site, setting_names
from diagnostics.config.tls import Tls
from diagnostics.config.toml import ConfigurationError, read_toml, suggestion
from diagnostics.core.masking import has_password, mask_url
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import listed

FOREIGN_PREFIX = "WARROOM_SANDBOX_"
"""Variables of the stand-ins, which are no settings."""

_KEYMAP = "ui.keymap."
_PATHS = ("catalogue", "state_dir", "network.ca")
_TLS = ("databases.tls", "databases.common_tls", "databases.client_tls", "analytics.tls", "redis.tls", "state.tls")
_DATADOG_VARIABLES = {"DD_API_KEY": "datadog.api_key", "DD_APP_KEY": "datadog.app_key"}
_SITE_VARIABLE = "DD_SITE"
_SITE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_SPARED_VARIABLES = ("no_proxy", "NO_PROXY")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(slots=True, frozen=True)
class Given:
    """One value as a layer gives it."""

    value: object
    origin: str
    base: Path | None = None
    """Folder that a relative path is relative to; None for the working directory."""

    def __repr__(self) -> str:
        return f"Given({self.origin})"


Layer = dict[str, Given]


@dataclass(slots=True, frozen=True)
class LoadedSettings:
    """The effective settings, and where each came from."""

    settings: Settings
    origins: dict[str, str]
    """Dotted name to "default", "file PATH:LINE", "environment NAME" or "flag --NAME"."""
    warnings: tuple[str, ...] = ()
    """Remarks about settings that are accepted and yet unwise, such as a password in a file that everybody can read."""
    remarks: tuple[str, ...] = ()
    """Those of them that are not about files: who may read and write these is looked at by `ownership`."""

    def lines(self) -> list[str]:
        """`name = value   # origin` for every setting, aligned, secrets masked and no command run; then warnings."""
        rows = [(name, self._shown(name), self.origins[name]) for name in self.origins]
        wide = max(len(name) for name, _, _ in rows)
        values = min(60, max(len(value) for _, value, _ in rows))
        lines = [f"{name:<{wide}} = {value:<{values}}   # {origin}" for name, value, origin in rows]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return [clean(line, limit=2_000) for line in lines]

    def _shown(self, name: str) -> str:
        value = _at(self.settings, name)
        if isinstance(value, LazySecret):
            return value.describe()
        if isinstance(value, SecretStr):
            return "set (masked)"
        if value is None:
            return "not set"
        if isinstance(value, str | Path | Tls):
            return json.dumps(mask_url(str(value)), ensure_ascii=False)
        if isinstance(value, Mapping):
            return "{}"
        return json.dumps(value)


def _at(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split(".", 2):
        value = value[part] if isinstance(value, Mapping) else getattr(value, part)
    return value


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Read every layer and return the effective settings.

    `flags` uses dotted names ("datadog.api_url"); a flag that is None was not given. Raises `UserError` with file and
    line, environment variable or flag, the value unless it may hold a secret, and what is accepted. No secret command
    is run.
    """
    variables = os.environ if environ is None else environ
    path = config_path(config, variables)
    layers = [
        _from_file(path) if path else {},
        _from_datadog_variables(variables),
        _from_environment(variables),
        _from_flags(flags or {}),
    ]
    own_proxy = any("network.proxy" in layer for layer in layers)
    layers = [_defaults(variables), _from_network_variables(variables, own_proxy=own_proxy), *layers]
    effective: Layer = {}
    for layer in layers:
        _overlay(effective, layer)
    if "state_dir" not in effective:
        raise ConfigurationError(
            "there is no place for the console's own files: HOME is not set, and the system has no entry for this user",
            where=f"user {os.geteuid()}",
            accepted="state_dir in the settings, WARROOM_STATE_DIR, XDG_STATE_HOME or HOME, each an absolute path",
            next_step="HOME=/a/folder/of/yours warroom …",
        )
    settings = _validated(effective, path)
    origins = _origins(effective, settings)
    remarks = tuple(_remarks(settings))
    return LoadedSettings(settings, origins, (*_readable_secrets(effective, path), *remarks), remarks)


def _defaults(environ: Mapping[str, str]) -> Layer:
    layer: Layer = {}
    if (state_dir := state_folder(environ)) is not None:
        layer["state_dir"] = Given(state_dir, "default")
    config = config_folder(environ)
    if config is not None and (config / "catalogue").is_dir():
        layer["catalogue"] = Given(config / "catalogue", "default")
    return layer


def _from_file(path: Path) -> Layer:
    file = read_toml(path)
    layer: Layer = {}
    for parts, value in _leaves(file.data, ()):
        line = file.line(parts)
        name = ".".join(parts)
        _check_name(name, file=path, line=line)
        layer[name] = Given(
            file.uncleaned(parts) if name in SECRETS else value, f"file {path}:{line}", base=path.parent
        )
    return layer


def _leaves(table: Mapping[str, object], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and len(above) < 2:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _from_network_variables(environ: Mapping[str, str], *, own_proxy: bool) -> Layer:
    """What the machine says to every program, which the console's own file and variables stand over.

    With a proxy of the console's own, the machine's, and the login in its address, are left aside. One that cannot be
    used ends no start: it is told where a request would have to go through it.
    """
    layer: Layer = {}
    spared = next((name for name in _SPARED_VARIABLES if environ.get(name)), None)
    if spared is not None:
        layer["network.no_proxy"] = Given(environ[spared], f"environment {spared}")
    variable = next((name for name in _PROXY_VARIABLES if environ.get(name)), None)
    if variable is None or own_proxy:
        return layer
    origin, given = f"environment {variable}", environ[variable].strip()
    address, login = _proxy_parts(given if "://" in given else f"http://{given}")
    layer["network.proxy_named"] = Given(variable, origin)
    if not address.startswith("http://"):
        scheme = clean(address.partition("://")[0], limit=20)
        layer["network.proxy_problem"] = Given(
            f"{variable} names a proxy that is spoken to by {scheme}, which the console does not do"
            if address
            else f"{variable} is not the address of a proxy",
            origin,
        )
        return layer
    layer["network.proxy"] = Given(address, origin)
    if login:
        layer["network.proxy_login"] = Given(login, origin)
    return layer


def _proxy_parts(given: str) -> tuple[str, str]:
    """Address without login, and "USER:PASSWORD"; two empty texts for what is no address."""
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "", ""
    if not host or not host.isprintable() or " " in host:
        return "", ""
    name = f"[{host}]" if ":" in host else host
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else ""
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}", login


def _from_datadog_variables(environ: Mapping[str, str]) -> Layer:
    layer = {
        name: Given(environ[variable], f"environment {variable}")
        for variable, name in _DATADOG_VARIABLES.items()
        if environ.get(variable)
    }
    if site := environ.get(_SITE_VARIABLE, "").strip().lower():
        known = datadog_site(site)
        if not _SITE.fullmatch(site) or (known is not None and known != site):
            raise ConfigurationError(
                f"{_SITE_VARIABLE} is not a Datadog site: {clean(site, limit=80)!r}",
                where=f"environment {_SITE_VARIABLE}",
                accepted=known or f"one of {', '.join(DATADOG_SITES)}",
            )
        layer["datadog.api_url"] = Given(f"https://api.{site}", f"environment {_SITE_VARIABLE}")
    return layer


def _from_environment(environ: Mapping[str, str]) -> Layer:
    """Variables with the prefix; an empty one counts as not given."""
    layer: Layer = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable.startswith(FOREIGN_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(PREFIX).lower().replace("__", ".")
        _check_name(name, where=f"environment {variable}", shown=variable)
        if environ[variable]:
            layer[name] = Given(environ[variable], f"environment {variable}")
    return layer


def _from_flags(flags: Mapping[str, object]) -> Layer:
    layer: Layer = {}
    for name, value in flags.items():
        _check_name(name, where=f"flag {_flag(name)}")
        if value is not None:
            layer[name] = Given(value, f"flag {_flag(name)}")
    return layer


def _flag(name: str) -> str:
    """How the flag is spelled: those of the look stand without their section."""
    return "--" + name.removeprefix("ui.").replace("_", "-")


def _overlay(effective: Layer, layer: Layer) -> None:
    """Put `layer` on top. The three spellings of a secret are one setting: the layer's replaces whichever was there."""
    for secret in SECRETS:
        spellings = (secret, f"{secret}_file", f"{secret}_command")
        given = [name for name in spellings if name in layer]
        if len(given) > 1:
            raise ConfigurationError(
                f"{listed(given)} are both given",
                where=layer[given[1]].origin,
                accepted=f"one of {', '.join(spellings)}",
            )
        if given:
            for name in spellings:
                effective.pop(name, None)
    effective.update(layer)


def _known_names() -> tuple[str, ...]:
    spellings = tuple(f"{name}{form}" for name in SECRETS for form in ("_file", "_command"))
    return (*(name for name in setting_names() if name != "ui.keymap"), *spellings)


def _check_name(
    name: str, *, where: str = "", shown: str = "", file: Path | None = None, line: int | None = None
) -> None:
    """Refuse what is no setting, and a value where a section stands."""
    known = _known_names()
    if name in known or (name.startswith(_KEYMAP) and name != _KEYMAP):
        return
    inside = [other for other in known if other.startswith(f"{name}.")]
    if inside or name == "ui.keymap":
        problem, accepted = f"{name} is a section, not a value", f"a table [{name}]"
    else:
        near = suggestion(name, known)
        problem, accepted = f"unknown setting {clean(shown or name, limit=120)!r}{near}", _neighbours(name, known)
    raise ConfigurationError(problem, file=file, line=line, where=where, accepted=accepted)


def _neighbours(name: str, known: Iterable[str]) -> str:
    """The settings of the same section, or all sections when there is no such section."""
    section = name.partition(".")[0]
    same = [other for other in known if other.startswith(f"{section}.")]
    if same:
        return ", ".join(sorted(same))
    return ", ".join(sorted({other.partition(".")[0] for other in known}))


def _validated(effective: Layer, path: Path | None) -> Settings:
    tree: dict[str, Any] = {"config_path": path}
    for name, given in effective.items():
        *sections, key = name.split(".", 2)
        table = tree
        for section in sections:
            table = table.setdefault(section, {})
        secret = next((setting for setting in SECRETS if name.startswith(setting)), None)
        if secret is not None:
            table[secret.partition(".")[2]] = _secret(secret, name, given)
        else:
            table[key] = _plain(name, given)
    try:
        return Settings.model_validate(tree)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    raise _refused(name, first["msg"], effective) from None


def _secret(setting: str, name: str, given: Given) -> SecretStr:
    where = _where(given)
    if name == setting:
        return literal(setting, given.value, where=where)
    if not isinstance(given.value, str):
        raise ConfigurationError(f"{name} is not text", where=where, accepted="a string")
    if name.endswith("_file"):
        return LazySecret(name, where=where, file=_resolved(given.value, given))
    return LazySecret(name, where=where, command=given.value)


def _plain(name: str, given: Given) -> object:
    value = clean(given.value, limit=4_096) if isinstance(given.value, str) else given.value
    if name in _PATHS and isinstance(value, str):
        return _resolved(value, given)
    if name in _TLS:
        with suppress(ValueError):  # what is no such value is refused with the others, in their words
            return Tls.of(value, lambda path: _resolved(path, given))
    return value


def _resolved(value: str, given: Given) -> Path:
    path = expanded(Path(value), given.origin.removeprefix("file "))
    return given.base / path if given.base is not None else path


def _refused(name: str, message: str, effective: Layer) -> ConfigurationError:
    """The validation error in the project's own words: `name` may run deeper than the setting does."""
    setting = next((other for other in effective if name == other or name.startswith(f"{other}.")), name)
    given = effective.get(setting)
    accepted = message.removeprefix("Value error, ").removeprefix("Input should be ")
    value = _harmless(setting, given)
    return ConfigurationError(
        f"{setting} is not accepted{f': {value}' if value else ''}",
        where=_where(given) if given else "",
        value=value,
        accepted=accepted,
    )


def _harmless(setting: str, given: Given | None) -> str:
    """The refused value for an error. A malformed address may hold a password where no mask looks for it."""
    if given is None or (
        setting.endswith(("_url", ".proxy"))
        and ("@" in str(given.value) or setting.startswith(("databases.", "zillow.")))
    ):
        return ""
    return clean(repr(mask_url(str(given.value))), limit=120)


def _where(given: Given) -> str:
    return given.origin.removeprefix("file ")


def _origins(effective: Layer, settings: Settings) -> dict[str, str]:
    origins: dict[str, str] = {}
    for name in setting_names():
        if name == "ui.keymap" and settings.ui.keymap:
            origins |= {f"{_KEYMAP}{key}": effective[f"{_KEYMAP}{key}"].origin for key in settings.ui.keymap}
            continue
        spellings = (name, f"{name}_file", f"{name}_command") if name in SECRETS else (name,)
        origins[name] = next((effective[spelling].origin for spelling in spellings if spelling in effective), "default")
    return origins


def _readable_secrets(effective: Layer, path: Path | None) -> Iterator[str]:
    if path is not None and _is_world_readable(path):
        for name, given in effective.items():
            if given.base is not None and (name in SECRETS or has_password(str(given.value))):
                yield f"{path} can be read by everybody on this machine and holds {name}: chmod 600 {path}"
    for name in SECRETS:
        file = effective.get(f"{name}_file")
        if file is not None and _is_world_readable(secret_path := _resolved(str(file.value), file)):
            yield f"{secret_path} can be read by everybody on this machine and holds {name}: chmod 600 {secret_path}"


def _remarks(settings: Settings) -> Iterator[str]:
    for name, tls in ((name, _at(settings, name)) for name in (*_TLS, "network.ca")):
        authority = tls.authority if isinstance(tls, Tls) else tls
        if isinstance(authority, Path) and not os.access(authority, os.R_OK):
            yield f"{name} names {authority}, which is not there or may not be read: nothing is reached that way"
    if settings.network.proxy_problem:
        yield settings.network.proxy_problem
    address = settings.datadog.api_url
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if address.startswith("http://") and not host.startswith(_LOOPBACK):
        yield f"datadog.api_url is not encrypted: the keys travel to {host} in clear"


def _is_world_readable(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
