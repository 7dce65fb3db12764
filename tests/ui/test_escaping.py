"""Text that is not ours is shown as it is: never as Markdown, never as a link in a figure."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from aecore.errors import UserError
from aecore.store import people, runs
from tests.pages.test_pages import AppTest, _cold, in_state, opened, store, untrained  # noqa: F401
from tools.browser import record_errors, start_server, wait_until_idle
from ui import chrome, startup
from ui.session.text import WORD_JOINER, escape, escape_figure
from ui.widgets import charts

EVIL = "http://evil.example/a.png"
HOSTILE = (
    f"![x]({EVIL})",
    f"[x]({EVIL})",
    f"[x]: {EVIL}",
    "![x][y]",
    EVIL,
    "https://evil.example",
    "www.evil.example/a",
    "WWW.evil.example",
    "someone@evil.example",
    "mailto:someone@evil.example",
    f"<{EVIL}>",
    f'<img src="{EVIL}">',
    "<b>x</b>",
    "&lt;b&gt; &amp; &#58;smile&#58;",
    "http&#58;//evil.example",
    ":material/home:",
    ":material_home:",
    ":streamlit:",
    ":smile: and :+1: and :-1:",
    ":red[x] :blue-background[x] :red-badge[x] :small[x] :help[x]",
    ":red",
    "::red[x]",
    ":color[x]{foreground=red}",
    "$x^2$ and $$y$$",
    "`code` and ``code``",
    "```\ncode\n```",
    "*x* **x** _x_ __x__ ~~x~~ ~x~",
    "# x",
    "- x",
    "+ x",
    "1. x",
    "2) x",
    "> x",
    "---",
    "===",
    "| a | b |\n| - | - |\n| c | d |",
    "x\\",
    "\\*x*",
    "a_b_c.png",
    "C:\\runs\\new",
    "cuda:9",
    "[^1] and [ ] and [x]",
    "{x}",
    "Grün, 図, 🙂",
    "a  b",
    "    x",
    "x\u202eb\x00\udcff",
)
LETTERS = "ab1 .:/@-_*`~[]()<>#$|&!{}\\+=w\n"


def generated(count: int = 200) -> list[str]:
    """Strings of the characters that Markdown is made of."""
    letters = random.Random(0)
    return ["".join(letters.choices(LETTERS, k=letters.randint(1, 24))) for _ in range(count)]


def expected(text: str) -> str:
    """What a reader sees of a text: one line of it, what cannot be printed replaced."""
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(text.split()))


# --- The helper -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*HOSTILE, *generated(40)])
def test_what_is_escaped_reads_as_before_and_keeps_no_syntax(text):
    found = escape(text)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", found).replace(WORD_JOINER, "") == expected(text)
    left = re.sub(r"\\.", "", found)
    assert not re.search(r"[`*_~\[\]<>$|&]|https?://|www\.|@\w|:material|:streamlit:|:[\w+-]+:", left)
    assert "\n" not in found


def test_plain_sentences_stay_as_they_are():
    for text in (
        "Nothing was trained yet.",
        "It is 3.5 % worse (see Train), isn't it?",
        "The run a-b-2d-0a1b: deleted.",
    ):
        assert escape(text) == text


def test_figures_show_names_as_they_were_typed():
    assert escape_figure('<a href="http://evil.example">x</a>') == '&lt;a href="http://evil.example"&gt;x&lt;/a&gt;'
    history = [{"epoch": 1, "validation": {"a": 1.0}, "train": {"a": 1.0}}]
    named = charts.loss_comparison([history], ["<a href='http://evil.example'>x</a>"], ["#000"], "a", [("a",)])
    assert "<a" not in named.figure.to_json() and "&lt;a" in named.figure.to_json()


# --- Where it is used -------------------------------------------------------------------------------------------------


def shown(app) -> str:
    kinds = (app.error, app.warning, app.info, app.markdown, app.caption, app.success)
    return "\n".join([each.value for kind in kinds for each in kind])


def test_an_error_that_quotes_what_was_typed_is_escaped():
    def page() -> None:
        from aecore.models import presets
        from ui.session import failures as errors

        errors.or_stop(presets.default_config, "digits", preset="![x](http://evil.example/a.png)")

    app = AppTest.from_function(page, default_timeout=60).run()
    assert [each.value.partition(";")[0] for each in app.error] == [
        f"There is no preset called !\\[x\\](http:{WORD_JOINER}//evil.example/a.png)"
    ]


def test_the_device_of_the_environment_is_escaped(store, monkeypatch):  # noqa: F811
    from aecore.training import devices

    monkeypatch.setenv("AECORE_DEVICE", f"![x]({EVIL})")
    startup.preload().set()
    with pytest.raises(UserError):
        devices.select_device()
    app = opened("data")
    told = [each.value for each in app.warning]
    assert told and all(f"![x]({EVIL})" not in each for each in told) and any("\\[x\\]" in each for each in told)


def test_the_reason_of_a_run_and_the_device_in_its_folder_are_escaped(store):  # noqa: F811
    failed = in_state("failed", message=f"It broke: ![x]({EVIL}).")
    text = shown(opened("train", run=failed.id))
    assert "![x]" not in text and "!\\[x\\]" in text
    done = untrained("digits", seed=5)
    place = runs.path(done.id) / "result.json"
    result = json.loads(place.read_text()) | {"device": f"![x]({EVIL})"}
    place.write_text(json.dumps(result))
    runs._finished.cache_clear()
    text = shown(opened("train", run=done.id))
    assert "![x]" not in text and "!\\[x\\]" in text


def test_names_of_people_and_runs_make_no_link(store):  # noqa: F811
    done = untrained("digits", seed=6)
    people.rename(done.id, "www.evil.example")
    assert people.labels()[done.id].name == "www.evil.example"

    def one(run: str) -> None:
        from aecore.store import people, runs
        from ui.views.runs import actions

        actions.run_panel(runs.entry(run), people.labels()[run], people.labels()[run].name, "me")

    app = AppTest.from_function(one, args=(done.id,), default_timeout=60).run()
    assert f"Open **www{WORD_JOINER}.evil.example**:" in [each.value for each in app.markdown]


def test_every_sentence_of_an_error_goes_through_the_helper():
    """No page shows what was caught, or a reason from a folder, without it."""
    root = Path(chrome.__file__).parent.parent
    for path in [*(root / "ui").rglob("*.py"), *(root / "pages").glob("*.py")]:
        source = path.read_text()
        assert not re.search(r"(error|warning|info|caption|markdown)\((f\".*\{error\}|str\(error\))", source), path.name
        assert not re.search(r"\{(entry\.)?reason\}|\{devices\.", source), path.name


# --- As Streamlit shows it --------------------------------------------------------------------------------------------

SCRIPT = """
import json
import pathlib
import sys
import streamlit as st
sys.path.insert(0, {root!r})
from ui.session.text import escape
for text in json.loads(pathlib.Path({texts!r}).read_text()):
    st.info("A " + escape(text) + " Z")
    st.error(escape(text))
    st.button(escape(text) or "-", key=str(hash(text)))
"""
READ = """() => [...document.querySelectorAll('[data-testid^="stAlertContent"]')]
  .map(each => [each.innerText, [...each.querySelectorAll('a, img, em, strong, del, code, span, li, h1, hr, table, b')]
    .map(inner => inner.outerHTML)])"""
LABELS = """() => [...document.querySelectorAll('[data-testid="stButton"] [data-testid="stMarkdownContainer"]')]
  .map(each => [each.innerText, each.querySelectorAll('a, img, em, strong, del, code, span, li').length])"""


@pytest.mark.browser
def test_streamlit_shows_every_hostile_text_as_it_is(tmp_path, browser):
    texts = [text for text in dict.fromkeys([*HOSTILE, *generated()]) if text.strip()]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=str(Path(chrome.__file__).parent.parent), texts=str(tmp_path / "texts.json")))
    with start_server(script) as address:
        context = browser.new_context()
        faults, page = record_errors(context), context.new_page()
        page.goto(address)
        wait_until_idle(page)
        seen = page.evaluate(READ)
        assert len(seen) == 2 * len(texts)
        for text, (inside, alone) in zip(texts, zip(seen[::2], seen[1::2], strict=True), strict=True):
            whole = expected(text)
            assert [inside[0].replace(WORD_JOINER, ""), inside[1]] == [f"A {whole} Z", []], text
            assert [alone[0].replace(WORD_JOINER, ""), alone[1]] == [whole, []], text
        for text, (label, parts) in zip(texts, page.evaluate(LABELS), strict=True):
            assert label.replace(WORD_JOINER, "") == expected(text) and not parts, text
        assert not [fault for fault in faults if "evil" in fault]
