"""Build the API reference from docstrings, with the README's introduction and the notebooks.

``python .ci/reference.py [FOLDER]`` writes to ``reference/``. Any warning is an error.
"""

import json
import re
import shutil
import sys
import warnings
from pathlib import Path

warnings.simplefilter("error")

import pdoc  # noqa: E402
from nbconvert import HTMLExporter  # noqa: E402

import bayesscale as bs  # noqa: E402

ROOT = Path(__file__).parents[1]


def gallery_entry(path: Path, folder: Path) -> str:
    """Write a notebook as a page; return its title, linked, and its first figure, if any."""
    page = (folder / path.name).with_suffix(".html")
    page.write_text(HTMLExporter().from_filename(path)[0], encoding="utf-8")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    title = "".join(cells[0]["source"]).partition("\n")[0].strip("# ")
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    figures = [data["image/png"].replace("\n", "") for data in outputs if "image/png" in data]
    images = [f"![{title}](data:image/png;base64,{png})" for png in figures[:1]]
    return "\n\n".join([f"### [{title}](notebooks/{page.name})", *images])


target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "reference")
(target / "notebooks").mkdir(parents=True, exist_ok=True)
shutil.copy(ROOT / "notebooks/loss.png", target / "notebooks")
entries = [gallery_entry(p, target / "notebooks") for p in sorted(ROOT.glob("notebooks/*.ipynb"))]
introduction = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
bs.__doc__ = "\n\n".join([introduction.partition("\n")[2], "## Notebooks", *entries])
pdoc.render.configure(docformat="numpy", math=True, show_source=False)
pdoc.pdoc("bayesscale", output_directory=target)
for page in target.rglob("*.html"):
    text = page.read_text("utf-8").replace("<code>~", "<code>")  # Sphinx's short names
    text = re.sub(r'<div class="decorator decorator-(?!classmethod|context).*?</div>', "", text)
    page.write_text(text.replace("<img ", '<img style="max-width: 100%" '), encoding="utf-8")
