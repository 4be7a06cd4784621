"""Markdown as Slack's mark-up: what comes from outside calls nobody and links nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.incident.notices.texts import to_mrkdwn, to_plain

OURS = ("https://fub.datadoghq.com",)


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("**critical: Rate limiting** · INC-7", "*critical: Rate limiting* · INC-7"),
        ("## Timeline\n- 14:03 declared\n  - again", "*Timeline*\n\u2022 14:03 declared\n  \u2022 again"),
        ("Follow it: `@http.status_code:429 <a&b>`", "Follow it: `@http.status_code:429 &lt;a&amp;b&gt;`"),
        ("**`code`** and 2 * 3 * 4", "**`code`** and 2 * 3 * 4"),
        ("<!channel> <@U024BE7LH> & <https://evil.example|open>",
         "&lt;!channel&gt; &lt;@U024BE7LH&gt; &amp; &lt;https://evil.example|open&gt;"),
        ("https://fub.datadoghq.com/logs?query=a&b=1.", "<https://fub.datadoghq.com/logs?query=a&amp;b=1>."),
        ("[the logs](https://fub.datadoghq.com/logs)", "<https://fub.datadoghq.com/logs|the logs>"),
        ("[the logs](https://fub.datadoghq.com.evil.example/logs)",
         "[the logs](https://fub.datadoghq.com.evil.example/logs)"),
        ("[x](https://evil.example/?u=https://fub.datadoghq.com/)",
         "[x](https://evil.example/?u=https://fub.datadoghq.com/)"),
        ("[a|b>](https://fub.datadoghq.com/x)", "<https://fub.datadoghq.com/x|a/b&gt;>"),
    ],
)  # fmt: skip
def test_markdown_becomes_slacks_own(markdown: str, mrkdwn: str) -> None:
    assert to_mrkdwn(markdown, OURS) == mrkdwn


@given(st.text(alphabet="<>!@#|&*`[]()/:.-\n UchanelS0https", max_size=200))
def test_no_outside_text_opens_a_tag(text: str) -> None:
    shown = to_mrkdwn(text, OURS)
    assert "<" not in shown
    assert ">" not in shown


@given(st.text(alphabet="<>!@#|&*`[]() https://fub.datadoghq.com/x\n", max_size=200))
def test_a_tag_is_a_link_to_ourselves_or_nothing(text: str) -> None:
    import re  # noqa: PLC0415  # only here

    shown = to_mrkdwn(f"{text} https://fub.datadoghq.com/logs", OURS)
    for tag in re.findall(r"<[^>]*>?", shown):
        assert tag.startswith("<https://fub.datadoghq.com")
        assert tag.endswith(">")


def test_plain_text_keeps_every_word_and_address() -> None:
    shown = to_plain("## Now\n**high** · [logs](https://a.example/x) `q` https://b.example/y")
    assert shown == "Now\nhigh · logs: https://a.example/x `q` https://b.example/y"
