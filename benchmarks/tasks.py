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
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tools.browser
from benchmarks.simulated_user import NotThere, SimulatedUser
from tools.browser import launch_browser, start_server, wait_until_idle

WINDOW = {"width": 1280, "height": 720}
PHONE = {"viewport": {"width": 400, "height": 800}, "has_touch": True, "is_mobile": True}
TRAINING = 240.0  # seconds in which a training has to end


# --- The eighteen tasks -----------------------------------------------------------------------------------------------

TRAINED = re.compile(r"Trained in \d")
Task = Callable[[SimulatedUser], str]


def train_digits(user: SimulatedUser) -> str:
    """Train on digits, and see what it learns."""
    user.go("Train")
    user.press("Train", settle=False)
    began = time.monotonic()
    user.see(user.page.locator('img[alt^="Manifold"], img[alt*="reconstructions"]').first, TRAINING)
    first = time.monotonic() - began
    return f"first picture after {first:.1f} s; {user.see(TRAINED, TRAINING)}"


def train_mnist(user: SimulatedUser) -> str:
    """Train on MNIST for two epochs."""
    user.go("Train")
    user.choose("Data set", re.compile(r"(^|· )MNIST:"))
    user.fill("Epochs", 2)
    user.press("Train", settle=False)
    return user.see(TRAINED, TRAINING)


def threes_and_eights(user: SimulatedUser) -> str:
    """Find where 3 and 8 meet in the latent space, and see what is decoded there."""
    user.go("Latent explorer")
    stage, nearest = user.page.locator(".pad .stage"), user.page.locator(".pad .nearest")
    user.bring(stage)
    box, size = stage.bounding_box(), 24
    seen: dict[tuple[int, int], str] = {}
    for row in range(size):
        for column in range(size):
            across, down = (column + 0.5) / size, (row + 0.5) / size
            user.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
            user.page.wait_for_timeout(20)
            label = re.search(r"\b(\d)\b", str(nearest.text_content()))
            seen[row, column] = label[1] if label else ""
            neighbours = {seen.get((row, column - 1)), seen.get((row - 1, column))}
            if {seen[row, column]} | (neighbours & {"3", "8"}) == {"3", "8"}:
                user.click_at(stage, across, down)
                wait_until_idle(user.page)
                return str(nearest.text_content())
    raise NotThere("no border of 3 and 8 on the pad")


def four_to_nine(user: SimulatedUser) -> str:
    """Walk from a 4 to a 9."""
    user.go("Interpolate")
    for at, label in enumerate(("4", "9")):
        boxes = user.page.get_by_test_id("stMain").get_by_role("combobox", name="Class", exact=True)
        if boxes.count() < 2:
            raise NotThere("no list 'Class' for each end")
        user._click(boxes.nth(at))
        user._click(user.page.get_by_role("option", name=label, exact=True).first)
        wait_until_idle(user.page)
    user.see(user.page.locator(".interpolation canvas").first)
    return "both ends chosen by class"


def autoencoder_against_vae(user: SimulatedUser) -> str:
    """Train an autoencoder and a VAE, and see them side by side."""
    user.go("Train")
    for model in ("Vanilla autoencoder", "Variational autoencoder (VAE)"):
        if user.page.get_by_role("button", name="Change settings").count():
            user.press("Change settings")
        user.choose("Model", model)
        user.press("Train", settle=False)
        user.see(TRAINED, TRAINING)
        wait_until_idle(user.page)
    user.go("Runs")
    tick(user, 0, 1)
    return user.see(re.compile("Comparison of 2 runs"))


def tick(user: SimulatedUser, *rows: int) -> None:
    """Ticks rows of the table of runs."""
    table = user.page.get_by_test_id("stDataFrame").first
    user.bring(table)
    box = table.bounding_box()
    for row in rows:
        user.page.mouse.click(box["x"] + 18, box["y"] + 35 * (row + 1) + 17)
        user.clicks += 1
        wait_until_idle(user.page)


def break_it(user: SimulatedUser) -> str:
    """Break a training, and be told why."""
    user.go("Train")
    if user.page.get_by_role("spinbutton", name="Learning rate").count() == 0:
        user.press("More settings")
    user.fill("Learning rate", 1)
    user.press("Train", settle=False)
    return user.see(re.compile(r"diverged|learning rate is too|too large", re.I), TRAINING)[:80]


def kl_per_dimension(user: SimulatedUser) -> str:
    """See the KL of each latent dimension, and read what it means."""
    user.go("Model inspector")
    return user.see(re.compile(r"KL (divergence )?(of each|per) (latent )?dimension", re.I), 30)[:80]


def draw_and_see_the_code(user: SimulatedUser) -> str:
    """Draw a digit, and see the numbers of its code."""
    user.go("Draw")
    sheet = user.page.locator(".draw .drawing-pad")
    user.drag(sheet, (0.35, 0.2), (0.65, 0.2), (0.65, 0.5), (0.4, 0.5), (0.65, 0.55), (0.6, 0.8), (0.35, 0.8))
    user.page.wait_for_timeout(500)
    return user.see(user.page.locator(".draw .numbers").get_by_text(re.compile(r"\d\.\d")).first)


def export_all(user: SimulatedUser) -> str:
    """Save a picture, a GIF and the model."""
    user.go("Manifold")
    user.download("Save PNG", "PNG", "Download PNG")
    user.go("Time machine")
    user.download("Download as GIF")
    user.go("Model inspector")
    user.press("Download")
    user.download("Save")
    return ", ".join(user.found)


def link_on_a_phone(user: SimulatedUser) -> str:
    """Hand an exact setup to a phone."""
    user.go("Train")
    user.choose("Model", "beta-VAE")
    user.fill("KL weight", 50)
    user.press("Copy link")
    link = user.page.url
    phone = user.page.context.browser.new_context(**PHONE)
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


def two_at_once(user: SimulatedUser) -> str:
    """Two people train at once, each their own."""
    context = user.page.context.browser.new_context(viewport=WINDOW)
    try:
        other = SimulatedUser(context.new_page(), user.address)
        other.start()
        for each, seed in ((user, 21), (other, 22)):
            each.go("Train")
            each.fill("Seed", seed)
            each.press("Train", settle=False)
        for each in (user, other):
            each.see(TRAINED, TRAINING)
        return "both have ended"
    finally:
        context.close()


def wall(user: SimulatedUser) -> str:
    """Show the map so that the last row can read it."""
    user.go("Latent map")
    user.press("Large")
    return "Large"


def own_photograph(user: SimulatedUser) -> str:
    """Clean a photograph of one's own."""
    user.go("Denoise a photo")
    user.press("Your own photo")
    user.upload(photograph(), "photo.png")
    user.see(user.page.get_by_test_id("stMain").get_by_role("button", name="PNG").first, 60)
    return "cleaned, and offered as a PNG"


def upload_to_denoise(user: SimulatedUser) -> str:
    """Denoise an uploaded digit."""
    user.go("Denoise")
    user.press("Upload")
    user.upload(digit(), "seven.png")
    return user.see(user.page.locator(".denoise canvas.reconstruction").first, 30) or "denoised"


def best_of_five(user: SimulatedUser) -> str:
    """Train five seeds, and see which one is best, by what."""
    user.go("Train")
    user.fill("Epochs", 5)
    user.press("Train", settle=False)
    user.see(TRAINED, TRAINING)
    for _ in range(4):
        wait_until_idle(user.page)
        if user.page.get_by_role("button", name="Train with another seed").count():
            user.press("Train with another seed", settle=False)
        else:
            seed = user.page.get_by_role("spinbutton", name="Seed")
            user.fill("Seed", int(seed.first.input_value()) + 1)
            user.press("Train", settle=False)
        user.page.wait_for_timeout(1000)
        user.see(TRAINED, TRAINING)
    user.go("Runs")
    user.choose("Best by", "Validation MSE")
    return user.see(re.compile("best", re.I))[:120]


def how_many_dimensions(user: SimulatedUser) -> str:
    """Learn how many latent dimensions to take."""
    user.go("Train")
    return user.see(re.compile("How many (latent )?dimensions", re.I))[:120]


def codes_as_a_file(user: SimulatedUser) -> str:
    """Save the codes of the test images as CSV."""
    user.go("Latent map")
    user.press(*save_labels(user))
    return user.download("CSV").name and ", ".join(user.found)


def save_labels(user: SimulatedUser) -> list[str]:
    """The button that saves codes says how many."""
    found = user.page.get_by_role("button", name=re.compile(r"Save [\d,]+ codes?"))
    return [str(found.first.text_content()).strip()] if found.count() else ["Save codes"]


def own_data(user: SimulatedUser) -> str:
    """Learn what can be done with one's own data."""
    user.go("Data")
    return user.see(re.compile("your own", re.I))[:120]


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
        user = SimulatedUser(context.new_page(), address)
        user.start()
        began = time.monotonic()
        try:
            seen, done = task(user), True
        except NotThere as missing:
            seen, done = str(missing), False
        except Exception as error:  # of the browser: the table says so and goes on
            seen, done = f"{type(error).__name__}: {str(error).splitlines()[0]}", False
        took = time.monotonic() - began
        context.close()
    return {
        "task": task.__name__,
        "done": done,
        "clicks": user.clicks,
        "entries": user.entries,
        "scrolls": user.scrolls,
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
