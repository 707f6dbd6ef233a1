"""Gradio starts without writing into itself."""

import subprocess
import sys

STARTED = """
import sys
from hub.quick_gradio import leave_stubs_alone
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
leave_stubs_alone()
leave_stubs_alone()
import gradio
assert not [path for path in opened if path.endswith(".pyi")], "it went through its components"
assert any("component_meta" in path for path in opened), "the hook sees what is opened"
with gradio.Blocks() as page:
    gradio.Textbox().change(lambda text: text, api_name="said")
assert [each.api_name for each in page.fns.values()] == ["said"]
"""


def test_gradio_works_and_its_stub_files_are_not_looked_at() -> None:
    ran = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
