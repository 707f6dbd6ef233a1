"""A model to take away: one variant in a folder, with a script that runs it on NumPy, Pillow and ONNX Runtime alone.

    genhub pull vae-fashion --variant int8 --to box && python box/run.py --count 16 --out grid.png

``run.py`` knows nothing of this package. It reads the manifest beside it, and so does every task of the contract.
"""

import shutil
from pathlib import Path

from hub.appearing import appearing
from hub.contract import MANIFEST, VariantName
from hub.errors import RequestError
from hub.weights import resolve, verify_file, wanted_variant

SCRIPT = Path(__file__).parent / "run.py"
REQUIREMENTS = "numpy>=2\nonnxruntime>=1.20\npillow>=11\n"


def pull(name: str, variant: VariantName | None, target: Path) -> tuple[VariantName, int]:
    """Write the model ``name`` to the folder ``target``, whole or not at all; returns the variant, and its bytes.

    ``variant``: the bundle's default for CPUs unless given. A bundle that is there already is replaced.

    Raises:
        UnknownModelError, SourceError, BundleError: as :func:`hub.weights.resolve`.
        RequestError: ``target`` is something else than a bundle, or cannot be written; or the model is adapted, and its
            graphs speak no contract that ``run.py`` knows.
    """
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise RequestError(f"{target} is there already and is no bundle; choose another --to, or empty it first.")
    found = resolve(name, variant=variant)
    found.require_bundle()
    chosen = variant or wanted_variant(found.bundle, "cpu")
    found.fetch(chosen)
    if target.resolve() == found.folder.resolve():
        raise RequestError(f"{target} is where the model lies already; choose another --to.")
    with appearing(target) as folder:
        for file in found.served(chosen):
            copy = folder / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(verify_file(found.folder, found.bundle, file), copy)
        shutil.copyfile(found.folder / MANIFEST, folder / MANIFEST)
        shutil.copyfile(SCRIPT, folder / SCRIPT.name)
        (folder / "requirements.txt").write_text(REQUIREMENTS)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return chosen, size
