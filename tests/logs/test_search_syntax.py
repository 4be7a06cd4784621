"""Every documented form, once on an event it selects and once on one it does not."""

from __future__ import annotations

from typing import Any

import pytest

from diagnostics.core.lazy_json import lazy
from diagnostics.logs import MatchAll, compile_query, matches, parse
from diagnostics.logs.units import without_units
from tests.logs.samples import event

SELECTED = [
    # reserved attributes and tags, in any letter case
    "service:fub",
    "service:FUB",
    "service:f*",
    "service:*",
    "status:error",
    "status:ERROR",
    "status:(error OR warn)",
    "host:web-01",
    "host:web-??",
    "source:nginx",
    "trace_id:abc123",
    "message:limited",
    "message:*",
    "env:prod",
    "ENV:Prod",
    "env:(prod OR test)",
    "(env:prod AND -version:beta)",
    "env:*",
    "team:zyno",
    "tags:orphan",
    'tags:"env:prod"',
    "version:>=1.3",
    "version:[1 TO 2]",
    # free text: the message, word by word, in any letter case
    "zillow",
    "REQUEST failed",
    "failed zillow",
    '"request failed"',
    '"Failed: HTTP"',
    '"rate limited"',
    "rate-limited",
    "limit*",
    "*quest",
    "*QUES*",
    "fa?led",
    "*/http*",
    "lim*ed",
    # attributes: nested, dotted keys, letter case counts
    "@context.method:oauthRefresh",
    "@context.method:*oauth*",
    "@context.method:oauth*",
    "@context.method:*Refresh",
    "@context.method:o*h*sh",
    "@context.method:oauth?efresh",
    "@context.account_id:14009",
    '@context.account_id:"14009"',
    "@context.account_id:140*",
    "@http.url_details.path:/api-v1/*",
    r"@http.url_details.path:/api\-v1/*",
    '@http.url_details.path:"/api-v1/leads"',
    "@dotted.key:literal",
    "@outer.in.ner.leaf:true",
    "@retry:false",
    r"@my_attribute:hello\:world",
    '@my_attribute:"hello:world"',
    "@my_attribute:hello?world",
    "@message:*rate*limit*",
    # arrays: any element
    "@users.names:Peter",
    '@users.names:"Mary Ann"',
    r"@users.names:Mary\ Ann",
    "@users.names:Mary?Ann",
    "@context.users.name:Ann",
    # numbers
    "@http.status_code:429",
    "@http.status_code:429.0",
    "@http.status_code:[400 TO 499]",
    "@http.status_code:[429 TO 429]",
    "@http.status_code:{428 TO 430}",
    "@http.status_code:[429 TO 430}",
    "@http.status_code:{428 TO 429]",
    "@http.status_code:[* TO 429]",
    "@http.status_code:[429 TO *]",
    "@http.response_time:>100",
    "@http.response_time:>=812.5",
    "@http.response_time:<1e3",
    "@http.response_time:<=812.5",
    "@http.response_time:(>800 <900)",
    "@context.agentCount:0",
    "@context.agentCount:>-1",
    "@context.method:[a TO z]",
    # Boolean operators
    "zillow AND failed",
    "nothing OR failed",
    "-nothing",
    "NOT nothing",
    "zillow -nothing",
    "zillow NOT nothing",
    "-(nothing OR nobody)",
    "NOT (nothing OR nobody)",
    "--zillow",
    "@context.method:(getDeal OR oauthRefresh)",
    "@context.method:(*oauth* -getDeal)",
    "@context.method:(nobody OR (oauth* NOT *Deal))",
    # existence
    "@http:*",
    "@http.status_code:*",
    "-@http.missing:*",
    "-@empty:*",
    "-@nothing:*",
    # everywhere
    "*:zillow",
    "*:oauthrefresh",
    "*:peter",
    "*:429",
    '*:"hello world"',
    "*:hel*",
    "*:(peter OR nobody)",
    "*:*",
    "*",
    "",
    "   ",
    # networks
    "CIDR(@network.client.ip,13.0.0.0/8)",
    "CIDR(@network.ip.list,13.0.0.0/8, 192.168.0.0/16)",
    "CIDR(@network.client.ip,13.4.5.6)",
    "NOT(CIDR(@network.client.ip, 10.0.0.0/8)) CIDR(@network.ip.list, 10.0.0.0/8)",
    # lower-case operator words are words
    "-and",
    "-or",
]

NOT_SELECTED = [
    "service:fu",
    "service:fub-api",
    "-service:*",
    "status:warn",
    "status:err",
    "host:web",
    "source:apache",
    "source:prod",
    "trace_id:abc",
    "env:pro",
    "env:(dev OR test)",
    "(env:prod AND -version:1.4)",
    "region:*",
    "tags:env",
    "version:>1.4",
    "version:{1.4 TO 2]",
    "zill",
    '"failed request"',
    '"request http"',
    "limit",
    "*limit",
    "http?",
    "rate*limited",
    "oauthRefresh",
    "@context.method:oauth",
    "@context.method:OAUTHREFRESH",
    "@context.method:*OAUTH*",
    '@context.method:"*oauth*"',
    r"@context.method:\*oauth\*",
    "@context.method:oauthRefresh?",
    "@context.account_id:1400",
    "@dotted:literal",
    "@outer.leaf:true",
    "@retry:0",
    "@retry:>=0",
    "@outer.in.ner.leaf:1",
    "@users.names:Mary",
    "@users.name:Ann",
    "@users.0:Peter",
    "@message:limit",
    "@http.status_code:430",
    "@http.status_code:[430 TO 499]",
    "@http.status_code:{429 TO 499]",
    "@http.status_code:[400 TO 429}",
    "@http.status_code:>429",
    "@http.status_code:<429",
    "@http.missing:<5",
    "@context.method:>5",
    "@context.method:[A TO B]",
    "@http.response_time:(>800 >900)",
    "nothing OR nobody",
    "zillow AND nothing",
    "zillow -failed",
    "-zillow",
    "NOT zillow",
    "-(zillow OR nobody)",
    "@context.method:(getDeal OR other)",
    "@context.method:(*oauth* -*Refresh)",
    "@http.missing:*",
    "@empty:*",
    "@nothing:*",
    "-@http:*",
    "*:nobody",
    "*:hel",
    "*:context",
    "-*:peter",
    "-*",
    "CIDR(@network.client.ip,10.0.0.0/8)",
    "CIDR(@network.client.ip,2001:db8::/32)",
    "CIDR(@http.status_code,0.0.0.0/0)",
    "CIDR(@missing,0.0.0.0/0)",
    "zillow and failed",
    "zillow or failed",
    "not zillow",
    '"!!!"',
]


@pytest.mark.parametrize("query", SELECTED)
def test_a_documented_form_selects(query: str) -> None:
    assert matches(query, event())


@pytest.mark.parametrize("query", NOT_SELECTED)
def test_a_documented_form_does_not_select(query: str) -> None:
    assert not matches(query, event())


FOUNDING_QUERIES: dict[str, dict[str, Any]] = {
    "service:fub @context.method:*oauth* status:error -@message:*rate*limit*": {
        "context": {"method": "oauthRefresh"},
        "message": "token refused",
    },
    "service:fub @context.method:getDealZillowUsers @context.agentCount:0": {
        "context": {"method": "getDealZillowUsers", "agentCount": 0}
    },
    "service:fub @context.error_message:*429* @context.service:zillow": {
        "context": {"error_message": "HTTP 429 Too Many Requests", "service": "zillow"}
    },
    "service:fub @context.connection_health_status:error": {"context": {"connection_health_status": "error"}},
    "@correlation_id:zillow-agent-resolution @resolution_method:(CONNECTED OR INFERRED OR UNMATCHED)": {
        "correlation_id": "zillow-agent-resolution",
        "resolution_method": "INFERRED",
    },
    "@context.account_id:12345 @message:*Zillow* status:error": {
        "context": {"account_id": 12345},
        "message": "a Zillow call",
    },
    "service:fub status:error @context.exception:ZillowConnectException": {
        "context": {"exception": "ZillowConnectException"}
    },
    "service:fub @context.method:*oauth* @context.error:*expired*": {
        "context": {"method": "oauthRefresh", "error": "the token has expired"}
    },
    "@message:*zillow_transaction* @event:transaction_sync_failed": {
        "message": "create_zillow_transaction",
        "event": "transaction_sync_failed",
    },
}


@pytest.mark.parametrize("query", FOUNDING_QUERIES)
def test_a_triage_query_selects_the_event_it_was_written_for_and_no_empty_one(query: str) -> None:
    assert matches(query, event(attributes=FOUNDING_QUERIES[query]))
    assert not matches(query, event(attributes={}))


def test_a_worker_query_looks_at_its_own_service() -> None:
    query = "service:fub-worker @class:ZillowSyncWorker status:error"
    assert matches(query, event(service="fub-worker", attributes={"class": "ZillowSyncWorker"}))
    assert not matches(query, event(service="fub", attributes={"class": "ZillowSyncWorker"}))


PRECEDENCE = {
    "a OR b c": "a OR (b AND c)",
    "a b OR c": "(a AND b) OR c",
    "a OR b AND c OR d": "a OR (b AND c) OR d",
    "a AND b OR c AND d": "(a AND b) OR (c AND d)",
    "a b c": "a AND b AND c",
    "-a b": "(-a) AND b",
    "NOT a b": "(NOT a) AND b",
    "NOT a OR b": "(NOT a) OR b",
    "-a OR -b c": "(-a) OR ((-b) AND c)",
    "a NOT b": "a AND (NOT b)",
    "a -b OR c": "(a AND -b) OR c",
    "((a)) (b OR (c))": "a AND (b OR c)",
    "@x:(a OR b c)": "@x:a OR (@x:b AND @x:c)",
    "@x:(-a b)": "(-@x:a) AND @x:b",
    "-@x:(a OR b)": "-(@x:a OR @x:b)",
    "NOT -a": "-(-a)",
    "a\tAND\nb": "a b",
    "a\u00a0b": "a b",
    "(a)(b)": "a b",
    "(a OR b) (c OR d)": "((a OR b) AND (c OR d))",
}


@pytest.mark.parametrize(("query", "meaning"), PRECEDENCE.items())
def test_operators_bind_as_documented(query: str, meaning: str) -> None:
    assert parse(query) == parse(meaning)


def test_the_other_grouping_is_another_query() -> None:
    assert parse("a OR b c") != parse("(a OR b) c")


@pytest.mark.parametrize("query", ["", " \n", "*", "*:*", "(*)"])
def test_an_empty_query_and_a_star_select_everything(query: str) -> None:
    assert parse(query) == MatchAll()


def test_large_ids_do_not_equal_their_neighbours() -> None:
    one = event(attributes={"zuid": 9_007_199_254_740_993})
    assert matches("@zuid:9007199254740993", one)
    assert not matches("@zuid:9007199254740992", one)


def test_numbers_carried_as_text_compare_as_numbers() -> None:
    assert matches("@code:>=99", event(attributes={"code": "429"}))
    assert not matches("@code:>=99", event(attributes={"code": "many"}))


def test_a_text_that_only_looks_like_the_number_is_not_equal_to_it() -> None:
    assert not matches("@code:5", event(attributes={"code": "5.0"}))
    assert matches("@code:5", event(attributes={"code": 5.0}))
    assert not matches("@code:1", event(attributes={"code": True}))


def test_many_alternatives_on_one_attribute_match_texts_numbers_and_flags() -> None:
    predicate = compile_query("@v:(1 OR true OR x OR y*) OR @w:2")
    meant: list[object] = [1, 1.0, "1", True, "true", "x", "yes", ["no", "x"]]
    others: list[object] = [0, 2, False, "X", "no", {"x": 1}, None, []]
    assert [value for value in meant if not predicate(event(attributes={"v": value}))] == []
    assert [value for value in others if predicate(event(attributes={"v": value}))] == []
    assert predicate(event(attributes={"w": 2}))


def test_words_may_be_of_any_script() -> None:
    one = event(message="Übertragung nach Zürich 失敗しました")
    assert matches("übertragung", one)
    assert matches("ZÜRICH", one)
    assert matches("失敗*", one)
    assert not matches("bertragung", one)


def test_a_star_beside_punctuation_asks_for_no_further_word() -> None:
    assert matches("*/v1/leads/*", event(message="/v1/leads"))
    assert not matches("*/v1/leads/*", event(message="/v1/lead"))


def test_a_long_phrase_is_met_word_for_word() -> None:
    words = "one two three four five six seven eight nine ten"
    one = event(message=f"<{words.replace(' ', ', ').upper()}>")
    assert matches(f'"{words}"', one)
    assert matches(words.replace(" ", "-") + "*", event(message=f"{words}ths"))
    assert matches("*" + words.replace(" ", "-"), event(message=f"n{words}"))
    assert not matches(f'"{words}"', event(message=f"{words}ths"))
    assert not matches(f'"{words}"', event(message=words.replace("six", "sixth")))


READ_AS = {
    # Datadog's own grammar of its search, vectordotdev/vrl src/datadog/search/grammar.pest: AND is "AND" or "&&", OR is
    # "OR" or "||", NOT is "NOT" or "-", and spaces may stand between these, fields and values.
    "a && b": "a AND b",
    "a || b c": "a OR (b AND c)",
    "a &&b": "a AND b",
    "a - b": "a AND -b",
    "- a": "-a",
    "@x: y": "@x:y",
    "service: fub status: error": "service:fub status:error",
    "@x: (a OR b)": "@x:(a OR b)",
    "@x: >5": "@x:>5",
    '@x: "a b" c': '@x:"a b" c',
    "@x: [1 TO 5]": "@x:[1 TO 5]",
}


@pytest.mark.honesty(
    "query language: `&&`, `||`, `- a`, `@a: b`", "they are read as in Datadog's own published grammar of its search"
)
@pytest.mark.parametrize(("query", "meaning"), READ_AS.items())
def test_what_the_services_own_grammar_reads_is_read_alike(query: str, meaning: str) -> None:
    assert parse(query) == parse(meaning)


FREE_TEXT = (
    {"title": "ZillowConnectException in sync"},
    {"error": {"message": "ZillowConnectException: refused"}},
    {"error": {"stack": "Trace\n  at ZillowConnectException (client.php:12)"}},
    {"error.message": "zillowconnectexception"},
    {"error": [{"stack": "ZILLOWCONNECTEXCEPTION"}]},
)


@pytest.mark.honesty(
    "query language: free text, and what stands in @title, @error.message and @error.stack",
    "is searched there too, as Datadog documents; -ZillowConnectException drops such lines",
)
@pytest.mark.parametrize("packed", [False, True], ids=["tree", "packed"])
@pytest.mark.parametrize("attributes", FREE_TEXT)
def test_free_text_is_searched_where_the_service_searches_it(attributes: dict[str, Any], packed: bool) -> None:
    """Datadog, "Log Search Syntax": `hello` searches message, @title, @error.message and @error.stack."""
    one = event(attributes=lazy(attributes) if packed else attributes)
    assert matches("ZillowConnectException", one)
    assert matches("*connectexcep*", one)
    assert not matches("-ZillowConnectException", one)
    assert not matches("message:ZillowConnectException", one)


@pytest.mark.parametrize("packed", [False, True], ids=["tree", "packed"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"exception": "ZillowConnectException"},
        {"error": {"kind": "ZillowConnectException"}},
        {"context": {"error": {"message": "ZillowConnectException"}, "title": "ZillowConnectException"}},
        {"error": "ZillowConnectException"},
        {"title": None, "error": {"message": 5}},
    ],
)
def test_free_text_is_searched_nowhere_else(attributes: dict[str, Any], packed: bool) -> None:
    assert not matches("ZillowConnectException", event(attributes=lazy(attributes) if packed else attributes))


def test_free_text_in_packed_attributes_beyond_ascii() -> None:
    # The Kelvin sign is written in lower case as an ordinary k.
    one = event(attributes=lazy({"error": {"message": "\u212aelvin, Zürich"}}))
    assert matches("kelvin", one)
    assert matches("ZÜRICH", one)


@pytest.mark.honesty(
    "query language: a bound with a unit (@http.response_time:>2s)",
    "is converted where the attribute's unit is known, else refused at its column",
)
@pytest.mark.parametrize(
    ("query", "meaning"),
    [
        ("@http.response_time:>2s", "@http.response_time:>2000"),
        ("@http.response_time:>=1.5s", "@http.response_time:>=1500"),
        ("@http.response_time:[500ms TO 2s]", "@http.response_time:[500 TO 2000]"),
        ("@http.response_time:[* TO 1m}", "@http.response_time:[* TO 60000}"),
        ("@http.response_time:(>1s <2s)", "@http.response_time:(>1000 <2000)"),
        ("@database.query_time:>100us", "@database.query_time:>0.1"),
        ("@duration:>2s", "@duration:>2000000000"),
    ],
)
def test_a_bound_with_a_unit_is_the_number_in_the_unit_that_logs_have(query: str, meaning: str) -> None:
    assert parse(query) == parse(meaning)
    assert parse(without_units(f"service:fub {query}")) == parse(f"service:fub {meaning}")
    assert not any(unit in without_units(query) for unit in ("s ", "ms", "us"))


@pytest.mark.parametrize(
    "query", ["service:fub >2s", "@a:>2s", "@version:>=1.3", "@t:[2024-01-01 TO 2024-02-01]", "(a"]
)
def test_a_query_without_convertible_units_is_sent_as_it_is(query: str) -> None:
    assert without_units(query) == query
