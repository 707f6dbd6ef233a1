"""A throwaway environment for a peer: its packages, beside this environment's torch and numpy."""

import subprocess
import sys
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def make_environment(folder: Path, *packages: str) -> Path:
    """A virtual environment with `packages` that shares this one's torch and numpy. Returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    inside = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    # The same torch for both sides, and no second gigabyte of it: a .pth file puts our packages behind the peer's own.
    shared = "\n".join(path for path in sys.path if path.endswith("site-packages"))
    (Path(inside.stdout.strip()) / "shared.pth").write_text(shared + "\n", encoding="utf-8")
    subprocess.run([str(python), "-m", "pip", "install", "-qq", *packages], check=True)
    return python
