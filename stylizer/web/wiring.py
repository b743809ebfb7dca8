"""Which event calls which handler."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import RunLimits
from stylizer.serving.uploads import Uploads
from stylizer.web import theme
from stylizer.web.about import About
from stylizer.web.check import OriginCheck
from stylizer.web.handlers import Handlers
from stylizer.web.inputs import Inputs
from stylizer.web.lanes import Lanes
from stylizer.web.layout import Outputs
from stylizer.web.marking import Marking
from stylizer.web.people import People
from stylizer.web.privacy import Privacy
from stylizer.web.scoring_handlers import ScoringHandlers
from stylizer.web.style_gallery import StyleGallery
from stylizer.web.style_manager import StyleManager
from stylizer.web.style_previews import StylePreviewHandlers

# Of every event: pictures arrive as files, whatever is in them, and are opened by us.
_RAW: dict[str, Any] = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
_QUICK: dict[str, Any] = {"queue": False, **_RAW}


def connect(
    page: gr.Blocks,
    stylizer: Engine | LazyStylizer,
    inputs: Inputs,
    outputs: Outputs,
    *,
    folder: Path,
    uploads: Uploads,
    shared: bool,
    limits: RunLimits,
    lanes: Lanes,
) -> None:
    """Tie all events to handlers, inside the `gr.Blocks` that holds the widgets; the arguments as for `Handlers`."""
    do = Handlers(stylizer, inputs, outputs, folder=folder, limits=limits, lanes=lanes)
    look_first = StylePreviewHandlers(stylizer, inputs, outputs, folder=folder, limits=limits, lanes=lanes)
    style_gallery = StyleGallery(stylizer, inputs, outputs)
    runs = _connect_jobs(do, look_first, inputs, outputs)
    _connect_styles(page, style_gallery, runs, lanes, inputs, outputs)
    _connect_about(page, About(stylizer, outputs), inputs, outputs)
    _connect_redraw(do, ScoringHandlers(stylizer, inputs, outputs), runs, lanes, inputs, outputs)
    _connect_pictures(do, look_first, Marking(stylizer, inputs, outputs), lanes, inputs, outputs)
    style_manager = StyleManager(stylizer, outputs.beside.style_manager, inputs.saved, shared)
    _connect_mine(style_manager, style_gallery, lanes, inputs, outputs)
    privacy = Privacy(uploads, lanes.job_queue, inputs, outputs)
    _connect_privacy(page, OriginCheck(stylizer), privacy, lanes, inputs, outputs)
    page.load(None, js=theme.KEYS)
    crowd = [outputs.portrait, outputs.people_seed, outputs.truncation]
    invent = lanes.draw(People(stylizer, outputs).invent)
    outputs.invent.click(invent, crowd, [outputs.people, outputs.note], **{**_RAW, "show_progress": "full"})


def _connect_jobs(do: Handlers, look_first: StylePreviewHandlers, inputs: Inputs, outputs: Outputs) -> list[Any]:
    """The long jobs, and how they are stopped; returns those that end with a portrait."""
    beside = outputs.beside
    heavy: dict[str, Any] = {"outputs": outputs.of_jobs, "trigger_mode": "multiple", **_RAW}
    given = [*outputs.session, *(getattr(inputs, field.name) for field in fields(Inputs))]
    previews_gallery = [
        *outputs.session,
        inputs.consent,
        inputs.target,
        inputs.face,
        inputs.inversion_mode,
        *inputs.controls,
    ]
    run, _, _ = (
        button.click(job, values, **heavy)
        for button, job, values in (
            (outputs.run, do.run, given),
            (beside.compare, look_first.compare, [*outputs.session, inputs.consent, inputs.target, inputs.face]),
            (beside.try_all, look_first.try_all, previews_gallery),
        )
    )
    choice = [inputs.source, beside.library_box, beside.picture_box, inputs.saved]
    chosen = outputs.previews_gallery.select(look_first.pick, outputs.previews, choice, **_QUICK)
    picked = chosen.success(do.run, given, **heavy)
    for event in (beside.try_all.click, outputs.previews_gallery.select):
        event(None, js=theme.TO_NEWS)
    outputs.cancel.click(do.stop, None, outputs.cancel, **_QUICK)
    return [run, picked]


def _connect_styles(  # noqa: PLR0917 - one call each
    page: gr.Blocks, style_gallery: StyleGallery, runs: list[Any], lanes: Lanes, inputs: Inputs, outputs: Outputs
) -> None:
    """The styles that there are, and the two ways to choose one of them."""
    beside, chosen = outputs.beside, [inputs.saved, inputs.other]
    filled = [*chosen, beside.style_gallery, beside.try_all, outputs.keys, outputs.note]
    boxes = [beside.library_box, beside.picture_box]
    given, arrived = [inputs.source, inputs.reference, *chosen], [inputs.source, outputs.clock, *filled, *boxes]
    fill = lanes.quick(style_gallery.fill)
    gr.on([page.load, outputs.clock.tick], lanes.quick(style_gallery.arrive), given, arrived, **_QUICK)
    for job in runs:
        job.success(fill, chosen, filled, **_RAW)
    inputs.source.input(lanes.quick(style_gallery.choose_source), [inputs.source, *chosen], [*filled, *boxes], **_RAW)
    beside.style_gallery.select(style_gallery.click, outputs.keys, inputs.saved, **_QUICK)
    inputs.saved.change(style_gallery.mark, [outputs.keys, inputs.saved], beside.style_gallery, **_QUICK)


def _connect_about(page: gr.Blocks, about: About, inputs: Inputs, outputs: Outputs) -> None:
    """What the page says of the program; what it lacks until the networks are there comes with the styles."""
    new, cost = [inputs.iterations, inputs.reference, inputs.more], outputs.beside.cost
    gr.on([page.load, inputs.saved.change], about.all, new, [cost, outputs.about], **_QUICK)
    changes: list[Any] = [inputs.iterations.change, inputs.reference.change, inputs.more.change]
    gr.on(changes, about.cost, new, cost, **_QUICK)


def _connect_redraw(  # noqa: PLR0917 - one call each
    do: Handlers,
    scoring_handlers: ScoringHandlers,
    runs: list[Any],
    lanes: Lanes,
    inputs: Inputs,
    outputs: Outputs,
) -> None:
    """All that redraws the portrait goes through one event, so that the newest wish comes last."""
    again, controls = outputs.again, inputs.controls
    sliders = [controls.strength, controls.shape, controls.texture, controls.color, controls.mix_ratio]
    triggers = [*(slider.release for slider in sliders), controls.preserve_color.input, controls.other.input]
    shown = [outputs.slider, outputs.score, outputs.advice, outputs.times, outputs.download]
    gr.on(
        [*triggers, again.change],
        lanes.draw(do.redraw),
        [outputs.portrait, outputs.scoring, outputs.advised, *controls],
        [*shown, outputs.portrait, outputs.note],
        trigger_mode="always_last",
        **_RAW,
    )
    judge, advise = lanes.draw(scoring_handlers.judge), lanes.draw(scoring_handlers.advise)
    # Through the queue: only then does gradio say that `again` has changed.
    for job in runs:
        job.success(do.ask_again, again, again, **_RAW)  # the controls may have been moved during the run
        portrait = [outputs.portrait, outputs.scoring]
        judged = job.success(judge, [*portrait, again], [outputs.scoring, again], **_RAW)
        advised = [outputs.advice, outputs.advised]
        judged.success(advise, [*portrait, outputs.advised], advised, **_RAW)
    outputs.beside.reset.click(do.reset, again, [*controls, again], **_RAW)
    outputs.advice.click(scoring_handlers.take, [outputs.advised, again], [controls.strength, again], **_RAW)


def _connect_pictures(  # noqa: PLR0917 - one call each
    do: Handlers, look_first: StylePreviewHandlers, mark: Marking, lanes: Lanes, inputs: Inputs, outputs: Outputs
) -> None:
    """Uploads, marks, and what is no longer true of another photo."""
    beside = outputs.beside
    for picture in (inputs.reference, inputs.more, inputs.target):
        picture.upload(lanes.decode(do.check_picture), picture, outputs.note, **_RAW)
    beside.compared.select(look_first.choose_inversion_mode, None, inputs.inversion_mode, **_QUICK)
    other_face = [inputs.target.change, inputs.face.change]
    gr.on(other_face, look_first.forget_compared, None, beside.compared, **_QUICK)
    gr.on(other_face, look_first.forget_tried, None, [outputs.previews_box, outputs.previews_gallery], **_QUICK)
    marked = [inputs.marks, beside.marked, outputs.note]
    clicked = [outputs.files, inputs.by_hand, inputs.marks, inputs.reference]
    inputs.reference.select(lanes.decode(mark.click), clicked, marked, **_QUICK)
    inputs.by_hand.input(mark.begin, inputs.by_hand, marked, **_QUICK)
    inputs.reference.change(mark.renew, inputs.by_hand, marked, **_QUICK)


def _connect_privacy(  # noqa: PLR0917 - one call each
    page: gr.Blocks, check: OriginCheck, privacy: Privacy, lanes: Lanes, inputs: Inputs, outputs: Outputs
) -> None:
    """Whose pictures are whose, and how they go at once."""
    for picture in (inputs.reference, inputs.target, outputs.check):
        gr.on([picture.upload, picture.input], privacy.brought, picture, None, **_QUICK)
    inputs.more.upload(privacy.brought, inputs.more, None, **_QUICK)
    page.unload(privacy.left)
    style_manager = [outputs.files, outputs.portrait, outputs.previews]
    outputs.forget.click(privacy.forget, style_manager, privacy.changed, **_QUICK)
    outputs.check.change(lanes.decode(check.inspect), outputs.check, outputs.check_said, **_RAW)
    outputs.forget.click(None, js=theme.TO_NEWS)


def _connect_mine(
    style_manager: StyleManager, style_gallery: StyleGallery, lanes: Lanes, inputs: Inputs, outputs: Outputs
) -> None:
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
    gr.on(
        [chosen.change, box.box.expand], lanes.quick(style_manager.choose), [chosen, outputs.portrait], about, **_QUICK
    )
    box.delete.click(lanes.quick(style_manager.ask), chosen, [box.said, box.sure, box.sure_of], **_QUICK)
    slow: dict[str, Any] = {**_RAW, "show_progress": "minimal"}
    quick, take_in = lanes.quick, lanes.decode(style_manager.take_in)
    box.export.click(quick(style_manager.export), [chosen, outputs.files], [box.said, box.file], **slow)
    box.publish.click(quick(style_manager.publish), [chosen, box.with_reference, outputs.portrait], box.said, **slow)
    found = [box.said, box.found, box.pull]
    gr.on([box.search.click, box.wanted.submit], quick(style_manager.search), box.wanted, found, **slow)
    for job in (
        box.rename.click(quick(style_manager.rename), [chosen, box.name], box.said, **slow),
        box.sure.click(quick(style_manager.delete), box.sure_of, [box.said, box.sure, box.sure_of], **slow),
        box.incoming.upload(take_in, box.incoming, [box.said, box.incoming, chosen], **slow),
        box.pull.click(quick(style_manager.pull), box.found, [box.said, chosen], **slow),
    ):
        job.success(quick(style_gallery.fill), [inputs.saved, inputs.other], filled, **_RAW)
