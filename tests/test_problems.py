import pytest

from byhand.problems import BEYOND, CHAPTERS, PROBLEMS, chapter_of, problem_of


def test_every_problem_has_one_chapter():
    named = [problem for problems in CHAPTERS.values() for problem in problems.split()]
    assert len(named) == len(set(named)) == len(PROBLEMS)


def test_every_chapter_has_room_for_results_beyond_the_sheets():
    assert set(BEYOND.values()) == set(CHAPTERS)


@pytest.mark.parametrize(
    ("claim_id", "problem", "chapter"),
    [
        ("A1", "A1", "02_optimization"),
        ("A1.w3", "A1", "02_optimization"),
        ("C-adam.vhat-b1.2", "C-adam", "02_optimization"),
        ("B2.2.1", "B2.2.1", "02_optimization"),
        ("B1.2iv.jacobian", "B1.2iv", "01_linear_algebra"),
        ("beyond-6.fft", "beyond-6", "06_convolutional_networks"),
    ],
)
def test_a_claim_id_names_problem_and_chapter(claim_id, problem, chapter):
    assert problem_of(claim_id) == problem
    assert chapter_of(claim_id) == chapter


@pytest.mark.parametrize(
    "claim_id", ["", "A", "A10", "A1x", "a1.w3", "B2.2", "beyond", "beyond-7.x"]
)
def test_other_ids_are_refused(claim_id):
    with pytest.raises(ValueError, match=r"must start with a problem's id"):
        chapter_of(claim_id)
