"""The modules that run in the browser: that they fit each other, and the copy of them that browsers are sent to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from aecore.errors import UserError
from ui.widgets import component

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
MODULES = sorted(path for path in STATIC.rglob("*.js") if path.relative_to(STATIC).parts[0] != component.SERVED_DIR)
IMPORT = re.compile(r"^import\s+(?:\{([^}]*)\}|\*\s+as\s+\w+|\w+)?(?:\s*from\s*)?\s*['\"]([^'\"]+)['\"];", re.MULTILINE)
EXPORT = re.compile(r"^export (?:default )?(?:async )?(?:function|const|let|class)\s+(\w+)", re.MULTILINE)
DAY = 24 * 3600  # seconds


def code(module: Path) -> str:
    """What a module says to the browser: without comments."""
    return re.sub(r"/\*.*?\*/|(?<![:'\"])//[^\n]*", "", module.read_text(), flags=re.DOTALL)


def called(module: Path) -> str:
    return module.relative_to(STATIC).as_posix()


# --- The modules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES, ids=called)
def test_modules_import_each_other_by_plain_paths(module):
    said = code(module)
    assert not re.search(r"import\.meta\.url\)\.search|here\.search", said), "the version stands in the path"
    assert not re.search(r"^(?:const .*= |)await\b", said, re.MULTILINE), "nobody waits for what stands at the top"
    for names, address in IMPORT.findall(said):
        assert address.startswith(("./", "../")), address
        named = (module.parent / address).resolve()
        assert named.is_file(), f"there is no {address}"
        exported = set(EXPORT.findall(code(named)))
        wanted = {each.split(" as ")[0].strip() for each in names.split(",")} - {""}
        assert wanted <= exported, f"{address} exports no {wanted - exported}"


@pytest.mark.parametrize("module", MODULES, ids=called)
def test_addresses_are_worked_out_from_files_that_there_are(module):
    for address in re.findall(r"new URL\(['\"`]([^'\"`]+)['\"`], import\.meta\.url\)", code(module)):
        assert (module.parent / address).is_file()


@pytest.mark.parametrize("module", MODULES, ids=called)
def test_lines_are_as_long_as_in_python(module):
    """The formatter leaves comments and texts as they are."""
    assert not [line for line in module.read_text().splitlines() if len(line) > 120]


def test_the_list_of_modules_is_whole_and_without_repetition():
    entries = "index.js", "views/home/home.js", "views/nothing/nothing.js"
    found = component.module_graph(STATIC, *entries)
    assert found[:2] == ["index.js", "views/home/home.js"] and len(found) == len(set(found)), "only what there is"
    assert {"net/matmul.js", "dom/gestures.js", "map/scatter.js", "dom/canvas.js"} <= set(found)
    assert "views/map/map.js" not in found
    for name in found:
        module = STATIC / name
        for _, address in IMPORT.findall(code(module)):
            assert called((module.parent / address).resolve()) in found
    assert component.module_graph(STATIC, "dom/format.js") == ["dom/format.js"]


# --- The copy ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def static(tmp_path):
    """A folder as static/ is: the loader and a view, which import from others."""
    place = tmp_path / "static"
    for name, content in {
        "index.js": "import { one } from './dom/canvas.js';\nexport default one;\n",
        "views/home/home.js": "import '../../index.js';\n",
        "views/home/home.css": ".home { color: red; }\n",
        "dom/canvas.js": "export const one = 1;\n",
        "icon.png": "no image",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    return place


@pytest.fixture
def ours(static, monkeypatch):
    """`static` as what the laboratory serves, by a server that has mounted nothing yet."""
    monkeypatch.setattr(component, "STATIC", static)
    monkeypatch.setattr(component, "_version", "")
    component._print_once.cache_clear()
    yield static
    component._component.cache_clear()
    component._print_once.cache_clear()


def files(place: Path) -> dict[str, bytes]:
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def folders(static: Path) -> list[str]:
    return sorted(os.listdir(static / component.SERVED_DIR))


def age(place: Path, seconds: float) -> None:
    os.utime(place, (time.time() - seconds,) * 2)


def test_the_copy_is_whole_and_leaves_itself_out(static):
    before = files(static)
    version = component.publish(static)
    assert re.fullmatch("[0-9a-f]{12}", version)
    assert files(static / "served" / version) == before
    assert component.publish(static) == version and folders(static) == [version]


def test_browsers_may_keep_what_is_served(static):
    place = static / "served" / component.publish(static)
    assert all(path.stat().st_mtime < time.time() - 3650 * DAY for path in place.rglob("*") if path.is_file())


def test_a_copy_that_is_there_is_not_written_again(static):
    place = static / "served" / component.publish(static)
    before = {path: path.stat().st_ino for path in place.rglob("*")}
    for path in static.rglob("*.js"):
        path.touch()  # when a file was written says nothing
    component.publish(static)
    assert {path: path.stat().st_ino for path in place.rglob("*")} == before


@pytest.mark.parametrize("changed", ["index.js", "dom/canvas.js", "views/home/home.css"])
def test_one_byte_changes_the_address_of_every_module(static, changed):
    before = component.publish(static)
    (static / changed).write_bytes((static / changed).read_bytes() + b" ")
    after = component.publish(static)
    assert after != before and folders(static) == sorted((before, after)), "who has the old page open still needs it"
    assert len(files(static / "served" / after)) == len(files(static / "served" / before))


def test_a_name_counts_as_much_as_its_content(static):
    before = component.publish(static)
    (static / "views/home/home.js").rename(static / "views/home/house.js")
    assert component.publish(static) != before


PUBLISH = """
import sys
from pathlib import Path
from ui.widgets import component
print("ready", flush=True)
sys.stdin.readline()
print(component.publish(Path(sys.argv[1])))
"""


def test_several_processes_at_once_make_one_whole_copy(static):
    for number in range(300):  # so that writing takes a while
        (static / f"dom/{number}.js").write_text(f"export const it = {number};\n" * 20)
    before = files(static)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISH, str(static)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    versions = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0] and len(versions) == 1
    assert folders(static) == list(versions) and files(static / "served" / versions.pop()) == before


def test_what_nobody_has_used_for_a_day_is_removed(static):
    served = static / "served"
    for name, seconds in {"old": 1.1 * DAY, "fresh": 0.9 * DAY, ".tmp-old": 1.1 * DAY, ".tmp-fresh": 60}.items():
        (served / name / "dom").mkdir(parents=True)
        age(served / name, seconds)
    version = component.publish(static)
    assert folders(static) == sorted((".tmp-fresh", "fresh", version))
    age(served / version, 2 * DAY)
    component.publish(static)
    assert time.time() - (served / version).stat().st_mtime < 60, "it is in use"


# --- The server's side ------------------------------------------------------------------------------------------------


def test_a_server_stays_with_its_copy(ours):
    before = component.version()
    age(ours / "served" / before, 2 * DAY)
    (ours / "index.js").write_text("export default 2;\n")
    assert component.version() == before and folders(ours) == [before]
    assert time.time() - (ours / "served" / before).stat().st_mtime < 60, "others see that it is in use"


def test_a_copy_that_somebody_removed_is_written_again(ours):
    place = ours / "served" / component.version()
    place.rename(ours / "elsewhere")
    (ours / "elsewhere").rename(ours.parent / "elsewhere")
    assert component.version() == place.name and place.is_dir()


def test_a_server_that_follows_edits_looks_at_the_files(ours, monkeypatch):
    monkeypatch.setattr(st, "get_option", lambda name: name == "server.runOnSave")
    before = component.version()
    (ours / "index.js").write_text("export default 2;\n")
    assert component.version() != before


def test_a_copy_that_is_not_ours_to_write_is_served(ours, monkeypatch):
    """An installation that is read-only, but was started once by somebody who may write."""
    component.publish(ours)
    age(ours / "served" / component.publish(ours), 2 * DAY)
    (ours / "served" / "old").mkdir()
    age(ours / "served" / "old", 2 * DAY)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    for module, name in ((os, "utime"), (Path, "rename"), (Path, "mkdir"), (Path, "write_bytes")):
        monkeypatch.setattr(module, name, refuse)
    assert component.version() == component.version()


def unwritable(static: Path) -> None:
    (static / "served").write_text("a file where the folder should be, which stops even root")


def test_a_folder_that_cannot_be_written_is_said_once(ours, capsys):
    unwritable(ours)
    for _ in range(2):
        with pytest.raises(UserError) as told:
            component.version()
    sentence = str(told.value)
    assert "static/served cannot be written" in sentence and "load the page again" in sentence
    assert sentence.count(". ") == 0 and sentence.endswith(".")
    assert capsys.readouterr().err == f"{sentence}\n"


def test_pages_say_so_too(ours):
    def page():
        import streamlit as st

        from ui.widgets import component

        st.write("before")
        component.mount("home")(key="home", data={})
        st.write("after")

    unwritable(ours)
    app = AppTest.from_function(page).run()
    assert not app.exception and [each.value for each in app.markdown] == ["before"]
    assert len(app.error) == 1 and "cannot be written" in app.error[0].value
    (ours / "served").unlink()
    app.run()
    assert not app.exception and not app.error and [each.value for each in app.markdown] == ["before", "after"]


def test_a_page_is_told_of_all_modules_at_once(ours, monkeypatch):
    seen = {}
    monkeypatch.setattr(st.components.v2, "component", lambda name, **more: seen.update({name: more}))
    component.mount("home")
    js, version = seen["home"]["js"], component.version()
    assert f'"app/static/served/{version}/"' in js and "document.baseURI" in js
    assert all(f'"{name}"' in js for name in ("index.js", "views/home/home.js", "dom/canvas.js"))
    assert seen["home"]["css"].startswith(".home { color: red; }\n")
