"""What every refusal must be: one plain sentence for the person in front of the hub."""


def sentence(error: BaseException) -> str:
    """The message of ``error``, once it is known to be one line of readable length that ends like a sentence."""
    message = str(error)
    assert message, "an empty message helps nobody"
    assert "\n" not in message, message
    assert message.endswith("."), message
    assert len(message) < 500, message
    assert "Traceback" not in message, message
    assert "Value error" not in message, message
    return message
