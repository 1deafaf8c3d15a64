"""Choosing the base model in a real browser: its facts, the comparison, and the probe."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import shot


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_facts_comparison_and_probe(theme, page, server):
    page.goto(f"{server}?__theme={theme}")
    expect(page.locator("#model-facts")).to_contain_text("22.7 M parameters")
    shot(page, f"model-{theme}")
    box = page.locator("#base-model input")
    box.fill("owner/another")
    box.press("Enter")
    expect(page.locator("#model-facts")).to_contain_text("Not on Tuner's list")
    page.get_by_role("button", name="Compare the offered models").click()
    expect(page.locator("#offered-models")).to_contain_text("100 languages")
    shot(page, f"model-facts-{theme}")

    page.get_by_role("tab", name="Train").click()
    page.locator("#set-data-max_train_samples textarea, #set-data-max_train_samples input").first.fill("120")
    page.get_by_role("button", name="Compare base models on your data").click()
    page.locator("#run-probe").scroll_into_view_if_needed()
    shot(page, f"probe-before-{theme}")
    page.click("#run-probe")
    expect(page.locator("#run-probe")).to_be_disabled()
    expect(page.locator("#probe-table")).to_contain_text("word counts", timeout=200_000)
    expect(page.locator("#probe-says textarea")).to_have_value(
        re.compile("macro F1 0.*It cannot tell how well a model ends up", re.DOTALL)
    )
    page.get_by_role("button", name="Compare base models on your data").evaluate("button => button.scrollIntoView()")
    shot(page, f"probe-done-{theme}")
    page.click("#use-model")
    expect(page.locator("#base-model input")).to_have_value("sample:minilm")
