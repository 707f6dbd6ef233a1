"""The facts beside a model's pictures."""

import re
from typing import Any

from hub.contract import Metric
from hub.tabs.facts import by_temperature


def measured(value: float, subject: str = "", name: str = "Recall of samples") -> Metric:
    shared: dict[str, Any] = {"dataset": "d", "split": "test", "seeds": (0,), "evaluator": "e"}
    return Metric(name=name, subject=subject, value=value, higher_is_better="Recall" in name, **shared)


def rows(table: str) -> list[list[str]]:
    lines = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall(r"<tr>(.*?)</tr>", table)]
    return [[cell.replace("<b>", "*").replace("</b>", "*") for cell in line] for line in lines]


def test_temperatures_stand_in_order_beside_one_and_the_best_value_of_a_line_is_bold() -> None:
    distance = "Fréchet distance of samples"
    table = by_temperature(
        [
            measured(0.2, name=distance),
            measured(0.5),
            measured(0.9, "Bag", distance),
            measured(0.15, "temperature 0.9", distance),
            measured(0.45, "temperature 0.9"),
            measured(0.3, "temperature 0.7"),
        ]
    )
    assert rows(table) == [
        ["Temperature", "0.7", "0.9", "1"],
        ["Fréchet distance", "–", "*0.150*", "0.200"],
        ["Recall", "0.300", "0.450", "*0.500*"],
    ]


def test_no_number_of_that_table_is_wider_than_its_column_or_rounded_to_nothing() -> None:
    table = by_temperature([measured(0.05418, "temperature 0.9"), measured(0.00042), measured(123.4, "temperature 2")])
    assert rows(table)[1] == ["Recall", "0.054", "0.0004", "*123*"]


def test_a_model_that_was_measured_at_one_temperature_has_no_such_table() -> None:
    assert by_temperature([measured(0.5), measured(0.1, "temperature of the room"), measured(0.2, "Bag")]) == ""
