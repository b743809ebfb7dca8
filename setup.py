"""What pyproject.toml cannot say: the presets lie in `styles/` and are installed as `stylizer.presets`."""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

PRESETS = "stylizer.presets"


class BuildWithPresets(build_py):
    """Of `styles/`, its data alone: the scripts beside it are for a checkout."""

    def find_package_modules(self, package, package_dir):
        """The modules of a package; see setuptools."""
        return [] if package == PRESETS else super().find_package_modules(package, package_dir)


setup(
    packages=[*find_packages(include=["stylizer", "stylizer.*"]), PRESETS],
    package_dir={PRESETS: "styles"},
    package_data={
        "": ["*.safetensors", "*.json", "*.css", "*.js", "*.html", "*.svg", "*.webp"],
        "stylizer.weights": ["start.safetensors.xz", "student_styles/*.safetensors"],
        PRESETS: [
            "*/card.json",
            "*/style.safetensors.xz",
            "*/thumbnail.webp",
            "examples/references/*.webp",
            "examples/targets/*.webp",
        ],
    },
    cmdclass={"build_py": BuildWithPresets},
)
