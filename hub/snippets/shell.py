"""A hub on the command line: its downloads and its endpoints, with curl."""

import json
import re
import reprlib

from hub.errors import RequestError
from hub.snippets.plan import COUNT, SEED, Plan

ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:@\[\]/%-]+")
"""No quote, no space, no dollar: it stands inside double quotes in a shell."""


def fetch(plan: Plan, hub: str) -> str:
    """Downloads one variant from the hub at ``hub``, unpacks it and goes into its folder.

    Raises:
        RequestError: ``hub`` is no address.
    """
    name, archive = plan.bundle.id, f"{plan.bundle.id}-{plan.variant}.zip"
    return (
        f'curl -fsS -o {archive} "{address(hub)}/download/{name}.zip?variant={plan.variant}"\n'
        f"python3 -m zipfile -e {archive} . && cd {name}\n"
    )


def ask(plan: Plan, hub: str) -> str:
    """Has the hub at ``hub`` do the work. A task that no endpoint of the hub speaks only has its files to offer.

    Raises:
        RequestError: ``hub`` is no address.
    """
    match plan.bundle.task:
        case "sample":
            return _sample(plan, address(hub))
        case "translate" if plan.bundle.restores:
            # No damage, its seed, exposed as it is, told nothing.
            return _picture(plan, address(hub), "restore", "0, 0, 0, null")
        case "translate":
            return _picture(plan, address(hub), "translate", 'false, \\"auto\\"')  # this way round
    return f"# This hub serves the files of {plan.bundle.id}; it has no endpoint for its task yet.\n" + fetch(plan, hub)


def _sample(plan: Plan, hub: str) -> str:
    name = plan.bundle.id
    arguments = json.dumps({"data": [name, COUNT, SEED, 1.0, None]})  # temperature 1, all classes
    return (
        f"# {COUNT} pictures from seed {SEED}; the answer names them, and the grid that has all of them.\n"
        f'answer=$(curl -fsS "{hub}/gradio_api/run/sample" \\\n'
        f"  -H 'Content-Type: application/json' -d '{arguments}')\n"
        f'grid=$(printf %s "$answer" | grep -o \'http[^"]*seed{SEED}\\.png\' | head -n 1)\n'
        f'curl -fsS -o {name}.png "$grid"\n'
    )


def _picture(plan: Plan, hub: str, endpoint: str, more: str) -> str:
    """A picture up, and what has become of it, which the answer names first, down. ``more`` are the arguments after the
    picture, as JSON within double quotes.
    """
    name, example = plan.bundle.id, plan.steps[0].inputs[0].picture
    brought = (
        "# Any picture will do; this one is an example of the bundle.\n"
        f'curl -fsS -o picture.png "{hub}/download/{name}/{example}"\n'
        if example
        else "# Any picture will do: put one here, as picture.png.\n"
    )
    return (
        f"{brought}"
        f'uploaded=$(curl -fsS -F files=@picture.png "{hub}/gradio_api/upload" | tr -d \'[]"\')\n'
        f'picture="{{\\"path\\": \\"$uploaded\\", \\"meta\\": {{\\"_type\\": \\"gradio.FileData\\"}}}}"\n'
        f'answer=$(curl -fsS "{hub}/gradio_api/run/{endpoint}" \\\n'
        f'  -H \'Content-Type: application/json\' -d "{{\\"data\\": [\\"{name}\\", $picture, {more}]}}")\n'
        f'made=$(printf %s "$answer" | grep -o \'http[^"]*\\.png\' | head -n 1)\n'
        f'curl -fsS -o {name}.png "$made"\n'
    )


def address(hub: str) -> str:
    """``hub`` without a slash at its end.

    Raises:
        RequestError: it is no plain http or https address.
    """
    if not isinstance(hub, str) or not ADDRESS.fullmatch(hub):
        raise RequestError(f"The hub's address must be like http://127.0.0.1:7860, not {reprlib.repr(hub)}.")
    return hub.rstrip("/")
