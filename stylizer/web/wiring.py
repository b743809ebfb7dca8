"""Which event calls which handler."""

import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.uploads import Uploads
from stylizer.web import theme
from stylizer.web.about import About
from stylizer.web.check import OriginCheck
from stylizer.web.handlers import Handlers
from stylizer.web.inputs import Inputs
from stylizer.web.layout import Outputs
from stylizer.web.marking import Marking
from stylizer.web.people import People
from stylizer.web.privacy import Privacy
from stylizer.web.queue_handlers import QueueHandlers
from stylizer.web.scoring_handlers import ScoringHandlers
from stylizer.web.style_gallery import StyleGallery
from stylizer.web.style_manager import StyleManager
from stylizer.web.style_previews import StylePreviewHandlers

HEAVY = "heavy"  # one queue for everything that learns or inverts: one such job at a time
# Of every event: pictures arrive as files, whatever is in them, and are opened by us.
_RAW: dict[str, Any] = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
_QUICK: dict[str, Any] = {"queue": False, **_RAW}
_REDRAW: dict[str, Any] = {"concurrency_id": "redraw", "concurrency_limit": 2, **_RAW}


def connect(
    page: gr.Blocks,
    stylizer: Engine | LazyStylizer,
    inputs: Inputs,
    outputs: Outputs,
    *,
    folder: Path,
    uploads: Uploads,
    shared: bool,
    closing: threading.Event,
    job_queue: JobQueue,
) -> None:
    """Tie all events to handlers, inside the `gr.Blocks` that holds the widgets; the arguments as for `Handlers`."""
    do = Handlers(stylizer, inputs, outputs, folder=folder, closing=closing, job_queue=job_queue)
    look_first = StylePreviewHandlers(stylizer, inputs, outputs, folder=folder, closing=closing, job_queue=job_queue)
    style_gallery = StyleGallery(stylizer, inputs, outputs)
    runs = _connect_jobs(do, look_first, QueueHandlers(job_queue, outputs), inputs, outputs)
    _connect_styles(page, style_gallery, runs, inputs, outputs)
    _connect_about(page, About(stylizer, outputs), inputs, outputs)
    _connect_redraw(do, ScoringHandlers(stylizer, inputs, outputs), runs, inputs, outputs)
    _connect_pictures(do, look_first, Marking(stylizer, inputs, outputs), inputs, outputs)
    _connect_mine(
        StyleManager(stylizer, outputs.beside.style_manager, inputs.saved, shared), style_gallery, inputs, outputs
    )
    _connect_privacy(page, OriginCheck(stylizer), Privacy(uploads, job_queue, inputs, outputs), inputs, outputs)
    page.load(None, js=theme.KEYS)
    crowd = [outputs.portrait, outputs.people_seed, outputs.truncation]
    people = {**_REDRAW, "show_progress": "full"}
    outputs.invent.click(People(stylizer, outputs).invent, crowd, [outputs.people, outputs.note], **people)


def _connect_jobs(
    do: Handlers, look_first: StylePreviewHandlers, waiting: QueueHandlers, inputs: Inputs, outputs: Outputs
) -> list[Any]:
    """The long jobs, and how they are stopped; returns those that end with a portrait."""
    beside = outputs.beside
    buttons = [outputs.run, beside.compare, beside.try_all, outputs.cancel, outputs.note, outputs.place]
    heavy: dict[str, Any] = {
        "outputs": outputs.of_jobs,
        "concurrency_id": HEAVY,
        "concurrency_limit": 1,
        "trigger_mode": "multiple",
        **_RAW,
    }
    given = [*outputs.session, *(getattr(inputs, field.name) for field in fields(Inputs))]
    previews_gallery = [
        *outputs.session,
        inputs.consent,
        inputs.target,
        inputs.face,
        inputs.inversion_mode,
        *inputs.controls,
    ]
    begins = {"fn": waiting.begin, "inputs": outputs.handle, "outputs": buttons, **_QUICK}
    run, compare, try_all = (
        button.click(**begins).then(job, values, **heavy)
        for button, job, values in (
            (outputs.run, do.run, given),
            (beside.compare, look_first.compare, [*outputs.session, inputs.consent, inputs.target, inputs.face]),
            (beside.try_all, look_first.try_all, previews_gallery),
        )
    )
    choice = [inputs.source, beside.library_box, beside.picture_box, inputs.saved]
    chosen = outputs.previews_gallery.select(look_first.pick, outputs.previews, choice, **_QUICK)
    picked = chosen.success(**begins).then(do.run, given, **heavy)
    for job in (run, compare, try_all, picked):
        job.failure(do.broke, outputs.session, outputs.of_jobs, **_QUICK)
    for event in (beside.try_all.click, outputs.previews_gallery.select):
        event(None, js=theme.TO_NEWS)
    outputs.place.tick(waiting.tell, outputs.handle, [outputs.note, outputs.place], **_QUICK)
    left = [*buttons, outputs.preview, outputs.empty, outputs.result_box]
    outputs.cancel.click(waiting.stop, outputs.session, left, **_QUICK)
    return [run, picked]


def _connect_styles(
    page: gr.Blocks, style_gallery: StyleGallery, runs: list[Any], inputs: Inputs, outputs: Outputs
) -> None:
    """The styles that there are, and the two ways to choose one of them."""
    beside, chosen = outputs.beside, [inputs.saved, inputs.other]
    filled = [*chosen, beside.style_gallery, beside.try_all, outputs.keys, outputs.note]
    boxes = [beside.library_box, beside.picture_box]
    given, arrived = [inputs.source, inputs.reference, *chosen], [inputs.source, outputs.clock, *filled, *boxes]
    gr.on([page.load, outputs.clock.tick], style_gallery.arrive, given, arrived, **_QUICK)
    for job in runs:
        job.success(style_gallery.fill, chosen, filled, **_RAW)
    inputs.source.input(style_gallery.choose_source, [inputs.source, *chosen], [*filled, *boxes], **_RAW)
    beside.style_gallery.select(style_gallery.click, outputs.keys, inputs.saved, **_QUICK)
    inputs.saved.change(style_gallery.mark, [outputs.keys, inputs.saved], beside.style_gallery, **_QUICK)


def _connect_about(page: gr.Blocks, about: About, inputs: Inputs, outputs: Outputs) -> None:
    """What the page says of the program; what it lacks until the networks are there comes with the styles."""
    new, cost = [inputs.iterations, inputs.reference, inputs.more], outputs.beside.cost
    gr.on([page.load, inputs.saved.change], about.all, new, [cost, outputs.about], **_QUICK)
    changes: list[Any] = [inputs.iterations.change, inputs.reference.change, inputs.more.change]
    gr.on(changes, about.cost, new, cost, **_QUICK)


def _connect_redraw(
    do: Handlers, scoring_handlers: ScoringHandlers, runs: list[Any], inputs: Inputs, outputs: Outputs
) -> None:
    """All that redraws the portrait goes through one event, so that the newest wish comes last."""
    again, controls = outputs.again, inputs.controls
    sliders = [controls.strength, controls.shape, controls.texture, controls.color, controls.mix_ratio]
    triggers = [*(slider.release for slider in sliders), controls.preserve_color.input, controls.other.input]
    shown = [outputs.slider, outputs.score, outputs.advice, outputs.times, outputs.download]
    gr.on(
        [*triggers, again.change],
        do.redraw,
        [outputs.portrait, outputs.scoring, outputs.advised, *controls],
        [*shown, outputs.portrait, outputs.note],
        trigger_mode="always_last",
        **_REDRAW,
    )
    # Through the queue: only then does gradio say that `again` has changed.
    one_by_one = {"concurrency_id": "judge", "concurrency_limit": 1, **_RAW}
    for job in runs:
        job.success(do.ask_again, again, again, **_RAW)  # the controls may have been moved during the run
        portrait = [outputs.portrait, outputs.scoring]
        judged = job.success(scoring_handlers.judge, [*portrait, again], [outputs.scoring, again], **one_by_one)
        advised = [outputs.advice, outputs.advised]
        judged.success(scoring_handlers.advise, [*portrait, outputs.advised], advised, **one_by_one)
    outputs.beside.reset.click(do.reset, again, [*controls, again], **_RAW)
    outputs.advice.click(scoring_handlers.take, [outputs.advised, again], [controls.strength, again], **_RAW)


def _connect_pictures(
    do: Handlers, look_first: StylePreviewHandlers, mark: Marking, inputs: Inputs, outputs: Outputs
) -> None:
    """Uploads, marks, and what is no longer true of another photo."""
    beside = outputs.beside
    for picture in (inputs.reference, inputs.more, inputs.target):
        picture.upload(do.check_picture, picture, outputs.note, **_RAW)
    beside.compared.select(look_first.choose_inversion_mode, None, inputs.inversion_mode, **_QUICK)
    other_face = [inputs.target.change, inputs.face.change]
    gr.on(other_face, look_first.forget_compared, None, beside.compared, **_QUICK)
    gr.on(other_face, look_first.forget_tried, None, [outputs.previews_box, outputs.previews_gallery], **_QUICK)
    marked = [inputs.marks, beside.marked, outputs.note]
    clicked = [outputs.handle, inputs.by_hand, inputs.marks, inputs.reference]
    inputs.reference.select(mark.click, clicked, marked, **_QUICK)
    inputs.by_hand.input(mark.begin, inputs.by_hand, marked, **_QUICK)
    inputs.reference.change(mark.renew, inputs.by_hand, marked, **_QUICK)


def _connect_privacy(page: gr.Blocks, check: OriginCheck, privacy: Privacy, inputs: Inputs, outputs: Outputs) -> None:
    """Whose pictures are whose, and how they go at once."""
    for picture in (inputs.reference, inputs.target, outputs.check):
        gr.on([picture.upload, picture.input], privacy.brought, picture, None, **_QUICK)
    inputs.more.upload(privacy.brought, inputs.more, None, **_QUICK)
    page.unload(privacy.left)
    style_manager = [outputs.handle, outputs.portrait, outputs.previews]
    outputs.forget.click(privacy.forget, style_manager, privacy.changed, **_QUICK)
    outputs.check.change(check.inspect, outputs.check, outputs.check_said, concurrency_id="check", **_RAW)
    outputs.forget.click(None, js=theme.TO_NEWS)


def _connect_mine(style_manager: StyleManager, style_gallery: StyleGallery, inputs: Inputs, outputs: Outputs) -> None:
    """The box "My styles"."""
    box, chosen = outputs.beside.style_manager, inputs.saved
    filled = [
        inputs.saved,
        inputs.other,
        outputs.beside.style_gallery,
        outputs.beside.try_all,
        outputs.keys,
        outputs.note,
    ]
    about: list[Any] = [box.with_reference, box.name, box.rename, box.delete, box.sure, box.sure_of, box.file]
    about += [box.hub_box, box.publish]
    gr.on([chosen.change, box.box.expand], style_manager.choose, [chosen, outputs.portrait], about, **_QUICK)
    box.delete.click(style_manager.ask, chosen, [box.said, box.sure, box.sure_of], **_QUICK)
    slow: dict[str, Any] = {"concurrency_id": "library", "concurrency_limit": 2, **_RAW, "show_progress": "minimal"}
    box.export.click(style_manager.export, [chosen, outputs.handle], [box.said, box.file], **slow)
    box.publish.click(style_manager.publish, [chosen, box.with_reference, outputs.portrait], box.said, **slow)
    gr.on(
        [box.search.click, box.wanted.submit], style_manager.search, box.wanted, [box.said, box.found, box.pull], **slow
    )
    for job in (
        box.rename.click(style_manager.rename, [chosen, box.name], box.said, **slow),
        box.sure.click(style_manager.delete, box.sure_of, [box.said, box.sure, box.sure_of], **slow),
        box.incoming.upload(style_manager.take_in, box.incoming, [box.said, box.incoming, chosen], **slow),
        box.pull.click(style_manager.pull, box.found, [box.said, chosen], **slow),
    ):
        job.success(style_gallery.fill, [inputs.saved, inputs.other], filled, **_RAW)
