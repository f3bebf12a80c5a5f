"""Edits, reads and gradients: per row and position, in every way in which a row can be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from interp_bench_ext.contracts import Access, Arm, Edit, Reads, Row, Site
from interp_bench_ext.errors import AccessDenied, BadInput
from tests.host.tiny import FAMILIES, HIDDEN, LoadedOrganism, Plain, load_tiny

TEXTS = ["the quick brown fox jumps over", "what is the weather like today my dear old friend?", "a"]
PARTS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "head", "q", "k", "v")
ARMS: tuple[Arm, Arm] = ("organism", "base")


QUICK = ("llama", "gemma2")


@pytest.fixture(
    scope="module", params=[kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in FAMILIES]
)
def organism(
    request: pytest.FixtureRequest, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> LoadedOrganism:
    return load_tiny(model_folders[request.param], adapter=adapter_folders[request.param], hidden=HIDDEN)


def rows_of(organism: LoadedOrganism) -> list[Row]:
    return [Row(tuple(organism.text_ids(text, arm=arm)), arm) for text in TEXTS for arm in ARMS]


def edited(row: Row, *edits: Edit) -> Row:
    return Row(row.ids, row.arm, edits)


def logits(organism: LoadedOrganism, rows: list[Row]) -> list[torch.Tensor]:
    return [batch.logits[place, :length] for batch in organism.run(rows) for place, length in enumerate(batch.lengths)]


def vector(organism: LoadedOrganism, site: Site, seed: int = 0) -> torch.Tensor:
    return torch.randn(organism.site_shape(site), generator=torch.Generator().manual_seed(seed))


def test_an_edited_row_is_itself_in_any_company(organism: LoadedOrganism) -> None:
    rows = rows_of(organism)
    sites = [Site(1, "resid_post"), Site(0, "resid_mid"), Site(2, "head", 1)]
    positions_of = [None, (0,), (-1,), range(1, 99), None, (0,)]
    changed = [
        edited(row, Edit(site, positions, "add", vector(organism, site)))
        for row, site, positions in zip(rows, [*sites, *sites], positions_of, strict=True)
    ]
    together = logits(organism, [each for pair in zip(rows, changed, strict=True) for each in pair])
    for number, (row, change) in enumerate(zip(rows, changed, strict=True)):
        (alone,), (plain,) = logits(organism, [change]), logits(organism, [row])
        assert torch.allclose(together[2 * number], plain, atol=2e-4)
        assert torch.allclose(together[2 * number + 1], alone, atol=2e-4)


def test_nothing_done_is_exactly_plain_in_the_same_batch(organism: LoadedOrganism) -> None:
    (row, *_) = rows_of(organism)
    edits = [
        Edit(Site(1, part), None, op, value)  # type: ignore[arg-type]
        for part in PARTS
        for op, value in (("add", 0.0), ("scale", 1.0))
    ]
    plain, *same = logits(organism, [row, *(edited(row, edit) for edit in edits), edited(row, *edits)])
    assert all(torch.equal(each, plain) for each in same)
    drawn = organism.generate([row, edited(row, *edits)], n=2, max_new_tokens=8)
    assert drawn[0] == drawn[1]


def test_operations_are_what_they_are_called(organism: LoadedOrganism) -> None:
    (row, *_) = rows_of(organism)
    site = Site(1, "resid_post")
    value = vector(organism, site)
    (batch,) = organism.run(
        [row, *(edited(row, Edit(site, (0, -1), op, value)) for op in ("add", "set", "scale", "project"))],  # type: ignore[arg-type]
        Reads(sites=(site,), positions=(0, 1, -1)),
    )
    plain, *found = batch.sites[site]
    unit = value / value.norm()
    expected = (plain + value, value.expand_as(plain), plain * value, plain - (plain @ unit)[:, None] * unit)
    for changed, wanted in zip(found, expected, strict=True):
        assert torch.allclose(changed[[0, 2]], wanted[[0, 2]], atol=1e-5)
        assert torch.equal(changed[1], plain[1])


def test_every_activation_patched_in_gives_the_other_run(organism: LoadedOrganism) -> None:
    clean = Row(tuple(organism.text_ids(TEXTS[0])))
    corrupt = Row((*clean.ids[:-3], 40, 50, 60))
    site = Site(1, "resid_post")
    (batch,) = organism.run([clean], Reads(sites=(site,)))
    patch = Edit(site, range(len(corrupt.ids)), "set", batch.sites[site][0])
    (patched,) = logits(organism, [edited(corrupt, patch)])
    assert torch.allclose(patched, batch.logits[0], atol=2e-4)


@pytest.mark.parametrize("part", PARTS)
def test_an_edit_holds_in_each_decoded_step_as_without_a_cache(organism: LoadedOrganism, part: Any) -> None:
    organism._engine.stop_ids = frozenset()
    site = Site(1, part)
    rows = [
        edited(row, Edit(site, positions, "add", 2 * vector(organism, site, number)))
        for number, (row, positions) in enumerate(zip(rows_of(organism), [None, (-1,), range(3, 99)] * 2, strict=True))
    ]
    steps = 5
    drawn = organism.generate(rows, max_new_tokens=steps, temperature=0.0)
    whole = []
    for row, (one,) in zip(rows, drawn, strict=True):
        (edit,) = row.edits
        at = (len(row.ids) - 1,) if edit.positions == (-1,) else edit.positions
        whole.append(Row((*row.ids, *one.ids[:-1]), row.arm, (Edit(site, at, "add", edit.value),)))
    for (one,), found in zip(drawn, logits(organism, whole), strict=True):
        logs = found.log_softmax(-1)[-steps:]
        assert one.ids == tuple(logs.argmax(-1).tolist())
        assert one.logprobs == pytest.approx(logs.amax(-1).tolist(), abs=5e-4)


def test_rows_that_end_early_leave_the_others_their_edits(organism: LoadedOrganism) -> None:
    site = Site(1, "resid_post")
    (row, *_) = rows_of(organism)
    rows = [edited(row, Edit(site, None, "add", 3 * vector(organism, site, seed))) for seed in range(6)]
    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": 0.0}
    first = [one.ids[2] for (one,) in organism.generate(rows, **options)]
    organism._engine.stop_ids = frozenset(first[:3])
    together = organism.generate(rows, **options)
    assert len({len(one.ids) for (one,) in together}) > 1
    assert [one.ids for (one,) in together] == [organism.generate([each], **options)[0][0].ids for each in rows]


@pytest.mark.parametrize("part", ["embed", *PARTS])
def test_gradients_equal_finite_differences(organism: LoadedOrganism, part: Any) -> None:
    site = Site(0 if part == "embed" else 1, part)
    rows = rows_of(organism)[:4]

    def difference(_row: int, found: torch.Tensor) -> torch.Tensor:
        return found[-1, 7] - found[-1, 9]

    (batch,) = organism.run(rows, Reads(logits=False, sites=(site,), grad_of=difference))
    step, ends = 2e-3, (1, -1)
    direction = vector(organism, site)
    for place, row in enumerate(rows):
        position = len(row.ids) // 2
        moved = [edited(row, Edit(site, (position,), "add", sign * step * direction)) for sign in ends]
        up, down = (float(difference(0, each.double())) for each in logits(organism, moved))
        slope = float((batch.gradients[site][place, position] * direction).sum())
        assert slope == pytest.approx((up - down) / (2 * step), rel=2e-2, abs=2e-2)
        assert float(batch.scores[place]) == pytest.approx(float(difference(0, logits(organism, [row])[0])), abs=1e-3)
    assert all(not parameter.requires_grad for parameter in organism._engine.organism.model.parameters())


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_scaled_away_is_the_base(
    family: str, model_folders: dict[str, Path], adapter_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders[family], adapter=adapter_folders[family])
    base, tuned = Plain.load(model_folders[family]), Plain.load(model_folders[family], adapter_folders[family])
    ids = tuple(organism.text_ids(TEXTS[0]))

    def scaled(factor: float) -> Row:
        return Row(ids, edits=tuple(Edit(Site(layer, "adapter"), None, "scale", factor) for layer in range(3)))

    plain, off, one, twice = logits(organism, [Row(ids), scaled(0.0), scaled(1.0), scaled(2.0)])
    assert torch.allclose(off, base.logits(ids), atol=2e-4)
    assert torch.allclose(one, tuned.logits(ids), atol=2e-4)
    assert torch.equal(one, plain)
    assert (twice - one).abs().max() > 1e-2


def test_positions_keep_what_all_would_have_there(organism: LoadedOrganism) -> None:
    rows, site = rows_of(organism)[:4], Site(2, "resid_pre")
    (whole,) = organism.run(rows, Reads(sites=(site,)))
    (some,) = organism.run(rows, Reads(sites=(site,), positions=(-1, 0)))
    for place, length in enumerate(whole.lengths):
        assert torch.equal(some.sites[site][place], whole.sites[site][place, [length - 1, 0]])
        assert torch.allclose(some.logits[place], whole.logits[place, [length - 1, 0]], atol=2e-4)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (Edit(Site(0, "resid_pre"), (99,), "add", 0.0), None),
        (Edit(Site(0, "resid_pre"), (9999,), "add", 0.0), "is for position 9999, and a row has"),
        (Edit(Site(0, "resid_pre"), None, "add", [1.0, 2.0]), r"a value of shape \[2\], and \[32\] fits"),
        (Edit(Site(0, "resid_pre"), (0, 1), "set", torch.zeros(3, 32)), r"\[32\] or \[2, 32\] fits"),
        (Edit(Site(0, "resid_pre"), None, "add", float("nan")), "is not finite"),
        (Edit(Site(0, "resid_pre"), None, "add", "much"), "numbers, not str"),
        (Edit(Site(0, "resid_pre"), None, "turn", 1.0), "no edit 'turn': choose add, set"),  # type: ignore[arg-type]
        (Edit(Site(0, "pattern"), None, "set", 0.0), "pattern can be read and not edited"),
    ],
)
def test_an_impossible_edit_is_refused_and_the_organism_goes_on(
    edit: Edit, says: str | None, model_folders: dict[str, Path]
) -> None:
    organism = load_tiny(model_folders["llama"])
    row = Row((5, 6, 7))
    if says:
        with pytest.raises(BadInput, match=says):
            logits(organism, [edited(row, edit)])
        with pytest.raises(BadInput, match=says):
            organism.generate([edited(row, edit)], max_new_tokens=1)
    assert len(logits(organism, [row])) == 1


def test_access_follows_from_rows_and_reads(model_folders: dict[str, Path]) -> None:
    organism = load_tiny(model_folders["llama"])
    row, site = Row((5, 6, 7)), Site(0, "resid_pre")
    steered = edited(row, Edit(site, None, "add", 0.0))
    needed = {
        Access.SAMPLE: lambda: organism.generate([row], max_new_tokens=1),
        Access.LOGITS: lambda: list(organism.run([row])),
        Access.ACTIVATIONS: lambda: organism.generate([steered], max_new_tokens=1),
        Access.WEIGHTS: lambda: list(organism.run([row], Reads(grad_of=lambda _row, found: found.sum()))),
        Access.BASE: lambda: list(organism.run([Row((5, 6), "base")])),
    }
    for allowed in Access:
        organism = load_tiny(model_folders["llama"], access=allowed)
        for access, call in needed.items():
            if allowed.allows(access):
                call()
            else:
                with pytest.raises(AccessDenied, match=f"needs access to {access}"):
                    call()
