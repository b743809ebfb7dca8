"""Errors that a user may meet. Every message says in one sentence what is wrong and what to do about it."""


class StylizerError(Exception):
    """Base of all errors shown to users; `str(error)` is a complete sentence.

    `exit_code` is what the command line ends with: 2 where the input or the command was at fault, else 1.
    """

    exit_code = 1


class InputError(StylizerError):
    """The user's input or command is at fault."""

    exit_code = 2


class ArgumentError(InputError):
    """A program gave a value of a type that is not taken."""


class PictureError(InputError):
    """A picture cannot be read, or is too small or too large."""


class VideoError(InputError):
    """A video cannot be read, or is too small or too large."""


class NoFaceError(InputError):
    """No face was found in a picture."""


class FaceIndexError(InputError):
    """The picture has fewer faces than the index asks for."""


class DegenerateFaceError(InputError):
    """The landmarks do not span a face (eyes and mouth coincide)."""


class SettingsError(InputError):
    """A setting is out of its range."""


class StyleNotFoundError(InputError):
    """No style with this name or key is known."""


class OutputError(InputError):
    """The output file or folder cannot be written."""


class StyleFileError(StylizerError):
    """A stored style is damaged or was made for another base network."""


class OtherBackboneError(StyleFileError):
    """A style is whole, but was made for another generator than the one in use."""


class HubError(StylizerError):
    """The Hub cannot be reached, or refuses; the styles on this computer are not touched by that."""


class WeightsError(StylizerError):
    """Base weights are missing or damaged."""


class DownloadError(WeightsError):
    """Base weights could not be downloaded."""


class HashMismatchError(WeightsError):
    """A downloaded file is not the file that was expected."""


class DiskFullError(StylizerError):
    """There is no room left for a file."""


class DeviceError(StylizerError):
    """The chosen device is not available or ran out of memory."""


class TimeLimitError(StylizerError):
    """The work took longer than whoever runs the program allows; nothing half-done is kept."""


class QueueFullError(StylizerError):
    """Too many jobs wait already, of this visitor or of all."""


class Cancelled(StylizerError):  # noqa: N818 - no error, but the user's wish
    """The user stopped the work. Raised from a progress callback; nothing half-done is kept."""
