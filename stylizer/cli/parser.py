"""The parser: every command's module adds its own options; what all commands have is here."""

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from stylizer.cli import (
    align,
    batch,
    bench,
    check,
    live,
    page,
    sample,
    sharing,
    styles,
    stylize,
    train,
    upscale,
    video,
    weights,
)
from stylizer.cli.options import Command
from stylizer.errors import InputError

MODULES = (stylize, batch, video, live, train, sample, styles, sharing, align, upscale, check, weights, page, bench)
"""In the order of --help. Each has `add_commands(add: AddCommand)`; `bench` and `page` hand their options on."""

HANDED_ON = (bench.bench, page.page)
_NEGATIVE = re.compile(r"-\.?\d")


class CommandError(InputError):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options of one command; `run` is its function, `rest` what it hands on to another program.

    Raises:
        CommandError: one sentence with what cannot be understood. SystemExit: after --help.
    """
    parser = build_parser()
    args, rest = parser.parse_known_args(join_negatives(words))
    if rest and args.run not in HANDED_ON:
        parser.error(f"unknown: {' '.join(rest)}")
    args.rest = rest
    return args


def build_parser() -> argparse.ArgumentParser:
    """All commands and options."""
    parser = _Parser(
        prog="python -m stylizer", description="Draw a face in the style of one picture.", allow_abbrev=False
    )
    adders = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, run: Command, about: str) -> argparse.ArgumentParser:
        if run is page.page:  # which has a parser of its own, --help included
            sub = adders.add_parser(name, help=about, add_help=False, allow_abbrev=False)
            sub.set_defaults(run=run, log_level=None)
            return sub
        sub = adders.add_parser(name, help=about, description=about, allow_abbrev=False)
        sub.set_defaults(run=run)
        sub.add_argument("--device", help="cpu, cuda or mps (default: STYLIZER_DEVICE, else the best there is)")
        about = "the face generator: mobilestylegan or stylegan2 (default: STYLIZER_BACKBONE, else mobilestylegan)"
        sub.add_argument("--backbone", metavar="NAME", help=about)
        sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        sub.add_argument("--debug", action="store_true", help="show where an error comes from")
        about = "the least that is logged: info says, for one, where a style was looked up (default warning)"
        sub.add_argument("--log-level", choices=("info", "warning"), default="warning", help=about)
        return sub

    for module in MODULES:
        module.add_commands(add)
    return parser


def join_negatives(words: Sequence[str]) -> list[str]:
    """Words in which a negative value is joined to its option: argparse takes "-5,1" for an option of its own."""
    joined: list[str] = []
    for word in words:
        if joined and _NEGATIVE.match(word) and joined[-1].startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
