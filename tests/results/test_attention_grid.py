from __future__ import annotations

import re

import pytest

from . import samples


def test_each_query_names_its_strongest_keys():
    assert re.search(r"L0 H0, strongest keys.*\n  The -> The 1\.00\n  ␣capital -> ", str(samples.attention_grid()))


def test_a_row_of_the_table_is_a_head_a_query_and_a_key():
    attention = samples.attention_grid()
    row = attention.table().query("head == 'L3 H1' and query == ' is' and key == ' of'").iloc[0]
    assert row.weight == pytest.approx(float(attention.weights[1, 4, 2]))
