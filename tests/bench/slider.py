"""How long a slider of Latent > Traverse takes to change the picture, beside an empty handler of plain Gradio.

    python -m tests.bench.slider [--moves 40]

A real hub, a real browser. The clock runs on the page, from the slider's input event until the picture's element holds
another picture. The baseline is the same round trip to a Gradio app whose handler does nothing but return HTML as large
as ours. Both take turns move by move, so report the ratio: whatever else the machine does hits both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.serving import free_port, serving, wait_for

MODELS = ("vae-fashion", "vae-avatars")
PICTURE = "#traverse-picture"
PLAIN = f"""
import itertools, sys
import gradio as gr
size, count = int(sys.argv[2]), itertools.count()
with gr.Blocks() as demo:
    picture = gr.HTML(elem_id="{PICTURE[1:]}")
    slider = gr.Slider(-3, 3, value=0, step=0.05)
    slider.input(
        lambda at: f"<i>{{next(count)}}</i><!--{{'x' * size}}-->", slider, picture,
        show_progress="hidden", trigger_mode="always_last",
    )
demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
"""
MOVE = """([picture, value]) => new Promise((resolve, reject) => {
    const range = [...document.querySelectorAll('input[type=range]')].find(each => each.offsetParent)
    const shown = document.querySelector(picture), before = shown.innerHTML
    const watch = new MutationObserver(() => {
        if (shown.innerHTML == before) return
        watch.disconnect(); resolve(performance.now() - start)
    })
    watch.observe(shown, {childList: true, subtree: true, attributes: true, characterData: true})
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(range, value)
    const start = performance.now()
    range.dispatchEvent(new Event('input', {bubbles: true}))
    setTimeout(() => { watch.disconnect(); reject(new Error('the picture did not change')) }, 20000)
})"""


def opened(browser: Browser, url: str) -> Page:
    """Latent > Traverse of the hub at ``url``, drawn."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    page.get_by_role("tab", name="Latent").click()
    page.get_by_role("tab", name="Traverse").click()
    page.locator(f"{PICTURE} img").wait_for()
    page.locator(".dimension .film").first.wait_for()
    return page


def measure(browser: Browser, model: str, moves: int) -> dict[str, object]:
    """Milliseconds of ``moves`` moves in ``model`` and in the baseline."""
    port = free_port()
    with serving("--models", model) as hub:
        page = opened(browser, hub.url)
        size = len(page.locator(PICTURE).inner_html())
        plain = subprocess.Popen(
            [sys.executable, "-c", PLAIN, str(port), str(size)],
            env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"},
            cwd=Path(__file__).parents[2],
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/", plain)
            other = browser.new_context().new_page()
            other.goto(f"http://127.0.0.1:{port}/")
            other.locator("input[type=range]").wait_for()
            other.wait_for_timeout(1000)
            seen: dict[str, list[float]] = {"hub": [], "plain": []}
            for move in range(moves + 3):
                value = -3 + 6 * (move * 0.382 % 1)  # far enough from the last one that pixels differ
                for name, at in (("hub", page), ("plain", other)):
                    took = at.evaluate(MOVE, [PICTURE, f"{value:.2f}"])
                    if move >= 3:  # the first ones warm up both
                        seen[name].append(took)
                    at.wait_for_timeout(50)
        finally:
            plain.terminate()
            plain.wait()
        page.context.close()
        other.context.close()
    middle = {name: statistics.median(times) for name, times in seen.items()}
    tail = {name: statistics.quantiles(times, n=10)[-1] for name, times in seen.items()}
    return {
        "bytes of HTML": size,
        "median, ms": {name: round(value, 1) for name, value in middle.items()},
        "90th percentile, ms": {name: round(value, 1) for name, value in tail.items()},
        "ratio of medians": round(middle["hub"] / middle["plain"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=40)
    moves = parser.parse_args().moves
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        measured = {model: measure(browser, model, moves) for model in MODELS}
        browser.close()
    print(json.dumps({"moves": moves, "load": os.getloadavg(), **measured}, indent=2))


if __name__ == "__main__":
    main()
