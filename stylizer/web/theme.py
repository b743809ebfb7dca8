"""What the page looks like: theme, style sheet and the small pieces of HTML. No request leaves for another server."""

import html
from typing import TYPE_CHECKING

import gradio as gr

from stylizer.serving.messages import display_name

if TYPE_CHECKING:
    from stylizer.evaluation.score import Score

TITLE = "One-Shot Face Stylizer"

HEADER = """
<header class="masthead">
  <h1>One painting, one photo, one portrait</h1>
  <p>Choose a style, or give it a picture whose style you love, and a photo of a face. It learns a style from a single
  picture and paints the person in it. No other service sees your pictures.</p>
</header>
"""

EMPTY = """
<div class="easel">
  <svg viewBox="0 0 120 120" aria-hidden="true">
    <g fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">
      <rect x="26" y="16" width="68" height="66" rx="3"/><path d="M60 16V8M40 82 28 112M80 82l12 30M60 82v22"/>
      <circle cx="60" cy="44" r="12"/><path d="M40 74c2-12 10-17 20-17s18 5 20 17"/>
    </g>
  </svg>
  <h3>Your portrait appears here</h3>
  <ol><li>Choose a style, or give a painting, drawing or film still with one face</li>
  <li>Add a photo of a face</li><li>Press <b>Stylize</b></li></ol>
  <p>A new style takes a few minutes to learn without a graphics card. Once learned, it is saved.</p>
</div>
"""

PRIVACY = """
<p class="hint">Your photo, your style pictures and the portraits are kept on the computer that runs this page for about
{minutes} minutes, then deleted. A learned style stays, and in it the face of its style picture, never your photo.</p>
"""

CSS = """
.gradio-container, .gradio-container > main { width: 100% !important; box-sizing: border-box; }
.gradio-container { max-width: 1280px !important; margin: 0 auto !important; }
.gradio-container main { flex-grow: 0 !important; }
.gradio-container .html-container { padding: 0 !important; }
.masthead h1 { font-family: "Iowan Old Style", Palatino, "Palatino Linotype", "Book Antiqua", Georgia, serif;
  font-size: 2rem; font-weight: 600; letter-spacing: -.01em; margin: .2rem 0 .3rem; line-height: 1.15; }
.masthead p { color: var(--body-text-color-subdued); max-width: 46rem; margin: 0; line-height: 1.45; }
.gradio-container h3 { font-size: 1rem; font-weight: 600; margin: 0; }
#source .wrap { display: grid; grid-template-columns: auto auto; gap: .4rem; }
#source label { justify-content: center; padding: .42rem .3rem; white-space: nowrap; font-size: .86rem; gap: 0; }
.masthead { margin-bottom: .5rem; }
.hint.tall { min-height: 35px; display: flex; align-items: center; }
.gallery img, .gallery .container { width: 52px !important; height: 52px !important; max-height: 52px !important;
  object-fit: cover; object-position: top; }
#preview { aspect-ratio: 1; }
#preview .image-container, #preview .image-frame, #preview img {
  width: 100%; height: 100%; object-fit: contain; }
.about { text-align: center; color: var(--body-text-color-subdued); font-size: .78rem; }
footer .divider, footer .show-api-divider { display: none; }
.easel { display: flex; flex-direction: column; align-items: center; justify-content: center; text-align: center;
  min-height: 560px; padding: 2rem 1.5rem; border: 1.5px dashed var(--border-color-primary); border-radius: 14px;
  background: var(--background-fill-secondary); color: var(--body-text-color-subdued); }
.easel svg { width: 104px; height: 104px; margin-bottom: .6rem; }
.easel svg g { stroke: var(--primary-500); }
.easel h3 { color: var(--body-text-color); font-size: 1.15rem; margin: 0 0 .7rem; font-weight: 600; }
.easel ol { text-align: left; margin: 0 0 1rem; padding-left: 1.3rem; line-height: 1.75; list-style: decimal; }
.easel p { font-size: .88rem; max-width: 24rem; margin: 0; line-height: 1.45; }
.note { border-radius: 10px; padding: .7rem .9rem; line-height: 1.4; border: 1px solid var(--border-color-primary);
  background: var(--background-fill-secondary); overflow-wrap: anywhere; }
.note small { display: block; margin-top: .4rem; font-size: .84rem; opacity: .8; }
#manager-sure { background: #b3261e; color: white; }
.note .bar { height: 6px; border-radius: 3px; margin-top: .55rem; overflow: hidden; background: var(--neutral-200); }
.dark .note .bar { background: var(--neutral-700); }
.note .bar i { display: block; height: 100%; border-radius: 3px; background: var(--primary-500);
  transition: width .3s ease; }
.note .bar.busy i { width: 30%; animation: sway 1.4s ease-in-out infinite alternate; }
@keyframes sway { from { margin-left: 0 } to { margin-left: 70% } }
.note.error { background: #fdecea; border-color: #e5a39b; color: #7a1c12; }
.dark .note.error { background: #3b1512; border-color: #8c3a30; color: #ffcfc8; }
.note.done { background: #eef5ec; border-color: #b5d0ac; color: #2c4a23; }
.dark .note.done { background: #16281a; border-color: #3f6b46; color: #cfe8d0; }
.times { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; list-style: none; }
.times li { margin: 0; font-size: .84rem; padding: .2rem .6rem; border-radius: 99px;
  color: var(--body-text-color-subdued); background: var(--background-fill-secondary);
  border: 1px solid var(--border-color-primary); }
.times b { color: var(--body-text-color); font-variant-numeric: tabular-nums; font-weight: 600; }
.times li:last-child, .easel li:last-child { margin-bottom: 0; }
#compared .grid-wrap, #people .grid-wrap { max-height: none !important; overflow: visible; }
#crop-reference img, #crop-photo img, #inverted img { width: 100%; height: 100%; object-fit: cover; }
#compared .grid-wrap, .tiles .grid-wrap { padding-top: 2.4rem; }
.tiles .grid-container { grid-template-columns: repeat(auto-fill, minmax(78px, 1fr)); gap: .4rem; }
#previews .grid-container { grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); }
.tiles .thumbnail-item { aspect-ratio: 5 / 6 !important; }
.tiles .thumbnail-item img { position: absolute; top: 0; left: 0; height: calc(100% - 1.25rem) !important; }
.tiles .grid-wrap { min-height: 0 !important; overflow-y: auto !important; }
#manager-tiles .grid-wrap { max-height: 600px !important; }
#style-tiles .grid-wrap { max-height: 375px !important; overflow-y: auto; }
.tiles .caption-label { left: 0; right: 0; bottom: 0; max-width: none; border: 0; border-radius: 0;
  padding: .12rem .2rem; text-align: center; font-size: .74rem; line-height: 1.35;
  background: var(--background-fill-secondary); }
#previews .grid-wrap { max-height: none !important; overflow: visible; }
.score { list-style: none; margin: 0; padding: 0; display: grid; grid-template-columns: 1fr 1fr; gap: .7rem 1rem; }
.score li { margin: 0; font-size: .88rem; line-height: 1.4; display: flex; flex-direction: column;
  justify-content: space-between; gap: .3rem; }
.score b { font-variant-numeric: tabular-nums; }
.score small { display: block; color: var(--body-text-color-subdued); font-size: .78rem; }
.score .bar { display: block; height: 6px; border-radius: 3px; overflow: hidden; background: var(--neutral-200); }
.dark .score .bar { background: var(--neutral-700); }
.score .bar i { display: block; height: 100%; border-radius: 3px; background: var(--primary-500); }
#advice { background: var(--primary-100); color: var(--primary-900); }
.dark #advice { background: var(--primary-900); color: var(--primary-100); }
.news:not(:has(.note)) { display: none; }
.live-stage { display: flex; align-items: center; justify-content: center; min-height: 320px; border-radius: 14px;
  overflow: hidden; background: var(--background-fill-secondary); border: 1.5px dashed var(--border-color-primary); }
.live-stage:has(canvas:not([hidden])) { border: 0; }
.live-stage canvas { width: 100%; height: auto; display: block; }
.live-stage [hidden], .live-words[hidden] { display: none; }
.live-empty { color: var(--body-text-color-subdued); padding: 2rem; text-align: center; }
.live-figures { font-variant-numeric: tabular-nums; min-height: 1.4em; margin: .5rem 0 0; text-align: center; }
#tabs { gap: 0; }
#tabs > .tabitem, #tabs .tabitem { padding: 1rem 0 0; border: 0; }
.hint { color: var(--body-text-color-subdued); font-size: .88rem; line-height: 1.45; margin: 0; }
@media (max-width: 640px) {
  .gradio-container { padding: .8rem !important; }
  .masthead h1 { font-size: 1.5rem; }
  #tabs button[role=tab] { padding: 0 .55rem; font-size: .86rem; }
  .easel { min-height: 380px; }
  .score { grid-template-columns: 1fr; }
  #previews .grid-container { grid-template-columns: repeat(auto-fill, minmax(88px, 1fr)); }
}
@media (prefers-reduced-motion: reduce) { .note .bar i { animation: none !important; transition: none; } }
"""

# A slider tells of its release only to the mouse; with this, arrow keys and Enter in its number box count as well.
KEYS = """
() => document.addEventListener('keyup', event => {
  const field = event.target;
  if (!field.matches?.('.redraws input')) return;
  if (field.type === 'range') field.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}));
  else if (event.key === 'Enter') field.blur();
})
"""

# A job whose button or tile is far from its news (on a phone): go there, unless it can be seen.
TO_NEWS = """
() => {
  const news = document.querySelector('#note')?.parentElement, top = news?.getBoundingClientRect().top ?? 0;
  if (top < 0 || top > 0.6 * window.innerHeight) news.scrollIntoView({behavior: 'smooth', block: 'start'});
}
"""

# The file that was just written; the visitor asked for it with a click.
DOWNLOAD = """
file => {
  if (!file?.url) return;
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name ?? file.path.split(/[\\\\/]/).pop();
  link.click();
}
"""

_STAGES = {
    "train": "style learned",
    "align": "face found",
    "invert": "photo studied",
    "likeness": "likeness found",
    "render": "drawn",
}

_TERRACOTTA = (
    "#fdf4f0",
    "#fae5dc",
    "#f4c9b8",
    "#eba88e",
    "#df8464",
    "#c9603d",
    "#b04c2c",
    "#923d24",
    "#773423",
    "#622e21",
    "#36160f",
)
_SURFACES = {
    "body_background_fill": "#fbf8f3",
    "body_text_color_subdued": "#6d6359",
    "body_text_color_subdued_dark": "#b3aaa0",
    "block_info_text_color": "#6d6359",
    "block_info_text_color_dark": "#b3aaa0",
    "block_label_text_color": "#4d453d",
    "block_label_text_color_dark": "#d6cdc2",
    "block_title_text_color": "#2e2924",
    "block_title_text_color_dark": "#ece4da",
    "background_fill_secondary": "#f6f1e9",
    "background_fill_secondary_dark": "*neutral_900",
    "block_background_fill": "#ffffff",
    "block_border_color": "#e8e0d4",
    "border_color_primary": "#e2d9cb",
    "block_label_background_fill": "#ffffffd9",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_600",
    "button_primary_text_color": "white",
    "slider_color": "*primary_500",
}


def theme() -> gr.themes.Base:
    """Warm paper, ink and terracotta; the visitor's own fonts only."""
    terracotta = gr.themes.Color(*_TERRACOTTA)
    sans = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
    return gr.themes.Base(
        primary_hue=terracotta,
        secondary_hue=terracotta,
        neutral_hue="stone",
        radius_size="lg",
        font=sans,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(**_SURFACES)


def hint(text: str, extra: str = "") -> str:
    """A calm line beside a widget. extra: further CSS classes."""
    return f'<p class="{f"hint {extra}".strip()}">{html.escape(text)}</p>' if text else ""


def about(version: str, weights: str) -> str:
    """The foot of the page. weights: the first digits of the base weights' hash, "" while unknown."""
    base = f" · base weights <code>{html.escape(weights)}</code>" if weights else ""
    return f'<div class="about">Stylizer {html.escape(version)}{base}</div>'


def note(text: str, kind: str = "", fraction: float | None = None, aside: str = "") -> str:
    """The page's line of news. kind: "", "busy" (with a bar, swaying without a fraction), "done" or "error".

    aside: a second, calmer line.
    """
    if not text:
        return ""
    bar = ""
    if kind == "busy":
        bar = '<div class="bar busy"><i></i></div>'
        if fraction is not None:
            bar = f'<div class="bar"><i style="width:{100 * min(1.0, max(0.0, fraction)):.0f}%"></i></div>'
    small = f"<small>{html.escape(aside)}</small>" if aside else ""
    role = "alert" if kind == "error" else "status"
    return f'<div class="note {kind}" role="{role}">{html.escape(text)}{bar}{small}</div>'


def times(seconds: dict[str, float]) -> str:
    """The seconds of each stage as a row of small labels, without those that took no time: nothing was done there."""
    took = {stage: f"{value:.1f} s" for stage, value in seconds.items() if round(value, 1) > 0}
    items = (f"<li>{_STAGES.get(stage, html.escape(stage))} <b>{value}</b></li>" for stage, value in took.items())
    return f'<ul class="times">{"".join(items)}</ul>'


def score(found: "Score", style_name: str | None) -> str:
    """How well a portrait came out: two small bars, each with its sentence; without a style's name, one."""
    same = "the same person" if found.same_person else "no longer the same person"
    person = f"distance {found.identity:.2f} to the photo: {same} ({found.inversion_identity:.2f} without a style)"
    rows = [("Person kept", found.person, person)]
    if style_name is not None:
        rows.append(("Style taken", found.style, f"of “{display_name(style_name)}”"))
    items = (
        f"<li><span>{what} <b>{100 * share:.0f} %</b><small>{html.escape(note)}</small></span>"
        f'<i class="bar" aria-hidden="true"><i style="width:{100 * min(1.0, max(0.0, share)):.0f}%"></i></i></li>'
        for what, share, note in rows
    )
    return f'<ul class="score">{"".join(items)}</ul>'
