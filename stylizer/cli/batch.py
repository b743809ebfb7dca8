"""The command `batch`: many inputs in one or several styles, resumed where it was stopped."""

import argparse
import contextlib
import gc
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stylizer.cli.batch_progress import duration, telling
from stylizer.cli.console import Console, Context, Outcome
from stylizer.cli.options import (
    AddCommand,
    add_drawer,
    add_frame,
    add_inversion_mode,
    add_no_watermark,
    add_overwrite,
    add_render,
    check_frame,
    render_settings,
)
from stylizer.cli.outputs import is_same, make_folder
from stylizer.errors import Cancelled, InputError, OutputError
from stylizer.settings import check_range

if TYPE_CHECKING:
    from stylizer.batch.executors import Executor
    from stylizer.batch.manifest import Manifest, Record
    from stylizer.batch.plan import Item
    from stylizer.batch.run import Batch
    from stylizer.batch.settings import BatchSettings
    from stylizer.pipeline import Stylizer

_STOPPED = 130  # as `main.STOPPED`
_WORKERS_MAX, _THREADS_MAX, _MEMORY_GB = 4096, 256, 4.0


def add_commands(add: AddCommand) -> None:
    """Add `batch`."""
    sub = add("batch", batch, "draw many photos and videos in one or several styles, in the order of a plan")
    about = "files, folders, globs in quotes, archives (.zip, .tar ...), and lists (.csv, .jsonl) of inputs"
    sub.add_argument("inputs", nargs="+", metavar="IN", help=about)
    about = "a style that is there already: its name or key; several times for several styles"
    sub.add_argument("--style", action="append", default=[], metavar="NAME", help=about)
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder of results and manifest.jsonl")
    about = "largest (default), all, or numbers: 0 is the largest, in videos the first that is seen"
    sub.add_argument("--faces", default="largest", metavar="all|largest|N,N", help=about)
    add_render(sub)
    add_frame(sub)
    add_inversion_mode(sub)
    add_drawer(sub)
    add_no_watermark(sub)
    sub.add_argument("--score", action="store_true", help="measure what is kept of the person and taken of the style")
    add_overwrite(sub, "draw again what is done already")
    sub.add_argument("--retry-failed", action="store_true", help="try again what is known not to work")
    sub.add_argument("--limit-errors", type=int, metavar="N", help="stop when so many inputs have failed")
    sub.add_argument("--dry-run", action="store_true", help="say what would be done and how long it takes, and end")
    about = "processes that draw (default 1: this one; with --ray as many as there is room for)"
    sub.add_argument("--workers", type=int, metavar="N", help=about)
    about = "threads of each (default 1); another number gives results that differ in their last bits"
    sub.add_argument("--threads", type=int, default=1, metavar="N", help=about)
    about = f"memory from which on a process is replaced by a new one (default {_MEMORY_GB:g})"
    sub.add_argument("--worker-memory", type=float, default=_MEMORY_GB, metavar="GB", help=about)
    about = 'draw by Ray: the address of a cluster, or "local" for one on this machine; needs stylizer[ray]'
    sub.add_argument("--ray", metavar="ADDRESS", help=about)
    about = "of a GPU, for each of Ray's workers, as 0.5 (default 0)"
    sub.add_argument("--ray-gpus", type=float, default=0.0, metavar="SHARE", help=about)


def batch(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw all inputs in all styles, but for what is done already.

    Returns:
        The JSON object; exit code 0: all is drawn, 2: some inputs are at fault, 1: something else failed too, 130:
        stopped.
    """
    from stylizer.batch.manifest import Manifest
    from stylizer.batch.run import Batch, only_one
    from stylizer.batch.threads import limited_threads

    _check(args)
    manifest, console = Manifest(args.out), context.console
    if not args.dry_run:
        make_folder(args.out)
    with limited_threads(args.threads), contextlib.nullcontext() if args.dry_run else only_one(args.out):
        records = manifest.read()
        stylizer = context.stylizer(args)
        settings = _settings(args, stylizer)
        items = _plan(args, stylizer, {r.input: r.file for r in records if r.file})
        redo = {"overwrite": args.overwrite, "retry": args.retry_failed}
        work = Batch(items, args.out, settings, records, **redo)
        if args.dry_run:
            return _foretell(work, items, args, records, console)
        executor = _executor(args, context, stylizer, settings, work.todo)
        del stylizer
        _make_room()
        return _run(work, executor, manifest, args.limit_errors, console)


def _make_room() -> None:
    """Give back what the stylizer held, where a pool's processes have their own."""
    from stylizer.runtime import release_memory

    gc.collect()
    release_memory()


def _check(args: argparse.Namespace) -> None:
    from stylizer.video.choice import parse_choice

    check_frame(args)
    parse_choice(args.faces)
    if args.workers is not None:
        check_range("The number of workers", args.workers, 1, _WORKERS_MAX)
    check_range("The number of threads", args.threads, 1, _THREADS_MAX)
    check_range("The memory of a worker", args.worker_memory, 0.5, 4096.0)
    check_range("The share of a GPU", args.ray_gpus, 0.0, 16.0)
    if args.limit_errors is not None:
        check_range("The number of failed inputs", args.limit_errors, 1, 2**31 - 1)


def _settings(args: argparse.Namespace, stylizer: "Stylizer") -> "BatchSettings":
    from stylizer.batch.settings import BatchSettings

    return BatchSettings(
        render=render_settings(args),
        inversion_mode=args.inversion_mode,
        full_frame=args.full_frame,
        size=args.size,
        watermark=not args.no_watermark,
        score=args.score,
        drawer=args.drawer,
        base_hash=stylizer.base_hash,
    )


def _plan(args: argparse.Namespace, stylizer: "Stylizer", files: dict[str, str]) -> "list[Item]":
    """The items. Raises InputError: there are none; OutputError: a result would replace an input."""
    from stylizer.batch.plan import base_of, make_plan
    from stylizer.batch.sources import find_sources
    from stylizer.video.choice import parse_choice

    def find(name: str) -> tuple[str, str]:
        style = stylizer.find_style(name)
        return style.key, style.name

    bases = {name: base_of(file) for name, file in files.items()}
    wanted = find_sources(args.inputs, args.out)
    items = make_plan(wanted, args.style, find, parse_choice(args.faces), bases)
    if not items:
        raise InputError("There is no picture and no video among the inputs; name folders or files that have some.")
    inputs = {item.source.path for item in items}
    for item in items:
        for request in item.requests:
            path = (args.out / item.file_of(request)).absolute()
            if path in inputs and any(is_same(path, source) for source in inputs):
                raise OutputError(f"{path} is an input itself; choose another folder for --out.")
    return items


def _executor(
    args: argparse.Namespace,
    context: Context,
    stylizer: "Stylizer",
    settings: "BatchSettings",
    todo: "Sequence[Item]",
) -> "Executor":
    from stylizer.batch.executors import InProcess
    from stylizer.batch.pool import ProcessPool
    from stylizer.batch.ray_pool import RayOptions, RayPool
    from stylizer.batch.work import WorkerSetup

    common = (settings, args.out.absolute(), args.threads, int(1e9 * args.worker_memory))
    if args.ray is None and args.workers in {None, 1}:
        return InProcess(WorkerSetup(lambda: stylizer, *common))
    opener = partial(context.open_stylizer, device=args.device, backbone=args.backbone)
    setup = WorkerSetup(opener, *common)
    if args.ray is None:
        return ProcessPool(setup, args.workers)
    keys = {request.style.key for item in todo if not item.source.fault for request in item.requests}
    styles = {key: stylizer.find_style(key) for key in sorted(keys)}
    return RayPool(setup, styles, RayOptions(args.ray, args.workers, args.ray_gpus))


def _run(work: "Batch", executor: "Executor", manifest: "Manifest", limit: int | None, console: Console) -> Outcome:
    started, stopped = time.perf_counter(), None
    with telling(console, work.requests_left) as on_result:
        try:
            report = work.run(executor, manifest, on_result, limit)
        except (KeyboardInterrupt, Cancelled):
            report, stopped = work.report, "by the user"
    if report.limited:
        stopped = "by --limit-errors"
    seconds = time.perf_counter() - started
    told = f"{report.drawn} drawn, {report.skipped} done before, {report.failed + report.known} failed"
    console.line(f"{told}, in {duration(seconds)}; see {manifest.path}")
    if stopped:
        console.warn(f"Stopped {stopped}; what is done is kept. Run the same command again to go on.")
    value = {
        "manifest": str(manifest.path),
        "inputs": work.inputs,
        "drawn": report.drawn,
        "skipped": report.skipped,
        "failed": report.failed,
        "known_failures": report.known,
        "stopped": stopped,
        "seconds": {"total": round(seconds, 3)},
        "warnings": console.warnings,
    }
    return value, _STOPPED if stopped == "by the user" else report.exit_code


def _foretell(
    work: "Batch", items: "Sequence[Item]", args: argparse.Namespace, records: "Sequence[Record]", console: Console
) -> Outcome:
    """What would be done."""
    from stylizer.batch.estimate import estimate

    for item in work.todo:
        for request in item.requests:
            what = item.source.fault or f"-> {args.out / item.file_of(request)}"
            console.line(f"{item.source.name} {what}")
    foreseen = estimate(work.todo, records, args.inversion_mode, args.workers or 1)
    faults = [f"{item.source.name}: {item.source.fault}" for item in items if item.source.fault]
    for fault in faults:
        console.warn(fault)
    left = sum(len(item.requests) for item in work.todo if not item.source.fault)
    source = "as measured in its manifest" if foreseen.measured else "as measured on one core of a server"
    console.line(
        f"{len(items)} inputs: {left} to draw, {work.report.skipped} done before, {len(faults)} cannot be used; about "
        f"{duration(foreseen.seconds)}, {source}, with one face each."
    )
    value = {
        "inputs": len(items),
        "to_draw": left,
        "skipped": work.report.skipped,
        "unusable": len(faults),
        "seconds": {"estimate": round(foreseen.seconds, 1)},
        "measured": foreseen.measured,
        "warnings": console.warnings,
    }
    return value, 2 if faults else 0
