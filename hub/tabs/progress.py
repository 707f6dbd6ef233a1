"""How far something has come."""


def progress_bar(what: str, share: float) -> str:
    """How far ``what`` has come, from 0 to 1, as HTML."""
    percent = round(100 * share)
    return (
        f'<div class="progress" role="progressbar" aria-label="{what}" aria-valuenow="{percent}" aria-valuemin="0" '
        f'aria-valuemax="100"><i style="--share:{share:.3f}"></i><span>{percent} %</span></div>'
    )
