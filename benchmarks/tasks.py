"""What a new user has to do for eighteen tasks: clicks, entries, scrolls and seconds, in Chromium.

    python -m benchmarks.tasks                  prints a table and, last, one line of JSON
    ... --app FOLDER                            the laboratory of another checkout, with this script
    ... --only walk,own_data                    some of the tasks

The script uses only what stands on the screen: it finds what it presses by its words, starts each task on the first
screen with an empty runs folder, and scrolls (which is counted) to what lies outside the window of 1280 x 720. Seconds
are the machine's: nobody thinks. A task ends when what was asked for is seen; one that cannot be done says what was
missing. Where AECORE_DATA has MNIST the second task trains on it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tools.browser
from tools.browser import launch_browser, start_server, wait_until_idle

WINDOW = {"width": 1280, "height": 720}
PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}
PATIENCE = 8.0  # seconds in which something to press has to appear
TRAINING = 240.0  # seconds in which a training has to end
ROLES = ("button", "link", "radio", "tab", "option", "menuitem", "checkbox", "switch")


class NotThere(Exception):
    """What the task needs is not on the screen."""


@dataclass
class Person:
    """Somebody at a browser, who presses what the screen offers and is counted."""

    page: Any
    address: str
    clicks: int = 0
    entries: int = 0
    scrolls: int = 0
    found: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Opens the first screen; what comes before the task is not counted."""
        self.page.goto(self.address)
        wait_until_idle(self.page)
        self.clicks = self.entries = self.scrolls = 0

    def go(self, title: str) -> None:
        """Chooses a page in the navigation."""
        link = self.page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True)
        self._click(link.first)
        self.page.locator("h1", has_text=title).first.wait_for(timeout=30_000)
        wait_until_idle(self.page)

    def press(self, *names: str, settle: bool = True) -> str:
        """Presses the first of these words that is there; NotThere when none is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for name in names:
                if (target := self._target(name)) is not None:
                    self._click(target)
                    if settle:
                        self.page.wait_for_timeout(300)  # the page hears of it, and is busy
                        wait_until_idle(self.page)
                    return name
            self.page.wait_for_timeout(100)
        raise NotThere(f"no {' or '.join(map(repr, names))}")

    def _target(self, name: str) -> Any:
        main = self.page.get_by_test_id("stMain")
        for role in ROLES:
            here = main.get_by_role(role, name=name, exact=True)
            for at in range(here.count()):
                if here.nth(at).is_visible() and here.nth(at).is_enabled():
                    return here.nth(at)
        texts = self.page.get_by_text(name, exact=True)  # in a popover or a dialog, and what has no role
        visible = [texts.nth(at) for at in range(texts.count()) if texts.nth(at).is_visible()]
        return visible[0] if visible else None

    def choose(self, label: str, option: str, among: Any = None) -> None:
        """Chooses an option of a list."""
        box = (among or self.page.get_by_test_id("stMain")).get_by_role("combobox", name=label)
        if not box.count():
            raise NotThere(f"no list {label!r}")
        self._click(box.first)
        found = self.page.get_by_role("option", name=option, exact=True)
        try:
            found.first.wait_for(timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere(f"no {option!r} in {label!r}") from None
        self._click(found.first)
        wait_until_idle(self.page)

    def fill(self, label: str, value: object) -> None:
        """Types into a field."""
        box = self.page.get_by_role("spinbutton", name=label).or_(self.page.get_by_role("textbox", name=label)).first
        try:
            box.wait_for(timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere(f"no field {label!r}") from None
        self.bring(box)
        box.fill(str(value))
        box.press("Tab")
        self.entries += 1
        wait_until_idle(self.page)

    def see(self, what: Any, seconds: float = PATIENCE) -> str:
        """Waits for words or a place of the page, and scrolls there if it is not in the window; gives its text."""
        place = self.page.get_by_text(what).first if isinstance(what, str | re.Pattern) else what
        try:
            place.wait_for(timeout=1000 * seconds)
        except Exception:
            raise NotThere(f"{what!r} was not seen in {seconds:g} s") from None
        self.bring(place)
        return str(place.text_content() or "").strip()

    def bring(self, place: Any) -> None:
        """Scrolls to what is not in the window; counted."""
        box, size = place.bounding_box(), self.page.viewport_size
        if box and not (0 <= box["y"] + min(box["height"], 60) / 2 <= size["height"]):
            self.scrolls += 1
        with contextlib.suppress(Exception):  # drawn anew meanwhile
            place.scroll_into_view_if_needed(timeout=2000)

    def _click(self, target: Any) -> None:
        self.bring(target)
        target.click()
        self.clicks += 1

    def click_at(self, target: Any, across: float, down: float) -> None:
        """Clicks at a place of something drawn."""
        self.bring(target)
        box = target.bounding_box()
        self.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
        self.clicks += 1

    def drag(self, target: Any, *places: tuple[float, float]) -> None:
        """Drags over something drawn; counts as a click."""
        self.bring(target)
        box = target.bounding_box()
        spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*spots[0])
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*spot, steps=6)
        self.page.mouse.up()
        self.clicks += 1

    def upload(self, picture: bytes, name: str) -> None:
        """Gives a file to the page's field for files."""
        fields = self.page.locator("input[type=file]")
        try:
            fields.first.wait_for(state="attached", timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere("no field for a file") from None
        self.clicks += 1
        fields.first.set_input_files({"name": name, "mimeType": "image/png", "buffer": picture})
        wait_until_idle(self.page)

    def download(self, *names: str) -> Path:
        """Presses what saves a file; the file."""
        with self.page.expect_download(timeout=60_000) as coming:
            self.press(*names, settle=False)
        path = Path(coming.value.path())
        self.found[coming.value.suggested_filename] = f"{path.stat().st_size:,} bytes"
        return path


# --- The eighteen tasks -----------------------------------------------------------------------------------------------

TRAINED = re.compile(r"Trained in \d")
Task = Callable[[Person], str]


def train_digits(person: Person) -> str:
    """Train on digits, and see what it learns."""
    person.go("Train")
    person.press("Train", settle=False)
    began = time.monotonic()
    person.see(person.page.locator('img[alt^="Manifold"], img[alt*="reconstructions"]').first, TRAINING)
    first = time.monotonic() - began
    return f"first picture after {first:.1f} s; {person.see(TRAINED, TRAINING)}"


def train_mnist(person: Person) -> str:
    """Train on MNIST for two epochs."""
    person.go("Train")
    person.choose("Data set", "MNIST") if person.page.get_by_role(
        "combobox", name="Data set"
    ).count() else person.press("MNIST")
    person.fill("Epochs", 2)
    person.press("Train", settle=False)
    return person.see(TRAINED, TRAINING)


def threes_and_eights(person: Person) -> str:
    """Find where 3 and 8 meet in the latent space, and see what is decoded there."""
    person.go("Latent explorer")
    stage, nearest = person.page.locator(".pad .stage"), person.page.locator(".pad .nearest")
    person.bring(stage)
    box, size = stage.bounding_box(), 24
    seen: dict[tuple[int, int], str] = {}
    for row in range(size):
        for column in range(size):
            across, down = (column + 0.5) / size, (row + 0.5) / size
            person.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            person.page.wait_for_timeout(20)
            label = re.search(r"\b(\d)\b", str(nearest.text_content()))
            seen[row, column] = label[1] if label else ""
            neighbours = {seen.get((row, column - 1)), seen.get((row - 1, column))}
            if {seen[row, column]} | (neighbours & {"3", "8"}) == {"3", "8"}:
                person.click_at(stage, across, down)
                wait_until_idle(person.page)
                return str(nearest.text_content())
    raise NotThere("no border of 3 and 8 on the pad")


def four_to_nine(person: Person) -> str:
    """Walk from a 4 to a 9."""
    person.go("Interpolate")
    for at, label in enumerate(("4", "9")):
        boxes = person.page.get_by_test_id("stMain").get_by_role("combobox", name="Class", exact=True)
        if boxes.count() < 2:
            raise NotThere("no list 'Class' for each end")
        person._click(boxes.nth(at))
        person._click(person.page.get_by_role("option", name=label, exact=True).first)
        wait_until_idle(person.page)
    person.see(person.page.locator(".interpolation canvas").first)
    return "both ends chosen by class"


def autoencoder_against_vae(person: Person) -> str:
    """Train an autoencoder and a VAE, and see them side by side."""
    person.go("Train")
    for model in ("Vanilla autoencoder", "Variational autoencoder (VAE)"):
        if person.page.get_by_role("button", name="Change settings").count():
            person.press("Change settings")
        person.choose("Model", model)
        person.press("Train", settle=False)
        person.see(TRAINED, TRAINING)
        wait_until_idle(person.page)
    person.go("Runs")
    tick(person, 0, 1)
    return person.see(re.compile("Comparison of 2 runs"))


def tick(person: Person, *rows: int) -> None:
    """Ticks rows of the table of runs."""
    table = person.page.get_by_test_id("stDataFrame").first
    person.bring(table)
    box = table.bounding_box()
    for row in rows:
        person.page.mouse.click(box["x"] + 18, box["y"] + 35 * (row + 1) + 17)
        person.clicks += 1
        wait_until_idle(person.page)


def break_it(person: Person) -> str:
    """Break a training, and be told why."""
    person.go("Train")
    if person.page.get_by_role("spinbutton", name="Learning rate").count() == 0:
        person.press("More settings")
    person.fill("Learning rate", 1)
    person.press("Train", settle=False)
    return person.see(re.compile(r"diverged|learning rate is too|too large", re.I), TRAINING)[:80]


def kl_per_dimension(person: Person) -> str:
    """See the KL of each latent dimension, and read what it means."""
    person.go("Model inspector")
    return person.see(re.compile(r"KL (divergence )?(of each|per) (latent )?dimension", re.I), 30)[:80]


def draw_and_see_the_code(person: Person) -> str:
    """Draw a digit, and see the numbers of its code."""
    person.go("Draw")
    sheet = person.page.locator(".draw .drawing-pad")
    person.drag(sheet, (0.35, 0.2), (0.65, 0.2), (0.65, 0.5), (0.4, 0.5), (0.65, 0.55), (0.6, 0.8), (0.35, 0.8))
    person.page.wait_for_timeout(500)
    return person.see(person.page.locator(".draw .numbers").get_by_text(re.compile(r"\d\.\d")).first)


def export_all(person: Person) -> str:
    """Save a picture, a GIF and the model."""
    person.go("Manifold")
    person.download("Save PNG", "PNG", "Download PNG")
    person.go("Time machine")
    person.download("Download as GIF")
    person.go("Model inspector")
    person.press("Download")
    person.download("Save")
    return ", ".join(person.found)


def link_on_a_phone(person: Person) -> str:
    """Hand an exact setup to a phone."""
    person.go("Train")
    person.choose("Model", "beta-VAE")
    person.fill("KL weight", 50)
    person.press("Copy link")
    link = person.page.url
    phone = person.page.context.browser.new_context(**PHONE)
    try:
        page = phone.new_page()
        page.goto(link)
        wait_until_idle(page)
        field = page.get_by_role("spinbutton", name="KL weight")
        if not field.count() or float(field.first.input_value()) != 50:
            raise NotThere("the setup of the link on the phone")
        return "KL weight 50 on the phone"
    finally:
        phone.close()


def two_at_once(person: Person) -> str:
    """Two people train at once, each their own."""
    context = person.page.context.browser.new_context(viewport=WINDOW)
    try:
        other = Person(context.new_page(), person.address)
        other.start()
        for each, seed in ((person, 21), (other, 22)):
            each.go("Train")
            each.fill("Seed", seed)
            each.press("Train", settle=False)
        for each in (person, other):
            each.see(TRAINED, TRAINING)
        return "both have ended"
    finally:
        context.close()


def wall(person: Person) -> str:
    """Show the map so that the last row can read it."""
    person.go("Latent map")
    person.press("Large")
    return "Large"


def own_photograph(person: Person) -> str:
    """Clean a photograph of one's own."""
    person.go("Denoise a photo")
    person.press("Your own photo")
    person.upload(photograph(), "photo.png")
    return person.see(re.compile("dB|cleaned", re.I), 60)[:80]


def upload_to_denoise(person: Person) -> str:
    """Denoise an uploaded digit."""
    person.go("Denoise")
    person.press("Upload")
    person.upload(digit(), "seven.png")
    return person.see(person.page.locator(".denoise canvas.reconstruction").first, 30) or "denoised"


def best_of_five(person: Person) -> str:
    """Train five seeds, and see which one is best, by what."""
    person.go("Train")
    person.fill("Epochs", 5)
    person.press("Train", settle=False)
    person.see(TRAINED, TRAINING)
    for _ in range(4):
        wait_until_idle(person.page)
        if person.page.get_by_role("button", name="Train with another seed").count():
            person.press("Train with another seed", settle=False)
        else:
            seed = person.page.get_by_role("spinbutton", name="Seed")
            person.fill("Seed", int(seed.first.input_value()) + 1)
            person.press("Train", settle=False)
        person.page.wait_for_timeout(1000)
        person.see(TRAINED, TRAINING)
    person.go("Runs")
    person.choose("Best by", "Validation MSE")
    return person.see(re.compile("best", re.I))[:120]


def how_many_dimensions(person: Person) -> str:
    """Learn how many latent dimensions to take."""
    person.go("Train")
    return person.see(re.compile("How many (latent )?dimensions", re.I))[:120]


def codes_as_a_file(person: Person) -> str:
    """Save the codes of the test images as CSV."""
    person.go("Latent map")
    person.press(*save_labels(person))
    return person.download("CSV").name and ", ".join(person.found)


def save_labels(person: Person) -> list[str]:
    """The button that saves codes says how many."""
    found = person.page.get_by_role("button", name=re.compile(r"Save [\d,]+ codes?"))
    return [str(found.first.text_content()).strip()] if found.count() else ["Save codes"]


def own_data(person: Person) -> str:
    """Learn what can be done with one's own data."""
    person.go("Data")
    return person.see(re.compile("your own", re.I))[:120]


TASKS: tuple[Task, ...] = (
    train_digits,
    train_mnist,
    threes_and_eights,
    four_to_nine,
    autoencoder_against_vae,
    break_it,
    kl_per_dimension,
    draw_and_see_the_code,
    export_all,
    link_on_a_phone,
    two_at_once,
    wall,
    own_photograph,
    upload_to_denoise,
    best_of_five,
    how_many_dimensions,
    codes_as_a_file,
    own_data,
)


# --- What they need, and the table ------------------------------------------------------------------------------------


def photograph() -> bytes:
    """A noisy picture in colours, PNG, as a camera might give it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:240, 0:320] / 240
    clean = np.stack([0.5 + 0.4 * np.sin(6 * x), 0.5 + 0.4 * np.cos(5 * y), np.clip(x * y, 0, 1)], -1)
    return _png(255 * (clean + rng.normal(0, 0.1, clean.shape)))


def digit() -> bytes:
    """A dark seven on light paper, PNG."""
    page = np.full((280, 280), 255.0)
    page[50:80, 70:210] = 20
    for step in range(180):
        page[50 + step : 58 + step, 190 - step // 2 : 220 - step // 2] = 20
    return _png(page)


def _png(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@contextlib.contextmanager
def laboratory(app: Path) -> Iterator[str]:
    """The laboratory of a checkout with an empty runs folder; its address."""
    tools.browser.ROOT = app
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as runs,
        start_server(env={"AECORE_RUNS": runs}) as address,
    ):
        yield address


def do(task: Task, browser: Any, app: Path) -> dict[str, Any]:
    """One task in a laboratory of its own; what it took, or why it could not be done."""
    with laboratory(app) as address:
        context = browser.new_context(viewport=WINDOW, accept_downloads=True)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        person = Person(context.new_page(), address)
        person.start()
        began = time.monotonic()
        try:
            seen, done = task(person), True
        except NotThere as missing:
            seen, done = str(missing), False
        except Exception as error:  # of the browser: the table says so and goes on
            seen, done = f"{type(error).__name__}: {str(error).splitlines()[0]}", False
        took = time.monotonic() - began
        context.close()
    return {
        "task": task.__name__,
        "done": done,
        "clicks": person.clicks,
        "entries": person.entries,
        "scrolls": person.scrolls,
        "seconds": round(took, 1),
        "seen": " ".join(seen.split()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--app", type=Path, default=tools.browser.ROOT, help="another checkout")
    parser.add_argument("--only", default="", help="names of tasks, with commas")
    asked = parser.parse_args()
    names = [name for name in asked.only.split(",") if name]
    chosen = [task for task in TASKS if not names or task.__name__ in names]
    results = []
    print("| task | clicks | entries | scrolls | seconds | seen |\n|---|--:|--:|--:|--:|---|")
    with launch_browser() as browser:
        for task in chosen:
            result = do(task, browser, asked.app.resolve())
            results.append(result)
            seen = result["seen"] if result["done"] else f"not possible: {result['seen']}"
            numbers = " | ".join(str(result[key]) for key in ("clicks", "entries", "scrolls", "seconds"))
            print(f"| {(task.__doc__ or '').splitlines()[0].rstrip('.')} | {numbers} | {seen} |", flush=True)
    print(json.dumps({"app": os.fspath(asked.app), "tasks": results}))


if __name__ == "__main__":
    main()
