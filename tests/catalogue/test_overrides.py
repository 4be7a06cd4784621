"""The team's overrides: what merges, what is refused, and where a mistake is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diagnostics.catalogue import CatalogueError, load_catalogue, query_problems, validate_queries
from diagnostics.core.failures import UserError

HOSTILE = "x\\u001b]52;c;ZXZpbA==\\u0007\\u001b[2J\\u202e\\u0000y"
FORBIDDEN = ("\x1b", "\x07", "\x00", "\u202e", "\x9b")


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.toml"
    file.write_text(text)
    return file


def test_one_key_changes_and_its_neighbours_stay(tmp_path: Path) -> None:
    file = write(tmp_path, "thresholds", "# ours\n\n[system_health]\nwarning = 96\n")
    shipped, merged = load_catalogue(), load_catalogue(tmp_path)
    assert merged.thresholds["system_health"] == shipped.thresholds["system_health"].model_copy(
        update={"warning": 96.0}
    )
    assert merged.thresholds["api_p95"] == shipped.thresholds["api_p95"]
    assert merged.issues == shipped.issues
    assert merged.origins["thresholds.system_health.warning"] == f"{file}:4"
    assert merged.origins["thresholds.system_health"] == f"{file}:3"
    assert merged.origins["thresholds.api_p95"] == "built in"


def test_tables_inside_an_entry_merge_and_lists_replace(tmp_path: Path) -> None:
    write(
        tmp_path,
        "issues",
        '[rate_limiting]\nsymptoms = ["one"]\n[rate_limiting.pulse]\ntop_ratio = 9.5\n',
    )
    issue = load_catalogue(tmp_path).issues["rate_limiting"]
    assert issue.symptoms == ("one",)
    assert (issue.pulse.top_ratio, issue.pulse.high_ratio, issue.pulse.minimum_count) == (9.5, 2.0, 20)
    assert issue.title == "Rate limiting"


def test_a_column_is_mapped_by_one_line(tmp_path: Path) -> None:
    write(tmp_path, "schema", '[deal_agents]\nname = "deals_agents"\ncolumns.user_id = "agent_id"\n')
    table = load_catalogue(tmp_path).schema_map.tables["deal_agents"]
    assert table.name == "deals_agents"
    assert table.columns == {"deal_id": "deal_id", "user_id": "agent_id"}


def test_a_team_adds_queries_systems_routes_roles_and_messages_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "queries", '[ours]\ntitle = "Ours"\ndatadog = "service:fub-eu"\n')
    write(tmp_path, "messages", '[ours]\ntext = "boom"\nmeaning = "m"\nremedy = "r"\n')
    write(tmp_path, "roles", '[scribe]\ntitle = "Scribe"\nwho = "anybody"\nduty = "Writes."\n')
    write(tmp_path, "routes", '[ours]\npurpose = "p"\nwhen = "w"\nissues = ["oauth_failure"]\n')
    catalogue = load_catalogue(tmp_path)
    assert catalogue.queries["ours"].datadog == "service:fub-eu"
    assert catalogue.known_messages["ours"].remedy == "r"
    assert catalogue.roles["scribe"].who == "anybody"
    assert "ours" in catalogue.routes


def test_an_empty_folder_changes_nothing(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path) == load_catalogue()


def test_files_of_the_teams_own_repository_are_left_alone(tmp_path: Path) -> None:
    for name in ("README.md", ".editorconfig.toml", "thresholds.toml~", "notes.txt"):
        (tmp_path / name).write_text("[not toml")
    (tmp_path / ".git").mkdir()
    assert load_catalogue(tmp_path) == load_catalogue()


MISTAKES = [
    # an entry, a key, a nested key, an array item, an inline table, a dotted key
    ("thresholds", "\n[webhook_backlogs]\ncritical = 1\n", 2, "did you mean webhook_backlog?", "system_health"),
    ("thresholds", "[quantum]\ncritical = 1\n", 1, "unknown entry 'quantum'", "system_health"),
    (
        "thresholds",
        "[api_p95]\n# note\ncritcal = 1\n",
        3,
        "unknown key 'critcal' in thresholds.api_p95; did you mean critical?",
        "healthy",
    ),
    (
        "thresholds",
        '[api_p95]\ncritical = "2000"\n',
        2,
        "thresholds.api_p95.critical is not accepted: '2000'",
        "a valid number",
    ),
    ("thresholds", "[api_p95]\ncritical = true\n", 2, "not accepted: True", "a valid number"),
    ("thresholds", "[api_p95]\ncritical = nan\n", 2, "not accepted: nan", "a finite number"),
    ("thresholds", '[api_p95]\nbad = "over"\n', 2, "not accepted: 'over'", "'below' or 'above'"),
    ("thresholds", '[api_p95]\nid = "x"\n', 2, "unknown key 'id'", "title"),
    ("thresholds", "api_p95 = 3\n", 1, "thresholds.api_p95 is not a table", "a table"),
    ("thresholds", "[api_p95]\ncritical = 900\n", 2, "critical 900 is on the wrong side of warning 1000", "not below"),
    (
        "thresholds",
        "[system_health]\nescalate = 96\n",
        2,
        "escalate 96 is on the wrong side of critical 95",
        "not above",
    ),
    (
        "thresholds",
        "\n[system_health]\nwarning = 94\n",
        3,
        "critical 95 is on the wrong side of warning 94",
        "not above",
    ),
    ("issues", "[rate_limiting.pulse]\n\ntop_ration = 1\n", 3, "did you mean top_ratio?", "high_ratio"),
    (
        "issues",
        "[rate_limiting]\npulse = { high_ratio = -1 }\n",
        2,
        "issues.rate_limiting.pulse.high_ratio",
        "greater than 0",
    ),
    ("issues", "[rate_limiting]\npulse.minimum_count = 1.5\n", 2, "not accepted: 1.5", "valid integer"),
    ("issues", "[rate_limiting.pulse]\nhigh_ratio = 8\n", 2, "top_ratio is below high_ratio", "at least 8"),
    (
        "issues",
        '[rate_limiting]\nseverities = [\n  "incident",\n  "severe",\n]\n',
        4,
        "not accepted: 'severe'",
        "'critical'",
    ),
    ("issues", "[rate_limiting]\nseverities = []\n", 2, "issues.rate_limiting.severities", "at least 1 item"),
    (
        "issues",
        '[rate_limiting]\nchecks = [\n  "webhook_backlog",\n  "webhok_backlog"]\n',
        4,
        "did you mean webhook_backlog?",
        "token_status",
    ),
    (
        "issues",
        '[rate_limiting]\nquery = "rate_limitd"\n',
        2,
        "unknown query 'rate_limitd'; did you mean rate_limited?",
        "oauth_failures",
    ),
    ("issues", '[rate_limiting]\nroute = "nowhere"\n', 2, "unknown route 'nowhere'", "zillow-incident-recovery"),
    ("issues", '[rate_limiting]\nguide_section = "rate"\n', 2, "has no section 'rate'", "rate_limiting"),
    ("issues", '[rate_limiting]\nneeds = ["user"]\n', 2, "not accepted: 'user'", "'account' or 'deal'"),
    ("issues", "[rate_limiting]\nlevel = 4\n", 2, "not accepted: 4", "less than or equal to 3"),
    ("issues", '[new_issue]\ntitle = "New"\n', 1, "unknown entry 'new_issue'", "oauth_failure"),
    ("queries", '[rate_limitd]\ndatadog = "x"\n', 1, "did you mean rate_limited?", "oauth_failures"),
    ("queries", '[ours]\ndatadog = "x"\n', 1, "queries.ours.title is missing", "title"),
    ("queries", '[rate_limited]\nissue = "rate"\n', 2, "unknown issue type 'rate'", "rate_limiting"),
    ("queries", '[rate_limited]\ndatadog = ""\n', 2, "not accepted: ''", "at least 1 character"),
    (
        "schema",
        '[deals.columns]\nsynced = "x"\n',
        2,
        "unknown key 'synced' in deals.columns; did you mean synced_at?",
        "property_id",
    ),
    ("schema", '[deals.columns]\nid = "id; drop table"\n', 2, "is no name", "letters"),
    ("schema", '[deals]\nname = "a`b"\n', 2, "is no name", "letters"),
    ("schema", '[deals.columns]\nname = "ID"\n', 2, "mapped to the same column 'ID'", "one real column"),
    (
        "schema",
        '[deals]\noptional = ["sync_at"]\n',
        2,
        "unknown column 'sync_at'; did you mean synced_at?",
        "property_id",
    ),
    ("schema", '[deals]\ndatabase = "other"\n', 2, "not accepted: 'other'", "'common' or 'client'"),
    ("schema", '[deal]\nname = "x"\n', 1, "did you mean deals?", "accounts"),
    ("systems", '[ZillowAuth]\nfeeds = ["ZilowAgent"]\n', 2, "did you mean ZillowAgent?", "transaction sync"),
    ("systems", '[ZillowAuth]\ntables = ["auth"]\n', 2, "unknown table 'auth'", "zillow_auth"),
    ("routes", '[zillow-sync-diagnosis]\nissues = ["x"]\n', 2, "unknown issue type 'x'", "rate_limiting"),
    ("contacts", '[contact]\nmanger = "x"\n', 2, "did you mean manager?", "channel"),
    ("contacts", '[contacts]\nmanager = "x"\n', 1, "did you mean contact?", "contact"),
    ("baselines", '[system_health]\nvalue = "98"\n', 2, "not accepted: '98'", "valid number"),
    ("thresholds", "[api_p95]\ncritical = \n", 2, "not valid TOML", "TOML"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{name}-{problem[:40]}" for name, _, _, problem, _ in MISTAKES])
def test_a_mistake_names_file_line_value_and_what_is_accepted(
    tmp_path: Path, mistake: tuple[str, str, int, str, str]
) -> None:
    name, text, line, problem, accepted = mistake
    file = write(tmp_path, name, text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    assert problem in caught.value.problem
    assert (caught.value.file, caught.value.line) == (file, line)
    assert caught.value.where == f"{file}:{line}"
    assert accepted in caught.value.accepted
    assert isinstance(caught.value, UserError)


def test_a_file_that_nobody_would_read_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "treshold", "")
    with pytest.raises(CatalogueError, match=r"did you mean thresholds\?") as caught:
        load_catalogue(tmp_path)
    assert caught.value.file == file


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="does not exist"):
        load_catalogue(tmp_path / "absent")


def test_an_override_that_cannot_be_read_is_refused_and_not_skipped(tmp_path: Path) -> None:
    (tmp_path / "thresholds.toml").symlink_to(tmp_path / "moved.toml")
    with pytest.raises(CatalogueError, match="cannot read the file"):
        load_catalogue(tmp_path)
    (tmp_path / "thresholds.toml").unlink()
    (tmp_path / "guides").write_text("")
    with pytest.raises(CatalogueError, match="does not exist") as caught:
        load_catalogue(tmp_path)
    assert caught.value.file == tmp_path / "guides"


def test_a_query_that_does_not_parse_is_found_when_asked_and_not_at_start(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "queries",
        '[rate_limited]\ntitle = "x"\ndatadog = "service:(fub"\n[deal_lookup]\ndatadog = "@a:{deal}"\n',
    )
    catalogue = load_catalogue(tmp_path)
    with pytest.raises(CatalogueError) as caught:
        validate_queries(catalogue)
    assert (caught.value.file, caught.value.line) == (file, 3)
    problems = query_problems(catalogue)
    assert [(problem.file, problem.line) for problem in problems] == [(file, 3), (file, 5)]
    assert "queries.rate_limited" in problems[0].problem
    assert "did you mean deal_id?" in problems[1].problem


def test_hostile_text_in_every_file_passes_the_gate(tmp_path: Path) -> None:
    write(tmp_path, "issues", f'[rate_limiting]\ntitle = "{HOSTILE}"\nsymptoms = ["{HOSTILE}"]\n')
    write(tmp_path, "queries", f'["{HOSTILE}"]\ntitle = "{HOSTILE}"\ndatadog = "{HOSTILE}"\n')
    write(tmp_path, "contacts", f'[contact]\nmanager = "{HOSTILE}"\n')
    (tmp_path / "guides").mkdir()
    raw = HOSTILE.encode().decode("unicode_escape")
    (tmp_path / "guides" / "team-protocols.md").write_text(f"# T{raw}\n\n| {raw} | {{{{ manager }}}}\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "update.md").write_text(f"{raw} {{status}}\n")
    dumped = load_catalogue(tmp_path).model_dump()
    assert [mark for mark in FORBIDDEN if mark in str(dumped) or repr(mark)[1:-1] in repr(dumped)] == []
    assert "\ufffd" in dumped["contact"]["manager"]


@pytest.mark.parametrize(
    "text",
    [
        f'["{HOSTILE}"]\ncritical = 1\n',
        f'[api_p95]\n"{HOSTILE}" = 1\n',
        f'[api_p95]\nbad = "{HOSTILE}"\n',
        f'[api_p95]\nbad = ["{HOSTILE}"]\n',
    ],
)
def test_hostile_text_in_a_mistake_reaches_no_error(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "\x1b[31mred"
    folder.mkdir()
    write(folder, "thresholds", text)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(folder)
    error = caught.value
    said = "\n".join([*error.lines(), str(error), error.value, error.where, error.accepted])
    assert [mark for mark in FORBIDDEN if mark in said] == []
    assert error.line == (1 if text.startswith('["') else 2)


def mistake_in(folder: Path) -> CatalogueError | None:
    try:
        load_catalogue(folder)
    except CatalogueError as problem:
        return problem
    return None


names = st.sampled_from(["api_p95", "title", "critical", "x", "bad"])
trees = st.recursive(
    st.sampled_from(["1", "true", "'a'", "nan", "[]", "{}", "1979-05-27"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(names, inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"{key} = {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["issues", "thresholds", "schema", "contacts", "queries"]), names, names, trees)
def test_whatever_stands_in_an_override_loads_or_is_a_catalogue_error(
    tmp_path: Path, file: str, entry: str, key: str, value: str
) -> None:
    for old in tmp_path.glob("*.toml"):
        old.unlink()
    write(tmp_path, file, f"[{entry}]\n{key} = {value}\n")
    problem = mistake_in(tmp_path)
    assert problem is None or (problem.line in {1, 2} and problem.accepted)
