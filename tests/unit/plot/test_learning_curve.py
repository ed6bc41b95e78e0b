import numpy as np
import pytest

import rheobase as rb
from rheobase.errors import ArgumentError, ShapeError, UnknownName
from rheobase.train import FitResult, History


@pytest.fixture
def history():
    return History(
        train_loss=(2.0, 1.0, 0.5, 0.2),
        validation_loss=(2.1, 1.2, 0.9, 1.1),
        train_accuracy=(0.2, 0.7, 0.9, 0.99),
        validation_accuracy=(0.2, 0.6, 0.8, 0.85),
    )


def test_loss_and_its_best_epoch(history):
    ax = rb.plot.learning_curve(history)
    train, validation, best = ax.lines
    np.testing.assert_array_equal(train.get_data(), [[1, 2, 3, 4], history.train_loss])
    np.testing.assert_array_equal(validation.get_data(), [[1, 2, 3, 4], history.validation_loss])
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (3, 0.9)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert ax.texts[0].get_text() == "0.9"


def test_accuracy_is_in_per_cent(history):
    ax = rb.plot.learning_curve(history, "accuracy")
    train, _, best = ax.lines
    np.testing.assert_allclose(train.get_ydata(), [20, 70, 90, 99])
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (4, 85)
    assert ax.get_ylabel() == "accuracy (%)"
    assert ax.texts[0].get_text() == "85 %"


def test_the_result_of_fit_shows_its_history(history):
    result = FitResult(model=None, history=history, best_epoch=3, seconds=1.0)
    (shown, *_) = rb.plot.learning_curve(result).lines
    np.testing.assert_array_equal(shown.get_ydata(), history.train_loss)


@pytest.mark.parametrize("nothing", [(), (float("nan"),) * 4])
def test_without_validation_there_is_one_line(history, nothing):
    history = history._replace(validation_loss=nothing)
    (line,) = rb.plot.learning_curve(history).lines
    np.testing.assert_array_equal(line.get_ydata(), history.train_loss)


def test_an_epoch_without_validation_is_not_the_best(history):
    history = history._replace(validation_loss=(float("nan"), 1.2, float("nan"), 1.1))
    assert rb.plot.learning_curve(history).lines[2].get_xdata()[0] == 4


def test_what_is_not_there_is_refused_with_the_cure(history):
    history = history._replace(train_accuracy=())
    with pytest.raises(ShapeError, match="learning_curve\\(history, 'loss'\\)"):
        rb.plot.learning_curve(history, "accuracy")
    with pytest.raises(UnknownName, match="Did you mean 'loss'"):
        rb.plot.learning_curve(history, "los")
    with pytest.raises(ArgumentError, match=r"rb\.train\.fit\("):
        rb.plot.learning_curve([2.0, 1.0])
