"""What is asked while somebody types, when they pause: 29 quick keys are one question instead of a dozen."""

# Milliseconds without a key: an answer comes within 0.3 s, and what takes longer does not begin at each word.
PAUSE, LONG_PAUSE = 120, 300


def after_a_pause(what: str, inputs: int, milliseconds: int = PAUSE) -> str:
    """The `js` of an event that waits in the browser; of several askings only the last one goes on.

    Args:
        what: a word for the askings of which the last one counts.
        inputs: how many values are sent; Gradio hands those of the outputs along.
    """
    return f"""async (...values) => {{
        const mine = Symbol(), asked = (window.tunerAsked ??= {{}});
        asked.{what} = mine;
        await new Promise((done) => setTimeout(done, {milliseconds}));
        return asked.{what} === mine ? values.slice(0, {inputs}) : new Promise(() => {{}});
    }}"""
