"""The pages of the hub, put together: masthead, the tabs of every task that has a model, colophon."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gradio as gr
from fastapi import FastAPI
from gradio import routes
from jinja2 import ChoiceLoader, DictLoader

from hub import __version__
from hub.card import PREVIEW
from hub.runtime.engine import Engine
from hub.scratch import KEPT
from hub.sessions import Sessions
from hub.tabs import latent, models, restore, sample, translate
from hub.tabs.choices import Serves, restores, samples, translates

TITLE = "Generative Hub"


class Tab(NamedTuple):
    """Shown where the engine knows a model that it ``serves``."""

    name: str
    build: Callable[[Engine], gr.Blocks]
    serves: Serves


TABS = (
    Tab("Sample", sample.build, samples),
    Tab("Latent", latent.build, samples),
    Tab("Translate", translate.build, translates),
    Tab("Restore", restore.build, restores),
)
LAST = Tab("Models", models.build, lambda bundle: True)
"""The tab of all models, whatever their task."""

TABS_FOLDER = Path(__file__).parent / "tabs"
SYSTEM_FONTS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]

WHAT_IT_IS = "Generative models, from noise to picture, on your machine"

MASTHEAD = f"""<header class="masthead"><h1>{TITLE}</h1><p>{WHAT_IT_IS}</p>
<button type="button" aria-label="Switch between light and dark" onclick="
  localStorage.setItem('theme', document.body.classList.toggle('dark') ? 'dark' : 'light')">◐</button></header>"""

COLOPHON = f'<footer class="colophon">{TITLE} {__version__}</footer>'

WHEN_OPENED = """() => {
  const chosen = localStorage.getItem('theme')  // nothing chosen: the system's own, which Gradio has applied already
  if (chosen) document.body.classList.toggle('dark', chosen === 'dark')

  // Gradio says that a slider has come to rest where a pointer lets it go or its number is left: keys do so, too.
  document.addEventListener('keyup', ({target, key}) => {
    if (target.matches('input[type=range]') && /^(Arrow|Page|Home|End)/.test(key))
      target.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}))
    if (key == 'Enter' && target.matches('.wrap:has(input[type=range]) input[type=number]'))
      target.dispatchEvent(new FocusEvent('blur'))
  })
}"""
"""The theme that was chosen last time, and sliders for those who use no pointer."""

NOTHING = """<div class="nothing"><h2>No model to show yet</h2>
<p>Train and export one, then start the hub with <code>genhub serve --models FOLDER</code>.</p></div>"""


def theme() -> gr.themes.Base:
    """Warm greys, one strong accent, system fonts: nothing is fetched from anywhere."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.orange,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        spacing_size=gr.themes.sizes.spacing_lg,
        font=SYSTEM_FONTS,
        font_mono=["ui-monospace", "SFMono-Regular", "DejaVu Sans Mono", "monospace"],
    )
    return base.set(
        block_border_width="0px",
        block_shadow="none",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_padding="0px",
        block_label_background_fill="transparent",
        body_background_fill="*neutral_50",
        input_background_fill="white",
        input_border_width="1px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_text_color="white",
    )


def build(engine: Engine) -> gr.Blocks:
    """All pages for the models of ``engine``."""
    bundles = [model.bundle for model in engine.models.values()]
    pages: gr.Blocks
    # Gradio's own way, before the sweep: so it also forgets the names of the files.
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(KEPT, KEPT)) as pages:
        gr.HTML(MASTHEAD)
        if not engine.models:
            gr.HTML(NOTHING)
        for tab in (*TABS, LAST):
            if not any(map(tab.serves, bundles)):
                continue
            with gr.Tab(tab.name):
                tab.build(engine)  # Blocks made inside a tab draw themselves there
        gr.HTML(COLOPHON)
    return pages


GRADIOS_PAGE = "frontend/index.html"
PREVIEW_TAG = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')


def _introduce(engine: Engine) -> None:
    """Have links to the hub previewed with its name and a picture of its first model.

    Gradio's page says "Gradio. Click to try out the app!" beside a picture from elsewhere, and none of its settings
    changes that.
    """
    tags = {"og:type": "website", "og:title": TITLE, "og:description": WHAT_IT_IS}
    bundles = (model.bundle for model in engine.models.values())
    if first := next((each for each in bundles if PREVIEW in {file.path for file in each.files}), None):
        # Whoever previews a link wants whole addresses; `root` is that of the request.
        tags["og:image"] = f"{{{{ config['root'] }}}}/card/{first.id}/{PREVIEW}"
    environment = routes.templates.env
    assert environment.loader is not None
    page, _, _ = environment.loader.get_source(environment, GRADIOS_PAGE)
    ours = f'<meta name="description" content="{WHAT_IT_IS}">\n'
    ours += "".join(f'<meta property="{name}" content="{content}">\n' for name, content in tags.items())
    page = PREVIEW_TAG.sub("", page).replace("</head>", ours + "</head>")
    environment.loader = ChoiceLoader([DictLoader({GRADIOS_PAGE: page}), environment.loader])


def mount(app: FastAPI, engine: Engine) -> FastAPI:
    """``app`` with the pages at ``/``."""
    pages = build(engine)
    # Gradio checks that files named in a request were uploaded, but only once launch() has set this, and mounted pages
    # are never launched: a request could name any file of this machine and have it copied where everybody may fetch it.
    pages.has_launched = True
    _introduce(engine)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        pages,
        path="/",
        theme=theme(),
        css_paths=[TABS_FOLDER / name for name in ("house.css", "models/models.css", "translate/translate.css")],
        js=WHEN_OPENED,
        footer_links=["api", "settings"],
        run_history=False,
        enable_monitoring=False,
        max_file_size="32mb",
        show_error=True,
        ssr_mode=False,
    )
    gradio_of(mounted).state_holder = Sessions(pages)
    return mounted


def gradio_of(app: FastAPI) -> routes.App:
    """Gradio's own application, which it has mounted into ``app``."""
    return next(found for route in app.routes if isinstance(found := getattr(route, "app", None), routes.App))
